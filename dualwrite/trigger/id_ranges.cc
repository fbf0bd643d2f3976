#include "dualwrite/trigger/id_ranges.h"

#include <charconv>
#include <iterator>
#include <limits>
#include <optional>

#include "absl/status/status.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::uint64_t kLastId = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> take_id(std::string_view& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || id == 0 || text.front() == '0') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return id;
}

absl::Status malformed_ranges() { return absl::InvalidArgumentError("not a list of rising ranges of ids"); }

}  // namespace

void IdRanges::add(std::uint64_t id) {
  if (contains(id)) return;
  ++size_;
  auto after = ranges_.upper_bound(id);
  if (after != ranges_.begin()) {
    const auto before = std::prev(after);
    if (before->second + 1 == id) {
      before->second = id;
      if (after != ranges_.end() && after->first == id + 1) {
        before->second = after->second;
        ranges_.erase(after);
      }
      return;
    }
  }
  std::uint64_t last = id;
  if (after != ranges_.end() && id != kLastId && after->first == id + 1) {
    last = after->second;
    after = ranges_.erase(after);
  }
  ranges_.emplace_hint(after, id, last);
}

bool IdRanges::contains(std::uint64_t id) const {
  const auto after = ranges_.upper_bound(id);
  return after != ranges_.begin() && std::prev(after)->second >= id;
}

void IdRanges::clear() {
  ranges_.clear();
  size_ = 0;
}

std::string IdRanges::text() const {
  std::string out;
  for (const auto& [first, last] : ranges_) {
    if (!out.empty()) out += ',';
    out += std::to_string(first);
    if (last != first) out += '-' + std::to_string(last);
  }
  return out;
}

absl::StatusOr<IdRanges> IdRanges::parse(std::string_view text) {
  IdRanges out;
  std::uint64_t previous = 0;
  while (!text.empty()) {
    const std::optional<std::uint64_t> first = take_id(text);
    // The first may be 1; a later one leaves a gap behind the one before.
    if (!first || (previous != 0 && (previous == kLastId || *first <= previous + 1))) return malformed_ranges();
    std::uint64_t last = *first;
    if (!text.empty() && text.front() == '-') {
      text.remove_prefix(1);
      const std::optional<std::uint64_t> end = text.empty() ? std::nullopt : take_id(text);
      if (!end || *end <= *first) return malformed_ranges();
      last = *end;
    }
    out.ranges_.emplace_hint(out.ranges_.end(), *first, last);
    out.size_ += last - *first + 1;
    previous = last;
    if (text.empty()) return out;
    if (text.front() != ',' || text.size() == 1) return malformed_ranges();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace crossfade::dualwrite
