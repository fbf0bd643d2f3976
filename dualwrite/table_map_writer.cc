#include "dualwrite/table_map_writer.h"

#include <algorithm>

#include "dualwrite/log_event_header.h"
#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::uint8_t kTableMapEvent = 19;
constexpr std::uint16_t kTableMapFlags = 1;
constexpr std::size_t kNameBytesMax = 255;

void put_name(Buffer& out, std::string_view name) {
  protocol::put_u8(out, static_cast<std::uint8_t>(name.size()));
  protocol::put_nul_text(out, name);
}

}  // namespace

void put_table_id(Buffer& out, std::uint64_t id) {
  protocol::put_u32(out, static_cast<std::uint32_t>(id));
  protocol::put_u16(out, static_cast<std::uint16_t>(id >> 32));
}

void set_table_id(Buffer& table_map_event, std::uint64_t id) {
  Buffer bytes;
  put_table_id(bytes, id);
  std::copy(bytes.begin(), bytes.end(), table_map_event.begin() + kEventHeaderBytes);
}

void put_event_header(Buffer& out, std::uint8_t type, std::size_t body_bytes) {
  protocol::put_u32(out, 0);
  protocol::put_u8(out, type);
  protocol::put_u32(out, 0);
  protocol::put_u32(out, static_cast<std::uint32_t>(kEventHeaderBytes + body_bytes));
  protocol::put_u32(out, 0);
  protocol::put_u16(out, 0);
}

absl::StatusOr<Buffer> table_map_event(const TableDefinition& table, bool mariadb) {
  if (table.name.schema.size() > kNameBytesMax || table.name.table.size() > kNameBytesMax) {
    return absl::InvalidArgumentError("a table's name is longer than the log can say");
  }
  Buffer types;
  Buffer metadata;
  Buffer nullable((table.columns.size() + 7) / 8);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const DefinedColumn& column = table.columns[i];
    absl::StatusOr<StoredForm> form = stored_form(column, mariadb);
    if (!form.ok()) return form.status();
    const auto type = static_cast<std::uint8_t>(form->type);
    protocol::put_u8(types, type);
    const std::size_t width = metadata_bytes(type).value_or(0);
    if (width == 1) protocol::put_u8(metadata, static_cast<std::uint8_t>(form->metadata));
    if (width == 2) protocol::put_u16(metadata, form->metadata);
    if (column.nullable) nullable[i / 8] = static_cast<std::uint8_t>(nullable[i / 8] | (1 << (i % 8)));
  }
  Buffer body;
  put_table_id(body, 0);
  protocol::put_u16(body, kTableMapFlags);
  put_name(body, table.name.schema);
  put_name(body, table.name.table);
  protocol::put_lenenc(body, table.columns.size());
  protocol::put_bytes(body, types);
  protocol::put_lenenc_bytes(body, metadata);
  protocol::put_bytes(body, nullable);
  Buffer event;
  put_event_header(event, kTableMapEvent, body.size());
  protocol::put_bytes(event, body);
  return event;
}

}  // namespace crossfade::dualwrite
