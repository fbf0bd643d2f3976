#include "dualwrite/log_event_header.h"

#include <zlib.h>

#include <array>
#include <string_view>
#include <utility>

namespace crossfade::dualwrite {

using protocol::Bytes;
using protocol::Reader;

namespace {

constexpr std::uint16_t kFileInUse = 0x01;  // of a FORMAT_DESCRIPTION; set and cleared without a new checksum
constexpr std::size_t kFlagsAt = 17;
constexpr std::size_t kServerBytes = 50;

std::string_view name_of(EventType type) {
  switch (type) {
    case EventType::query:
      return "QUERY";
    case EventType::stop:
      return "STOP";
    case EventType::rotate:
      return "ROTATE";
    case EventType::intvar:
      return "INTVAR";
    case EventType::append_block:
      return "APPEND_BLOCK";
    case EventType::delete_file:
      return "DELETE_FILE";
    case EventType::rand:
      return "RAND";
    case EventType::user_var:
      return "USER_VAR";
    case EventType::format_description:
      return "FORMAT_DESCRIPTION";
    case EventType::xid:
      return "XID";
    case EventType::begin_load_query:
      return "BEGIN_LOAD_QUERY";
    case EventType::execute_load_query:
      return "EXECUTE_LOAD_QUERY";
    case EventType::table_map:
      return "TABLE_MAP";
    case EventType::write_rows_v1:
      return "WRITE_ROWS_V1";
    case EventType::update_rows_v1:
      return "UPDATE_ROWS_V1";
    case EventType::delete_rows_v1:
      return "DELETE_ROWS_V1";
    case EventType::incident:
      return "INCIDENT";
    case EventType::heartbeat:
      return "HEARTBEAT";
    case EventType::ignorable:
      return "IGNORABLE";
    case EventType::rows_query:
      return "ROWS_QUERY";
    case EventType::write_rows:
      return "WRITE_ROWS";
    case EventType::update_rows:
      return "UPDATE_ROWS";
    case EventType::delete_rows:
      return "DELETE_ROWS";
    case EventType::gtid:
      return "GTID";
    case EventType::anonymous_gtid:
      return "ANONYMOUS_GTID";
    case EventType::previous_gtids:
      return "PREVIOUS_GTIDS";
    case EventType::transaction_context:
      return "TRANSACTION_CONTEXT";
    case EventType::view_change:
      return "VIEW_CHANGE";
    case EventType::xa_prepare:
      return "XA_PREPARE";
    case EventType::partial_update_rows:
      return "PARTIAL_UPDATE_ROWS";
    case EventType::transaction_payload:
      return "TRANSACTION_PAYLOAD";
    case EventType::heartbeat_v2:
      return "HEARTBEAT_V2";
    case EventType::tagged_gtid:
      return "GTID_TAGGED";
    case EventType::annotate_rows:
      return "ANNOTATE_ROWS";
    case EventType::binlog_checkpoint:
      return "BINLOG_CHECKPOINT";
    case EventType::mariadb_gtid:
      return "GTID";
    case EventType::gtid_list:
      return "GTID_LIST";
    case EventType::start_encryption:
      return "START_ENCRYPTION";
    case EventType::query_compressed:
      return "QUERY_COMPRESSED";
    case EventType::write_rows_compressed_v1:
      return "WRITE_ROWS_COMPRESSED_V1";
    case EventType::update_rows_compressed_v1:
      return "UPDATE_ROWS_COMPRESSED_V1";
    case EventType::delete_rows_compressed_v1:
      return "DELETE_ROWS_COMPRESSED_V1";
    case EventType::write_rows_compressed:
      return "WRITE_ROWS_COMPRESSED";
    case EventType::update_rows_compressed:
      return "UPDATE_ROWS_COMPRESSED";
    case EventType::delete_rows_compressed:
      return "DELETE_ROWS_COMPRESSED";
  }
  return "event";
}

std::uint32_t crc32_of(Bytes event, bool format_description) {
  if (!format_description) return static_cast<std::uint32_t>(crc32_z(0, event.data(), event.size()));
  std::array<std::uint8_t, kEventHeaderBytes> header;
  std::copy_n(event.begin(), header.size(), header.begin());
  header[kFlagsAt] = static_cast<std::uint8_t>(header[kFlagsAt] & ~kFileInUse);
  const uLong begun = crc32_z(0, header.data(), header.size());
  const Bytes rest = event.subspan(kEventHeaderBytes);
  return static_cast<std::uint32_t>(crc32_z(begun, rest.data(), rest.size()));
}

}  // namespace

std::string event_name(std::uint8_t type) {
  return std::string(name_of(static_cast<EventType>(type))) + " (" + std::to_string(type) + ")";
}

EventHeader peek_header(Bytes event) {
  Reader reader(event);
  EventHeader header;
  header.timestamp = reader.u32();
  header.type = reader.u8();
  header.server_id = reader.u32();
  header.size = reader.u32();
  header.next_position = reader.u32();
  header.flags = reader.u16();
  return header;
}

absl::StatusOr<FramedEvent> open_event(Bytes event, Checksum checksum) {
  const EventHeader header = peek_header(event);
  if (event.size() < kEventHeaderBytes || header.size != event.size()) {
    return absl::InvalidArgumentError("the event says " + std::to_string(header.size) + " bytes and has " +
                                      std::to_string(event.size()));
  }
  const bool format_description = header.type == static_cast<std::uint8_t>(EventType::format_description);
  std::size_t tail = checksum == Checksum::crc32 ? kChecksumBytes : 0;
  if (format_description) {
    // Always room for the checksum; it is filled in where the algorithm says so.
    if (event.size() < kEventHeaderBytes + kChecksumBytes + 1) return absl::InvalidArgumentError("too short");
    tail = kChecksumBytes;
    checksum = event[event.size() - kChecksumBytes - 1] == 1 ? Checksum::crc32 : Checksum::none;
  }
  if (event.size() < kEventHeaderBytes + tail) return absl::InvalidArgumentError("too short for its checksum");
  const Bytes checked = event.first(event.size() - tail);
  if (checksum == Checksum::crc32 &&
      Reader(event.subspan(checked.size())).u32() != crc32_of(checked, format_description)) {
    return absl::DataLossError("the checksum is wrong");
  }
  return FramedEvent{.header = header, .body = checked.subspan(kEventHeaderBytes)};
}

absl::StatusOr<FormatDescription> decode_format_description(Bytes body) {
  Reader reader(body);
  const std::uint16_t version = reader.u16();
  const std::string_view server =
      reader.take(kServerBytes).empty() ? "" : protocol::as_text(body.subspan(2, kServerBytes));
  reader.skip(4);
  const std::uint8_t header_bytes = reader.u8();
  const Bytes rest = reader.rest();  // of each type, then the checksum algorithm
  if (reader.failed() || rest.empty()) return absl::InvalidArgumentError("too short");
  if (version != 4) return absl::UnimplementedError("log format " + std::to_string(version) + " is not known");
  if (header_bytes != kEventHeaderBytes) {
    return absl::UnimplementedError("event headers of " + std::to_string(header_bytes) + " bytes are not known");
  }
  const auto fixed_bytes = [&](EventType type) {
    const std::size_t index = static_cast<std::size_t>(type) - 1;
    return index + 1 < rest.size() ? rest[index] : std::uint8_t{0};
  };
  constexpr std::pair<EventType, std::uint8_t> kExpected[] = {
      {EventType::query, 13}, {EventType::table_map, 8}, {EventType::write_rows_v1, 8}, {EventType::write_rows, 10}};
  for (const auto& [type, bytes] : kExpected) {
    if (fixed_bytes(type) != bytes && fixed_bytes(type) != 0) {  // 0: not written by this server
      return absl::UnimplementedError("the fixed part of " + event_name(static_cast<std::uint8_t>(type)) + " has " +
                                      std::to_string(fixed_bytes(type)) + " bytes, which is not known");
    }
  }
  const std::uint8_t algorithm = rest.back();
  if (algorithm > 1)
    return absl::UnimplementedError("checksum algorithm " + std::to_string(algorithm) + " is not known");
  return FormatDescription{.mariadb = server.find("MariaDB") != std::string_view::npos,
                           .checksum = algorithm == 1 ? Checksum::crc32 : Checksum::none};
}

}  // namespace crossfade::dualwrite
