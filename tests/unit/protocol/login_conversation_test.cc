// Both machines of a login together.
#include <gtest/gtest.h>

#include "login_as_server_steps.h"
#include "login_conversation.h"
#include "protocol/error_codes.h"
#include "protocol/login_as_server.h"

namespace crossfade::protocol {
namespace {

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
      if (std::holds_alternative<LoginAsServer::Send>(first)) {
        EXPECT_EQ(std::get<LoginAsServer::Send>(first).payload, std::get<LoginAsServer::Send>(second).payload);
        first = unknown.on_message(Buffer(20, 7)).value();
        second = wrong.on_message(Buffer(20, 7)).value();
      }
      EXPECT_EQ(std::get<LoginAsServer::Reject>(first).message, std::get<LoginAsServer::Reject>(second).message);
      EXPECT_EQ(std::get<LoginAsServer::Reject>(first).code, std::get<LoginAsServer::Reject>(second).code);
    }
  }
}

}  // namespace
}  // namespace crossfade::protocol
