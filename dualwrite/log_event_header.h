// The frame around every event of a row log: header, body, checksum; and the event that says how the others are framed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

// Both makes number alike up to 35; from 36 on MySQL's own, from 160 on MariaDB's.
enum class EventType : std::uint8_t {
  query = 2,
  stop = 3,
  rotate = 4,
  intvar = 5,
  append_block = 9,
  delete_file = 11,
  rand = 13,
  user_var = 14,
  format_description = 15,
  xid = 16,
  begin_load_query = 17,
  execute_load_query = 18,
  table_map = 19,
  write_rows_v1 = 23,
  update_rows_v1 = 24,
  delete_rows_v1 = 25,
  incident = 26,
  heartbeat = 27,
  ignorable = 28,
  rows_query = 29,
  write_rows = 30,
  update_rows = 31,
  delete_rows = 32,
  gtid = 33,
  anonymous_gtid = 34,
  previous_gtids = 35,
  transaction_context = 36,
  view_change = 37,
  xa_prepare = 38,
  partial_update_rows = 39,
  transaction_payload = 40,
  heartbeat_v2 = 41,
  tagged_gtid = 42,
  annotate_rows = 160,
  binlog_checkpoint = 161,
  mariadb_gtid = 162,
  gtid_list = 163,
  start_encryption = 164,
  query_compressed = 165,
  write_rows_compressed_v1 = 166,
  update_rows_compressed_v1 = 167,
  delete_rows_compressed_v1 = 168,
  write_rows_compressed = 169,
  update_rows_compressed = 170,
  delete_rows_compressed = 171
};

// "WRITE_ROWS (30)", "event (99)" for what has no name here.
std::string event_name(std::uint8_t type);

inline constexpr std::size_t kEventHeaderBytes = 19;
inline constexpr std::size_t kChecksumBytes = 4;
inline constexpr std::uint16_t kEventSuppressesUse = 0x08;  // of a QUERY: its schema is none to be in (CREATE DATABASE)
inline constexpr std::uint16_t kEventArtificial = 0x20;     // made by the dump, not in the file

// u32 timestamp | u8 type | u32 server id | u32 size of it all | u32 where the next one is | u16 flags
struct EventHeader {
  std::uint32_t timestamp = 0;
  std::uint8_t type = 0;
  std::uint32_t server_id = 0;
  std::uint32_t size = 0;
  std::uint32_t next_position = 0;  // of the low 32 bits; 0: not of a place in the file
  std::uint16_t flags = 0;
  bool artificial() const { return next_position == 0 || (flags & kEventArtificial) != 0; }
};

struct FramedEvent {
  EventHeader header;
  protocol::Bytes body;  // without header and checksum
};

enum class Checksum : std::uint8_t { none, crc32 };

// The header alone, for what an error says. Zeros where there are not enough bytes.
EventHeader peek_header(protocol::Bytes event);
// Checks that the size is the event's own and the checksum right. A FORMAT_DESCRIPTION says by itself whether it has
// one.
absl::StatusOr<FramedEvent> open_event(protocol::Bytes event, Checksum checksum);

// u16 version 4 | text[50] server | u32 created | u8 19 | u8[] bytes of each type's fixed part | u8 checksum algorithm
// | u32 checksum
struct FormatDescription {
  bool mariadb = false;
  Checksum checksum = Checksum::none;
};
absl::StatusOr<FormatDescription> decode_format_description(protocol::Bytes body);

}  // namespace crossfade::dualwrite
