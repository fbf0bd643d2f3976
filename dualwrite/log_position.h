// A place in a leader's row log. Only ends of transactions are stored: nothing else can be resumed at.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace crossfade::dualwrite {

// Ordered by the number behind the last dot of the file's name, then by the offset: `bin.000009` < `bin.000010`,
// and `bin.999999` < `bin.1000000`.
struct LogPosition {
  std::string file = {};     // "bin.000012"; empty: nowhere yet, before every other place
  std::uint64_t offset = 0;  // bytes from the file's start; the first event of a file is at 4
  std::string text() const;  // "bin.000012:4711"
  bool known() const { return !file.empty(); }
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};
std::strong_ordering operator<=>(const LogPosition& left, const LogPosition& right);

}  // namespace crossfade::dualwrite
