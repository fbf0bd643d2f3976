// Lets the two login machines talk to each other in memory.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/login_as_client.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {

inline constexpr Capabilities kTestCapabilities = kProtocol41 | kSecureConnection | kPluginAuth | kPluginAuthLenenc |
                                                  kConnectAttributes | kDeprecateEof | kLongPassword;

inline Nonce test_nonce(std::uint8_t first) {
  Nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::uint8_t>(first + i);
  return nonce;
}

// Making a key takes long; the tests of a program share one.
inline const RsaKey& test_key() {
  static const RsaKey key = RsaKey::generate().value();
  return key;
}

inline LoginAsServer::Options server_options() {
  LoginAsServer::Options options;
  options.server_version = "9.7.4";
  options.connection_id = 7;
  options.nonce = test_nonce(1);
  options.decoy = test_nonce(101);
  options.capabilities = kTestCapabilities | kConnectWithDb;
  options.client_host = "10.1.2.3";
  options.rsa = [] { return &test_key(); };
  return options;
}

inline LoginAsClient::Options client_options(std::string password) {
  LoginAsClient::Options options;
  options.user = "alice";
  options.password = std::move(password);
  options.capabilities = kTestCapabilities;
  return options;
}

inline Secret password_secret(std::string password) {
  Secret secret;
  secret.password = std::move(password);
  return secret;
}
inline Secret native_secret(std::string_view password) {
  Secret secret;
  secret.native = native_hash(password);
  return secret;
}

struct Conversation {
  std::vector<Buffer> from_server;  // after the greeting, the final OK or ERR included
  std::vector<Buffer> from_client;  // after the login request
  bool tls = false;
  bool accepted = false;
  std::optional<Err> refused;
  absl::Status failure;  // of the client's machine
};

class ConversationRun {
 public:
  ConversationRun(LoginAsServer::Options server, LoginAsClient::Options client, const Secret* secret)
      : server_(std::move(server)), client_(std::move(client)), secret_(secret) {}

  Conversation run() {
    to_client(server_.greeting());
    // The greeting and the login request are the same in every conversation of one set-up.
    if (!seen_.from_server.empty()) seen_.from_server.erase(seen_.from_server.begin());
    if (!seen_.from_client.empty()) seen_.from_client.erase(seen_.from_client.begin());
    return std::move(seen_);
  }

 private:
  void to_client(const Buffer& message) {
    seen_.from_server.push_back(message);
    on_client_action(client_.on_message(message));
  }
  void to_server(const Buffer& message) {
    seen_.from_client.push_back(message);
    on_server_action(server_.on_message(message));
  }

  void on_client_action(absl::StatusOr<LoginAsClient::Action> action) {
    if (!action.ok()) {
      seen_.failure = action.status();
    } else if (auto* send = std::get_if<LoginAsClient::Send>(&*action)) {
      to_server(send->payload);
    } else if (auto* start = std::get_if<LoginAsClient::StartTls>(&*action)) {
      ASSERT_TRUE(std::holds_alternative<LoginAsServer::StartTls>(server_.on_message(start->payload).value()));
      seen_.tls = true;
      on_client_action(client_.on_tls_ready());
    } else if (std::holds_alternative<LoginAsClient::Done>(*action)) {
      seen_.accepted = true;
    } else if (auto* refused = std::get_if<LoginAsClient::Refused>(&*action)) {
      seen_.refused = refused->err;
    }
  }

  void on_server_action(absl::StatusOr<LoginAsServer::Action> action) {
    ASSERT_TRUE(action.ok()) << action.status();
    if (auto* send = std::get_if<LoginAsServer::Send>(&*action)) {
      to_client(send->payload);
    } else if (std::holds_alternative<LoginAsServer::LookUpUser>(*action)) {
      on_server_action(server_.set_secret(secret_));
    } else if (auto* accept = std::get_if<LoginAsServer::Accept>(&*action)) {
      if (!accept->before_ok.empty()) to_client(accept->before_ok);
      to_client(encode_ok(Ok{}, client_.capabilities()));
    } else if (auto* reject = std::get_if<LoginAsServer::Reject>(&*action)) {
      to_client(encode_err({reject->code, reject->sqlstate, reject->message}));
    } else {
      ADD_FAILURE() << "the server machine neither answers nor ends";
    }
  }

  LoginAsServer server_;
  LoginAsClient client_;
  const Secret* secret_;
  Conversation seen_;
};

inline Conversation converse(LoginAsServer::Options server, LoginAsClient::Options client, const Secret* secret) {
  return ConversationRun(std::move(server), std::move(client), secret).run();
}

}  // namespace crossfade::protocol
