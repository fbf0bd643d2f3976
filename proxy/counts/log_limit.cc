#include "proxy/counts/log_limit.h"

#include <algorithm>

namespace crossfade::proxy {

void LimitedLog::fill(Bucket& bucket, Clock::time_point now) {
  if (bucket.tokens >= kBurst) {
    bucket.filled_at = now;
    return;
  }
  const auto earned = (now - bucket.filled_at) / kEvery;
  const std::chrono::seconds::rep room = kBurst - bucket.tokens;
  if (earned >= room) {
    bucket.tokens = kBurst;
    bucket.filled_at = now;
  } else {
    bucket.tokens += static_cast<std::uint32_t>(earned);
    bucket.filled_at += earned * kEvery;
  }
}

std::optional<std::uint64_t> LimitedLog::admit(LogKind kind) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = buckets_[static_cast<std::size_t>(kind)];
  fill(bucket, now_());
  if (bucket.tokens == 0) {
    ++bucket.untold;
    ++bucket.suppressed;
    return std::nullopt;
  }
  --bucket.tokens;
  return std::exchange(bucket.untold, 0);
}

void LimitedLog::write(spdlog::level::level_enum level, std::string line, std::uint64_t untold) {
  if (untold != 0) line += fmt::format(" suppressed={}", untold);
  spdlog::default_logger_raw()->log(level, spdlog::string_view_t(line));
}

void LimitedLog::tell(Which which) {
  for (std::size_t i = 0; i < kLogKinds; ++i) {
    std::uint64_t untold = 0;
    {
      const std::lock_guard lock(mutex_);
      Bucket& bucket = buckets_[i];
      if (bucket.untold == 0) continue;
      fill(bucket, now_());
      if (which == Which::with_token && bucket.tokens == 0) continue;
      if (bucket.tokens > 0) --bucket.tokens;
      untold = std::exchange(bucket.untold, 0);
    }
    write(spdlog::level::warn, fmt::format("log_kind={}", name(static_cast<LogKind>(i))), untold);
  }
}

void LimitedLog::sweep() { tell(Which::with_token); }

void LimitedLog::finish() { tell(Which::all); }

std::uint64_t LimitedLog::suppressed(LogKind kind) const {
  const std::lock_guard lock(mutex_);
  return buckets_[static_cast<std::size_t>(kind)].suppressed;
}

LimitedLog& limited_log() {
  static auto& log = *new LimitedLog();
  return log;
}

}  // namespace crossfade::proxy
