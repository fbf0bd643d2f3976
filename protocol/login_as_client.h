// The state machine of a login, seen from the client: we face a backend.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "protocol/auth.h"
#include "protocol/handshake.h"
#include "protocol/response.h"

namespace crossfade::protocol {

// Flow: for each message of the server call on_message() and do what the action says, until `done`
// or `refused`. On `start_tls` send its payload, run the TLS handshake, then call on_tls_ready(),
// which gives the login request to send. Sequence numbers are the caller's: each answer carries the
// number after the message it answers.
// mysql_native_password, caching_sha2_password (fast; full as cleartext over TLS or a unix
// socket, by RSA otherwise) and client_ed25519, and auth switch in every direction. The key that RSA is done with comes
// from the server: without TLS a man in the middle can read the password, as with any MySQL client.
// sha256_password is answered too, because MySQL asks users that do not exist for it.
// A failed status says that the conversation broke, or that server and options do not fit; the
// connection is then of no use.
class LoginAsClient {
 public:
  struct Send {
    Buffer payload;
  };
  struct StartTls {
    Buffer payload;
  };
  struct Done {
    Ok ok;
  };
  struct Refused {
    Err err;
  };  // the server's own words
  struct Wait {};
  using Action = std::variant<Send, StartTls, Done, Refused, Wait>;

  enum class Tls { disabled, preferred, required };
  struct Options {
    std::string user;
    std::string password;
    std::string schema;
    Capabilities capabilities = 0;  // wanted; the server's own limit it
    std::uint16_t collation = 45;   // sent as it is: what a server makes of one it does not know is its own
    Tls tls = Tls::disabled;
    bool secure_transport = false;
    std::vector<std::pair<std::string, std::string>> attributes;
  };
  explicit LoginAsClient(Options options) : options_(std::move(options)) {}

  absl::StatusOr<Action> on_message(Bytes payload);
  absl::StatusOr<Action> on_tls_ready();

  // The same conversation on a connection that is logged in already: the payload of a COM_CHANGE_USER, to be
  // sent as a command; then on_message() as above. Servers answer it with an auth switch and a fresh nonce.
  // Of the options, capabilities and tls have no effect: the connection keeps what it has.
  enum class Transport : std::uint8_t { open, secure };
  static LoginAsClient on_connection(Options options, const Greeting& greeting, Capabilities capabilities,
                                     Transport transport);
  Buffer change_user();

  const Greeting& greeting() const { return greeting_; }
  // What this connection speaks.
  Capabilities capabilities() const { return capabilities_; }

 private:
  enum class State { greeting, tls, auth, public_key, ok, done };
  absl::StatusOr<Action> on_greeting(Bytes payload);
  absl::Status agree_on_capabilities();
  LoginRequest request() const;
  absl::StatusOr<Action> login_request();
  absl::StatusOr<Action> on_answer(Bytes payload);
  absl::StatusOr<Action> on_auth_switch(Bytes payload);
  absl::StatusOr<Action> on_more_data(Bytes data);
  absl::StatusOr<Action> on_public_key(std::string_view pem);
  absl::StatusOr<Buffer> scramble() const;
  // The password in the clear, with its NUL.
  Buffer cleartext() const;
  bool secure() const { return tls_ || options_.secure_transport; }

  Options options_;
  State state_ = State::greeting;
  Greeting greeting_;
  Nonce nonce_ = {};
  Buffer switch_data_;
  std::string plugin_;
  Capabilities capabilities_ = 0;
  bool tls_ = false;
};

}  // namespace crossfade::protocol
