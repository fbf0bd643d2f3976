// The steps of a login, as its client sends them and its server answers.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "login_conversation.h"
#include "protocol/error_codes.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {

inline const Buffer kFastSuccess = {0x01, 0x03};
inline const Buffer kAskFull = {0x01, 0x04};

inline LoginRequest login(std::string plugin, Buffer response) {
  LoginRequest request;
  request.capabilities = kTestCapabilities;
  request.user = "alice";
  request.auth_plugin = std::move(plugin);
  request.auth_response = std::move(response);
  return request;
}
inline LoginRequest native_login(std::string_view password) {
  return login(std::string(kNativePassword), native_scramble(password, server_options().nonce));
}
inline LoginRequest sha2_login(std::string_view password) {
  return login(std::string(kCachingSha2Password), sha2_scramble(password, server_options().nonce));
}

// Sends the login request and gives the answer to the secret.
inline LoginAsServer::Action begin(LoginAsServer& server, const LoginRequest& request, const Secret* secret) {
  const LoginAsServer::Action look_up = server.on_message(encode_login_request(request)).value();
  EXPECT_TRUE(std::holds_alternative<LoginAsServer::LookUpUser>(look_up));
  return server.set_secret(secret).value();
}

inline LoginAsServer::Action begin(LoginAsServer& server, const LoginRequest& request, const Secret& secret) {
  return begin(server, request, &secret);
}

inline AuthSwitch sent_switch(const LoginAsServer::Action& action) {
  return decode_auth_switch(std::get<LoginAsServer::Send>(action).payload).value();
}

inline void expect_denied(const LoginAsServer::Action& action, std::string_view using_password) {
  ASSERT_TRUE(std::holds_alternative<LoginAsServer::Reject>(action)) << action.index();
  const LoginAsServer::Reject& reject = std::get<LoginAsServer::Reject>(action);
  EXPECT_EQ(reject.code, kErrAccessDenied);
  EXPECT_EQ(reject.sqlstate, "28000");
  EXPECT_EQ(reject.message,
            "Access denied for user 'alice'@'10.1.2.3' (using password: " + std::string(using_password) + ")");
}

inline void expect_accepted(const LoginAsServer::Action& action, const Buffer& before_ok) {
  ASSERT_TRUE(std::holds_alternative<LoginAsServer::Accept>(action)) << action.index();
  EXPECT_EQ(std::get<LoginAsServer::Accept>(action).before_ok, before_ok);
}

}  // namespace crossfade::protocol
