#include <gtest/gtest.h>

#include "login_as_server_steps.h"
#include "login_conversation.h"
#include "protocol/error_codes.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {
namespace {

using Accept = LoginAsServer::Accept;
using Reject = LoginAsServer::Reject;
using LookUpUser = LoginAsServer::LookUpUser;

Buffer change_to_bob(std::string plugin, std::uint16_t collation) {
  ChangeUser change;
  change.user = "bob";
  change.schema = "shop";
  change.collation = collation;
  change.auth_response = native_scramble("bobs", server_options().nonce);
  change.auth_plugin = std::move(plugin);
  return encode_change_user(change, kTestCapabilities);
}

TEST(LoginAsServer, ChangeUserAlwaysSwitchesThePlugin) {
  const std::vector<std::pair<std::string, std::string_view>> named_and_switched = {
      {"mysql_native_password", kNativePassword},
      {"caching_sha2_password", kCachingSha2Password},
      {"", kCachingSha2Password}};
  for (const auto& [named, switched] : named_and_switched) {
    LoginAsServer server(server_options());
    begin(server, sha2_login("secret"), password_secret("secret"));
    ASSERT_TRUE(std::holds_alternative<LookUpUser>(server.on_change_user(change_to_bob(named, 33)).value()));
    EXPECT_EQ(server.request().user, "bob");
    EXPECT_EQ(server.request().schema, "shop");
    EXPECT_EQ(server.request().collation, 33);
    EXPECT_EQ(server.capabilities(), kTestCapabilities);
    const Secret secret = password_secret("bobs");
    const AuthSwitch auth_switch = sent_switch(server.set_secret(&secret).value());
    EXPECT_EQ(auth_switch.auth_plugin, switched);
    if (switched == kNativePassword) {
      expect_accepted(server.on_message(native_scramble("bobs", auth_switch.nonce)).value(), {});
    } else {
      expect_accepted(server.on_message(sha2_scramble("bobs", auth_switch.nonce)).value(), kFastSuccess);
    }
  }
}

TEST(LoginAsServer, AChangedUserWithAWrongPasswordIsDeniedAndMayTryAgain) {
  LoginAsServer server(server_options());
  begin(server, sha2_login("secret"), password_secret("secret"));
  const Secret secret = password_secret("bobs");
  for (const std::string_view password : {"wrong", "bobs"}) {
    ASSERT_TRUE(server.on_change_user(change_to_bob("", 0)).ok());
    const AuthSwitch auth_switch = sent_switch(server.set_secret(&secret).value());
    const LoginAsServer::Action end = server.on_message(sha2_scramble(password, auth_switch.nonce)).value();
    EXPECT_EQ(std::holds_alternative<Accept>(end), password == "bobs");
  }
}

TEST(LoginAsServer, ChangeUserWithoutPluginAuthIsVerifiedNatively) {
  LoginAsServer server(server_options());
  LoginRequest request = native_login("secret");
  request.capabilities &= ~(kPluginAuth | kConnectAttributes);
  begin(server, request, password_secret("secret"));
  ChangeUser change;
  change.user = "bob";
  change.auth_response = native_scramble("bobs", server_options().nonce);
  ASSERT_TRUE(server.on_change_user(encode_change_user(change, server.capabilities())).ok());
  const Secret secret = native_secret("bobs");
  expect_accepted(server.set_secret(&secret).value(), {});
}

TEST(LoginAsServer, ChangeUserKeepsTheCollationOrTakesTheNewOne) {
  LoginAsServer server(server_options());
  LoginRequest request = sha2_login("secret");
  request.collation = 8;
  begin(server, request, password_secret("secret"));
  const Secret secret = password_secret("bobs");
  const std::vector<std::pair<std::uint16_t, std::uint16_t>> given_and_kept = {
      {0, 8}, {255, 255}, {256, 256}, {309, 309}};
  for (const auto& [given, kept] : given_and_kept) {
    ASSERT_TRUE(server.on_change_user(change_to_bob("", given)).ok());
    EXPECT_EQ(server.request().collation, kept);
    ASSERT_TRUE(server.set_secret(&secret).ok());
    ASSERT_TRUE(server.on_message(sha2_scramble("bobs", server_options().nonce)).ok());
  }
}

TEST(LoginAsServer, ARejectedLoginCannotGoOnWithChangeUser) {
  LoginAsServer server(server_options());
  expect_denied(begin(server, sha2_login("guess"), password_secret("secret")), "YES");
  EXPECT_EQ(server.on_change_user(change_to_bob("", 0)).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(LoginAsServer, AMalformedChangeUserIsAnUnknownCommand) {
  LoginAsServer server(server_options());
  begin(server, sha2_login("secret"), password_secret("secret"));
  const Reject reject = std::get<Reject>(server.on_change_user(Buffer{0x11, 'b'}).value());
  EXPECT_EQ(reject.code, kErrUnknownCommand);
  EXPECT_EQ(reject.sqlstate, "08S01");
}

// libmariadb answers the switch to mysql_native_password with the login's nonce.
TEST(LoginAsServer, AChangeOfUserKeepsTheNonceOfTheLogin) {
  for (const std::string_view plugin : {kNativePassword, kCachingSha2Password}) {
    LoginAsServer server(server_options());
    begin(server, sha2_login("secret"), password_secret("secret"));
    ASSERT_TRUE(server.on_change_user(change_to_bob(std::string(plugin), 0)).ok());
    const Secret secret = password_secret("bobs");
    EXPECT_EQ(sent_switch(server.set_secret(&secret).value()).nonce, server_options().nonce);
  }
}

}  // namespace
}  // namespace crossfade::protocol
