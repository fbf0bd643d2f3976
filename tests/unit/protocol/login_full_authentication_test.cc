#include <gtest/gtest.h>

#include "login_as_server_steps.h"
#include "login_conversation.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {
namespace {

using Send = LoginAsServer::Send;

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
    } else {
      expect_denied(end, "YES");
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
  }
}

TEST(LoginAsServer, WithoutAnRsaKeyFullAuthenticationInTheClearIsDenied) {
  LoginAsServer::Options options = server_options();
  options.rsa = [] { return nullptr; };
  LoginAsServer server(options);
  begin(server, sha2_login("secret"), native_secret("secret"));
  expect_denied(server.on_message(Buffer{0x02}).value(), "YES");
}

}  // namespace
}  // namespace crossfade::protocol
