#include "dualwrite/rows_event.h"

#include <optional>
#include <utility>

#include "dualwrite/log_compression.h"
#include "dualwrite/log_event_header.h"
#include "dualwrite/table_map.h"

namespace crossfade::dualwrite {

using protocol::Reader;

namespace {

bool all_present(Bytes bits, std::size_t columns) {
  for (std::size_t i = 0; i < columns / 8; ++i) {
    if (bits[i] != 0xff) return false;
  }
  const std::size_t rest = columns % 8;
  return rest == 0 || (bits[columns / 8] | ((0xff << rest) & 0xff)) == 0xff;
}

}  // namespace

std::optional<RowsLayout> rows_layout(std::uint8_t event_type) {
  using enum RowsKind;
  using enum RowsPacking;
  switch (static_cast<EventType>(event_type)) {
    case EventType::write_rows_v1:
      return RowsLayout{insert, RowsVersion::one, plain};
    case EventType::update_rows_v1:
      return RowsLayout{update, RowsVersion::one, plain};
    case EventType::delete_rows_v1:
      return RowsLayout{delete_, RowsVersion::one, plain};
    case EventType::write_rows:
      return RowsLayout{insert, RowsVersion::two, plain};
    case EventType::update_rows:
      return RowsLayout{update, RowsVersion::two, plain};
    case EventType::delete_rows:
      return RowsLayout{delete_, RowsVersion::two, plain};
    case EventType::write_rows_compressed_v1:
      return RowsLayout{insert, RowsVersion::one, compressed};
    case EventType::update_rows_compressed_v1:
      return RowsLayout{update, RowsVersion::one, compressed};
    case EventType::delete_rows_compressed_v1:
      return RowsLayout{delete_, RowsVersion::one, compressed};
    case EventType::write_rows_compressed:
      return RowsLayout{insert, RowsVersion::two, compressed};
    case EventType::update_rows_compressed:
      return RowsLayout{update, RowsVersion::two, compressed};
    case EventType::delete_rows_compressed:
      return RowsLayout{delete_, RowsVersion::two, compressed};
    default:
      return std::nullopt;
  }
}

absl::StatusOr<RowsChange> decode_rows(RowsLayout layout, Bytes body, std::shared_ptr<const LogTable> table) {
  Reader reader(body);
  reader.skip(kTableIdBytes);
  RowsChange change;
  change.table = std::move(table);
  change.kind = layout.kind;
  change.flags = reader.u16();
  if (layout.version == RowsVersion::two) {
    const std::uint16_t extra = reader.u16();
    if (extra < 2) return absl::InvalidArgumentError("the extra part has less than its own bytes");
    reader.skip(extra - 2u);
  }
  const std::size_t columns = change.table->columns.size();
  if (reader.lenenc() != columns || reader.failed()) {
    return absl::InvalidArgumentError("the rows have another number of columns than their table map");
  }
  const int images = layout.kind == RowsKind::update ? 2 : 1;
  for (int i = 0; i < images; ++i) {
    const Bytes bits = reader.take((columns + 7) / 8);
    if (reader.failed()) return absl::InvalidArgumentError("cut off");
    change.complete = change.complete && all_present(bits, columns);
  }
  const Bytes rows = reader.rest();
  if (!change.complete) return change;
  if (layout.packing == RowsPacking::plain) {
    change.images.assign(rows.begin(), rows.end());
    return change;
  }
  absl::StatusOr<Buffer> plain = inflate_mariadb(rows);
  if (!plain.ok()) return plain.status();
  change.images = *std::move(plain);
  return change;
}

}  // namespace crossfade::dualwrite
