#include "protocol/login_as_client.h"

#include <utility>

#include "absl/status/status.h"
#include "protocol/ed25519.h"

namespace crossfade::protocol {
namespace {

constexpr std::string_view kSha256Password = "sha256_password";
constexpr std::string_view kClearPassword = "mysql_clear_password";

constexpr std::size_t kEd25519NonceBytes = 32;

constexpr std::uint8_t kOkHeader = 0x00;
constexpr std::uint8_t kAuthSwitchHeader = 0xfe;
constexpr std::uint8_t kErrHeader = 0xff;

constexpr std::uint8_t kRequestPublicKeySha256 = 0x01;

}  // namespace

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_message(Bytes payload) {
  if (payload.empty()) return absl::InvalidArgumentError("the server sent an empty packet during the login");
  if (state_ == State::tls || state_ == State::done) {
    return absl::FailedPreconditionError("a message of the server while the login does not wait for one");
  }
  if (payload[0] == kErrHeader) {
    absl::StatusOr<Err> err = decode_err(payload);
    if (!err.ok()) return err.status();
    state_ = State::done;
    return Refused{*std::move(err)};
  }
  return state_ == State::greeting ? on_greeting(payload) : on_answer(payload);
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_greeting(Bytes payload) {
  absl::StatusOr<Greeting> greeting = decode_greeting(payload);
  if (!greeting.ok()) return greeting.status();
  greeting_ = *std::move(greeting);
  nonce_ = greeting_.nonce;
  if (absl::Status status = agree_on_capabilities(); !status.ok()) return status;
  if ((capabilities_ & kTls) == 0) return login_request();
  state_ = State::tls;
  return StartTls{encode_tls_request(request())};
}

absl::Status LoginAsClient::agree_on_capabilities() {
  Capabilities wanted = options_.capabilities | kProtocol41 | kSecureConnection | kPluginAuth;
  wanted = options_.schema.empty() ? wanted & ~kConnectWithDb : wanted | kConnectWithDb;
  wanted = options_.tls == Tls::disabled ? wanted & ~kTls : wanted | kTls;
  // The server's kLongPassword takes part: towards MariaDB it must stay clear.
  capabilities_ = wanted & greeting_.capabilities;
  if ((capabilities_ & kProtocol41) == 0) {
    return absl::UnimplementedError("the server speaks the protocol of MySQL 4.0");
  }
  if (!options_.schema.empty() && (capabilities_ & kConnectWithDb) == 0) {
    return absl::FailedPreconditionError("the server does not let a login choose a schema");
  }
  if (options_.tls == Tls::required && (capabilities_ & kTls) == 0) {
    return absl::FailedPreconditionError("TLS is required, but the server does not offer it");
  }
  return absl::OkStatus();
}

LoginRequest LoginAsClient::request() const {
  LoginRequest request;
  request.capabilities = capabilities_;
  request.collation = options_.collation;
  return request;
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_tls_ready() {
  if (state_ != State::tls) return absl::FailedPreconditionError("TLS is ready, but the login did not ask for it");
  tls_ = true;
  return login_request();
}

LoginAsClient LoginAsClient::on_connection(Options options, const Greeting& greeting, Capabilities capabilities,
                                           Transport transport) {
  LoginAsClient machine(std::move(options));
  machine.greeting_ = greeting;
  machine.capabilities_ = capabilities;
  machine.tls_ = transport == Transport::secure;
  machine.state_ = State::done;
  return machine;
}

Buffer LoginAsClient::change_user() {
  ChangeUser change;
  change.user = options_.user;
  change.schema = options_.schema;
  change.collation = options_.collation;
  // No scramble: the nonce it would be made with is not the one that counts.
  change.auth_plugin = is_mariadb(greeting_) ? kNativePassword : kCachingSha2Password;
  change.attributes = options_.attributes;
  state_ = State::auth;
  return encode_change_user(change, capabilities_);
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::login_request() {
  // The greeting's plugin is a server-wide default. When it is none of ours, the account's own may
  // still be: the server answers mysql_native_password with a switch to that.
  plugin_ = greeting_.auth_plugin == kCachingSha2Password && (capabilities_ & kPluginAuth) != 0 ? kCachingSha2Password
                                                                                                : kNativePassword;
  absl::StatusOr<Buffer> response = scramble();
  if (!response.ok()) return response.status();
  LoginRequest login = request();
  login.user = options_.user;
  login.auth_response = *std::move(response);
  login.schema = options_.schema;
  login.auth_plugin = plugin_;
  if ((capabilities_ & kConnectAttributes) != 0) login.attributes = options_.attributes;
  state_ = State::auth;
  return Send{encode_login_request(login)};
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_answer(Bytes payload) {
  switch (payload[0]) {
    case kOkHeader: {
      absl::StatusOr<Ok> ok = decode_ok(payload, capabilities_);
      if (!ok.ok()) return ok.status();
      state_ = State::done;
      return Done{*std::move(ok)};
    }
    case kAuthSwitchHeader:
      return on_auth_switch(payload);
    case kMoreData:
      if (state_ == State::public_key) return on_public_key(as_text(payload.subspan(1)));
      if (state_ == State::auth) return on_more_data(payload.subspan(1));
      break;
    default:
      break;
  }
  return absl::InvalidArgumentError("the server sent a packet that does not fit the login, with header byte " +
                                    std::to_string(payload[0]));
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_auth_switch(Bytes payload) {
  absl::StatusOr<AuthSwitch> auth_switch = decode_auth_switch(payload);
  if (!auth_switch.ok()) return auth_switch.status();
  plugin_ = std::move(auth_switch->auth_plugin);
  nonce_ = auth_switch->nonce;
  switch_data_ = std::move(auth_switch->data);
  state_ = State::auth;
  absl::StatusOr<Buffer> response = scramble();
  if (!response.ok()) return response.status();
  return Send{*std::move(response)};
}

// The first answer under the plugin in use. For sha256_password it is also what asks for the key.
absl::StatusOr<Buffer> LoginAsClient::scramble() const {
  if (plugin_ == kNativePassword) return native_scramble(options_.password, nonce_);
  if (plugin_ == kCachingSha2Password) return sha2_scramble(options_.password, nonce_);
  if (plugin_ == kEd25519) {
    if (switch_data_.size() < kEd25519NonceBytes) return absl::InvalidArgumentError("a nonce of ed25519 is cut off");
    return ed25519_answer(options_.password, Bytes(switch_data_).first(kEd25519NonceBytes));
  }
  if (plugin_ == kSha256Password) {
    return options_.password.empty() || secure() ? cleartext() : Buffer{kRequestPublicKeySha256};
  }
  if (plugin_ == kClearPassword) {
    if (secure()) return cleartext();
    return absl::FailedPreconditionError("the server asks for the password in the clear, on a connection without TLS");
  }
  return absl::UnimplementedError("the server asks for the authentication plugin '" + plugin_ +
                                  "', which is not supported");
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_more_data(Bytes data) {
  if (plugin_ == kSha256Password) return on_public_key(as_text(data));
  if (plugin_ == kCachingSha2Password && data.size() == 1) {
    if (data[0] == kFastAuthSuccess) {
      state_ = State::ok;
      return Wait{};
    }
    if (data[0] == kFullAuthentication) {
      state_ = secure() ? State::ok : State::public_key;
      return Send{secure() ? cleartext() : Buffer{kRequestPublicKey}};
    }
  }
  return absl::InvalidArgumentError("the server sent data that does not fit the authentication plugin '" + plugin_ +
                                    "'");
}

absl::StatusOr<LoginAsClient::Action> LoginAsClient::on_public_key(std::string_view pem) {
  const Buffer clear = cleartext();
  absl::StatusOr<Buffer> cipher = rsa_encrypt(xor_with_nonce(as_text(clear), nonce_), pem);
  if (!cipher.ok()) return cipher.status();
  state_ = State::ok;
  return Send{*std::move(cipher)};
}

Buffer LoginAsClient::cleartext() const {
  Buffer out;
  put_nul_text(out, options_.password);
  return out;
}

}  // namespace crossfade::protocol
