// What a server takes a time zone for: its offset at the beginning of time and every change of it until 2037, asked in
// SQL. Two servers whose answers are equal turn every TIMESTAMP into the same local time and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace crossfade::dualwrite {

// In a session under the zone. Offsets are seconds east of UTC.
struct ZoneRules {
  std::int64_t first_offset = 0;                               // at 1970-01-01
  std::vector<std::pair<std::int64_t, std::int64_t>> changes;  // (last unix second before, offset after)
  friend bool operator==(const ZoneRules&, const ZoneRules&) = default;

  // "+05:30" when the zone never changed.
  std::optional<std::string> fixed_offset() const;
};

// The offset at 0: one row, one column.
std::string first_offset_query();
// Steps `step` seconds long in which the offset changed: rows of (second at the step's begin, offset at its end). From
// 1970 to 2037, or within the longer steps that begin at `within`. An hour is short enough to hold one change only.
std::string changes_query();
std::string refine_query(const std::vector<std::pair<std::int64_t, std::int64_t>>& within, std::int64_t step);

using SqlRows = std::vector<std::vector<std::optional<std::string>>>;
absl::StatusOr<std::int64_t> first_offset_from(const SqlRows& rows);
absl::StatusOr<std::vector<std::pair<std::int64_t, std::int64_t>>> changes_from(const SqlRows& rows);

}  // namespace crossfade::dualwrite
