// The place of a chunk in the leader's changes. A chunk of a table is read under share locks, and before they are given
// up a row with a number of its own is written: in the row log, or among what triggers captured, everything that the
// chunk shows lies before that row, and everything else that happens to the chunk's range behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dualwrite/row_change.h"

namespace crossfade::dualwrite {

// The table `marker` in the control schema of a leader that feeds by its log: CREATE TABLE IF NOT EXISTS.
std::string marker_setup_statement(std::string_view schema);
// One row a slot; concurrent transactions have different slots. The same number is never written twice in a slot.
std::string write_marker(std::string_view schema, std::uint32_t slot, std::uint64_t token);
// Of a leader that feeds by triggers: the same into `changes`.
std::string write_captured_marker(std::string_view schema, std::uint64_t token, bool mariadb);

// The change that the log has of write_marker().
RowsChange marker_change(std::string_view schema, std::uint64_t token);
// The number in a change of `marker`; nullopt: it is of another table.
std::optional<std::uint64_t> marker_token(const RowsChange& change, std::string_view schema);

}  // namespace crossfade::dualwrite
