// WRITE_ROWS, UPDATE_ROWS, DELETE_ROWS of version 1 and 2.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "dualwrite/row_change.h"

namespace crossfade::dualwrite {

enum class RowsVersion : std::uint8_t { one, two };
enum class RowsPacking : std::uint8_t { plain, compressed };
struct RowsLayout {
  RowsKind kind = RowsKind::insert;
  RowsVersion version = RowsVersion::two;
  RowsPacking packing = RowsPacking::plain;
};
// Of an event type; nullopt: it has no rows.
std::optional<RowsLayout> rows_layout(std::uint8_t event_type);

// The ids that are no table's: such an event has no rows, it ends a statement. Of MySQL, and of MariaDB.
constexpr bool ends_statement_only(std::uint64_t table_id) {
  return table_id == 0xffffff || table_id == 0xffffffff || table_id == 0xffffffffffff;
}

// u48 table id | u16 flags | version 2: u16 bytes of what follows with itself | lenenc columns | presence bits (twice
// of an update) | images, which may be compressed (MariaDB)
absl::StatusOr<RowsChange> decode_rows(RowsLayout layout, Bytes body, std::shared_ptr<const LogTable> table);

}  // namespace crossfade::dualwrite
