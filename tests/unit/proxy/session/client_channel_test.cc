#include "proxy/session/client/client_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "proxy/counts/metrics.h"

namespace crossfade::proxy {
namespace {

using Texts = std::vector<std::string>;

protocol::Buffer commands(const Texts& texts) {
  protocol::Buffer wire;
  for (const std::string& text : texts) protocol::append_command(wire, protocol::encode_query(text));
  return wire;
}

// A channel and the client at its other end, on one reactor.
struct Line {
  Line() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    client = std::make_unique<Stream>(reactor, fds[0]);
    const ClientChannel::Thread thread{.reactor = reactor, .scratch = scratch, .counters = metrics.make()};
    channel = std::make_unique<ClientChannel>(thread, std::make_unique<Stream>(reactor, fds[1]));
    channel->begin_commands(1 << 20);
  }
  void say(protocol::Bytes bytes) { EXPECT_EQ(client->try_write(bytes).bytes, bytes.size()); }
  protocol::Buffer heard() {
    protocol::Buffer bytes(4096);
    const Stream::Io got = client->try_read(bytes);
    bytes.resize(got.bytes);
    return bytes;
  }

  Reactor reactor;
  std::array<std::uint8_t, 64> scratch = {};
  Metrics metrics;
  std::unique_ptr<Stream> client;
  std::unique_ptr<ClientChannel> channel;
};

// The texts of the commands that come, to the client's end or `most`.
Task<void> read_texts(Line& line, std::size_t most, Texts& texts) {
  while (texts.size() < most) {
    auto command = co_await line.channel->next_command();
    if (!command.ok() || !command->has_value()) break;
    line.channel->own(**command);
    texts.emplace_back((*command)->text());
  }
  line.reactor.stop();
}

TEST(ClientChannel, CommandsThatComeAtOnceAreGivenOneByOne) {
  Line line;
  line.say(commands({"a", "bc", "", "def"}));
  Texts texts;
  line.reactor.spawn(read_texts(line, 4, texts));
  line.reactor.run();
  EXPECT_EQ(texts, (Texts{"a", "bc", "", "def"}));
}

TEST(ClientChannel, ACommandMayBeLongerThanTheScratch) {
  Line line;
  const std::string large(1000, 'x');
  line.say(commands({large, "after"}));
  line.client.reset();
  Texts texts;
  line.reactor.spawn(read_texts(line, 3, texts));
  line.reactor.run();
  EXPECT_EQ(texts, (Texts{large, "after"}));
}

Task<void> replace_one(Line& line, std::string& owned, std::string& replaced, protocol::Buffer& wire) {
  auto read = co_await line.channel->next_command();
  Command command = **read;
  line.channel->own(command);
  line.scratch.fill(0xee);  // as another session does during a wait
  owned = std::string(command.text());
  line.channel->replace(command, protocol::encode_query("another"));
  replaced = std::string(command.text());
  wire.assign(command.wire.begin(), command.wire.end());
  line.reactor.stop();
}

TEST(ClientChannel, WhatIsOwnedOutlivesTheScratchAndCanBeReplaced) {
  Line line;
  line.say(commands({"SELECT 1"}));
  std::string owned;
  std::string replaced;
  protocol::Buffer wire;
  line.reactor.spawn(replace_one(line, owned, replaced, wire));
  line.reactor.run();
  EXPECT_EQ(owned, "SELECT 1");
  EXPECT_EQ(replaced, "another");
  EXPECT_EQ(wire, commands({"another"}));
}

Task<void> answer_one(Line& line) {
  auto read = co_await line.channel->next_command();
  EXPECT_TRUE(read.ok() && read->has_value());
  protocol::Buffer first = {1};
  protocol::Buffer second = {2};
  const absl::Status sent_first = co_await line.channel->send(std::move(first));
  EXPECT_TRUE(sent_first.ok());
  const absl::Status sent_second = co_await line.channel->send(std::move(second));
  EXPECT_TRUE(sent_second.ok());
  protocol::Buffer framed = {1, 0, 0, 77, 9};
  const absl::Status sent_framed = co_await line.channel->send_framed(std::move(framed));
  EXPECT_TRUE(sent_framed.ok());
  line.reactor.stop();
}

TEST(ClientChannel, AnswersAreNumberedOnFromTheCommand) {
  Line line;
  line.say(commands({"x"}));
  line.reactor.spawn(answer_one(line));
  line.reactor.run();
  EXPECT_EQ(line.heard(), (protocol::Buffer{1, 0, 0, 1, 1, 1, 0, 0, 2, 2, 1, 0, 0, 3, 9}));
}

TEST(ClientChannel, ASessionThatIsEndedReadsNoFurtherCommand) {
  Line line;
  Texts texts;
  line.reactor.spawn(read_texts(line, 1, texts));
  line.reactor.post([&] {
    EXPECT_TRUE(line.channel->idle());
    line.channel->end_when_idle();
  });
  line.reactor.run();
  EXPECT_TRUE(line.channel->ending());
  EXPECT_EQ(texts, Texts());
}

TEST(ClientChannel, HalfACommandIsNotWaitedForAtTheEndOfTheProcess) {
  Line line;
  const protocol::Buffer half = commands({"SELECT 1"});
  line.say(protocol::Bytes(half).first(5));
  Texts texts;
  line.reactor.spawn(read_texts(line, 1, texts));
  line.reactor.post([&] { line.reactor.post([&] { line.channel->end_now(); }); });
  line.reactor.run();
  EXPECT_EQ(texts, Texts());
}

}  // namespace
}  // namespace crossfade::proxy
