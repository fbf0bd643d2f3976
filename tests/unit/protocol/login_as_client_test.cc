#include "protocol/login_as_client.h"

#include <gtest/gtest.h>

#include "login_conversation.h"
#include "protocol/ed25519.h"

namespace crossfade::protocol {
namespace {

using Send = LoginAsClient::Send;
using StartTls = LoginAsClient::StartTls;
using Done = LoginAsClient::Done;
using Refused = LoginAsClient::Refused;
using Wait = LoginAsClient::Wait;
using Tls = LoginAsClient::Tls;

Greeting mysql_greeting() {
  Greeting greeting;
  greeting.server_version = "9.7.4";
  greeting.nonce = test_nonce(1);
  greeting.capabilities = kTestCapabilities | kConnectWithDb;
  greeting.auth_plugin = kCachingSha2Password;
  return greeting;
}

Greeting mariadb_greeting() {
  Greeting greeting = mysql_greeting();
  greeting.server_version = "5.5.5-10.11.19-MariaDB";
  greeting.capabilities &= ~kLongPassword;
  greeting.auth_plugin = kNativePassword;
  return greeting;
}

LoginRequest begin_login(LoginAsClient& client, const Greeting& greeting) {
  return decode_login_request(std::get<Send>(client.on_message(encode_greeting(greeting)).value()).payload).value();
}

Buffer auth_switch_to(std::string_view plugin, std::uint8_t nonce) {
  return encode_auth_switch({.auth_plugin = std::string(plugin), .nonce = test_nonce(nonce)});
}

Buffer sent(const absl::StatusOr<LoginAsClient::Action>& action) {
  EXPECT_TRUE(action.ok()) << action.status();
  return action.ok() ? std::get<Send>(*action).payload : Buffer{};
}

Buffer key_message() {
  Buffer out = {0x01};
  put_text(out, test_key().public_key_pem());
  return out;
}

// What the server reads from an RSA cipher.
std::string decrypted(const Buffer& cipher, const Nonce& nonce) {
  return std::string(as_text(xor_with_nonce(as_text(test_key().decrypt(cipher).value()), nonce)));
}

TEST(LoginAsClient, AnswersTheGreetingWithItsPluginsScramble) {
  LoginAsClient mysql(client_options("secret"));
  const LoginRequest sha2 = begin_login(mysql, mysql_greeting());
  EXPECT_EQ(sha2.user, "alice");
  EXPECT_EQ(sha2.auth_plugin, "caching_sha2_password");
  EXPECT_EQ(sha2.auth_response, sha2_scramble("secret", test_nonce(1)));
  LoginAsClient mariadb(client_options("secret"));
  const LoginRequest native = begin_login(mariadb, mariadb_greeting());
  EXPECT_EQ(native.auth_plugin, "mysql_native_password");
  EXPECT_EQ(native.auth_response, native_scramble("secret", test_nonce(1)));
  EXPECT_EQ(mariadb.greeting().server_version, "5.5.5-10.11.19-MariaDB");
}

TEST(LoginAsClient, GuessesNativeWhenTheGreetingNamesAnUnknownPluginOrNone) {
  Greeting greeting = mysql_greeting();
  greeting.auth_plugin = "client_ed25519";
  LoginAsClient unknown(client_options("secret"));
  const LoginRequest request = begin_login(unknown, greeting);
  EXPECT_EQ(request.auth_plugin, "mysql_native_password");
  EXPECT_EQ(request.auth_response, native_scramble("secret", test_nonce(1)));
  greeting.capabilities &= ~kPluginAuth;
  LoginAsClient none(client_options("secret"));
  EXPECT_EQ(begin_login(none, greeting).auth_response, native_scramble("secret", test_nonce(1)));
}

TEST(LoginAsClient, AsksForWhatBothSidesSpeak) {
  LoginAsClient::Options options = client_options("secret");
  options.capabilities = kSupported;
  LoginAsClient client(options);
  Greeting greeting = mariadb_greeting();
  greeting.capabilities |= kCompress | kTls;
  const LoginRequest request = begin_login(client, greeting);
  EXPECT_EQ(request.capabilities, kSupported & mariadb_greeting().capabilities & ~kConnectWithDb);
  EXPECT_EQ(client.capabilities(), request.capabilities);
  EXPECT_EQ(request.capabilities & kLongPassword, 0u);
}

TEST(LoginAsClient, SendsTheSchemaOnlyWhenThereIsOne) {
  LoginAsClient::Options options = client_options("secret");
  options.schema = "shop";
  LoginAsClient with(options);
  const LoginRequest request = begin_login(with, mysql_greeting());
  EXPECT_EQ(request.schema, "shop");
  EXPECT_NE(request.capabilities & kConnectWithDb, 0u);
  options.schema.clear();
  options.capabilities |= kConnectWithDb;
  LoginAsClient without(options);
  EXPECT_EQ(begin_login(without, mysql_greeting()).capabilities & kConnectWithDb, 0u);
}

TEST(LoginAsClient, FailsWhenTheServerWouldForgetTheSchema) {
  LoginAsClient::Options options = client_options("secret");
  options.schema = "shop";
  Greeting greeting = mysql_greeting();
  greeting.capabilities &= ~kConnectWithDb;
  LoginAsClient client(options);
  EXPECT_EQ(client.on_message(encode_greeting(greeting)).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(LoginAsClient, SendsAttributesOnlyWhenTheServerTakesThem) {
  LoginAsClient::Options options = client_options("secret");
  options.attributes = {{"program_name", "crossfade"}};
  LoginAsClient with(options);
  EXPECT_EQ(begin_login(with, mysql_greeting()).attributes, options.attributes);
  Greeting greeting = mysql_greeting();
  greeting.capabilities &= ~kConnectAttributes;
  LoginAsClient without(options);
  EXPECT_TRUE(begin_login(without, greeting).attributes.empty());
}

TEST(LoginAsClient, SendsTheCollationAsItIs) {
  LoginAsClient::Options options = client_options("secret");
  options.collation = 255;  // MariaDB takes its own default for it, as it does from any client
  LoginAsClient mariadb(options);
  EXPECT_EQ(begin_login(mariadb, mariadb_greeting()).collation, 255);
  LoginAsClient mysql(options);
  EXPECT_EQ(begin_login(mysql, mysql_greeting()).collation, 255);
}

TEST(LoginAsClient, GivesTheServersOk) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mariadb_greeting());
  Ok ok;
  ok.status = kStatusAutocommit | kStatusNoBackslashEscapes;
  const LoginAsClient::Action action = client.on_message(encode_ok(ok, client.capabilities())).value();
  EXPECT_EQ(std::get<Done>(action).ok.status, ok.status);
  EXPECT_EQ(client.on_message(encode_ok(ok, client.capabilities())).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(LoginAsClient, GivesTheServersOwnWordsOfRefusalAtEveryPoint) {
  const Buffer err = encode_err({1045, "28000", "Access denied"});
  for (int messages_before = 0; messages_before <= 3; ++messages_before) {
    LoginAsClient client(client_options("secret"));
    if (messages_before > 0) begin_login(client, mysql_greeting());
    if (messages_before > 1) sent(client.on_message(Buffer{0x01, 0x04}));
    if (messages_before > 2) sent(client.on_message(key_message()));
    const LoginAsClient::Action action = client.on_message(err).value();
    EXPECT_EQ(std::get<Refused>(action).err.code, 1045);
    EXPECT_EQ(std::get<Refused>(action).err.message, "Access denied");
  }
}

TEST(LoginAsClient, WaitsForTheOkAfterFastSuccess) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mysql_greeting());
  EXPECT_TRUE(std::holds_alternative<Wait>(client.on_message(Buffer{0x01, 0x03}).value()));
  EXPECT_TRUE(std::holds_alternative<Done>(client.on_message(encode_ok({}, client.capabilities())).value()));
}

TEST(LoginAsClient, EncryptsThePasswordWithTheServersKey) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mysql_greeting());
  EXPECT_EQ(sent(client.on_message(Buffer{0x01, 0x04})), (Buffer{0x02}));
  EXPECT_EQ(decrypted(sent(client.on_message(key_message())), test_nonce(1)), std::string("secret\0", 7));
  EXPECT_TRUE(std::holds_alternative<Done>(client.on_message(encode_ok({}, client.capabilities())).value()));
}

TEST(LoginAsClient, EncryptsWithTheNonceOfTheSwitch) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mariadb_greeting());
  EXPECT_EQ(sent(client.on_message(auth_switch_to(kCachingSha2Password, 50))), sha2_scramble("secret", test_nonce(50)));
  sent(client.on_message(Buffer{0x01, 0x04}));
  EXPECT_EQ(decrypted(sent(client.on_message(key_message())), test_nonce(50)), std::string("secret\0", 7));
}

TEST(LoginAsClient, ABrokenKeyIsAFailure) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mysql_greeting());
  sent(client.on_message(Buffer{0x01, 0x04}));
  EXPECT_FALSE(client.on_message(Buffer{0x01, 'x'}).ok());
}

TEST(LoginAsClient, SendsTheCleartextOnlyOverASecureTransport) {
  LoginAsClient::Options options = client_options("secret");
  options.secure_transport = true;
  LoginAsClient client(options);
  begin_login(client, mysql_greeting());
  EXPECT_EQ(as_text(sent(client.on_message(Buffer{0x01, 0x04}))), std::string_view("secret\0", 7));
}

TEST(LoginAsClient, FollowsAuthSwitchesInEveryDirection) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mysql_greeting());
  EXPECT_EQ(sent(client.on_message(auth_switch_to(kNativePassword, 40))), native_scramble("secret", test_nonce(40)));
  EXPECT_EQ(sent(client.on_message(auth_switch_to(kCachingSha2Password, 60))), sha2_scramble("secret", test_nonce(60)));
  LoginAsClient empty(client_options(""));
  begin_login(empty, mysql_greeting());
  EXPECT_TRUE(sent(empty.on_message(auth_switch_to(kNativePassword, 40))).empty());
}

TEST(LoginAsClient, RefusesPluginsThatItDoesNotKnow) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mariadb_greeting());
  const absl::Status status = client.on_message(auth_switch_to("dialog", 1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("dialog"), std::string::npos);
  LoginAsClient old(client_options("secret"));
  begin_login(old, mariadb_greeting());
  EXPECT_EQ(old.on_message(Buffer{0xfe}).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LoginAsClient, GivesTheClearPasswordPluginNothingWithoutTls) {
  const Buffer request = auth_switch_to("mysql_clear_password", 1);
  LoginAsClient plain(client_options("secret"));
  begin_login(plain, mariadb_greeting());
  EXPECT_EQ(plain.on_message(request).status().code(), absl::StatusCode::kFailedPrecondition);
  LoginAsClient::Options options = client_options("secret");
  options.tls = Tls::required;
  LoginAsClient tls(options);
  Greeting greeting = mariadb_greeting();
  greeting.capabilities |= kTls;
  ASSERT_TRUE(std::holds_alternative<StartTls>(tls.on_message(encode_greeting(greeting)).value()));
  sent(tls.on_tls_ready());
  EXPECT_EQ(as_text(sent(tls.on_message(request))), std::string_view("secret\0", 7));
}

TEST(LoginAsClient, AnswersTheDecoyPluginOfMySql) {
  LoginAsClient plain(client_options("secret"));
  begin_login(plain, mysql_greeting());
  EXPECT_EQ(sent(plain.on_message(auth_switch_to("sha256_password", 70))), (Buffer{0x01}));
  EXPECT_EQ(decrypted(sent(plain.on_message(key_message())), test_nonce(70)), std::string("secret\0", 7));
  LoginAsClient empty(client_options(""));
  begin_login(empty, mysql_greeting());
  EXPECT_EQ(sent(empty.on_message(auth_switch_to("sha256_password", 70))), (Buffer{0x00}));
  LoginAsClient::Options options = client_options("secret");
  options.secure_transport = true;
  LoginAsClient secure(options);
  begin_login(secure, mysql_greeting());
  EXPECT_EQ(as_text(sent(secure.on_message(auth_switch_to("sha256_password", 70)))), std::string_view("secret\0", 7));
}

TEST(LoginAsClient, StartsTlsWhenItMayAndTheServerOffersIt) {
  Greeting with_tls = mysql_greeting();
  with_tls.capabilities |= kTls;
  for (const Tls tls : {Tls::disabled, Tls::preferred, Tls::required}) {
    LoginAsClient::Options options = client_options("secret");
    options.tls = tls;
    options.capabilities |= kTls;
    LoginAsClient client(options);
    const LoginAsClient::Action action = client.on_message(encode_greeting(with_tls)).value();
    if (tls == Tls::disabled) {
      EXPECT_TRUE(std::holds_alternative<Send>(action));
      EXPECT_EQ(client.capabilities() & kTls, 0u);
      EXPECT_EQ(client.on_tls_ready().status().code(), absl::StatusCode::kFailedPrecondition);
      continue;
    }
    const LoginRequest request = decode_login_request(std::get<StartTls>(action).payload).value();
    EXPECT_TRUE(request.is_tls_request);
    EXPECT_FALSE(client.on_message(Buffer{0x00}).ok());
    const LoginRequest login = decode_login_request(sent(client.on_tls_ready())).value();
    EXPECT_EQ(login.capabilities, request.capabilities);
    EXPECT_EQ(login.user, "alice");
  }
}

TEST(LoginAsClient, WithoutTlsOnTheServerPreferredGoesOnAndRequiredFails) {
  LoginAsClient::Options options = client_options("secret");
  options.tls = Tls::preferred;
  LoginAsClient preferred(options);
  begin_login(preferred, mysql_greeting());
  options.tls = Tls::required;
  LoginAsClient required(options);
  const absl::Status status = required.on_message(encode_greeting(mysql_greeting())).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("TLS"), std::string::npos);
}

TEST(LoginAsClient, RejectsMessagesThatDoNotFit) {
  const std::vector<Buffer> strange = {{}, {0x02}, {0x01}, {0x01, 0x05}, {0x01, 0x03, 0x00}, {0x42, 0x00}};
  for (const Buffer& message : strange) {
    LoginAsClient client(client_options("secret"));
    begin_login(client, mysql_greeting());
    EXPECT_EQ(client.on_message(message).status().code(), absl::StatusCode::kInvalidArgument);
  }
  LoginAsClient native(client_options("secret"));
  begin_login(native, mariadb_greeting());
  EXPECT_FALSE(native.on_message(Buffer{0x01, 0x03}).ok());
  LoginAsClient fast(client_options("secret"));
  begin_login(fast, mysql_greeting());
  ASSERT_TRUE(fast.on_message(Buffer{0x01, 0x03}).ok());
  EXPECT_FALSE(fast.on_message(Buffer{0x01, 0x04}).ok());
}

TEST(LoginAsClient, RejectsGreetingsThatItCannotRead) {
  LoginAsClient broken(client_options("secret"));
  EXPECT_FALSE(broken.on_message(Buffer{0x0a, 'x'}).ok());
  Greeting old = mysql_greeting();
  old.capabilities = kSecureConnection;
  LoginAsClient client(client_options("secret"));
  EXPECT_EQ(client.on_message(encode_greeting(old)).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LoginAsClient, SignsForEd25519AfterASwitch) {
  LoginAsClient client(client_options("secret"));
  begin_login(client, mariadb_greeting());
  Buffer auth_switch = {0xfe};
  put_nul_text(auth_switch, "client_ed25519");
  const Buffer nonce(32, 7);
  put_bytes(auth_switch, nonce);
  EXPECT_EQ(sent(client.on_message(auth_switch)), ed25519_answer("secret", nonce).value());
  EXPECT_TRUE(std::holds_alternative<Done>(client.on_message(encode_ok({}, client.capabilities())).value()));
}

TEST(LoginAsClient, AShortNonceOfEd25519IsAFailure) {
  for (std::size_t size = 0; size < 32; ++size) {
    LoginAsClient client(client_options("secret"));
    begin_login(client, mariadb_greeting());
    Buffer auth_switch = {0xfe};
    put_nul_text(auth_switch, "client_ed25519");
    put_bytes(auth_switch, Buffer(size, 7));
    EXPECT_FALSE(client.on_message(auth_switch).ok()) << size;
  }
}

LoginAsClient changing(const Greeting& greeting, LoginAsClient::Transport transport) {
  LoginAsClient::Options options = client_options("bobs");
  options.user = "bob";
  options.schema = "shop";
  options.collation = 8;
  options.attributes = {{"program_name", "test"}};
  return LoginAsClient::on_connection(options, greeting, kTestCapabilities, transport);
}

TEST(LoginAsClient, ChangesTheUserOnAConnectionByEveryPlugin) {
  for (const bool mariadb : {true, false}) {
    LoginAsClient client = changing(mariadb ? mariadb_greeting() : mysql_greeting(), LoginAsClient::Transport::open);
    const ChangeUser change = decode_change_user(client.change_user(), kTestCapabilities).value();
    EXPECT_EQ(change.user, "bob");
    EXPECT_EQ(change.schema, "shop");
    EXPECT_EQ(change.collation, 8);
    EXPECT_EQ(change.auth_plugin, mariadb ? "mysql_native_password" : "caching_sha2_password");
    EXPECT_EQ(change.attributes.size(), 1u);
    EXPECT_EQ(sent(client.on_message(auth_switch_to("mysql_native_password", 9))),
              native_scramble("bobs", test_nonce(9)));
    EXPECT_EQ(sent(client.on_message(auth_switch_to("caching_sha2_password", 19))),
              sha2_scramble("bobs", test_nonce(19)));
    EXPECT_TRUE(std::holds_alternative<Done>(client.on_message(encode_ok({}, kTestCapabilities)).value()));
  }
}

TEST(LoginAsClient, AChangedUsersPasswordTravelsInTheClearOnlyWhereThatIsSafe) {
  LoginAsClient safe = changing(mysql_greeting(), LoginAsClient::Transport::secure);
  safe.change_user();
  ASSERT_TRUE(safe.on_message(auth_switch_to("caching_sha2_password", 19)).ok());
  EXPECT_EQ(as_text(sent(safe.on_message(Buffer{0x01, 0x04}))), std::string_view("bobs\0", 5));
  LoginAsClient open = changing(mysql_greeting(), LoginAsClient::Transport::open);
  open.change_user();
  ASSERT_TRUE(open.on_message(auth_switch_to("caching_sha2_password", 19)).ok());
  EXPECT_EQ(sent(open.on_message(Buffer{0x01, 0x04})), Buffer{0x02});
}

TEST(LoginAsClient, ARefusedChangeOfUserComesInTheServersWords) {
  LoginAsClient client = changing(mariadb_greeting(), LoginAsClient::Transport::open);
  client.change_user();
  const auto action = client.on_message(encode_err({1045, "28000", "Access denied"})).value();
  EXPECT_EQ(std::get<Refused>(action).err.code, 1045);
}

}  // namespace
}  // namespace crossfade::protocol
