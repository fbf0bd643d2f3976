#include <gtest/gtest.h>

#include "login_as_server_steps.h"
#include "login_conversation.h"
#include "protocol/error_codes.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {
namespace {

TEST(LoginAsServer, GreetsWithItsOptionsAndCachingSha2) {
  const Greeting greeting = decode_greeting(LoginAsServer(server_options()).greeting()).value();
  EXPECT_EQ(greeting.server_version, "9.7.4");
  EXPECT_EQ(greeting.connection_id, 7u);
  EXPECT_EQ(greeting.nonce, server_options().nonce);
  EXPECT_EQ(greeting.capabilities, server_options().capabilities);
  EXPECT_EQ(greeting.collation, 45);
  EXPECT_EQ(greeting.status, kStatusAutocommit);
  EXPECT_EQ(greeting.auth_plugin, "caching_sha2_password");
}

TEST(LoginAsServer, GivesTheRequestAndTheAgreedCapabilities) {
  LoginAsServer server(server_options());
  LoginRequest request = sha2_login("secret");
  request.capabilities |= kConnectWithDb | kCompress;
  request.schema = "shop";
  ASSERT_TRUE(server.on_message(encode_login_request(request)).ok());
  EXPECT_EQ(server.request().user, "alice");
  EXPECT_EQ(server.request().schema, "shop");
  EXPECT_EQ(server.capabilities(), kTestCapabilities | kConnectWithDb);
}

TEST(LoginAsServer, VerifiesANativeScrambleAgainstPasswordOrHash) {
  for (const Secret& secret : {password_secret("secret"), native_secret("secret")}) {
    LoginAsServer good(server_options());
    expect_accepted(begin(good, native_login("secret"), secret), {});
    LoginAsServer bad(server_options());
    expect_denied(begin(bad, native_login("guess"), secret), "YES");
  }
}

TEST(LoginAsServer, FastSha2SuccessIsToldBeforeTheOk) {
  LoginAsServer server(server_options());
  expect_accepted(begin(server, sha2_login("secret"), password_secret("secret")), kFastSuccess);
}

TEST(LoginAsServer, AWrongSha2ScrambleIsDenied) {
  LoginAsServer server(server_options());
  expect_denied(begin(server, sha2_login("guess"), password_secret("secret")), "YES");
}

TEST(LoginAsServer, AnEmptyPasswordIsAcceptedWithoutFastSuccess) {
  for (const Buffer& response : {Buffer{}, Buffer{0}}) {
    for (const Secret& secret : {password_secret(""), native_secret("")}) {
      LoginAsServer server(server_options());
      expect_accepted(begin(server, login("caching_sha2_password", response), secret), {});
    }
    for (const Secret& secret : {password_secret("secret"), native_secret("secret")}) {
      LoginAsServer server(server_options());
      expect_denied(begin(server, login("caching_sha2_password", response), secret), "NO");
    }
  }
}

TEST(LoginAsServer, AnEmptyNativeResponseMayWaitForASwitch) {
  // libmysqlclient and libmariadb send nothing when the greeting names another plugin than theirs.
  for (const std::string_view password : {"secret", ""}) {
    LoginAsServer server(server_options());
    const AuthSwitch auth_switch =
        sent_switch(begin(server, login("mysql_native_password", {}), password_secret(std::string(password))));
    EXPECT_EQ(auth_switch.auth_plugin, "mysql_native_password");
    expect_accepted(server.on_message(native_scramble(password, auth_switch.nonce)).value(), {});
  }
}

TEST(LoginAsServer, AGreetingWithTheNativePluginSwapsWhoMayWaitForASwitch) {
  LoginAsServer::Options options = server_options();
  options.auth_plugin = kNativePassword;
  EXPECT_EQ(decode_greeting(LoginAsServer(options).greeting())->auth_plugin, kNativePassword);
  LoginAsServer empty(options);
  expect_accepted(begin(empty, login("mysql_native_password", {}), password_secret("")), {});
  LoginAsServer denied(options);
  expect_denied(begin(denied, login("mysql_native_password", {}), password_secret("secret")), "NO");
  LoginAsServer whole(options);
  expect_accepted(begin(whole, sha2_login("secret"), password_secret("secret")), kFastSuccess);
  LoginAsServer waiting(options);
  const AuthSwitch same = sent_switch(begin(waiting, login("caching_sha2_password", {}), password_secret("secret")));
  EXPECT_EQ(same.auth_plugin, kCachingSha2Password);
  expect_accepted(waiting.on_message(sha2_scramble("secret", same.nonce)).value(), kFastSuccess);
  LoginAsServer other(options);
  const AuthSwitch native =
      sent_switch(begin(other, login("client_ed25519", Buffer(64, 1)), password_secret("secret")));
  EXPECT_EQ(native.auth_plugin, kNativePassword);
  expect_accepted(other.on_message(native_scramble("secret", native.nonce)).value(), {});
}

TEST(LoginAsServer, AnEmptyAnswerToANativeSwitchIsDeniedForARealPassword) {
  LoginAsServer server(server_options());
  const Secret secret = native_secret("secret");
  sent_switch(begin(server, login("mysql_native_password", {}), secret));
  expect_denied(server.on_message({}).value(), "NO");
}

TEST(LoginAsServer, AResponseOfAnotherLengthLeadsToASwitchToTheSamePlugin) {
  for (const std::string_view plugin : {kNativePassword, kCachingSha2Password}) {
    LoginAsServer server(server_options());
    const LoginAsServer::Action action =
        begin(server, login(std::string(plugin), Buffer(9, 1)), password_secret("secret"));
    EXPECT_EQ(sent_switch(action).auth_plugin, plugin);
    expect_denied(server.on_message(Buffer(9, 1)).value(), "YES");
  }
}

TEST(LoginAsServer, UnknownOrMissingPluginsAreSwitchedToCachingSha2) {
  for (const char* plugin : {"client_ed25519", "mysql_clear_password", ""}) {
    LoginAsServer server(server_options());
    const AuthSwitch auth_switch = sent_switch(begin(server, login(plugin, Buffer(20, 1)), password_secret("secret")));
    EXPECT_EQ(auth_switch.auth_plugin, "caching_sha2_password");
    EXPECT_EQ(auth_switch.nonce, server_options().nonce);
    expect_accepted(server.on_message(sha2_scramble("secret", auth_switch.nonce)).value(), kFastSuccess);
  }
}

TEST(LoginAsServer, AClientWithoutPluginAuthIsVerifiedNatively) {
  LoginAsServer server(server_options());
  LoginRequest request = native_login("secret");
  request.capabilities &= ~kPluginAuth;
  expect_accepted(begin(server, request, password_secret("secret")), {});
  LoginAsServer other(server_options());
  request.auth_response.clear();
  expect_denied(begin(other, request, password_secret("secret")), "NO");
}

TEST(LoginAsServer, NobodyLogsInWithTheDecoy) {
  const std::string decoy(as_text(server_options().decoy));
  LoginAsServer sha2(server_options());
  expect_denied(begin(sha2, sha2_login(decoy), nullptr), "YES");
  LoginAsServer native(server_options());
  expect_denied(begin(native, native_login(decoy), nullptr), "YES");
}

TEST(LoginAsServer, ASecretThatHoldsNothingIsThatOfAnUnknownUser) {
  LoginAsServer server(server_options());
  expect_denied(begin(server, sha2_login("secret"), Secret{}), "YES");
  LoginAsServer empty(server_options());
  expect_denied(begin(empty, sha2_login(""), Secret{}), "NO");
}

TEST(LoginAsServer, NonsenseInsteadOfALoginRequestIsABadHandshake) {
  LoginRequest old = sha2_login("secret");
  old.capabilities &= ~kProtocol41;
  for (const Buffer& bytes : {Buffer{}, Buffer{1, 2, 3}, encode_login_request(old)}) {
    LoginAsServer server(server_options());
    const LoginAsServer::Reject reject = std::get<LoginAsServer::Reject>(server.on_message(bytes).value());
    EXPECT_EQ(reject.code, kErrHandshake);
    EXPECT_EQ(reject.sqlstate, "08S01");
    EXPECT_EQ(reject.message, "Bad handshake");
  }
}

TEST(LoginAsServer, ATlsRequestIsABadHandshakeWhenTlsIsNotOfferedOrRunsAlready) {
  const Buffer tls_request = encode_tls_request(sha2_login("secret"));
  LoginAsServer plain(server_options());
  EXPECT_EQ(std::get<LoginAsServer::Reject>(plain.on_message(tls_request).value()).code, kErrHandshake);
  LoginAsServer::Options options = server_options();
  options.capabilities |= kTls;
  LoginAsServer tls(options);
  EXPECT_TRUE(std::holds_alternative<LoginAsServer::StartTls>(tls.on_message(tls_request).value()));
  EXPECT_EQ(std::get<LoginAsServer::Reject>(tls.on_message(tls_request).value()).code, kErrHandshake);
}

TEST(LoginAsServer, RequiredTlsRejectsAPlainLoginButNotAUnixSocket) {
  LoginAsServer::Options options = server_options();
  options.capabilities |= kTls;
  options.tls_required = true;
  LoginAsServer plain(options);
  const Buffer request = encode_login_request(sha2_login("secret"));
  const auto reject = std::get<LoginAsServer::Reject>(plain.on_message(request).value());
  EXPECT_EQ(reject.code, kErrSecureTransportRequired);
  EXPECT_EQ(reject.sqlstate, "HY000");
  EXPECT_EQ(reject.message, "Connections using insecure transport are prohibited while --require_secure_transport=ON.");
  options.secure_transport = true;
  LoginAsServer socket(options);
  const LoginAsServer::Action look_up = socket.on_message(encode_login_request(sha2_login("x"))).value();
  EXPECT_TRUE(std::holds_alternative<LoginAsServer::LookUpUser>(look_up));
}

TEST(LoginAsServer, CallsOutOfTurnAreFailures) {
  LoginAsServer server(server_options());
  const Secret secret = password_secret("secret");
  EXPECT_EQ(server.set_secret(&secret).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(server.on_change_user(Buffer{0x11}).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(server.on_message(encode_login_request(sha2_login("secret"))).ok());
  EXPECT_EQ(server.on_message(Buffer{0}).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(server.set_secret(&secret).ok());
  EXPECT_EQ(server.on_message(Buffer{0}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace crossfade::protocol
