#include "protocol/handshake.h"

#include <algorithm>
#include <string_view>

#include "absl/status/status.h"

namespace crossfade::protocol {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

constexpr std::uint8_t kProtocolVersion = 10;
constexpr std::size_t kNonceHeadBytes = 8;
constexpr std::size_t kTlsRequestBytes = 32;
constexpr std::size_t kAttributesBytesMax = std::size_t{64} << 10;  // as MySQL limits them

absl::Status malformed_message(const char* what) {
  return absl::InvalidArgumentError(std::string("malformed ") + what);
}

// Some servers and clients leave out the NUL of the last field.
std::string_view nul_or_rest_text(Reader& reader) {
  const std::string_view rest = reader.rest_text();
  return rest.substr(0, rest.find('\0'));
}

// False when the block is too large or its parts do not fill it exactly.
bool read_attributes(Reader& reader, Attributes& attributes) {
  if (reader.at_end()) return true;
  const Bytes block = reader.lenenc_bytes();
  if (block.size() > kAttributesBytesMax) return false;
  Reader pairs(block);
  while (!pairs.at_end()) {
    const std::string_view name = pairs.lenenc_text();
    const std::string_view value = pairs.lenenc_text();
    if (pairs.failed()) return false;
    attributes.emplace_back(name, value);
  }
  return true;
}

void put_attributes(Buffer& out, const Attributes& attributes) {
  Buffer block;
  for (const auto& [name, value] : attributes) {
    put_lenenc_text(block, name);
    put_lenenc_text(block, value);
  }
  put_lenenc_bytes(out, block);
}

Bytes read_auth_response(Reader& reader, Capabilities capabilities) {
  if ((capabilities & kPluginAuthLenenc) != 0) return reader.lenenc_bytes();
  if ((capabilities & kSecureConnection) != 0) return reader.take(reader.u8());
  return as_bytes(reader.nul_text());
}

void put_auth_response(Buffer& out, const Buffer& response, Capabilities capabilities) {
  if ((capabilities & kPluginAuthLenenc) != 0) {
    put_lenenc_bytes(out, response);
  } else if ((capabilities & kSecureConnection) != 0) {
    const Bytes part = Bytes(response).first(std::min<std::size_t>(response.size(), 0xff));
    put_u8(out, static_cast<std::uint8_t>(part.size()));
    put_bytes(out, part);
  } else {
    put_nul_text(out, as_text(response));
  }
}

// Both sides have 4 bytes for MariaDB's extended flags, in what else is filler. They mean something only
// where kLongPassword is clear.
void put_extended(Buffer& out, Capabilities capabilities) {
  const bool extended = (capabilities & kLongPassword) == 0;
  put_u32(out, extended ? static_cast<std::uint32_t>(capabilities >> 32) : 0);
}

Capabilities take_extended(Reader& reader, Capabilities capabilities) {
  const Capabilities extended = reader.u32();
  return (capabilities & kLongPassword) == 0 ? extended << 32 : 0;
}

Buffer encode_login_head(const LoginRequest& request, Capabilities capabilities) {
  Buffer out;
  put_u32(out, static_cast<std::uint32_t>(capabilities));
  put_u32(out, request.message_bytes_max);
  // Collations past 255 are all of utf8mb4 or unknown to one of the servers: utf8mb4_general_ci stands in.
  put_u8(out, request.collation <= 0xff ? static_cast<std::uint8_t>(request.collation) : std::uint8_t{45});
  put_zeros(out, 19);
  put_extended(out, capabilities);
  return out;
}

}  // namespace

// Protocol::HandshakeV10:
//   u8 10 | nul version | u32 id | nonce[8] | 0 | u16 capabilities, low | u8 collation | u16 status |
//   u16 capabilities, high | u8 nonce bytes + 1, or 0 | 6 reserved | u32 extended capabilities |
//   nonce[12] 0 | nul plugin
absl::StatusOr<Greeting> decode_greeting(Bytes payload) {
  Reader reader(payload);
  if (reader.u8() != kProtocolVersion) return malformed_message("greeting: its protocol version is not 10");
  Greeting greeting;
  greeting.server_version = reader.nul_text();
  greeting.connection_id = reader.u32();
  const Bytes head = reader.take(kNonceHeadBytes);
  reader.skip(1);
  greeting.capabilities = reader.u16();
  greeting.collation = reader.u8();
  greeting.status = reader.u16();
  greeting.capabilities |= Capabilities{reader.u16()} << 16;
  const std::size_t nonce_bytes = reader.u8();
  reader.skip(6);
  greeting.capabilities |= take_extended(reader, greeting.capabilities);
  if (reader.failed()) return malformed_message("greeting: it is cut off");
  if ((greeting.capabilities & kSecureConnection) == 0) {
    return absl::UnimplementedError("the server offers only the password hashing of MySQL 4.0");
  }
  // At least 13 bytes follow, whatever the length says: 12 of the nonce and a NUL.
  Reader tail(reader.take(std::max<std::size_t>(13, nonce_bytes - std::min(nonce_bytes, kNonceHeadBytes))));
  const Bytes rest = tail.take(greeting.nonce.size() - kNonceHeadBytes);
  if (reader.failed() || tail.failed()) return malformed_message("greeting: its nonce is cut off");
  std::copy(rest.begin(), rest.end(), std::copy(head.begin(), head.end(), greeting.nonce.begin()));
  if ((greeting.capabilities & kPluginAuth) != 0) greeting.auth_plugin = nul_or_rest_text(reader);
  return greeting;
}

Buffer encode_greeting(const Greeting& greeting) {
  const Bytes nonce = greeting.nonce;
  const bool names_plugin = (greeting.capabilities & kPluginAuth) != 0;
  Buffer out;
  put_u8(out, kProtocolVersion);
  put_nul_text(out, greeting.server_version);
  put_u32(out, greeting.connection_id);
  put_bytes(out, nonce.first(kNonceHeadBytes));
  put_u8(out, 0);
  put_u16(out, static_cast<std::uint16_t>(greeting.capabilities));
  put_u8(out, greeting.collation);
  put_u16(out, greeting.status);
  put_u16(out, static_cast<std::uint16_t>(greeting.capabilities >> 16));
  put_u8(out, names_plugin ? static_cast<std::uint8_t>(nonce.size() + 1) : std::uint8_t{0});
  put_zeros(out, 6);
  put_extended(out, greeting.capabilities);
  put_bytes(out, nonce.subspan(kNonceHeadBytes));
  put_u8(out, 0);
  if (names_plugin) put_nul_text(out, greeting.auth_plugin);
  return out;
}

bool is_mariadb(const Greeting& greeting) { return (greeting.capabilities & kLongPassword) == 0; }

// Protocol::HandshakeResponse41; Protocol::SSLRequest is its first 32 bytes:
//   u32 capabilities | u32 message bytes max | u8 collation | 19 reserved | u32 extended capabilities |
//   nul user | auth response | nul schema, if kConnectWithDb | nul plugin, if kPluginAuth |
//   lenenc { lenenc name, lenenc value }..., if kConnectAttributes | u8 zstd level, if kZstdCompression
// The auth response is prefixed with a lenenc (kPluginAuthLenenc) or u8 length (kSecureConnection),
// or ends in NUL.
absl::StatusOr<LoginRequest> decode_login_request(Bytes payload) {
  // A client without kProtocol41 sends two bytes of flags; this one is in them.
  if (payload.size() >= 2 && (Reader(payload).u16() & kProtocol41) == 0) {
    return absl::UnimplementedError("the client speaks the protocol of MySQL 4.0");
  }
  Reader reader(payload);
  LoginRequest request;
  request.capabilities = reader.u32();
  request.message_bytes_max = reader.u32();
  request.collation = reader.u8();
  reader.skip(19);
  request.capabilities |= take_extended(reader, request.capabilities);
  if (reader.failed()) return malformed_message("login request: it is cut off");
  if (payload.size() == kTlsRequestBytes && (request.capabilities & kTls) != 0) {
    request.is_tls_request = true;
    return request;
  }
  request.user = reader.nul_text();
  const Bytes response = read_auth_response(reader, request.capabilities);
  request.auth_response.assign(response.begin(), response.end());
  if ((request.capabilities & kConnectWithDb) != 0) request.schema = reader.nul_text();
  if ((request.capabilities & kPluginAuth) != 0 && !reader.at_end()) {
    const bool more_follows = (request.capabilities & (kConnectAttributes | kZstdCompression)) != 0;
    request.auth_plugin = more_follows ? reader.nul_text() : nul_or_rest_text(reader);
  }
  if ((request.capabilities & kConnectAttributes) != 0 && !read_attributes(reader, request.attributes)) {
    return malformed_message("login request: its connection attributes");
  }
  if ((request.capabilities & kZstdCompression) != 0) request.zstd_level = reader.u8();
  if (reader.failed()) return malformed_message("login request: a field is cut off");
  return request;
}

Buffer encode_login_request(const LoginRequest& request) {
  Buffer out = encode_login_head(request, request.capabilities);
  put_nul_text(out, request.user);
  put_auth_response(out, request.auth_response, request.capabilities);
  if ((request.capabilities & kConnectWithDb) != 0) put_nul_text(out, request.schema);
  if ((request.capabilities & kPluginAuth) != 0) put_nul_text(out, request.auth_plugin);
  if ((request.capabilities & kConnectAttributes) != 0) put_attributes(out, request.attributes);
  if ((request.capabilities & kZstdCompression) != 0) put_u8(out, request.zstd_level);
  return out;
}

Buffer encode_tls_request(const LoginRequest& request) {
  return encode_login_head(request, request.capabilities | kTls);
}

// Protocol::AuthSwitchRequest: u8 0xfe | nul plugin | nonce[20] 0. A plugin that needs no nonce may
// come without. The byte 0xfe alone asks for mysql_old_password.
absl::StatusOr<AuthSwitch> decode_auth_switch(Bytes payload) {
  Reader reader(payload);
  if (reader.u8() != 0xfe) return malformed_message("auth switch request");
  if (reader.at_end()) return absl::UnimplementedError("the server asks for mysql_old_password, of MySQL 4.0");
  AuthSwitch auth_switch;
  auth_switch.auth_plugin = reader.nul_text();
  const Bytes rest = reader.rest();
  auth_switch.data.assign(rest.begin(), rest.end());
  if (!rest.empty()) {
    if (rest.size() < auth_switch.nonce.size()) return malformed_message("auth switch request: its nonce is cut off");
    std::copy_n(rest.begin(), auth_switch.nonce.size(), auth_switch.nonce.begin());
  }
  if (reader.failed()) return malformed_message("auth switch request: it is cut off");
  return auth_switch;
}

Buffer encode_auth_switch(const AuthSwitch& auth_switch) {
  Buffer out;
  put_u8(out, 0xfe);
  put_nul_text(out, auth_switch.auth_plugin);
  put_bytes(out, auth_switch.nonce);
  put_u8(out, 0);
  return out;
}

// COM_CHANGE_USER:
//   u8 0x11 | nul user | auth response | nul schema | u16 collation | nul plugin, if kPluginAuth |
//   attributes as above, if kConnectAttributes
// The auth response has a u8 length even under kPluginAuthLenenc. What follows the schema may be
// left out.
absl::StatusOr<ChangeUser> decode_change_user(Bytes payload, Capabilities capabilities) {
  Reader reader(payload);
  if (reader.u8() != 0x11) return malformed_message("COM_CHANGE_USER");
  ChangeUser change;
  change.user = reader.nul_text();
  const Bytes response = read_auth_response(reader, capabilities & ~kPluginAuthLenenc);
  change.auth_response.assign(response.begin(), response.end());
  change.schema = reader.nul_text();
  if (!reader.at_end()) change.collation = reader.u16();
  if ((capabilities & kPluginAuth) != 0 && !reader.at_end()) {
    const bool attributes_follow = (capabilities & kConnectAttributes) != 0;
    change.auth_plugin = attributes_follow ? reader.nul_text() : nul_or_rest_text(reader);
  }
  if ((capabilities & kConnectAttributes) != 0 && !read_attributes(reader, change.attributes)) {
    return malformed_message("COM_CHANGE_USER: its connection attributes");
  }
  if (reader.failed()) return malformed_message("COM_CHANGE_USER: a field is cut off");
  return change;
}

Buffer encode_change_user(const ChangeUser& change, Capabilities capabilities) {
  Buffer out;
  put_u8(out, 0x11);
  put_nul_text(out, change.user);
  put_auth_response(out, change.auth_response, capabilities & ~kPluginAuthLenenc);
  put_nul_text(out, change.schema);
  put_u16(out, change.collation);
  if ((capabilities & kPluginAuth) != 0) put_nul_text(out, change.auth_plugin);
  if ((capabilities & kConnectAttributes) != 0) put_attributes(out, change.attributes);
  return out;
}

}  // namespace crossfade::protocol
