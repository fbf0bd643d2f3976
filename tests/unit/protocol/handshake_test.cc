#include "protocol/handshake.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace crossfade::protocol {
namespace {

constexpr Capabilities kModern = kProtocol41 | kSecureConnection | kPluginAuth;

Buffer from_hex(std::string_view text) {
  Buffer out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// Sent by MariaDB 10.11.19 and MySQL 9.7.4, packet headers removed.
Buffer mariadb_greeting_bytes() {
  return from_hex(
      "0a352e352e352d31302e31312e31392d4d6172696144422d302b64656231327531000b000000755529685349513c00fef7080200ff811500"
      "00"
      "000000001d000000776573323c765e5673616c7b006d7973716c5f6e61746976655f70617373776f726400");
}
Buffer mysql_greeting_bytes() {
  return from_hex(
      "0a392e372e342d3200110000007d2725025d3e580100ffffff0200ffdf150000000000000000000010255c28016b37191d362c5500636163"
      "68"
      "696e675f736861325f70617373776f726400");
}

Nonce nonce_of(std::string_view text) {
  Nonce nonce = {};
  std::copy(text.begin(), text.end(), nonce.begin());
  return nonce;
}

LoginRequest full_request() {
  LoginRequest request;
  request.capabilities = kModern | kConnectWithDb | kPluginAuthLenenc | kConnectAttributes;
  request.message_bytes_max = 0x01020304;
  request.collation = 33;
  request.user = "alice";
  request.auth_response = {1, 0, 3};
  request.schema = "shop";
  request.auth_plugin = "caching_sha2_password";
  request.attributes = {{"_client_name", "test"}, {"empty", ""}};
  return request;
}

void expect_same(const LoginRequest& a, const LoginRequest& b) {
  EXPECT_EQ(a.capabilities, b.capabilities);
  EXPECT_EQ(a.message_bytes_max, b.message_bytes_max);
  EXPECT_EQ(a.collation, b.collation);
  EXPECT_EQ(a.is_tls_request, b.is_tls_request);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.auth_response, b.auth_response);
  EXPECT_EQ(a.schema, b.schema);
  EXPECT_EQ(a.auth_plugin, b.auth_plugin);
  EXPECT_EQ(a.attributes, b.attributes);
}

TEST(DecodeGreeting, ReadsARealMariaDbGreeting) {
  const Greeting greeting = decode_greeting(mariadb_greeting_bytes()).value();
  EXPECT_EQ(greeting.server_version, "5.5.5-10.11.19-MariaDB-0+deb12u1");
  EXPECT_EQ(greeting.connection_id, 11u);
  EXPECT_EQ(greeting.nonce, nonce_of("uU)hSIQ<wes2<v^Vsal{"));
  EXPECT_EQ(greeting.capabilities, 0x1d81fff7feu);
  EXPECT_NE(greeting.capabilities & kBulkOperations, 0u);
  EXPECT_EQ(greeting.capabilities & kComMulti, 0u);
  EXPECT_EQ(greeting.collation, 8);
  EXPECT_EQ(greeting.status, kStatusAutocommit);
  EXPECT_EQ(greeting.auth_plugin, "mysql_native_password");
  EXPECT_TRUE(is_mariadb(greeting));
}

TEST(DecodeGreeting, ReadsARealMySqlGreeting) {
  const Greeting greeting = decode_greeting(mysql_greeting_bytes()).value();
  EXPECT_EQ(greeting.server_version, "9.7.4-2");
  EXPECT_EQ(greeting.connection_id, 17u);
  EXPECT_EQ(greeting.nonce,
            nonce_of("\x7d\x27\x25\x02\x5d\x3e\x58\x01\x10\x25\x5c\x28\x01\x6b\x37\x19\x1d\x36\x2c\x55"));
  EXPECT_EQ(greeting.capabilities, 0xdfffffffu);
  EXPECT_EQ(greeting.collation, 255);
  EXPECT_EQ(greeting.auth_plugin, "caching_sha2_password");
  EXPECT_FALSE(is_mariadb(greeting));
}

TEST(EncodeGreeting, WritesWhatMySqlWrites) {
  EXPECT_EQ(encode_greeting(decode_greeting(mysql_greeting_bytes()).value()), mysql_greeting_bytes());
}

TEST(EncodeGreeting, WritesWhatMariaDbWrites) {
  EXPECT_EQ(encode_greeting(decode_greeting(mariadb_greeting_bytes()).value()), mariadb_greeting_bytes());
}

TEST(Greeting, HasExtendedCapabilitiesOnlyWithoutLongPassword) {
  Greeting greeting;
  greeting.capabilities = kModern | kBulkOperations | kCacheMetadata;
  EXPECT_EQ(decode_greeting(encode_greeting(greeting))->capabilities, greeting.capabilities);
  greeting.capabilities |= kLongPassword;
  EXPECT_EQ(decode_greeting(encode_greeting(greeting))->capabilities, kModern | kLongPassword);
  // A server of MySQL's may put what it likes into its reserved bytes.
  Buffer bytes = mysql_greeting_bytes();
  const std::size_t nonce_tail = bytes.size() - sizeof "caching_sha2_password" - 13;
  bytes[nonce_tail - 4] = 0x1d;
  EXPECT_EQ(decode_greeting(bytes)->capabilities, 0xdfffffffu);
}

TEST(DecodeGreeting, FailsWhereverItIsCutBeforeThePlugin) {
  const Buffer whole = mysql_greeting_bytes();
  const std::size_t plugin_at = whole.size() - sizeof "caching_sha2_password";
  for (std::size_t size = 0; size < plugin_at; ++size) {
    EXPECT_FALSE(decode_greeting(Bytes(whole).first(size)).ok()) << size;
  }
}

TEST(DecodeGreeting, ThePluginNameMayLackItsNul) {
  Buffer bytes = mysql_greeting_bytes();
  bytes.pop_back();
  EXPECT_EQ(decode_greeting(bytes)->auth_plugin, "caching_sha2_password");
}

TEST(DecodeGreeting, WithoutPluginAuthThereIsNoPlugin) {
  Greeting greeting;
  greeting.server_version = "5.1.0";
  greeting.capabilities = kProtocol41 | kSecureConnection;
  greeting.auth_plugin = "ignored";
  greeting.nonce = nonce_of("abcdefghijklmnopqrst");
  const Greeting decoded = decode_greeting(encode_greeting(greeting)).value();
  EXPECT_EQ(decoded.auth_plugin, "");
  EXPECT_EQ(decoded.nonce, greeting.nonce);
}

TEST(DecodeGreeting, SkipsNonceBytesPastTheTwentyOnesKnown) {
  Greeting greeting;
  greeting.capabilities = kModern;
  greeting.auth_plugin = "p";
  Buffer bytes = encode_greeting(greeting);
  const std::size_t length_at = bytes.size() - 2 - 13 - 10 - 1;
  ASSERT_EQ(bytes[length_at], 21);
  bytes[length_at] = 24;
  bytes.insert(bytes.end() - 2, 3, std::uint8_t{'x'});
  EXPECT_EQ(decode_greeting(bytes)->auth_plugin, "p");
}

TEST(DecodeGreeting, RejectsOtherProtocolVersionsAndServersOfMySql40) {
  Buffer bytes = mysql_greeting_bytes();
  bytes[0] = 9;
  EXPECT_EQ(decode_greeting(bytes).status().code(), absl::StatusCode::kInvalidArgument);
  Greeting old;
  old.capabilities = kProtocol41;
  EXPECT_EQ(decode_greeting(encode_greeting(old)).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LoginRequest, IsReadBackUnderEveryCombinationOfItsFlags) {
  for (const Capabilities with_schema : {Capabilities{0}, kConnectWithDb}) {
    for (const Capabilities plugin : {Capabilities{0}, kPluginAuth}) {
      for (const Capabilities attributes : {Capabilities{0}, kConnectAttributes}) {
        for (const Capabilities response : {Capabilities{0}, kSecureConnection, kPluginAuthLenenc}) {
          LoginRequest request = full_request();
          request.capabilities = kProtocol41 | with_schema | plugin | attributes | response;
          if (response == 0) request.auth_response = {1, 2, 3};
          if (with_schema == 0) request.schema.clear();
          if (plugin == 0) request.auth_plugin.clear();
          if (attributes == 0) request.attributes.clear();
          const absl::StatusOr<LoginRequest> decoded = decode_login_request(encode_login_request(request));
          ASSERT_TRUE(decoded.ok()) << decoded.status();
          expect_same(*decoded, request);
        }
      }
    }
  }
}

TEST(EncodeLoginRequest, LaysTheFieldsOutAsTheManualSays) {
  LoginRequest request = full_request();
  request.attributes = {{"k", "v"}};
  Buffer expected = {0x08, 0x82, 0x38, 0x00, 0x04, 0x03, 0x02, 0x01, 33};
  put_zeros(expected, 23);
  put_text(expected, std::string_view("alice\0\x03\x01\0\x03shop\0caching_sha2_password\0\x04\x01k\x01v", 42));
  EXPECT_EQ(encode_login_request(request), expected);
}

TEST(LoginRequest, EndsInTheLevelOfZstdIfThatIsAskedFor) {
  for (const Capabilities attributes : {Capabilities{0}, kConnectAttributes}) {
    LoginRequest request = full_request();
    request.capabilities = kModern | attributes | kZstdCompression;
    request.zstd_level = 19;
    request.schema.clear();
    if (attributes == 0) request.attributes.clear();
    Buffer bytes = encode_login_request(request);
    EXPECT_EQ(bytes.back(), 19);
    expect_same(decode_login_request(bytes).value(), request);
    EXPECT_EQ(decode_login_request(bytes)->zstd_level, 19);
    bytes.pop_back();
    EXPECT_FALSE(decode_login_request(bytes).ok());
  }
}

TEST(LoginRequest, HasExtendedCapabilitiesOnlyWithoutLongPassword) {
  LoginRequest request = full_request();
  const Capabilities plain = request.capabilities;
  request.capabilities = plain | kBulkOperations | kProgress;
  const Buffer bytes = encode_login_request(request);
  EXPECT_EQ(Buffer(bytes.begin() + 28, bytes.begin() + 32), (Buffer{0x05, 0, 0, 0}));
  EXPECT_EQ(decode_login_request(bytes)->capabilities, request.capabilities);
  EXPECT_EQ(decode_login_request(encode_tls_request(request))->capabilities, request.capabilities | kTls);
  Buffer of_mysql = bytes;
  of_mysql[0] |= 1;
  EXPECT_EQ(decode_login_request(of_mysql)->capabilities, plain | kLongPassword);
  request.capabilities |= kLongPassword;
  EXPECT_EQ(decode_login_request(encode_login_request(request))->capabilities, plain | kLongPassword);
}

TEST(DecodeLoginRequest, FailsWhereverAMandatoryFieldIsCut) {
  const Buffer whole = encode_login_request(full_request());
  const std::size_t plugin_at = 32 + sizeof "alice" + 4 + sizeof "shop";
  const std::size_t attributes_at = plugin_at + sizeof "caching_sha2_password";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const bool may_end_here = size == plugin_at || size == attributes_at;
    EXPECT_EQ(decode_login_request(Bytes(whole).first(size)).ok(), may_end_here) << size;
  }
}

TEST(DecodeLoginRequest, RecognisesATlsRequest) {
  const Buffer bytes = encode_tls_request(full_request());
  ASSERT_EQ(bytes.size(), 32u);
  const LoginRequest request = decode_login_request(bytes).value();
  EXPECT_TRUE(request.is_tls_request);
  EXPECT_EQ(request.capabilities, full_request().capabilities | kTls);
  EXPECT_EQ(request.collation, 33);
  EXPECT_EQ(request.message_bytes_max, 0x01020304u);
}

TEST(DecodeLoginRequest, AFullRequestWithTheTlsFlagIsNoTlsRequest) {
  LoginRequest request = full_request();
  request.capabilities |= kTls;
  EXPECT_FALSE(decode_login_request(encode_login_request(request))->is_tls_request);
}

TEST(DecodeLoginRequest, NamesAClientOfMySql40) {
  EXPECT_EQ(decode_login_request(Buffer{0x05, 0x00, 0, 0, 0, 'u', 0}).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(decode_login_request({}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DecodeLoginRequest, TakesAttributesUpToTheLimitAndNotOneByteMore) {
  // A name of one byte, its length, and a value with a length of three bytes.
  const std::size_t overhead = 2 + 3;
  for (const std::size_t excess : {std::size_t{0}, std::size_t{1}}) {
    LoginRequest request = full_request();
    request.attributes = {{"k", std::string((std::size_t{64} << 10) - overhead + excess, 'v')}};
    EXPECT_EQ(decode_login_request(encode_login_request(request)).ok(), excess == 0);
  }
}

TEST(DecodeLoginRequest, RejectsAttributesThatDoNotFillTheirBlock) {
  LoginRequest request = full_request();
  request.attributes.clear();
  Buffer bytes = encode_login_request(request);
  bytes.back() = 3;
  put_text(bytes, "\x01k\x05");
  EXPECT_FALSE(decode_login_request(bytes).ok());
}

TEST(AuthSwitch, IsWrittenAndReadBack) {
  const AuthSwitch auth_switch = {.auth_plugin = "mysql_native_password", .nonce = nonce_of("abcdefghijklmnopqrst")};
  const Buffer bytes = encode_auth_switch(auth_switch);
  Buffer expected = {0xfe};
  put_nul_text(expected, "mysql_native_password");
  put_nul_text(expected, "abcdefghijklmnopqrst");
  EXPECT_EQ(bytes, expected);
  const AuthSwitch decoded = decode_auth_switch(bytes).value();
  EXPECT_EQ(decoded.auth_plugin, auth_switch.auth_plugin);
  EXPECT_EQ(decoded.nonce, auth_switch.nonce);
}

TEST(DecodeAuthSwitch, ANonceMayBeAbsentOrLackItsNulButNotBeShort) {
  EXPECT_EQ(decode_auth_switch(as_bytes(std::string_view("\xfemysql_clear_password\0", 22)))->auth_plugin,
            "mysql_clear_password");
  EXPECT_TRUE(decode_auth_switch(as_bytes(std::string_view("\xfep\0abcdefghijklmnopqrst", 23))).ok());
  EXPECT_FALSE(decode_auth_switch(as_bytes(std::string_view("\xfep\0abcdefghijklmnopqrs", 22))).ok());
}

TEST(DecodeAuthSwitch, RejectsTheOldSwitchAndOtherMessages) {
  EXPECT_EQ(decode_auth_switch(Buffer{0xfe}).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_FALSE(decode_auth_switch(Buffer{0xfe, 'p'}).ok());
  EXPECT_FALSE(decode_auth_switch(Buffer{0x00, 'p', 0}).ok());
  EXPECT_FALSE(decode_auth_switch({}).ok());
}

ChangeUser full_change() {
  ChangeUser change;
  change.user = "bob";
  change.auth_response = {9, 8, 7};
  change.schema = "shop";
  change.collation = 309;
  change.auth_plugin = "mysql_native_password";
  change.attributes = {{"k", "v"}};
  return change;
}

TEST(ChangeUser, IsReadBackUnderEveryCombinationOfFlags) {
  for (const Capabilities capabilities : {Capabilities{0}, kSecureConnection, kSecureConnection | kPluginAuth,
                                          kSecureConnection | kPluginAuth | kPluginAuthLenenc | kConnectAttributes,
                                          kSecureConnection | kConnectAttributes}) {
    const absl::StatusOr<ChangeUser> decoded =
        decode_change_user(encode_change_user(full_change(), capabilities), capabilities);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->user, "bob");
    EXPECT_EQ(decoded->auth_response, full_change().auth_response);
    EXPECT_EQ(decoded->schema, "shop");
    EXPECT_EQ(decoded->collation, 309);
    EXPECT_EQ(decoded->auth_plugin, (capabilities & kPluginAuth) != 0 ? "mysql_native_password" : "");
    EXPECT_EQ(decoded->attributes.size(), (capabilities & kConnectAttributes) != 0 ? 1u : 0u);
  }
}

TEST(DecodeChangeUser, FailsWhereverItIsCutExceptBetweenOptionalFields) {
  const Capabilities capabilities = kModern | kConnectAttributes;
  const Buffer whole = encode_change_user(full_change(), capabilities);
  const std::size_t collation_at = 1 + sizeof "bob" + 4 + sizeof "shop";
  const std::size_t attributes_at = collation_at + 2 + sizeof "mysql_native_password";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const bool may_end_here = size == collation_at || size == collation_at + 2 || size == attributes_at;
    EXPECT_EQ(decode_change_user(Bytes(whole).first(size), capabilities).ok(), may_end_here) << size;
  }
  EXPECT_EQ(decode_change_user(Bytes(whole).first(collation_at), capabilities)->collation, 0);
}

TEST(DecodeChangeUser, RejectsAnotherCommand) { EXPECT_FALSE(decode_change_user(Buffer{0x03, 0, 0, 0}, kModern).ok()); }

TEST(PutAuthResponse, ALengthByteHoldsAtMost255Bytes) {
  ChangeUser change = full_change();
  change.auth_response = Buffer(255, 7);
  EXPECT_EQ(decode_change_user(encode_change_user(change, kModern), kModern)->auth_response.size(), 255u);
  LoginRequest request = full_request();
  request.auth_response = Buffer(256, 7);
  EXPECT_EQ(decode_login_request(encode_login_request(request))->auth_response.size(), 256u);
}

}  // namespace
}  // namespace crossfade::protocol
