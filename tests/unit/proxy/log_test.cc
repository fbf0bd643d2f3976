#include "proxy/counts/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ::testing::HasSubstr;

std::string line(config::Config::LogFormat format, spdlog::level::level_enum level, const std::string& text) {
  spdlog::details::log_msg message(spdlog::log_clock::time_point(std::chrono::milliseconds(1'700'000'000'123)),
                                   spdlog::source_loc{}, "crossfade", level, text);
  spdlog::memory_buf_t out;
  make_log_formatter(format)->format(message, out);
  return std::string(out.data(), out.size());
}

TEST(Log, TextIsKeysAndValuesInUtc) {
  EXPECT_EQ(line(config::Config::LogFormat::text, spdlog::level::warn, "client refused"),
            "time=2023-11-14T22:13:20.123Z level=warning msg=\"client refused\"\n");
}

TEST(Log, JsonIsAnObjectPerLine) {
  const std::string text = line(config::Config::LogFormat::json, spdlog::level::info, "say \"hi\"\nnow");
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const nlohmann::json parsed = nlohmann::json::parse(text);
  EXPECT_EQ(parsed.at("time"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(parsed.at("level"), "info");
  EXPECT_EQ(parsed.at("msg"), "say \"hi\"\nnow");
}

TEST(Log, NoMessageCanForgeALine) {
  EXPECT_EQ(line(config::Config::LogFormat::text, spdlog::level::info, "a\nlevel=error msg=\"b\"\x1b[31m"),
            "time=2023-11-14T22:13:20.123Z level=info msg=\"a\\nlevel=error msg=\\\"b\\\"\\u001b[31m\"\n");
}

TEST(Log, BrokenUtf8IsReplaced) {
  const std::string text = line(config::Config::LogFormat::json, spdlog::level::info, "x\xff y");
  EXPECT_EQ(nlohmann::json::parse(text).at("msg"), "x\xef\xbf\xbd y");
}

// Its stderr is a pipe while this lives.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC | O_NONBLOCK), 0);
    dup2(ends_[1], STDERR_FILENO);
  }
  ~CapturedStderr() {
    dup2(saved_, STDERR_FILENO);
    for (const int fd : {saved_, ends_[0], ends_[1]}) close(fd);
  }
  std::string read_some() {
    std::string text;
    char buffer[65536];
    for (ssize_t got = 0; (got = read(ends_[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

 private:
  int saved_;
  int ends_[2] = {-1, -1};
};

TEST(Log, TheDefaultLoggerWritesToStderr) {
  const auto before = spdlog::default_logger();
  CapturedStderr captured;
  set_up_logging(config::Config::LogFormat::text);
  spdlog::info("started");
  finish_logging(std::chrono::seconds(10));
  EXPECT_THAT(captured.read_some(), HasSubstr(" level=info msg=\"started\"\n"));
  EXPECT_EQ(log_lines_dropped(), 0u);
  spdlog::set_default_logger(before);
}

// The sum over all "log_dropped=N".
std::uint64_t told_dropped(const std::string& text) {
  constexpr std::string_view kTold = "level=warning msg=\"log_dropped=";
  std::uint64_t sum = 0;
  for (std::size_t at = text.find(kTold); at != std::string::npos; at = text.find(kTold, at + 1)) {
    sum += std::strtoull(text.c_str() + at + kTold.size(), nullptr, 10);
  }
  return sum;
}

TEST(Log, AStandingReaderHoldsNobodyUpAndHearsHowManyLinesItMissed) {
  const auto before = spdlog::default_logger();
  CapturedStderr captured;
  set_up_logging(config::Config::LogFormat::text);
  const std::string big(100'000, 'x');
  for (int i = 0; i < 100; ++i) spdlog::info(big);
  const std::uint64_t dropped = log_lines_dropped();
  EXPECT_GT(dropped, 0u);
  std::string text;
  const auto read_until = [&](const std::function<bool()>& enough) {
    return support::eventually([&] {
      text += captured.read_some();
      return enough();
    });
  };
  EXPECT_TRUE(read_until([&] { return text.size() > (100 - dropped) * big.size(); }));
  spdlog::info("after");
  EXPECT_TRUE(read_until([&] { return text.find("msg=\"after\"") != std::string::npos; }));
  EXPECT_EQ(told_dropped(text), dropped);
  EXPECT_EQ(log_lines_dropped(), dropped);
  spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace crossfade::proxy
