#include "log_frames.h"
#include "tests/support/server_packets.h"

#include <zlib.h>

#include <algorithm>

namespace crossfade::dualwrite {

using protocol::Buffer;
using protocol::Bytes;

namespace {

void put_at(Buffer& event, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) event[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

void mend(Buffer& event, Checksum checksum) {
  if (event.size() < kEventHeaderBytes) return;
  put_at(event, 9, static_cast<std::uint32_t>(event.size()));
  const bool format_description = event[4] == static_cast<std::uint8_t>(EventType::format_description);
  if (format_description && event.size() > kEventHeaderBytes + kChecksumBytes) {
    checksum = event[event.size() - kChecksumBytes - 1] == 1 ? Checksum::crc32 : Checksum::none;
  }
  if (checksum == Checksum::none || event.size() < kEventHeaderBytes + kChecksumBytes) return;
  const std::size_t checked = event.size() - kChecksumBytes;
  const std::uint8_t flags = event[17];
  if (format_description) event[17] &= 0xfe;
  put_at(event, checked, static_cast<std::uint32_t>(crc32_z(0, event.data(), checked)));
  event[17] = flags;
}

Buffer framed(Framing framing, Bytes body) {
  Buffer event;
  protocol::put_u32(event, framing.timestamp);
  protocol::put_u8(event, static_cast<std::uint8_t>(framing.type));
  protocol::put_u32(event, 1);
  protocol::put_u32(event, 0);
  protocol::put_u32(event, framing.next_position);
  protocol::put_u16(event, framing.next_position == 0 ? kEventArtificial : framing.flags);
  protocol::put_bytes(event, body);
  if (framing.checksum == Checksum::crc32 || framing.type == EventType::format_description) {
    protocol::put_zeros(event, kChecksumBytes);
  }
  mend(event, framing.checksum);
  return event;
}

Buffer rotate_body(std::string_view file, std::uint64_t offset) {
  Buffer body;
  support::put_u64(body, offset);
  protocol::put_text(body, file);
  return body;
}

Buffer format_description_body(Make make, Checksum checksum) {
  constexpr std::size_t kTypes = 171;
  const std::string_view server = make == Make::mariadb ? "10.11.19-MariaDB-log" : "9.7.4";
  Buffer body;
  protocol::put_u16(body, 4);
  protocol::put_text(body, server);
  protocol::put_zeros(body, 50 - server.size() + 4);
  protocol::put_u8(body, kEventHeaderBytes);
  const std::size_t types_at = body.size();
  protocol::put_zeros(body, kTypes);
  const auto set = [&](EventType type, std::uint8_t bytes) {
    body[types_at + static_cast<std::size_t>(type) - 1] = bytes;
  };
  set(EventType::query, 13);
  set(EventType::table_map, 8);
  set(EventType::write_rows_v1, 8);
  set(EventType::write_rows, 10);
  protocol::put_u8(body, checksum == Checksum::crc32 ? 1 : 0);
  return body;
}

Buffer query_body(std::string_view sql, std::string_view schema, Bytes status) {
  Buffer body;
  protocol::put_zeros(body, 8);
  protocol::put_u8(body, static_cast<std::uint8_t>(schema.size()));
  protocol::put_u16(body, 0);
  protocol::put_u16(body, static_cast<std::uint16_t>(status.size()));
  protocol::put_bytes(body, status);
  protocol::put_nul_text(body, schema);
  protocol::put_text(body, sql);
  return body;
}

Buffer gtid_body(std::uint64_t number) {
  Buffer body(17, 0xab);
  support::put_u64(body, number);
  protocol::put_zeros(body, 17);
  return body;
}

namespace {

void put_table_id(Buffer& body, std::uint64_t table_id) {
  protocol::put_u32(body, static_cast<std::uint32_t>(table_id));
  protocol::put_u16(body, static_cast<std::uint16_t>(table_id >> 32));
}

}  // namespace

Buffer table_map_body(std::uint64_t table_id) {
  Buffer body;
  put_table_id(body, table_id);
  protocol::put_u16(body, 1);
  for (const char* name : {"lab", "t"}) {
    protocol::put_lenenc_text(body, name);
    protocol::put_u8(body, 0);
  }
  for (const int byte : {2, 3, 15, 2, 80, 0, 2}) protocol::put_u8(body, static_cast<std::uint8_t>(byte));
  return body;
}

Buffer insert_body(std::uint64_t table_id, std::uint32_t id) {
  Buffer body;
  put_table_id(body, table_id);
  protocol::put_u16(body, 1);
  protocol::put_u16(body, 2);
  for (const int byte : {2, 0xff, 0}) protocol::put_u8(body, static_cast<std::uint8_t>(byte));
  protocol::put_u32(body, id);
  protocol::put_lenenc_text(body, "x");
  return body;
}

}  // namespace crossfade::dualwrite
