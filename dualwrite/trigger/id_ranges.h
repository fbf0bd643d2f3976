// A set of ids of `changes`: what one batch took.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace crossfade::dualwrite {

// Ids come mostly in rising order and mostly without gaps, so that a set of thousands is a handful of ranges.
class IdRanges {
 public:
  // In any order; an id that is there already changes nothing.
  void add(std::uint64_t id);
  bool contains(std::uint64_t id) const;
  bool empty() const { return ranges_.empty(); }
  std::uint64_t size() const { return size_; }
  void clear();

  // First and last id of each range, rising; ranges neither overlap nor touch.
  const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

  // "1-5,7,9-12"; empty of none.
  std::string text() const;
  // The inverse of text(), and of nothing else: ranges that fall, overlap or touch are errors, so are zeros in front.
  static absl::StatusOr<IdRanges> parse(std::string_view text);

  friend bool operator==(const IdRanges&, const IdRanges&) = default;

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
  std::uint64_t size_ = 0;
};

}  // namespace crossfade::dualwrite
