#include "shadow/histogram.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace crossfade::shadow {

namespace {

// Values below 32 have a bucket each; above, every power of two is cut into 32 equal buckets.
constexpr std::size_t kPerOctave = 32;
constexpr int kPerOctaveBits = 5;
constexpr std::uint32_t kCountMax = std::numeric_limits<std::uint32_t>::max();

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return b > std::numeric_limits<std::uint64_t>::max() - a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

// Reads a decimal number at the front of `text` and the separator behind it (0: the end of the text).
template <typename Number>
bool take_number(std::string_view& text, char separator, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (separator == '\0') {
    return text.empty();
  }
  if (text.empty() || text.front() != separator) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kPerOctave) {
    return static_cast<std::size_t>(value);
  }
  const int shift = static_cast<int>(std::bit_width(value)) - 1 - kPerOctaveBits;
  const std::size_t octave = static_cast<std::size_t>(shift) + 1;
  const std::size_t within = static_cast<std::size_t>(value >> shift) - kPerOctave;
  return std::min(octave * kPerOctave + within, kBuckets - 1);
}

std::uint64_t Histogram::top_of(std::size_t bucket) {
  if (bucket < kPerOctave) {
    return bucket;
  }
  const std::size_t shift = bucket / kPerOctave - 1;
  const std::uint64_t within = bucket % kPerOctave + kPerOctave;
  return ((within + 1) << shift) - 1;
}

void Histogram::record(std::uint64_t microseconds) {
  std::uint32_t& held = counts_[bucket_of(microseconds)];
  if (held == kCountMax) {
    return;
  }
  ++held;
  ++count_;
  sum_ = saturating_add(sum_, microseconds);
  max_ = std::max(max_, microseconds);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const std::uint32_t added = std::min(other.counts_[i], kCountMax - counts_[i]);
    counts_[i] += added;
    count_ += added;
  }
  sum_ = saturating_add(sum_, other.sum_);
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::quantile(double q) const {
  if (count_ == 0) {
    return 0;
  }
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) {
      return std::min(top_of(i), max_);
    }
  }
  return max_;
}

// The sum and the maximum follow the buckets, "bucket:count,...;sum;max": they cannot be had from
// the counts. An empty histogram is an empty text.
std::string Histogram::encode() const {
  std::string text;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] != 0) {
      text += (text.empty() ? "" : ",") + std::to_string(i) + ":" + std::to_string(counts_[i]);
    }
  }
  if (!text.empty()) {
    text += ";" + std::to_string(sum_) + ";" + std::to_string(max_);
  }
  return text;
}

std::optional<Histogram> Histogram::decode(std::string_view text) {
  Histogram histogram;
  if (text.empty()) {
    return histogram;
  }
  const std::size_t end = text.find(';');
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view buckets = text.substr(0, end);
  std::string_view tail = text.substr(end + 1);
  std::size_t next = 0;  // The smallest bucket that may follow: they ascend.
  while (next == 0 || !buckets.empty()) {
    std::size_t bucket = 0;
    std::uint32_t count = 0;
    const bool last = buckets.find(',') == std::string_view::npos;
    if (!take_number(buckets, ':', bucket) || !take_number(buckets, last ? '\0' : ',', count)) {
      return std::nullopt;
    }
    if (bucket < next || bucket >= kBuckets || count == 0 || (!last && buckets.empty())) {
      return std::nullopt;
    }
    histogram.counts_[bucket] = count;
    histogram.count_ += count;
    next = bucket + 1;
  }
  if (!take_number(tail, ';', histogram.sum_) || !take_number(tail, '\0', histogram.max_)) {
    return std::nullopt;
  }
  if (bucket_of(histogram.max_) + 1 != next || histogram.sum_ < histogram.max_) {
    return std::nullopt;
  }
  return histogram;
}

}  // namespace crossfade::shadow
