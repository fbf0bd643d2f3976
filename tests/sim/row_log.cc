#include "tests/sim/row_log.h"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/rows_event.h"
#include "dualwrite/table_map.h"
#include "tests/support/server_packets.h"
#include "tests/unit/dualwrite/log_frames.h"

namespace crossfade::sim {

using dualwrite::EventType;
using protocol::Buffer;

namespace {

constexpr std::size_t kTables = 3;
constexpr std::uint8_t kLongLong = 8, kVarchar = 15;
constexpr std::uint16_t kVarcharBytes = 80;
constexpr std::uint8_t kCollation = 45;

Buffer gtid_body(std::uint64_t number) {
  constexpr std::uint8_t kTransactional = 0x04;
  Buffer body;
  support::put_u64(body, number);
  protocol::put_u32(body, 0);
  protocol::put_u8(body, kTransactional);
  protocol::put_zeros(body, 6);
  return body;
}

void put_table_id(Buffer& body, std::uint64_t id) {
  protocol::put_u32(body, static_cast<std::uint32_t>(id));
  protocol::put_u16(body, 0);
}

Buffer table_map_body(std::uint64_t id, const std::string& table) {
  Buffer body;
  put_table_id(body, id);
  protocol::put_u16(body, 1);
  for (const std::string& name : {std::string(kSchema), table}) {
    protocol::put_lenenc_text(body, name);
    protocol::put_u8(body, 0);
  }
  for (const int byte : {3, kLongLong + 0, kLongLong + 0, kVarchar + 0, 2, kVarcharBytes & 0xff, 0, 0b110}) {
    protocol::put_u8(body, static_cast<std::uint8_t>(byte));
  }
  const auto metadata = [&](std::uint8_t kind, const Buffer& value) {
    protocol::put_u8(body, kind);
    protocol::put_lenenc(body, value.size());
    protocol::put_bytes(body, value);
  };
  Buffer names;
  for (const char* name : {"id", "v", "s"}) protocol::put_lenenc_text(names, name);
  metadata(1, {0});           // signs
  metadata(2, {kCollation});  // of all texts
  metadata(4, names);
  metadata(8, {0});  // the primary key
  return body;
}

void put_image(Buffer& out, const Row& row) {
  std::uint8_t nulls = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row[i]) nulls = static_cast<std::uint8_t>(nulls | 1u << i);
  }
  protocol::put_u8(out, nulls);
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row[i]) continue;
    if (i < 2) {
      support::put_u64(out, static_cast<std::uint64_t>(std::stoll(*row[i])));
    } else {
      protocol::put_lenenc_text(out, *row[i]);
    }
  }
}

Row row_of(const dualwrite::RowImage& image) {
  Row row;
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (image[i].is_null) {
      row.emplace_back(std::nullopt);
    } else if (i < 2) {
      std::uint64_t value = 0;
      for (std::size_t byte = 8; byte > 0; --byte) value = value << 8 | image[i].bytes[byte - 1];
      row.emplace_back(std::to_string(static_cast<std::int64_t>(value)));
    } else {
      row.emplace_back(std::string(protocol::as_text(image[i].bytes.subspan(1))));
    }
  }
  return row;
}

Row take_image(const dualwrite::LogTable& table, protocol::Bytes* images) {
  const auto image = dualwrite::take_row(table, images);
  if (!image.ok())
    throw std::logic_error("a row image of a BINLOG statement: " + std::string(image.status().message()));
  return row_of(*image);
}

void take_rows(const dualwrite::RowsChange& change, std::vector<RowOp>& out) {
  protocol::Bytes images = change.images;
  while (!images.empty()) {
    RowOp op{.table = change.table->schema + "." + change.table->table, .key = "", .before = {}, .after = {}};
    if (change.kind != dualwrite::RowsKind::insert) op.before = take_image(*change.table, &images);
    if (change.kind != dualwrite::RowsKind::delete_) op.after = take_image(*change.table, &images);
    op.key = (op.before ? *op.before : *op.after).front().value_or("");
    out.push_back(std::move(op));
  }
}

}  // namespace

std::vector<std::string> application_tables() {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kTables; ++i) out.push_back("t" + std::to_string(i));
  return out;
}

bool is_application_table(const std::string& name) { return name.starts_with(std::string(kSchema) + "."); }

void RowLog::put(std::uint8_t type, const Buffer& body) {
  File& file = files_.back();
  const auto checksum = dualwrite::Checksum::crc32;
  const auto size = static_cast<std::uint32_t>(dualwrite::kEventHeaderBytes + body.size() + dualwrite::kChecksumBytes);
  file.begins.push_back(file.end);
  file.end += size;
  file.events.push_back(
      dualwrite::framed({.type = static_cast<EventType>(type), .next_position = file.end, .checksum = checksum}, body));
}

void RowLog::begin_file() {
  const std::string number = std::to_string(files_.size() + 1);
  files_.push_back(
      {.name = "binlog." + std::string(6 - number.size(), '0') + number, .events = {}, .begins = {}, .end = 4});
  put(static_cast<std::uint8_t>(EventType::format_description),
      dualwrite::format_description_body(dualwrite::Make::mariadb, dualwrite::Checksum::crc32));
}

void RowLog::next_file(Farewell farewell) {
  const std::string number = std::to_string(files_.size() + 1);
  if (farewell == Farewell::rotate) {
    put(static_cast<std::uint8_t>(EventType::rotate),
        dualwrite::rotate_body("binlog." + std::string(6 - number.size(), '0') + number, 4));
  }
  begin_file();
}

void RowLog::put_rows(const RowOp& op, std::uint64_t table_id, bool last) {
  Buffer body;
  put_table_id(body, table_id);
  protocol::put_u16(body, last ? dualwrite::kRowsEndOfStatement : 0);
  protocol::put_lenenc(body, 3);
  protocol::put_u8(body, 0xff);
  if (op.before && op.after) protocol::put_u8(body, 0xff);
  if (op.before) put_image(body, *op.before);
  if (op.after) put_image(body, *op.after);
  const EventType type = op.before && op.after ? EventType::update_rows_v1
                         : op.after            ? EventType::write_rows_v1
                                               : EventType::delete_rows_v1;
  put(static_cast<std::uint8_t>(type), body);
}

LoggedCommit RowLog::append(const std::vector<RowOp>& ops) {
  LoggedCommit logged;
  logged.begin = end();
  logged.gtid = "0-1-" + std::to_string(next_gtid_);
  put(static_cast<std::uint8_t>(EventType::mariadb_gtid), gtid_body(next_gtid_++));
  for (const RowOp& op : ops) {
    const std::string table = op.table.substr(op.table.find('.') + 1);
    const std::uint64_t id = 100 + static_cast<std::uint64_t>(table.back() - '0');
    put(static_cast<std::uint8_t>(EventType::table_map), table_map_body(id, table));
    put_rows(op, id, true);
  }
  Buffer xid;
  support::put_u64(xid, next_gtid_);
  put(static_cast<std::uint8_t>(EventType::xid), xid);
  logged.end = end();
  return logged;
}

Buffer RowLog::artificial_rotate(const std::string& file, std::uint64_t offset) {
  return dualwrite::framed({.type = EventType::rotate, .checksum = dualwrite::Checksum::crc32},
                           dualwrite::rotate_body(file, offset));
}

Buffer RowLog::artificial_format(const File& file) const {
  Buffer event = file.events.front();
  for (std::size_t i = 13; i < 17; ++i) event[i] = 0;
  dualwrite::mend(event, dualwrite::Checksum::crc32);
  return event;
}

Buffer RowLog::heartbeat() const {
  return dualwrite::framed(
      {.type = EventType::heartbeat, .next_position = files_.back().end, .checksum = dualwrite::Checksum::crc32},
      protocol::as_bytes(files_.back().name));
}

std::vector<RowOp> rows_of_binlog(const std::string& sql) {
  std::vector<RowOp> out;
  std::map<std::uint64_t, std::shared_ptr<const dualwrite::LogTable>> tables;
  const std::size_t begin = sql.find('\'') + 1;
  const std::string lines = sql.substr(begin, sql.rfind('\'') - begin);
  for (const auto line : absl::StrSplit(lines, '\n')) {
    std::string event;
    if (!absl::Base64Unescape(line, &event) || event.size() < dualwrite::kEventHeaderBytes) {
      throw std::logic_error("a BINLOG statement that is not in base64");
    }
    const protocol::Bytes body = protocol::as_bytes(event).subspan(dualwrite::kEventHeaderBytes);
    const auto type = static_cast<EventType>(event[4]);
    if (type == EventType::format_description) continue;
    protocol::Reader reader(body);
    const std::uint64_t id = dualwrite::read_table_id(reader);
    if (type == EventType::table_map) {
      auto map = dualwrite::decode_table_map(body, dualwrite::LogMake::mariadb);
      if (!map.ok())
        throw std::logic_error("a TABLE_MAP of a BINLOG statement: " + std::string(map.status().message()));
      tables[id] = std::make_shared<const dualwrite::LogTable>(*std::move(map));
      continue;
    }
    const auto layout = dualwrite::rows_layout(static_cast<std::uint8_t>(event[4]));
    if (!layout || !tables.contains(id)) throw std::logic_error("a rows event without its map");
    const auto change = dualwrite::decode_rows(*layout, body, tables.at(id));
    if (!change.ok()) throw std::logic_error("a rows event: " + std::string(change.status().message()));
    take_rows(*change, out);
  }
  return out;
}

}  // namespace crossfade::sim
