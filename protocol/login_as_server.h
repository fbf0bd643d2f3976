// The state machine of a login, seen from the server: we face the client.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "protocol/auth.h"
#include "protocol/compression.h"
#include "protocol/handshake.h"

namespace crossfade::protocol {

// What the proxy knows of a user's secret: the password, or only the stored native hash.
struct Secret {
  std::optional<std::string> password;
  std::optional<NativeHash> native;
  // Whoever this is may prove it elsewhere: a password that is not the one known here is handed out to be judged.
  bool learnable = false;
};

// Flow: send greeting() as sequence 0. Then for each message of the client call on_message() and do
// what the action says, until `accept` or `reject`. On `start_tls` run the TLS handshake and go on
// with the next message (the sequence number continues). After `look_up_user` the caller calls
// set_secret() with what it knows (nullptr: unknown user) and does what the action of that says.
//
// What the client sends is never a failed status: nonsense is rejected as the servers reject it. A
// status (FailedPrecondition) says that the caller called out of turn.
//
// An unknown user takes the same messages and the same work as a wrong password: the machine
// verifies against a random secret and rejects at the same point.
// Fast authentication succeeds at once when the password is known. When only the native hash is
// known, a caching_sha2_password client is asked for full authentication: cleartext over TLS, RSA
// without. A secret that holds neither, and is not learnable, is taken for an unknown user.
class LoginAsServer {
 public:
  struct Send {
    Buffer payload;
  };  // send this, then wait for the next message
  struct StartTls {};
  struct LookUpUser {};
  // Full authentication brought the password of a user whose password is not known here: find out whether
  // it is right, then call on_verdict().
  struct Judge {
    std::string password;
    // The password was wrong, and this one is none. Who would be asked about an unknown user is asked here too, so
    // that the time tells nothing; the client is refused whatever the answer.
    bool in_vain = false;
  };
  struct Accept {
    Buffer before_ok;
  };  // send `before_ok` first unless empty, then the caller's OK
  struct Reject {
    std::uint16_t code;
    std::string sqlstate;
    std::string message;
  };
  struct Wait {};  // nothing to send; wait for the next message
  using Action = std::variant<Send, StartTls, LookUpUser, Judge, Accept, Reject, Wait>;
  enum class Verdict : std::uint8_t { right, wrong };

  struct Options {
    std::string server_version;
    std::uint32_t connection_id = 0;
    std::uint16_t status = kStatusAutocommit;
    Nonce nonce = {};               // fresh random for every connection
    Nonce decoy = {};               // random; the secret of users that do not exist
    Capabilities capabilities = 0;  // offered; kTls only when the listener has TLS
    std::uint8_t collation = 45;
    std::string_view auth_plugin = kCachingSha2Password;  // of the greeting: this or kNativePassword
    bool tls_required = false;
    bool secure_transport = false;                                // a unix socket: cleartext may travel
    std::string client_host;                                      // for the text of error 1045
    std::function<const RsaKey*()> rsa = [] { return nullptr; };  // nullptr: nobody is authenticated by RSA
    // Full authentication for everybody whose scramble does not fit, so that the users who need it cannot be
    // told from the others, nor from those who do not exist.
    bool full_after_mismatch = false;
    // On secure connections everybody is switched to the plugin that can bring the cleartext.
    bool learns = false;
  };
  explicit LoginAsServer(Options options);

  Buffer greeting() const;
  absl::StatusOr<Action> on_message(Bytes payload);
  absl::StatusOr<Action> set_secret(const Secret* secret);
  absl::StatusOr<Action> on_verdict(Verdict verdict);
  // Begins a COM_CHANGE_USER: as after a login request; LookUpUser follows, or Reject (1047) when the
  // command is malformed. Only after an accepted login; after a rejected change it may be called again. request() is
  // then the new user's. The nonce stays the connection's, as on servers: libmariadb and clients without plugins
  // scramble with the login's, whatever an auth switch says.
  absl::StatusOr<Action> on_change_user(Bytes payload);

  // Valid after LookUpUser. After a COM_CHANGE_USER its capabilities and limit are still the login's.
  const LoginRequest& request() const { return request_; }
  // Both sides' flags: what this connection speaks.
  Capabilities capabilities() const { return request_.capabilities & options_.capabilities; }
  // What comes after the OK of the login is compressed so.
  Compression compression() const;
  // Cleartext may travel: TLS or a unix socket.
  bool secure() const { return tls_ || options_.secure_transport; }
  // Before the next message: Options::rsa is asked for.
  bool needs_key() const { return !secure() && (state_ == State::public_key_or_cipher || state_ == State::cipher); }
  // As the servers put it; for users that are refused later, by somebody else.
  Reject access_denied() const;

 private:
  enum class State { login_request, secret, scramble, public_key_or_cipher, cipher, verdict, done };
  Action on_login_request(Bytes payload);
  Action switch_to(std::string_view plugin);
  Action verify_scramble(Bytes scramble);
  Action ask_full_authentication();
  Action on_public_key_or_cipher(Bytes payload);
  Action on_cleartext(Bytes payload);
  Action on_cipher(Bytes cipher);
  Action verify_cleartext(std::string_view password);
  Action finish(bool good);
  Action reject(std::uint16_t code, std::string sqlstate, std::string message);

  Options options_;
  State state_ = State::login_request;
  LoginRequest request_;
  Secret secret_;
  bool user_known_ = false;
  bool in_vain_ = false;
  bool tls_ = false;
  bool logged_in_ = false;  // once; stays so when a later COM_CHANGE_USER fails
  bool change_user_ = false;
  bool password_used_ = false;  // for the text of error 1045
  std::string plugin_;
};

}  // namespace crossfade::protocol
