// Both login machines, fed with arbitrary messages: they end or go on, and never let in a user that
// does not exist or give a password away in the clear.
#include <cstdlib>

#include "protocol/login_as_client.h"
#include "protocol/login_as_server.h"

namespace {

using namespace crossfade::protocol;

constexpr std::string_view kPassword = "a password that is not in the corpus";

const RsaKey& key() {
  static const RsaKey made = RsaKey::generate().value();
  return made;
}

Nonce nonce_from(std::uint8_t first) {
  Nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::uint8_t>(first + i);
  return nonce;
}

void log_in(LoginAsServer& server) {
  LoginRequest request;
  request.capabilities = kSupported & ~kConnectWithDb;
  request.user = "alice";
  request.auth_plugin = kCachingSha2Password;
  request.auth_response = sha2_scramble(kPassword, nonce_from(1));
  Secret secret;
  secret.password = std::string(kPassword);
  if (!server.on_message(encode_login_request(request)).ok()) std::abort();
  const absl::StatusOr<LoginAsServer::Action> action = server.set_secret(&secret);
  if (!action.ok() || !std::holds_alternative<LoginAsServer::Accept>(*action)) std::abort();
}

// Messages are prefixed with a length of one byte.
void run_server(Reader reader, std::uint8_t choice) {
  LoginAsServer::Options options;
  options.server_version = "9.7.4";
  options.nonce = nonce_from(1);
  options.decoy = nonce_from(101);
  options.capabilities = kSupported | ((choice & 1) != 0 ? kTls : Capabilities{0});
  options.tls_required = (choice & 2) != 0 && (choice & 64) == 0;
  options.secure_transport = (choice & 4) != 0;
  options.rsa = [choice] { return (choice & 8) != 0 ? &key() : nullptr; };
  const bool learns = (choice & 48) == 48;
  options.full_after_mismatch = (choice & 16) != 0;
  options.learns = learns;
  LoginAsServer server(options);
  Secret secret;
  secret.learnable = learns;
  if ((choice & 16) != 0) secret.password = std::string(kPassword);
  if ((choice & 32) != 0) secret.native = native_hash(kPassword);
  bool change_user = (choice & 64) != 0;
  if (change_user) log_in(server);
  while (!reader.at_end()) {
    const Bytes message = reader.take(reader.u8());
    absl::StatusOr<LoginAsServer::Action> action =
        change_user ? server.on_change_user(message) : server.on_message(message);
    if (!action.ok()) std::abort();  // the machine is never called out of turn here
    change_user = false;
    if (std::holds_alternative<LoginAsServer::LookUpUser>(*action)) {
      action = server.set_secret(&secret);
      if (!action.ok()) std::abort();
    }
    if (std::holds_alternative<LoginAsServer::Judge>(*action)) {
      if (!learns) std::abort();
      action = server.on_verdict(LoginAsServer::Verdict::wrong);
      if (!action.ok()) std::abort();
    }
    if (std::holds_alternative<LoginAsServer::Accept>(*action)) std::abort();  // nobody knows the password
    if (std::holds_alternative<LoginAsServer::Reject>(*action)) {
      if ((choice & 64) == 0) return;
      change_user = true;
    }
  }
}

void run_client(Reader reader, std::uint8_t choice) {
  LoginAsClient::Options options;
  options.user = "alice";
  options.password = std::string(kPassword);
  options.schema = (choice & 1) != 0 ? "shop" : "";
  options.capabilities = kSupported;
  options.tls = static_cast<LoginAsClient::Tls>((choice >> 1) % 3);
  options.attributes = {{"program_name", "fuzz"}};
  LoginAsClient client(options);
  bool tls = false;
  while (!reader.at_end()) {
    absl::StatusOr<LoginAsClient::Action> action = client.on_message(reader.take(reader.u8()));
    if (action.ok() && std::holds_alternative<LoginAsClient::StartTls>(*action)) {
      if (options.tls == LoginAsClient::Tls::disabled) std::abort();
      tls = true;
      action = client.on_tls_ready();
    }
    if (!action.ok()) return;
    if (const auto* send = std::get_if<LoginAsClient::Send>(&*action)) {
      if (options.tls == LoginAsClient::Tls::required && !tls) std::abort();
      if (!tls && as_text(send->payload).find(kPassword) != std::string_view::npos) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader reader(Bytes(data, size));
  const std::uint8_t choice = reader.u8();
  if ((choice & 0x80) != 0) {
    run_client(reader, choice);
  } else {
    run_server(reader, choice);
  }
  return 0;
}
