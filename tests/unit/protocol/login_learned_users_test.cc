#include <gtest/gtest.h>

#include "login_as_server_steps.h"
#include "login_conversation.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {
namespace {

using Reject = LoginAsServer::Reject;
using LookUpUser = LoginAsServer::LookUpUser;

Secret learnable(std::optional<std::string> password = std::nullopt) {
  Secret secret;
  secret.password = std::move(password);
  secret.learnable = true;
  return secret;
}

LoginAsServer::Options learning_options() {
  LoginAsServer::Options options = server_options();
  options.secure_transport = true;
  options.full_after_mismatch = true;
  options.learns = true;
  return options;
}

// The messages the server sends to a login that fails in the end.
std::vector<Buffer> denied(const LoginAsServer::Options& options, const LoginRequest& request, const Secret* secret,
                           int* asked) {
  LoginAsServer server(options);
  std::vector<Buffer> sent;
  LoginAsServer::Action action = server.on_message(encode_login_request(request)).value();
  EXPECT_TRUE(std::holds_alternative<LookUpUser>(action));
  action = server.set_secret(secret).value();
  for (int i = 0; i < 5; ++i) {
    if (auto* send = std::get_if<LoginAsServer::Send>(&action)) {
      sent.push_back(send->payload);
      const bool full = send->payload == Buffer{0x01, 0x04};
      Buffer answer = sha2_scramble("wrong", server_options().nonce);
      if (full) {
        answer.clear();
        put_nul_text(answer, "wrong");
      }
      action = server.on_message(answer).value();
    } else if (auto* judge = std::get_if<LoginAsServer::Judge>(&action)) {
      // What a listed user brought is for nobody else's eyes.
      EXPECT_EQ(judge->password == "wrong", !judge->in_vain);
      EXPECT_EQ(judge->in_vain, secret == nullptr || !secret->learnable);
      ++*asked;
      action =
          server.on_verdict(judge->in_vain ? LoginAsServer::Verdict::right : LoginAsServer::Verdict::wrong).value();
    } else {
      const Reject& reject = std::get<Reject>(action);
      sent.push_back(encode_err({reject.code, reject.sqlstate, reject.message}));
      break;
    }
  }
  return sent;
}

TEST(LoginAsServer, WhereUsersAreLearnedListedLearnedAndUnknownOnesAreDeniedAlike) {
  const Secret listed = password_secret("secret");
  const Secret hashed = native_secret("secret");
  const Secret known = learnable("secret");
  const Secret open = learnable();
  for (const LoginRequest& request : {sha2_login("wrong"), native_login("wrong")}) {
    int asked = 0;
    const auto expected = denied(learning_options(), request, &listed, &asked);
    EXPECT_EQ(asked, 1);
    EXPECT_GE(expected.size(), 2u);
    for (const Secret* secret : {&hashed, &known, &open, static_cast<const Secret*>(nullptr)}) {
      asked = 0;
      EXPECT_EQ(denied(learning_options(), request, secret, &asked), expected);
      EXPECT_EQ(asked, 1);  // the time to ask tells nothing
    }
  }
}

TEST(LoginAsServer, AListWithHashesAsksEverybodyForFullAuthentication) {
  LoginAsServer::Options options = server_options();
  options.secure_transport = true;
  options.full_after_mismatch = true;
  const Secret listed = password_secret("secret");
  const Secret hashed = native_secret("secret");
  int asked = 0;
  const auto expected = denied(options, sha2_login("wrong"), &listed, &asked);
  EXPECT_EQ(expected.size(), 2u);
  EXPECT_EQ(denied(options, sha2_login("wrong"), &hashed, &asked), expected);
  EXPECT_EQ(denied(options, sha2_login("wrong"), nullptr, &asked), expected);
  EXPECT_EQ(asked, 0);
}

TEST(LoginAsServer, ALearnedPasswordIsGoodForFastAuthenticationAndAnotherOneIsJudged) {
  LoginAsServer fast(learning_options());
  const Secret known = learnable("secret");
  ASSERT_TRUE(fast.on_message(encode_login_request(sha2_login("secret"))).ok());
  expect_accepted(fast.set_secret(&known).value(), kFastSuccess);

  LoginAsServer changed(learning_options());
  ASSERT_TRUE(changed.on_message(encode_login_request(sha2_login("fresh"))).ok());
  ASSERT_EQ(std::get<LoginAsServer::Send>(changed.set_secret(&known).value()).payload, (Buffer{0x01, 0x04}));
  EXPECT_FALSE(changed.on_verdict(LoginAsServer::Verdict::right).ok());
  Buffer clear;
  put_nul_text(clear, "fresh");
  EXPECT_EQ(std::get<LoginAsServer::Judge>(changed.on_message(clear).value()).password, "fresh");
  expect_accepted(changed.on_verdict(LoginAsServer::Verdict::right).value(), {});
}

TEST(LoginAsServer, AnEmptyPasswordIsJudgedAtOnce) {
  LoginAsServer server(learning_options());
  const Secret open = learnable();
  ASSERT_TRUE(server.on_message(encode_login_request(sha2_login(""))).ok());
  EXPECT_EQ(std::get<LoginAsServer::Judge>(server.set_secret(&open).value()).password, "");
}

}  // namespace
}  // namespace crossfade::protocol
