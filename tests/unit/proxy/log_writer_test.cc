#include "proxy/counts/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;
using support::eventually;

constexpr auto kSoon = std::chrono::seconds(10);

// A pipe whose reader reads when it is told to.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::signal(SIGPIPE, SIG_IGN);
  }
  ~Pipe() {
    stop_reading();
    close(ends_[1]);
  }
  int writing_end() const { return ends_[1]; }
  void stop_reading() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  std::size_t capacity() const { return static_cast<std::size_t>(fcntl(ends_[1], F_GETPIPE_SZ)); }
  // What has come since the last call.
  std::string read_some() {
    std::string text;
    char buffer[65536];
    for (ssize_t got = 0; (got = read(ends_[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

 private:
  int ends_[2] = {-1, -1};
};

std::string line(std::size_t number, std::size_t bytes = 100) {
  std::string text = std::to_string(number);
  text.resize(bytes - 1, '.');
  return text + "\n";
}

TEST(LogWriter, WritesLinesInTheirOrder) {
  Pipe pipe;
  LogWriter writer(pipe.writing_end(), 1000);
  EXPECT_TRUE(writer.put("one\n"));
  EXPECT_TRUE(writer.put("two\n"));
  EXPECT_TRUE(writer.flush(kSoon));
  EXPECT_EQ(pipe.read_some(), "one\ntwo\n");
  EXPECT_EQ(writer.dropped(), 0u);
}

TEST(LogWriter, AReaderThatStandsStillHoldsNobodyUpAndEveryLineIsWrittenOrCounted) {
  Pipe pipe;
  constexpr std::size_t kBytesMax = 10'000;
  LogWriter writer(pipe.writing_end(), kBytesMax);
  // Put by the same thread that would have to read: it would hang if one of these waited.
  const std::size_t lines = (pipe.capacity() + kBytesMax) / 100 + 500;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < lines; ++i) taken += writer.put(line(i)) ? 1 : 0;
  EXPECT_EQ(taken + writer.dropped(), lines);
  EXPECT_GE(writer.dropped(), 500u) << "more than pipe and queue hold";
  std::string read;
  EXPECT_TRUE(eventually([&] { return (read += pipe.read_some()).size() == taken * 100; }));
  EXPECT_EQ(read.substr(0, 100), line(0)) << "the oldest are kept";
  EXPECT_TRUE(writer.put(line(1))) << "there is room again";
}

TEST(LogWriter, ALineThatJustFitsIsTakenAndOneByteMoreIsNot) {
  Pipe pipe;
  LogWriter writer(pipe.writing_end(), 100);
  EXPECT_FALSE(writer.put(line(1, 101)));
  EXPECT_TRUE(writer.put(line(1, 100)));
  EXPECT_EQ(writer.dropped(), 1u);
}

TEST(LogWriter, FlushGivesUpInTimeAndTheEndDoesNotWait) {
  Pipe pipe;
  LogWriter writer(pipe.writing_end(), 1 << 20);
  while (writer.put(line(1, 4096))) {
  }
  EXPECT_FALSE(writer.flush(milliseconds(1)));
}  // the destructor returns although nobody reads

TEST(LogWriter, WhatNobodyWillReadIsCountedAndLaterLinesAreTried) {
  Pipe pipe;
  LogWriter writer(pipe.writing_end(), 1000);
  pipe.stop_reading();
  EXPECT_TRUE(writer.put("one\ntwo\n"));
  EXPECT_TRUE(eventually([&] { return writer.dropped() == 2; }));
  EXPECT_TRUE(writer.put("three\n"));
  EXPECT_TRUE(eventually([&] { return writer.dropped() == 3; }));
}

}  // namespace
}  // namespace crossfade::proxy
