#include "proxy/net/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numeric>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/packet.h"
#include "tests/support/fake_backend.h"
#include "tests/unit/proxy/temp_dir.h"
#include "tests/unit/proxy/test_certificate.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Kind = Stream::Io::Kind;

TimePoint in(milliseconds duration) { return Clock::now() + duration; }
TimePoint soon() { return in(std::chrono::seconds(10)); }

// Two streams that face each other on one reactor.
struct Pair {
  Pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    left = std::make_unique<Stream>(reactor, fds[0]);
    right = std::make_unique<Stream>(reactor, fds[1]);
  }
  Reactor reactor;
  std::unique_ptr<Stream> left;
  std::unique_ptr<Stream> right;
};

Task<void> read_one(Reactor& reactor, Stream& stream, TimePoint deadline, absl::StatusOr<std::size_t>& result) {
  std::array<std::uint8_t, 16> buffer;
  result = co_await stream.receive(buffer, deadline);
  reactor.stop();
}

TEST(Stream, ReadsWhatWasWritten) {
  Pair pair;
  absl::StatusOr<std::size_t> result;
  const std::string text = "hello";
  const Stream::Io sent = pair.left->try_write(protocol::as_bytes(text));
  EXPECT_EQ(sent.kind, Kind::ok);
  EXPECT_EQ(sent.bytes, 5u);
  pair.reactor.spawn(read_one(pair.reactor, *pair.right, soon(), result));
  pair.reactor.run();
  EXPECT_EQ(*result, 5u);
}

TEST(Stream, SaysThatNothingIsThereYet) {
  Pair pair;
  std::array<std::uint8_t, 16> buffer;
  EXPECT_EQ(pair.right->try_read(buffer).kind, Kind::would_block);
}

TEST(Stream, AClosedPeerIsUnavailable) {
  Pair pair;
  absl::StatusOr<std::size_t> result;
  pair.left.reset();
  pair.reactor.spawn(read_one(pair.reactor, *pair.right, soon(), result));
  pair.reactor.run();
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
}

TEST(Stream, ADeadlineThatPassesIsSaid) {
  Pair pair;
  absl::StatusOr<std::size_t> result;
  pair.reactor.spawn(read_one(pair.reactor, *pair.right, in(milliseconds(1)), result));
  pair.reactor.run();
  EXPECT_TRUE(absl::IsDeadlineExceeded(result.status()));
}

TEST(Stream, ACancelledReadIsCancelled) {
  Pair pair;
  absl::StatusOr<std::size_t> result;
  pair.reactor.spawn(read_one(pair.reactor, *pair.right, soon(), result));
  pair.right->cancel_read();
  pair.reactor.run();
  EXPECT_TRUE(absl::IsCancelled(result.status()));
}

Task<void> write_it(Stream& stream, protocol::Buffer bytes, TimePoint deadline, absl::Status& status, int& left,
                    Reactor& reactor) {
  status = co_await stream.write_all(bytes, deadline);
  if (--left == 0) reactor.stop();
}

Task<void> read_it(Stream& stream, std::size_t want, protocol::Buffer& got, int& left, Reactor& reactor) {
  std::array<std::uint8_t, 5000> buffer;
  while (got.size() < want) {
    const auto bytes = co_await stream.read_some(buffer, soon());
    if (!bytes.ok()) break;
    got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*bytes));
  }
  if (--left == 0) reactor.stop();
}

protocol::Buffer pattern(std::size_t size) {
  protocol::Buffer bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return bytes;
}

TEST(Stream, WritesMoreThanTheSocketHoldsWhileThePeerReads) {
  Pair pair;
  const protocol::Buffer bytes = pattern(3u << 20);
  absl::Status status;
  protocol::Buffer got;
  int left = 2;
  pair.reactor.spawn(write_it(*pair.left, bytes, soon(), status, left, pair.reactor));
  pair.reactor.spawn(read_it(*pair.right, bytes.size(), got, left, pair.reactor));
  pair.reactor.run();
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(got == bytes);
}

TEST(Stream, AWriteToAPeerThatDoesNotReadEndsAtItsDeadline) {
  Pair pair;
  absl::Status status;
  int left = 1;
  pair.reactor.spawn(write_it(*pair.left, pattern(3u << 20), in(milliseconds(1)), status, left, pair.reactor));
  pair.reactor.run();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
}

TEST(Stream, AWriteToAPeerThatHasGoneFails) {
  Pair pair;
  pair.right.reset();
  absl::Status status;
  int left = 1;
  pair.reactor.spawn(write_it(*pair.left, pattern(10), soon(), status, left, pair.reactor));
  if (left != 0) pair.reactor.run();
  EXPECT_TRUE(absl::IsUnavailable(status));
}

Task<void> look_at_idle(Pair& pair, bool speak, std::vector<bool>& gone) {
  std::array<std::uint8_t, 16> buffer;
  static_cast<void>(co_await pair.right->receive(buffer, soon()));  // armed from now on
  gone.push_back(pair.right->gone_while_idle());
  if (speak) {
    pair.left->try_write(protocol::as_bytes("x"));
  } else {
    pair.left.reset();
  }
  co_await pair.reactor.sleep_for(milliseconds(1));
  gone.push_back(pair.right->gone_while_idle());
  pair.reactor.stop();
}

TEST(Stream, KnowsThatThePeerHasLeftOrSpokenOutOfTurn) {
  for (const bool speak : {false, true}) {
    Pair pair;
    pair.left->try_write(protocol::as_bytes("x"));
    std::vector<bool> gone;
    pair.reactor.spawn(look_at_idle(pair, speak, gone));
    pair.reactor.run();
    EXPECT_THAT(gone, ::testing::ElementsAre(false, true));
  }
}

TEST(Stream, NamesItsPeer) {
  Pair pair;
  EXPECT_EQ(pair.left->peer_host(), "localhost");
}

Task<void> connect_to(Reactor& reactor, config::Address address, TimePoint deadline, absl::Status& status,
                      std::string& host) {
  auto stream = co_await Stream::connect(reactor, address, deadline);
  status = stream.status();
  if (stream.ok()) host = (*stream)->peer_host();
  reactor.stop();
}

Task<void> read_all(Reactor& reactor, Stream& stream, std::size_t bytes, bool& over) {
  std::array<std::uint8_t, 16384> buffer;
  for (std::size_t got = 0; got < bytes;) {
    const auto some = co_await stream.receive(buffer, soon());
    if (!some.ok()) break;
    got += *some;
  }
  over = true;
  reactor.stop();
}

Task<void> count_turns(Reactor& reactor, const bool& over, std::size_t& turns) {
  while (!over) {
    co_await reactor.sleep_for(milliseconds(0));
    ++turns;
  }
}

// A few kilobytes of frames hold megabytes: whoever reads them gives way to others in between.
TEST(Stream, OthersHaveTheirTurnWhileABufferedPeerHasMoreToSay) {
  constexpr std::size_t kBytes = 8 * Stream::kTurnBytesMax;
  protocol::Codec codec;
  const protocol::Compression how{.algorithm = protocol::CompressionAlgorithm::zlib};
  protocol::CompressedStream writer(protocol::CompressedStream::Role::client, how);
  protocol::Buffer wire;
  protocol::Buffer frames;
  protocol::append_command(wire, protocol::Buffer(kBytes - protocol::kHeaderBytes));
  writer.write(codec, wire, frames);
  ASSERT_LT(frames.size(), 64u * 1024);
  Pair pair;
  pair.right->start_compression(protocol::CompressedStream::Role::server, how, frames);
  bool over = false;
  std::size_t turns = 0;
  pair.reactor.spawn(count_turns(pair.reactor, over, turns));
  pair.reactor.spawn(read_all(pair.reactor, *pair.right, kBytes, over));
  pair.reactor.run();
  EXPECT_TRUE(over);
  EXPECT_GE(turns, 7u);
}

TEST(StreamConnect, ReachesAListener) {
  support::FakeBackend backend({});
  Reactor reactor;
  absl::Status status;
  std::string host;
  reactor.spawn(connect_to(reactor, backend.address(), soon(), status, host));
  reactor.run();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(host, "127.0.0.1");
}

TEST(StreamConnect, SaysThatNobodyListens) {
  config::Address address;
  {
    support::FakeBackend backend({});
    address = backend.address();
  }
  Reactor reactor;
  absl::Status status;
  std::string host;
  reactor.spawn(connect_to(reactor, address, soon(), status, host));
  reactor.run();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("refused"));
}

TEST(StreamConnect, SaysThatAUnixSocketIsMissingOrItsPathTooLong) {
  for (const std::string& path : {std::string("/nowhere/at/all.sock"), "/" + std::string(200, 'x')}) {
    Reactor reactor;
    absl::Status status;
    std::string host;
    reactor.spawn(connect_to(reactor, {.host = path, .port = 0, .is_unix = true}, soon(), status, host));
    reactor.run();
    EXPECT_FALSE(status.ok());
  }
}

Task<void> secure(Stream& stream, std::shared_ptr<const TlsContext> context, protocol::Buffer send, std::size_t want,
                  absl::Status& status, protocol::Buffer& got, int& left, Reactor& reactor) {
  status = co_await stream.start_tls(std::move(context), "", protocol::Buffer(), soon());
  if (status.ok() && !send.empty()) status = co_await stream.write_all(send, soon());
  if (status.ok() && want > 0) {
    co_await read_it(stream, want, got, left, reactor);
    co_return;
  }
  if (--left == 0) reactor.stop();
}

TEST(StreamTls, CarriesMoreThanTheSocketHolds) {
  const TempDir directory;
  const TestCertificate certificate = make_certificate(directory, "server", "DNS:localhost");
  Pair pair;
  const protocol::Buffer bytes = pattern(1u << 20);
  absl::Status client;
  absl::Status server;
  protocol::Buffer unused;
  protocol::Buffer got;
  int left = 2;
  pair.reactor.spawn(secure(*pair.left, *TlsContext::client({}), bytes, 0, client, unused, left, pair.reactor));
  pair.reactor.spawn(secure(*pair.right, *TlsContext::server(server_files(certificate.cert_file, certificate.key_file)),
                            {}, bytes.size(), server, got, left, pair.reactor));
  pair.reactor.run();
  EXPECT_TRUE(client.ok()) << client;
  EXPECT_TRUE(server.ok()) << server;
  EXPECT_TRUE(pair.left->is_tls());
  EXPECT_TRUE(got == bytes);
}

TEST(StreamTls, APeerThatSpeaksSomethingElseFailsTheHandshake) {
  Pair pair;
  pair.right->try_write(protocol::as_bytes("this is no TLS record at all"));
  absl::Status status;
  protocol::Buffer got;
  int left = 1;
  pair.reactor.spawn(secure(*pair.left, *TlsContext::client({}), {}, 0, status, got, left, pair.reactor));
  pair.reactor.run();
  EXPECT_THAT(std::string(status.message()), HasSubstr("TLS handshake failed"));
  EXPECT_FALSE(pair.left->is_tls());
}

}  // namespace
}  // namespace crossfade::proxy
