// Lines that come again and again are said now and then, with the number of those that were not.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "proxy/counts/log_kind.h"
#include "spdlog/spdlog.h"

namespace crossfade::proxy {

// A bucket of tokens for each kind, over all threads: `kBurst` lines at once, then one every `kEvery`. A line that
// finds no token is not formatted but counted; the next of its kind that is said ends in "suppressed=N", and if none
// comes, sweep() says it.
class LimitedLog {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint32_t kBurst = 10;
  static constexpr auto kEvery = std::chrono::seconds(5);

  explicit LimitedLog(std::function<Clock::time_point()> now = Clock::now) : now_(std::move(now)) {}

  template <typename... Args>
  void info(LogKind kind, spdlog::format_string_t<Args...> text, Args&&... args) {
    say(kind, spdlog::level::info, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warn(LogKind kind, spdlog::format_string_t<Args...> text, Args&&... args) {
    say(kind, spdlog::level::warn, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void error(LogKind kind, spdlog::format_string_t<Args...> text, Args&&... args) {
    say(kind, spdlog::level::err, text, std::forward<Args>(args)...);
  }

  // Says how many lines were held back of each kind that may speak again. For every second or so.
  void sweep();
  // The same of all kinds, at the end.
  void finish();
  // Held back since the start.
  std::uint64_t suppressed(LogKind kind) const;

 private:
  struct Bucket {
    std::uint32_t tokens = kBurst;
    Clock::time_point filled_at{};  // when the last token came in
    std::uint64_t untold = 0;
    std::uint64_t suppressed = 0;
  };
  // The number of lines to make up for; nullopt: hold this one back.
  std::optional<std::uint64_t> admit(LogKind kind);
  static void fill(Bucket& bucket, Clock::time_point now);
  static void write(spdlog::level::level_enum level, std::string line, std::uint64_t untold);
  enum class Which : std::uint8_t { with_token, all };
  void tell(Which which);

  template <typename... Args>
  void say(LogKind kind, spdlog::level::level_enum level, spdlog::format_string_t<Args...> text, Args&&... args) {
    if (const std::optional<std::uint64_t> untold = admit(kind)) {
      write(level, fmt::format(text, std::forward<Args>(args)...), *untold);
    }
  }

  std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;  // guards the buckets
  std::array<Bucket, kLogKinds> buckets_;
};

// The process's, as spdlog's default logger is.
LimitedLog& limited_log();

}  // namespace crossfade::proxy
