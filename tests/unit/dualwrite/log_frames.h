// Events of a row log, made by hand.
#pragma once

#include <cstdint>
#include <string_view>

#include "dualwrite/log_event_header.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

struct Framing {
  EventType type = EventType::query;
  std::uint32_t next_position = 0;  // 0: artificial
  std::uint16_t flags = 0;
  std::uint32_t timestamp = 1700000000;
  Checksum checksum = Checksum::none;
};
protocol::Buffer framed(Framing framing, protocol::Bytes body);
// The event with its size and checksum made right again; nothing is done to what is shorter than a header.
void mend(protocol::Buffer& event, Checksum checksum);

protocol::Buffer rotate_body(std::string_view file, std::uint64_t offset);
enum class Make : std::uint8_t { mariadb, mysql };
protocol::Buffer format_description_body(Make make, Checksum checksum);
protocol::Buffer query_body(std::string_view sql, std::string_view schema = "lab", protocol::Bytes status = {});
// Of MySQL, one uuid.
protocol::Buffer gtid_body(std::uint64_t number);
// lab.t (id INT NOT NULL, v VARCHAR(20)), not described.
protocol::Buffer table_map_body(std::uint64_t table_id);
// One row (id, 'x') of it.
protocol::Buffer insert_body(std::uint64_t table_id, std::uint32_t id);

}  // namespace crossfade::dualwrite
