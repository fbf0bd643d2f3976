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

// The table ids without a table end a statement that changed nothing.
inline constexpr std::uint64_t kNoTable = 0x00ffffff;

// u48 table id | u16 flags | version 2: u16 bytes of what follows with itself | lenenc columns | presence bits (twice
// of an update) | images, which may be compressed (MariaDB)
absl::StatusOr<RowsChange> decode_rows(RowsLayout layout, Bytes body, std::shared_ptr<const LogTable> table);

}  // namespace crossfade::dualwrite
