// Asking a server for its row log (manual page "COM_BINLOG_DUMP").
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/wire.h"

namespace crossfade::protocol {

// The payload of COM_BINLOG_DUMP, without packet header. `server_id` names the reader: a second one of the same number
// ends the first. `file` empty: the server's first log.
Buffer encode_binlog_dump(std::string_view file, std::uint32_t offset, std::uint32_t server_id);

// What each packet of the answer begins with: an event follows, an EOF (fe) or an ERR (ff).
inline constexpr std::uint8_t kBinlogEvent = 0x00;

}  // namespace crossfade::protocol
