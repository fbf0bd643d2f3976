#include "proxy/log.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace crossfade::proxy {
namespace {

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

TEST(Log, SetsUpTheDefaultLogger) {
  const auto before = spdlog::default_logger();
  set_up_logging(config::Config::LogFormat::text);
  EXPECT_EQ(spdlog::default_logger()->name(), "crossfade");
  EXPECT_EQ(spdlog::default_logger()->flush_level(), spdlog::level::warn);
  spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace crossfade::proxy
