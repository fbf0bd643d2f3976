#include "protocol/login_as_server.h"

#include <utility>

#include "absl/status/status.h"
#include "protocol/error_codes.h"

namespace crossfade::protocol {
namespace {

bool is_known_plugin(std::string_view plugin) { return plugin == kNativePassword || plugin == kCachingSha2Password; }

// MySQL's clients send one NUL for an empty password under caching_sha2_password, others nothing.
bool is_empty_response(Bytes response) { return response.empty() || (response.size() == 1 && response[0] == 0); }

}  // namespace

LoginAsServer::LoginAsServer(Options options) : options_(std::move(options)) {}

Buffer LoginAsServer::greeting() const {
  Greeting greeting;
  greeting.server_version = options_.server_version;
  greeting.connection_id = options_.connection_id;
  greeting.nonce = options_.nonce;
  greeting.capabilities = options_.capabilities;
  greeting.collation = options_.collation;
  greeting.status = options_.status;
  greeting.auth_plugin = options_.auth_plugin;
  return encode_greeting(greeting);
}

absl::StatusOr<LoginAsServer::Action> LoginAsServer::on_message(Bytes payload) {
  switch (state_) {
    case State::login_request:
      return on_login_request(payload);
    case State::scramble:
      return verify_scramble(payload);
    case State::public_key_or_cipher:
      return secure() ? on_cleartext(payload) : on_public_key_or_cipher(payload);
    case State::cipher:
      return on_cipher(payload);
    case State::secret:
    case State::verdict:
    case State::done:
      break;
  }
  return absl::FailedPreconditionError("a message of the client while the login does not wait for one");
}

LoginAsServer::Action LoginAsServer::on_login_request(Bytes payload) {
  absl::StatusOr<LoginRequest> request = decode_login_request(payload);
  const bool tls_is_possible = (options_.capabilities & kTls) != 0 && !tls_;
  if (!request.ok() || (request->is_tls_request && !tls_is_possible)) {
    return reject(kErrHandshake, "08S01", "Bad handshake");
  }
  if (request->is_tls_request) {
    tls_ = true;
    return StartTls{};
  }
  request_ = *std::move(request);
  if (options_.tls_required && !secure()) {
    return reject(kErrSecureTransportRequired, "HY000",
                  "Connections using insecure transport are prohibited while --require_secure_transport=ON.");
  }
  if (compression().algorithm == CompressionAlgorithm::zstd && !is_zstd_level(request_.zstd_level)) {
    return reject(kErrCompressionLevel, "HY000", "Invalid zstd compression level for algorithm 'zstd'.");
  }
  state_ = State::secret;
  return LookUpUser{};
}

Compression LoginAsServer::compression() const {
  return {.algorithm = compression_of(capabilities()), .zstd_level = request_.zstd_level};
}

absl::StatusOr<LoginAsServer::Action> LoginAsServer::on_change_user(Bytes payload) {
  if (state_ != State::done || !logged_in_) return absl::FailedPreconditionError("COM_CHANGE_USER without a login");
  absl::StatusOr<ChangeUser> change = decode_change_user(payload, capabilities());
  if (!change.ok()) return reject(kErrUnknownCommand, "08S01", "Unknown command");
  request_.user = std::move(change->user);
  request_.auth_response = std::move(change->auth_response);
  request_.schema = std::move(change->schema);
  if (change->collation != 0) request_.collation = change->collation;
  request_.auth_plugin = std::move(change->auth_plugin);
  request_.attributes = std::move(change->attributes);
  change_user_ = true;
  state_ = State::secret;
  return LookUpUser{};
}

absl::StatusOr<LoginAsServer::Action> LoginAsServer::set_secret(const Secret* secret) {
  if (state_ != State::secret) return absl::FailedPreconditionError("a secret while the login does not wait for one");
  user_known_ = secret != nullptr && (secret->password || secret->native || secret->learnable);
  if (user_known_) {
    secret_ = *secret;
  } else {
    secret_ = {};
    secret_.password = std::string(as_text(options_.decoy));
  }
  if ((capabilities() & kPluginAuth) == 0) {
    // Such a client knows only mysql_native_password, and no auth switch.
    plugin_ = kNativePassword;
    return verify_scramble(request_.auth_response);
  }
  const bool wants_cleartext = options_.learns && secure();
  if (wants_cleartext && request_.auth_plugin == kNativePassword) return switch_to(kCachingSha2Password);
  if (!is_known_plugin(request_.auth_plugin)) {
    return switch_to(wants_cleartext ? kCachingSha2Password : options_.auth_plugin);
  }
  // After COM_CHANGE_USER servers always switch, and some clients rely on it.
  if (change_user_) return switch_to(request_.auth_plugin);
  // A client that prefers another plugin than the greeting's may send nothing and wait for a switch,
  // so only a whole scramble, or the greeting's plugin, is verified at once.
  const std::size_t whole = request_.auth_plugin == kNativePassword ? 20 : 32;
  const bool empty = is_empty_response(request_.auth_response);
  if (request_.auth_response.size() == whole || (empty && request_.auth_plugin == options_.auth_plugin)) {
    plugin_ = request_.auth_plugin;
    return verify_scramble(request_.auth_response);
  }
  return switch_to(request_.auth_plugin);
}

LoginAsServer::Action LoginAsServer::switch_to(std::string_view plugin) {
  plugin_ = plugin;
  state_ = State::scramble;
  AuthSwitch auth_switch;
  auth_switch.auth_plugin = plugin_;
  auth_switch.nonce = options_.nonce;
  return Send{encode_auth_switch(auth_switch)};
}

LoginAsServer::Action LoginAsServer::verify_scramble(Bytes scramble) {
  const bool empty = is_empty_response(scramble);
  password_used_ = !empty;
  if (plugin_ == kNativePassword) {
    if (!secret_.password && !secret_.native) return finish(false);
    const NativeHash stored = secret_.password ? native_hash(*secret_.password) : *secret_.native;
    return finish(verify_native(scramble, options_.nonce, stored));
  }
  // An empty password is all there is to know: full authentication would bring nothing more.
  if (empty) return verify_cleartext("");
  const bool fits = secret_.password && verify_sha2(scramble, options_.nonce, *secret_.password);
  if (fits) return finish(true);
  // The native hash cannot check a SHA-256 scramble; it can check the cleartext.
  if (!secret_.password || secret_.learnable || options_.full_after_mismatch) return ask_full_authentication();
  return finish(false);
}

LoginAsServer::Action LoginAsServer::ask_full_authentication() {
  state_ = State::public_key_or_cipher;
  return Send{{kMoreData, kFullAuthentication}};
}

LoginAsServer::Action LoginAsServer::on_public_key_or_cipher(Bytes payload) {
  const bool asks_for_key = payload.size() == 1 && payload[0] == kRequestPublicKey;
  const RsaKey* rsa = asks_for_key ? options_.rsa() : nullptr;
  if (rsa == nullptr) return on_cipher(payload);
  Send send;
  put_u8(send.payload, kMoreData);
  put_text(send.payload, rsa->public_key_pem());
  state_ = State::cipher;
  return send;
}

LoginAsServer::Action LoginAsServer::on_cleartext(Bytes payload) {
  if (payload.empty() || payload.back() != 0) return finish(false);
  return verify_cleartext(as_text(payload.first(payload.size() - 1)));
}

// A cipher that does not decrypt is answered like a wrong password, so that the answer tells nothing
// about the padding.
LoginAsServer::Action LoginAsServer::on_cipher(Bytes cipher) {
  const RsaKey* rsa = options_.rsa();
  if (rsa == nullptr) return finish(false);
  const absl::StatusOr<Buffer> message = rsa->decrypt(cipher);
  if (!message.ok()) return finish(false);
  return on_cleartext(xor_with_nonce(as_text(*message), options_.nonce));
}

LoginAsServer::Action LoginAsServer::verify_cleartext(std::string_view password) {
  if (secret_.learnable) {
    state_ = State::verdict;
    in_vain_ = false;
    return Judge{.password = std::string(password)};
  }
  const bool good = secret_.password ? equal_passwords(password, *secret_.password)
                                     : verify_native_password(password, *secret_.native);
  if (!good && options_.learns && secure()) {
    state_ = State::verdict;
    in_vain_ = true;
    return Judge{.password = std::string(as_text(options_.decoy)), .in_vain = true};
  }
  return finish(good);
}

absl::StatusOr<LoginAsServer::Action> LoginAsServer::on_verdict(Verdict verdict) {
  if (state_ != State::verdict) return absl::FailedPreconditionError("a verdict that was not asked for");
  return finish(verdict == Verdict::right && !in_vain_);
}

LoginAsServer::Reject LoginAsServer::access_denied() const {
  return Reject{kErrAccessDenied, "28000",
                "Access denied for user '" + request_.user + "'@'" + options_.client_host +
                    "' (using password: " + (password_used_ ? "YES" : "NO") + ")"};
}

LoginAsServer::Action LoginAsServer::finish(bool good) {
  if (!good || !user_known_) {
    state_ = State::done;
    secret_ = {};
    return access_denied();
  }
  // Only a scramble that succeeds is told so ahead of the OK, and only when there was a password.
  const bool fast = plugin_ == kCachingSha2Password && password_used_ && state_ != State::public_key_or_cipher &&
                    state_ != State::cipher && state_ != State::verdict;
  state_ = State::done;
  logged_in_ = true;
  secret_ = {};
  if (fast) return Accept{{kMoreData, kFastAuthSuccess}};
  return Accept{};
}

LoginAsServer::Action LoginAsServer::reject(std::uint16_t code, std::string sqlstate, std::string message) {
  state_ = State::done;
  secret_ = {};
  return Reject{code, std::move(sqlstate), std::move(message)};
}

}  // namespace crossfade::protocol
