// Latency as a log-linear histogram: two significant digits, mergeable, fixed memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crossfade::shadow {

// Values in microseconds, 0 to about 2^32; larger ones are held at the top. Error of a quantile: 3 %.
class Histogram {
 public:
  void record(std::uint64_t microseconds);
  void merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::uint64_t max() const { return max_; }
  // 0 < q <= 1; 0 when empty.
  std::uint64_t quantile(double q) const;
  // Sparse text "bucket:count,...", for the report database.
  std::string encode() const;
  static std::optional<Histogram> decode(std::string_view text);

 private:
  static constexpr std::size_t kBuckets = 32 * 29;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t top_of(std::size_t bucket);
  std::array<std::uint32_t, kBuckets> counts_ = {};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace crossfade::shadow
