#include "proxy/net/tls.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/proxy/temp_dir.h"
#include "tests/unit/proxy/test_certificate.h"

namespace crossfade::proxy {
namespace {

using ::testing::HasSubstr;
using Step = TlsEngine::Step;

std::string message(const absl::Status& status) { return std::string(status.message()); }

class TlsTest : public ::testing::Test {
 protected:
  std::unique_ptr<TlsEngine> server() {
    return TlsEngine::make(*TlsContext::server(server_files(cert_.cert_file, cert_.key_file)), "").value();
  }
  std::unique_ptr<TlsEngine> client(const std::string& ca, const std::string& host) {
    return TlsEngine::make(*TlsContext::client(verified_by(ca)), host).value();
  }

  static protocol::Buffer cipher_of(TlsEngine& engine) {
    protocol::Buffer bytes;
    engine.take_cipher(bytes);
    return bytes;
  }
  // Moves at most `chunk` bytes at a time, as a slow network would.
  static void carry(TlsEngine& from, TlsEngine& to, std::size_t chunk) {
    const protocol::Buffer bytes = cipher_of(from);
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
      to.put_cipher(protocol::Bytes(bytes).subspan(at, std::min(chunk, bytes.size() - at)));
    }
  }

  struct Outcome {
    Step client = Step::want_input;
    Step server = Step::want_input;
  };
  static Outcome shake_hands(TlsEngine& client, TlsEngine& server, std::size_t chunk = 100000) {
    Outcome outcome;
    for (int round = 0; round < 10; ++round) {
      outcome.client = client.handshake();
      carry(client, server, chunk);
      outcome.server = server.handshake();
      carry(server, client, chunk);
      if (outcome.client == Step::done && outcome.server == Step::done) break;
      if (outcome.client == Step::failed && outcome.server == Step::failed) break;
    }
    return outcome;
  }

  static std::string read_all(TlsEngine& engine, Step& last, std::size_t at_once = 4096) {
    std::string text;
    std::vector<std::uint8_t> into(at_once);
    for (;;) {
      const TlsEngine::ReadResult got = engine.read(into);
      last = got.step;
      if (got.step != Step::done) return text;
      text.append(reinterpret_cast<const char*>(into.data()), got.bytes);
    }
  }

  TempDir directory_;
  TestCertificate cert_ = make_certificate(directory_, "server", "DNS:db.example,IP:127.0.0.1");
};

TEST_F(TlsTest, CarriesTextBothWays) {
  auto one = client("", "");
  auto two = server();
  const Outcome outcome = shake_hands(*one, *two);
  ASSERT_EQ(outcome.client, Step::done) << one->error();
  ASSERT_EQ(outcome.server, Step::done) << two->error();

  ASSERT_EQ(one->write(protocol::as_bytes("select 1")), Step::done);
  carry(*one, *two, 1000);
  EXPECT_TRUE(cipher_of(*one).empty());
  Step last = Step::failed;
  EXPECT_EQ(read_all(*two, last), "select 1");
  EXPECT_EQ(last, Step::want_input);

  ASSERT_EQ(two->write(protocol::as_bytes("one row")), Step::done);
  carry(*two, *one, 1000);
  EXPECT_EQ(read_all(*one, last), "one row");
}

TEST_F(TlsTest, WorksWhenEveryByteComesAlone) {
  auto one = client(cert_.cert_file, "db.example");
  auto two = server();
  ASSERT_EQ(shake_hands(*one, *two, 1).client, Step::done) << one->error();
  ASSERT_EQ(one->write(protocol::as_bytes("slow")), Step::done);
  protocol::Buffer bytes;
  one->take_cipher(bytes);
  std::vector<std::uint8_t> into(64);
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    two->put_cipher(protocol::Bytes(bytes).subspan(i, 1));
    ASSERT_EQ(two->read(into).step, Step::want_input) << "after byte " << i;
  }
  two->put_cipher(protocol::Bytes(bytes).last(1));
  Step last = Step::failed;
  EXPECT_EQ(read_all(*two, last, 3), "slow");
}

TEST_F(TlsTest, TakesMoreThanARecordAtOnce) {
  auto one = client("", "");
  auto two = server();
  ASSERT_EQ(shake_hands(*one, *two).server, Step::done);
  std::string big(100000, 'x');
  big[50000] = 'y';
  ASSERT_EQ(one->write(protocol::as_bytes(big)), Step::done);
  carry(*one, *two, 1 << 20);
  Step last = Step::failed;
  EXPECT_EQ(read_all(*two, last), big);
  EXPECT_EQ(last, Step::want_input);
}

TEST_F(TlsTest, TakesWhatIsEmpty) {
  auto one = client("", "");
  auto two = server();
  ASSERT_EQ(shake_hands(*one, *two).client, Step::done);
  EXPECT_EQ(one->write({}), Step::done);
  EXPECT_TRUE(cipher_of(*one).empty());
  one->put_cipher({});
  protocol::Buffer out = {7};
  one->take_cipher(out);
  EXPECT_EQ(out, protocol::Buffer{7});
  EXPECT_EQ(one->read({}).step, Step::done);
}

TEST_F(TlsTest, AppendsToWhatMustBeSent) {
  auto one = client("", "");
  one->handshake();
  protocol::Buffer out = {1, 2};
  one->take_cipher(out);
  ASSERT_GT(out.size(), 2u);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 2);
  EXPECT_EQ(out[2], 0x16) << "a handshake record follows";
}

TEST_F(TlsTest, SaysThatTheOtherSideClosed) {
  auto one = client("", "");
  auto two = server();
  ASSERT_EQ(shake_hands(*one, *two).client, Step::done);
  one->shutdown();
  carry(*one, *two, 1000);
  std::vector<std::uint8_t> into(16);
  EXPECT_EQ(two->read(into).step, Step::closed);
}

TEST_F(TlsTest, ShutdownBeforeTheHandshakeSendsNothing) {
  auto one = client("", "");
  one->shutdown();
  EXPECT_TRUE(cipher_of(*one).empty());
}

TEST_F(TlsTest, RefusesToWriteBeforeTheHandshake) {
  auto one = client("", "");
  EXPECT_EQ(one->write(protocol::as_bytes("early")), Step::failed);
  EXPECT_THAT(one->error(), HasSubstr("handshake"));
  EXPECT_TRUE(cipher_of(*one).empty());
  EXPECT_EQ(one->handshake(), Step::failed) << "failure is for good";
}

TEST_F(TlsTest, VerifiesNameAndAddress) {
  for (const std::string host : {"db.example", "127.0.0.1"}) {
    auto one = client(cert_.cert_file, host);
    auto two = server();
    EXPECT_EQ(shake_hands(*one, *two).client, Step::done) << host << ": " << one->error();
  }
}

TEST_F(TlsTest, RefusesACertificateForAnotherHost) {
  for (const std::string host : {"other.example", "127.0.0.2", "example"}) {
    auto one = client(cert_.cert_file, host);
    auto two = server();
    const Outcome outcome = shake_hands(*one, *two);
    EXPECT_EQ(outcome.client, Step::failed) << host;
    EXPECT_THAT(one->error(), HasSubstr("mismatch")) << host;
    EXPECT_EQ(outcome.server, Step::failed) << "the alert was sent";
  }
}

TEST_F(TlsTest, RefusesAnUnknownAuthority) {
  const TestCertificate other = make_certificate(directory_, "other", "DNS:db.example");
  auto one = client(other.cert_file, "db.example");
  auto two = server();
  EXPECT_EQ(shake_hands(*one, *two).client, Step::failed);
  EXPECT_THAT(one->error(), HasSubstr("self-signed certificate"));
}

TEST_F(TlsTest, AnyCertificateDoesWhenNothingIsVerified) {
  auto one = client("", "other.example");
  auto two = server();
  EXPECT_EQ(shake_hands(*one, *two).client, Step::done) << one->error();
}

TEST_F(TlsTest, SendsTheServerNameButNeverAnAddress) {
  auto named = client("", "db.example");
  named->handshake();
  protocol::Buffer hello;
  named->take_cipher(hello);
  EXPECT_THAT(std::string(hello.begin(), hello.end()), HasSubstr("db.example"));
  auto addressed = client("", "127.0.0.1");
  addressed->handshake();
  hello.clear();
  addressed->take_cipher(hello);
  EXPECT_THAT(std::string(hello.begin(), hello.end()), ::testing::Not(HasSubstr("127.0.0.1")));
}

TEST_F(TlsTest, AVerifyingClientMustKnowTheHost) {
  const auto engine = TlsEngine::make(*TlsContext::client(verified_by(cert_.cert_file)), "");
  ASSERT_FALSE(engine.ok());
  EXPECT_THAT(message(engine.status()), HasSubstr("name"));
}

TEST_F(TlsTest, RefusesGarbage) {
  auto two = server();
  two->put_cipher(protocol::as_bytes("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(two->handshake(), Step::failed);
  EXPECT_FALSE(two->error().empty());
  std::vector<std::uint8_t> into(16);
  EXPECT_EQ(two->read(into).step, Step::failed);
  EXPECT_EQ(two->write(protocol::as_bytes("x")), Step::failed);
}

TEST_F(TlsTest, RefusesATamperedRecord) {
  auto one = client("", "");
  auto two = server();
  ASSERT_EQ(shake_hands(*one, *two).server, Step::done);
  ASSERT_EQ(one->write(protocol::as_bytes("pay 1")), Step::done);
  protocol::Buffer bytes;
  one->take_cipher(bytes);
  bytes.back() ^= 1;
  two->put_cipher(bytes);
  std::vector<std::uint8_t> into(16);
  EXPECT_EQ(two->read(into).step, Step::failed);
  EXPECT_FALSE(two->error().empty());
}

TEST_F(TlsTest, RefusesTls11) {
  auto two = server();
  SSL_CTX* old = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_cipher_list(old, "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(old, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
  SSL* ssl = SSL_new(old);
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
  SSL_connect(ssl);
  protocol::Buffer hello(BIO_ctrl_pending(out));
  ASSERT_GT(BIO_read(out, hello.data(), static_cast<int>(hello.size())), 0);
  two->put_cipher(hello);
  EXPECT_EQ(two->handshake(), Step::failed);
  EXPECT_THAT(two->error(), HasSubstr("unsupported protocol"));
  SSL_free(ssl);
  SSL_CTX_free(old);
}

TEST_F(TlsTest, ContextsKnowWhatTheyAre) {
  EXPECT_TRUE((*TlsContext::server(server_files(cert_.cert_file, cert_.key_file)))->is_server());
  EXPECT_FALSE((*TlsContext::client({}))->is_server());
  EXPECT_FALSE((*TlsContext::client({}))->verifies());
  EXPECT_TRUE((*TlsContext::client(verified_by(cert_.cert_file)))->verifies());
}

TEST_F(TlsTest, NamesTheFileThatCannotBeUsed) {
  const std::string junk = directory_.write("junk.pem", "no certificate");
  const std::string missing = directory_.file("missing.pem");
  EXPECT_THAT(message(TlsContext::server(server_files(missing, cert_.key_file)).status()), HasSubstr("missing.pem"));
  EXPECT_THAT(message(TlsContext::server(server_files(junk, cert_.key_file)).status()), HasSubstr("junk.pem"));
  EXPECT_THAT(message(TlsContext::server(server_files(cert_.cert_file, junk)).status()), HasSubstr("junk.pem"));
  EXPECT_THAT(message(TlsContext::client(verified_by(missing)).status()), HasSubstr("missing.pem"));
  EXPECT_THAT(message(TlsContext::client(verified_by(junk)).status()), HasSubstr("junk.pem"));
}

TEST_F(TlsTest, RefusesAKeyThatIsNotTheCertificates) {
  const TestCertificate other = make_certificate(directory_, "other", "DNS:db.example");
  const auto context = TlsContext::server(server_files(cert_.cert_file, other.key_file));
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(message(context.status()), HasSubstr("other.key"));
}

TEST_F(TlsTest, RefusesAnEncryptedKeyWithoutAsking) {
  const TestCertificate locked = make_certificate(directory_, "locked", "DNS:db.example", "secret");
  const auto context = TlsContext::server(server_files(locked.cert_file, locked.key_file));
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(message(context.status()), HasSubstr("locked.key"));
}

// Drives both sides until neither has more to say; whether both are done.
bool shakes_hands(const config::ListenTls& server_tls, const config::BackendTls& client_tls, bool* shown = nullptr) {
  const auto server = TlsEngine::make(*TlsContext::server(server_tls), "").value();
  const auto client = TlsEngine::make(*TlsContext::client(client_tls), "db.example").value();
  TlsEngine::Step server_step = TlsEngine::Step::want_input, client_step = TlsEngine::Step::want_input;
  for (int i = 0; i < 10; ++i) {
    protocol::Buffer wire;
    client_step = client->handshake();
    client->take_cipher(wire);
    server->put_cipher(wire);
    wire.clear();
    server_step = server->handshake();
    server->take_cipher(wire);
    client->put_cipher(wire);
  }
  // Under TLS 1.3 a client is done before the server has looked at its certificate.
  std::uint8_t byte[1];
  const bool refused = client->read(byte).step == TlsEngine::Step::failed;
  if (shown != nullptr) *shown = server->has_peer_certificate();
  return server_step == TlsEngine::Step::done && client_step == TlsEngine::Step::done && !refused;
}

TEST_F(TlsTest, AClientsCertificateIsVerifiedByItsAuthority) {
  const auto good = make_certificate(directory_, "good", "DNS:client");
  const auto other = make_certificate(directory_, "other client", "DNS:client");
  config::ListenTls server = server_files(cert_.cert_file, cert_.key_file);
  server.client_ca = good.cert_file;
  config::BackendTls with_good, with_other, without;
  with_good.cert = good.cert_file;
  with_good.key = good.key_file;
  with_other.cert = other.cert_file;
  with_other.key = other.key_file;
  bool shown = false;
  for (const auto wanted : {config::ListenTls::ClientCert::required, config::ListenTls::ClientCert::optional}) {
    server.client_cert = wanted;
    EXPECT_TRUE(shakes_hands(server, with_good, &shown));
    EXPECT_TRUE(shown);
    EXPECT_FALSE(shakes_hands(server, with_other, &shown));
    EXPECT_EQ(shakes_hands(server, without, &shown), wanted == config::ListenTls::ClientCert::optional);
    EXPECT_FALSE(shown);
  }
  server.client_cert = config::ListenTls::ClientCert::none;
  EXPECT_TRUE(shakes_hands(server, with_good, &shown));
  EXPECT_FALSE(shown);
}

TEST_F(TlsTest, ALeastVersionKeepsOlderOnesOut) {
  config::ListenTls server = server_files(cert_.cert_file, cert_.key_file);
  config::BackendTls client;
  client.version_min = config::TlsVersion::tls13;
  EXPECT_TRUE(shakes_hands(server, client));
  const auto context = TlsContext::server(server).value();
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context->get()), TLS1_2_VERSION);
  server.version_min = config::TlsVersion::tls13;
  EXPECT_EQ(SSL_CTX_get_min_proto_version(TlsContext::server(server).value()->get()), TLS1_3_VERSION);
}

TEST_F(TlsTest, FilesForClientCertificatesAreNamedInErrors) {
  config::ListenTls server = server_files(cert_.cert_file, cert_.key_file);
  server.client_cert = config::ListenTls::ClientCert::required;
  server.client_ca = directory_.file("absent.pem");
  EXPECT_THAT(message(TlsContext::server(server).status()), HasSubstr("absent.pem"));
  config::BackendTls client;
  client.cert = cert_.cert_file;
  client.key = directory_.file("absent.key");
  EXPECT_THAT(message(TlsContext::client(client).status()), HasSubstr("absent.key"));
}

}  // namespace
}  // namespace crossfade::proxy
