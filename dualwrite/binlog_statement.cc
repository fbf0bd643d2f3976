#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/log_event_header.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/table_map.h"
#include "dualwrite/table_map_writer.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::string_view kBegin = "BINLOG '";
constexpr std::string_view kEnd = "'";
constexpr std::uint8_t kFormatDescriptionEvent = 15;
// Header, binlog version u16, server version 50, created u32, header length u8; then the post-header lengths, the
// checksum algorithm u8 and four bytes of checksum.
constexpr std::size_t kRowsFlagsAt = kEventHeaderBytes + kTableIdBytes;
constexpr std::size_t kTablesMax = 64;  // open at once on the follower
constexpr std::size_t kFormatDescriptionBytesMin = kEventHeaderBytes + 57 + 5;
constexpr std::size_t kEventFlagsAt = 17;
constexpr std::size_t kChecksumAlgorithmFromEnd = 5;

std::size_t base64_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

std::string base64(Bytes bytes) {
  std::string out;
  absl::Base64Escape({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, &out);
  return out;
}

void append_line(std::string& lines, Bytes event) {
  if (!lines.empty()) lines += '\n';
  lines += base64(event);
}

// What a rows event and its line end come to at most: header, post-header, bitmaps.
std::size_t event_bytes(const TableMapping& mapping, std::size_t images) {
  return base64_bytes(64 + mapping.columns.size() / 4 + images) + 1;
}

std::uint8_t event_type(RowsKind kind) {
  switch (kind) {
    case RowsKind::insert:
      return 30;
    case RowsKind::update:
      return 31;
    case RowsKind::delete_:
      return 32;
  }
  return 0;
}

std::uint16_t check_flags(std::uint16_t logged) {
  const std::uint16_t foreign_keys = (logged & kRowsSqlLayerForeignKeys) != 0 ? kRowsNoForeignKeyChecks : 0;
  return static_cast<std::uint16_t>(foreign_keys | (logged & (kRowsNoForeignKeyChecks | kRowsNoUniqueChecks)));
}

// A version 2 rows event: header; table id 6, flags u16, length of extra data u16 (2: none); number of columns lenenc;
// bits of the columns that are present, twice for updates; images.
Buffer rows_event(std::uint64_t table_id, RowsKind kind, std::uint16_t flags, std::size_t columns, Bytes images) {
  Buffer head;
  put_table_id(head, table_id);
  protocol::put_u16(head, flags);
  protocol::put_u16(head, 2);
  protocol::put_lenenc(head, columns);
  const std::size_t bitmaps = (kind == RowsKind::update ? 2 : 1) * ((columns + 7) / 8);
  head.insert(head.end(), bitmaps, 0xff);
  Buffer event;
  event.reserve(kEventHeaderBytes + head.size() + images.size());
  put_event_header(event, event_type(kind), head.size() + images.size());
  protocol::put_bytes(event, head);
  protocol::put_bytes(event, images);
  return event;
}

// One image in the follower's order of columns.
absl::Status put_reordered(Buffer& out, Bytes* image, const TableMapping& mapping) {
  absl::StatusOr<RowImage> row = take_row(*mapping.source, image);
  if (!row.ok()) return row.status();
  const std::size_t nulls_at = out.size();
  protocol::put_zeros(out, (mapping.columns.size() + 7) / 8);
  for (const MappedColumn& column : mapping.columns) {
    const LogValue& value = (*row)[column.from];
    if (value.is_null) {
      std::uint8_t& byte = out[nulls_at + column.to / 8];
      byte = static_cast<std::uint8_t>(byte | (1 << (column.to % 8)));
    } else {
      protocol::put_bytes(out, value.bytes);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Buffer> reordered(Bytes images, const TableMapping& mapping) {
  Buffer out;
  out.reserve(images.size());
  while (!images.empty()) {
    if (absl::Status status = put_reordered(out, &images, mapping); !status.ok()) return status;
  }
  return out;
}

// The bytes of the first row, an update's two images together.
absl::StatusOr<std::size_t> row_bytes(const RowsChange& change, Bytes images) {
  Bytes rest = images;
  for (int i = 0; i < (change.kind == RowsKind::update ? 2 : 1); ++i) {
    absl::StatusOr<RowImage> row = take_row(*change.table, &rest);
    if (!row.ok()) return row.status();
  }
  return images.size() - rest.size();
}

}  // namespace

absl::Status BinlogStatement::add(const RowsChange& change, const TableMapping& mapping) {
  if (!change.complete) return absl::FailedPreconditionError("an incomplete row image: binlog_row_image is not FULL");
  if (!describes(mapping, change)) return absl::FailedPreconditionError("the mapping is of another definition");
  if (mapping.by != ApplyBy::events) return absl::FailedPreconditionError("a table that rows events do not carry");
  const std::size_t map_bytes = base64_bytes(mapping.table_map.size()) + 1;
  const std::size_t room = bytes_max_ - std::min(bytes_max_, kBegin.size() + kEnd.size());
  Bytes images = change.images;
  while (!images.empty()) {
    std::size_t take = images.size();
    if (map_bytes + event_bytes(mapping, take) > room) {
      // As many whole rows as fit one statement of their own; at least one.
      take = 0;
      while (take < images.size()) {
        absl::StatusOr<std::size_t> row = row_bytes(change, images.subspan(take));
        if (!row.ok()) return row.status();
        if (take > 0 && map_bytes + event_bytes(mapping, take + *row) > room) break;
        take += *row;
      }
    }
    if (absl::Status status = add_rows(change, images.first(take), mapping); !status.ok()) return status;
    images = images.subspan(take);
  }
  return absl::OkStatus();
}

absl::Status BinlogStatement::add_rows(const RowsChange& change, Bytes images, const TableMapping& mapping) {
  Buffer moved;
  if (!mapping.same_order) {
    absl::StatusOr<Buffer> out = reordered(images, mapping);
    if (!out.ok()) return out.status();
    moved = *std::move(out);
    images = moved;
  }
  const std::size_t bytes = base64_bytes(mapping.table_map.size()) + 1 + event_bytes(mapping, images.size());
  if (open_.size() + maps_.size() + rows_.size() + base64_bytes(last_.size()) + 3 + bytes + kEnd.size() > bytes_max_) {
    close();
  }
  const std::uint16_t flags = check_flags(change.flags);
  if (flags != flags_ || table_ids_.size() == kTablesMax) end_group();
  flags_ = flags;
  const std::uint64_t id = table_id(mapping);
  end_event();
  last_ = rows_event(id, change.kind, flags, mapping.columns.size(), images);
  return absl::OkStatus();
}

// The number of the table in this group; its map is put in front of all rows when it is first met.
std::uint64_t BinlogStatement::table_id(const TableMapping& mapping) {
  const auto [found, is_new] = table_ids_.try_emplace(mapping.table_map, table_ids_.size() + 1);
  if (is_new) {
    Buffer map = mapping.table_map;
    set_table_id(map, found->second);
    append_line(maps_, map);
  }
  return found->second;
}

void BinlogStatement::end_event() {
  if (last_.empty()) return;
  append_line(rows_, last_);
  last_.clear();
}

void BinlogStatement::end_group() {
  if (last_.empty()) return;
  last_[kRowsFlagsAt] = static_cast<std::uint8_t>(last_[kRowsFlagsAt] | kRowsEndOfStatement);
  end_event();
  open_ += open_.empty() ? kBegin : "\n";
  open_ += maps_;
  open_ += '\n';
  open_ += rows_;
  maps_.clear();
  rows_.clear();
  table_ids_.clear();
}

void BinlogStatement::close() {
  end_group();
  if (open_.empty()) return;
  open_ += kEnd;
  done_.push_back(std::exchange(open_, {}));
}

std::vector<std::string> BinlogStatement::take() {
  close();
  return std::exchange(done_, {});
}

absl::StatusOr<std::string> binlog_preamble(Bytes format_description_event) {
  if (format_description_event.size() < kFormatDescriptionBytesMin ||
      format_description_event[4] != kFormatDescriptionEvent) {
    return absl::InvalidArgumentError("no FORMAT_DESCRIPTION event");
  }
  Buffer event(format_description_event.begin(), format_description_event.end());
  event[event.size() - kChecksumAlgorithmFromEnd] = 0;
  event[kEventFlagsAt] = 0;
  event[kEventFlagsAt + 1] = 0;
  return absl::StrCat("BINLOG '", base64(event), "'");
}

}  // namespace crossfade::dualwrite
