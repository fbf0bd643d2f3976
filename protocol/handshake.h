// The messages of the connection phase (manual pages "Protocol::HandshakeV10",
// "Protocol::HandshakeResponse41", "Protocol::SSLRequest", "Protocol::AuthSwitchRequest",
// "COM_CHANGE_USER"): decode and encode, no state.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/capabilities.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

using Nonce = std::array<std::uint8_t, 20>;  // never holds a zero byte

// A server's first message.
struct Greeting {
  std::string server_version;
  std::uint32_t connection_id = 0;
  Nonce nonce = {};
  Capabilities capabilities = 0;
  std::uint8_t collation = 45;
  std::uint16_t status = 0;
  std::string auth_plugin;
};
absl::StatusOr<Greeting> decode_greeting(Bytes payload);
Buffer encode_greeting(const Greeting& greeting);

// MariaDB servers do not set kLongPassword and name themselves in the version.
bool is_mariadb(const Greeting& greeting);
enum class Make : std::uint8_t { mariadb, mysql };
inline Make make_of(const Greeting& greeting) { return is_mariadb(greeting) ? Make::mariadb : Make::mysql; }

// A client's answer to the greeting. For an SSLRequest (32 bytes) only capabilities,
// message_bytes_max and collation are set, and is_tls_request is true.
struct LoginRequest {
  Capabilities capabilities = 0;
  std::uint32_t message_bytes_max = 1u << 24;
  std::uint16_t collation = 45;  // one byte on the wire: past 255 only after a COM_CHANGE_USER
  bool is_tls_request = false;
  std::string user;
  Buffer auth_response;
  std::string schema;
  std::string auth_plugin;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::uint8_t zstd_level = 3;  // sent under kZstdCompression only
};
absl::StatusOr<LoginRequest> decode_login_request(Bytes payload);
Buffer encode_login_request(const LoginRequest& request);
Buffer encode_tls_request(const LoginRequest& request);

struct AuthSwitch {
  std::string auth_plugin;
  Nonce nonce = {};
  Buffer data = {};  // decoded only: all that follows the name; some plugins have nonces of another size
};
absl::StatusOr<AuthSwitch> decode_auth_switch(Bytes payload);  // payload[0] == 0xfe
Buffer encode_auth_switch(const AuthSwitch& auth_switch);

// COM_CHANGE_USER, the command byte included.
struct ChangeUser {
  std::string user;
  Buffer auth_response;
  std::string schema;
  std::uint16_t collation = 0;  // 0: not given
  std::string auth_plugin;
  std::vector<std::pair<std::string, std::string>> attributes;
};
absl::StatusOr<ChangeUser> decode_change_user(Bytes payload, Capabilities capabilities);
Buffer encode_change_user(const ChangeUser& change, Capabilities capabilities);

}  // namespace crossfade::protocol
