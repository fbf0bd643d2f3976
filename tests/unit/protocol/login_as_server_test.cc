#include "protocol/login_as_server.h"

#include <gtest/gtest.h>

#include "login_conversation.h"
#include "protocol/error_codes.h"

namespace crossfade::protocol {
namespace {

using Send = LoginAsServer::Send;
using Accept = LoginAsServer::Accept;
using Reject = LoginAsServer::Reject;
using StartTls = LoginAsServer::StartTls;
using LookUpUser = LoginAsServer::LookUpUser;

const Buffer kFastSuccess = {0x01, 0x03};
const Buffer kAskFull = {0x01, 0x04};

LoginRequest login(std::string plugin, Buffer response) {
  LoginRequest request;
  request.capabilities = kTestCapabilities;
  request.user = "alice";
  request.auth_plugin = std::move(plugin);
  request.auth_response = std::move(response);
  return request;
}
LoginRequest native_login(std::string_view password) {
  return login(std::string(kNativePassword), native_scramble(password, server_options().nonce));
}
LoginRequest sha2_login(std::string_view password) {
  return login(std::string(kCachingSha2Password), sha2_scramble(password, server_options().nonce));
}

// Sends the login request and gives the answer to the secret.
LoginAsServer::Action begin(LoginAsServer& server, const LoginRequest& request, const Secret* secret) {
  const LoginAsServer::Action look_up = server.on_message(encode_login_request(request)).value();
  EXPECT_TRUE(std::holds_alternative<LookUpUser>(look_up));
  return server.set_secret(secret).value();
}

LoginAsServer::Action begin(LoginAsServer& server, const LoginRequest& request, const Secret& secret) {
  return begin(server, request, &secret);
}

AuthSwitch sent_switch(const LoginAsServer::Action& action) {
  return decode_auth_switch(std::get<Send>(action).payload).value();
}

void expect_denied(const LoginAsServer::Action& action, std::string_view using_password) {
  ASSERT_TRUE(std::holds_alternative<Reject>(action)) << action.index();
  const Reject& reject = std::get<Reject>(action);
  EXPECT_EQ(reject.code, kErrAccessDenied);
  EXPECT_EQ(reject.sqlstate, "28000");
  EXPECT_EQ(reject.message,
            "Access denied for user 'alice'@'10.1.2.3' (using password: " + std::string(using_password) + ")");
}

void expect_accepted(const LoginAsServer::Action& action, const Buffer& before_ok) {
  ASSERT_TRUE(std::holds_alternative<Accept>(action)) << action.index();
  EXPECT_EQ(std::get<Accept>(action).before_ok, before_ok);
}

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
  EXPECT_FALSE(server.learned_password());
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

TEST(LoginAsServer, WithOnlyTheHashFullAuthenticationTakesTheCleartextOverASecureTransport) {
  for (const bool good : {true, false}) {
    LoginAsServer::Options options = server_options();
    options.secure_transport = true;
    LoginAsServer server(options);
    const Secret secret = native_secret("secret");
    EXPECT_EQ(std::get<Send>(begin(server, sha2_login("secret"), secret)).payload, kAskFull);
    const LoginAsServer::Action end =
        server.on_message(as_bytes(good ? std::string_view("secret\0", 7) : std::string_view("guess\0", 6))).value();
    if (good) {
      expect_accepted(end, {});
      EXPECT_EQ(server.learned_password(), "secret");
    } else {
      expect_denied(end, "YES");
      EXPECT_FALSE(server.learned_password());
    }
  }
}

TEST(LoginAsServer, ACleartextWithoutItsNulIsDenied) {
  LoginAsServer::Options options = server_options();
  options.secure_transport = true;
  for (const std::string_view text : {"", "secret"}) {
    LoginAsServer server(options);
    begin(server, sha2_login("secret"), native_secret("secret"));
    expect_denied(server.on_message(as_bytes(text)).value(), "YES");
  }
}

Buffer cipher_of(std::string_view with_nul) {
  return rsa_encrypt(xor_with_nonce(with_nul, server_options().nonce), test_key().public_key_pem()).value();
}

TEST(LoginAsServer, WithOnlyTheHashAndNoTlsThePasswordComesByRsa) {
  LoginAsServer server(server_options());
  EXPECT_EQ(std::get<Send>(begin(server, sha2_login("secret"), native_secret("secret"))).payload, kAskFull);
  const Buffer key = std::get<Send>(server.on_message(Buffer{0x02}).value()).payload;
  ASSERT_FALSE(key.empty());
  EXPECT_EQ(key[0], 0x01);
  EXPECT_EQ(as_text(Bytes(key).subspan(1)), test_key().public_key_pem());
  expect_accepted(server.on_message(cipher_of(std::string_view("secret\0", 7))).value(), {});
  EXPECT_EQ(server.learned_password(), "secret");
}

TEST(LoginAsServer, ACipherMayComeWithoutAskingForTheKey) {
  LoginAsServer server(server_options());
  begin(server, sha2_login("secret"), native_secret("secret"));
  expect_accepted(server.on_message(cipher_of(std::string_view("secret\0", 7))).value(), {});
}

TEST(LoginAsServer, BrokenCiphersWrongPasswordsAndAMissingNulAreDeniedAlike) {
  for (const Buffer& cipher : {Buffer(256, 3), Buffer{}, Buffer{0x02}, cipher_of("secret"),
                               cipher_of(std::string_view("guess\0", 6)), cipher_of("")}) {
    LoginAsServer server(server_options());
    begin(server, sha2_login("secret"), native_secret("secret"));
    ASSERT_TRUE(server.on_message(Buffer{0x02}).ok());
    expect_denied(server.on_message(cipher).value(), "YES");
    EXPECT_FALSE(server.learned_password());
  }
}

TEST(LoginAsServer, WithoutAnRsaKeyFullAuthenticationInTheClearIsDenied) {
  LoginAsServer::Options options = server_options();
  options.rsa = nullptr;
  LoginAsServer server(options);
  begin(server, sha2_login("secret"), native_secret("secret"));
  expect_denied(server.on_message(Buffer{0x02}).value(), "YES");
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
    const Reject reject = std::get<Reject>(server.on_message(bytes).value());
    EXPECT_EQ(reject.code, kErrHandshake);
    EXPECT_EQ(reject.sqlstate, "08S01");
    EXPECT_EQ(reject.message, "Bad handshake");
  }
}

TEST(LoginAsServer, ATlsRequestIsABadHandshakeWhenTlsIsNotOfferedOrRunsAlready) {
  const Buffer tls_request = encode_tls_request(sha2_login("secret"));
  LoginAsServer plain(server_options());
  EXPECT_EQ(std::get<Reject>(plain.on_message(tls_request).value()).code, kErrHandshake);
  LoginAsServer::Options options = server_options();
  options.capabilities |= kTls;
  LoginAsServer tls(options);
  EXPECT_TRUE(std::holds_alternative<StartTls>(tls.on_message(tls_request).value()));
  EXPECT_EQ(std::get<Reject>(tls.on_message(tls_request).value()).code, kErrHandshake);
}

TEST(LoginAsServer, RequiredTlsRejectsAPlainLoginButNotAUnixSocket) {
  LoginAsServer::Options options = server_options();
  options.capabilities |= kTls;
  options.tls_required = true;
  LoginAsServer plain(options);
  const Reject reject = std::get<Reject>(plain.on_message(encode_login_request(sha2_login("secret"))).value());
  EXPECT_EQ(reject.code, kErrSecureTransportRequired);
  EXPECT_EQ(reject.sqlstate, "HY000");
  EXPECT_EQ(reject.message, "Connections using insecure transport are prohibited while --require_secure_transport=ON.");
  options.secure_transport = true;
  LoginAsServer socket(options);
  EXPECT_TRUE(std::holds_alternative<LookUpUser>(socket.on_message(encode_login_request(sha2_login("x"))).value()));
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

// Both machines together.

TEST(LoginConversation, FastSha2TakesOneRoundTrip) {
  const Secret secret = password_secret("secret");
  const Conversation seen = converse(server_options(), client_options("secret"), &secret);
  EXPECT_TRUE(seen.accepted);
  ASSERT_EQ(seen.from_server.size(), 2u);
  EXPECT_EQ(seen.from_server[0], kFastSuccess);
  EXPECT_TRUE(seen.from_client.empty());
}

TEST(LoginConversation, FullSha2WithoutTlsGoesByRsa) {
  const Secret secret = native_secret("secret");
  const Conversation seen = converse(server_options(), client_options("secret"), &secret);
  EXPECT_TRUE(seen.accepted);
  EXPECT_EQ(seen.learned_password, "secret");
  ASSERT_EQ(seen.from_client.size(), 2u);
  EXPECT_EQ(seen.from_client[0], (Buffer{0x02}));
  EXPECT_EQ(seen.from_client[1].size(), 256u);
}

TEST(LoginConversation, FullSha2OverTlsSendsTheCleartext) {
  const Secret secret = native_secret("secret");
  LoginAsServer::Options server = server_options();
  server.capabilities |= kTls;
  server.tls_required = true;
  LoginAsClient::Options client = client_options("secret");
  client.tls = LoginAsClient::Tls::required;
  const Conversation seen = converse(server, client, &secret);
  EXPECT_TRUE(seen.tls);
  EXPECT_TRUE(seen.accepted);
  EXPECT_EQ(seen.from_client, (std::vector<Buffer>{{'s', 'e', 'c', 'r', 'e', 't', 0}}));
  EXPECT_EQ(seen.learned_password, "secret");
}

TEST(LoginConversation, FullSha2OverAUnixSocketSendsTheCleartext) {
  const Secret secret = native_secret("secret");
  LoginAsServer::Options server = server_options();
  server.secure_transport = true;
  LoginAsClient::Options client = client_options("secret");
  client.secure_transport = true;
  const Conversation seen = converse(server, client, &secret);
  EXPECT_TRUE(seen.accepted);
  EXPECT_FALSE(seen.tls);
  EXPECT_EQ(seen.from_client.size(), 1u);
}

TEST(LoginConversation, AnEmptyPasswordNeedsNoMoreThanTheLoginRequest) {
  for (const Secret& secret : {password_secret(""), native_secret("")}) {
    const Conversation seen = converse(server_options(), client_options(""), &secret);
    EXPECT_TRUE(seen.accepted);
    EXPECT_TRUE(seen.from_client.empty());
    EXPECT_EQ(seen.from_server.size(), 1u);
  }
}

TEST(LoginConversation, AClientWithoutPluginAuthLogsInNatively) {
  LoginAsServer::Options server = server_options();
  server.capabilities &= ~kPluginAuth;
  for (const Secret& secret : {password_secret("secret"), native_secret("secret")}) {
    EXPECT_TRUE(converse(server, client_options("secret"), &secret).accepted);
    EXPECT_TRUE(converse(server, client_options("guess"), &secret).refused.has_value());
  }
}

TEST(LoginConversation, UnknownUsersAndWrongPasswordsSeeTheSameMessages) {
  const Secret secret = password_secret("secret");
  for (const std::string password : {"guess", ""}) {
    for (const bool tls : {false, true}) {
      for (const Capabilities plugin_auth : {Capabilities{0}, kPluginAuth}) {
        LoginAsServer::Options server = server_options();
        server.capabilities = (server.capabilities & ~kPluginAuth) | plugin_auth | (tls ? kTls : 0);
        LoginAsClient::Options client = client_options(password);
        client.tls = tls ? LoginAsClient::Tls::required : LoginAsClient::Tls::disabled;
        const Conversation unknown = converse(server, client, nullptr);
        const Conversation wrong = converse(server, client, &secret);
        EXPECT_FALSE(wrong.accepted);
        ASSERT_TRUE(wrong.refused.has_value());
        EXPECT_EQ(wrong.refused->code, kErrAccessDenied);
        EXPECT_EQ(unknown.from_server, wrong.from_server);
        EXPECT_EQ(unknown.from_client, wrong.from_client);
      }
    }
  }
}

TEST(LoginConversation, UnknownUsersAndWrongPasswordsSeeTheSameMessagesWhateverPluginTheyName) {
  const Secret secret = password_secret("secret");
  for (const std::string plugin : {"mysql_native_password", "caching_sha2_password", "client_ed25519", ""}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{20}, std::size_t{32}, std::size_t{64}}) {
      LoginAsServer unknown(server_options());
      LoginAsServer wrong(server_options());
      const LoginRequest request = login(plugin, Buffer(size, 7));
      LoginAsServer::Action first = begin(unknown, request, nullptr);
      LoginAsServer::Action second = begin(wrong, request, &secret);
      ASSERT_EQ(first.index(), second.index()) << plugin << " " << size;
      if (std::holds_alternative<Send>(first)) {
        EXPECT_EQ(std::get<Send>(first).payload, std::get<Send>(second).payload);
        first = unknown.on_message(Buffer(20, 7)).value();
        second = wrong.on_message(Buffer(20, 7)).value();
      }
      EXPECT_EQ(std::get<Reject>(first).message, std::get<Reject>(second).message);
      EXPECT_EQ(std::get<Reject>(first).code, std::get<Reject>(second).code);
    }
  }
}

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
