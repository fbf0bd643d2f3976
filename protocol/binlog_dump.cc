#include "protocol/binlog_dump.h"

#include "protocol/command.h"

namespace crossfade::protocol {

// 1 command | 4 offset | 2 flags (0: wait for more at the end) | 4 server id | file to the end
Buffer encode_binlog_dump(std::string_view file, std::uint32_t offset, std::uint32_t server_id) {
  Buffer out;
  put_u8(out, static_cast<std::uint8_t>(CommandByte::binlog_dump));
  put_u32(out, offset);
  put_u16(out, 0);
  put_u32(out, server_id);
  put_text(out, file);
  return out;
}

}  // namespace crossfade::protocol
