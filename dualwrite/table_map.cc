#include "dualwrite/table_map.h"

#include <string>
#include <utility>

#include "dualwrite/column_layout.h"

namespace crossfade::dualwrite {

using protocol::Reader;

namespace {

// u8 bytes | text | NUL
std::string name(Reader& reader) {
  std::string text(reader.lenenc_text());
  reader.skip(1);
  return text;
}

absl::Status read_metadata(Bytes metadata, LogTable* table) {
  Reader reader(metadata);
  for (LogColumn& column : table->columns) {
    const std::optional<std::size_t> bytes = metadata_bytes(column.type);
    if (!bytes) {
      return absl::UnimplementedError(table->schema + "." + table->table + " has a column of type " +
                                      std::to_string(column.type) + ", which is not known");
    }
    if (*bytes == 1) column.metadata = reader.u8();
    if (*bytes == 2) column.metadata = reader.u16();
  }
  if (reader.failed() || !reader.at_end()) return absl::InvalidArgumentError("the metadata does not fit the columns");
  return absl::OkStatus();
}

}  // namespace

std::uint64_t read_table_id(Reader& reader) {
  const std::uint64_t low = reader.u32();
  return low | static_cast<std::uint64_t>(reader.u16()) << 32;
}

absl::StatusOr<LogTable> decode_table_map(Bytes body, LogMake make) {
  Reader reader(body);
  constexpr std::uint16_t kMariadbHasTriggers = 1u << 14;
  reader.skip(kTableIdBytes);
  const std::uint16_t flags = reader.u16();
  LogTable table;
  table.has_triggers = make == LogMake::mariadb && (flags & kMariadbHasTriggers) != 0;
  table.schema = name(reader);
  table.table = name(reader);
  const std::uint64_t columns = reader.lenenc();
  const Bytes types = columns <= reader.remaining() ? reader.take(static_cast<std::size_t>(columns)) : Bytes();
  const Bytes metadata = reader.lenenc_bytes();
  const Bytes nullable = reader.take((types.size() + 7) / 8);
  if (reader.failed() || types.size() != columns) return absl::InvalidArgumentError("cut off");
  table.columns.resize(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    table.columns[i].type = types[i];
    table.columns[i].nullable = (nullable[i / 8] >> (i % 8) & 1) != 0;
  }
  if (absl::Status status = read_metadata(metadata, &table); !status.ok()) return status;
  if (absl::Status status = decode_optional_metadata(reader.rest(), make, &table); !status.ok()) return status;
  return table;
}

}  // namespace crossfade::dualwrite
