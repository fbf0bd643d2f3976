// Commands (manual page "Command Phase"): the byte that starts each request, and the few commands
// whose bodies the proxy builds or takes apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

enum class CommandByte : std::uint8_t {
  quit = 0x01,
  init_db = 0x02,
  query = 0x03,
  field_list = 0x04,
  create_db = 0x05,
  drop_db = 0x06,
  refresh = 0x07,
  shutdown = 0x08,
  statistics = 0x09,
  process_info = 0x0a,
  process_kill = 0x0c,
  debug = 0x0d,
  ping = 0x0e,
  change_user = 0x11,
  binlog_dump = 0x12,
  table_dump = 0x13,
  register_slave = 0x15,
  stmt_prepare = 0x16,
  stmt_execute = 0x17,
  stmt_send_long_data = 0x18,
  stmt_close = 0x19,
  stmt_reset = 0x1a,
  set_option = 0x1b,
  stmt_fetch = 0x1c,
  binlog_dump_gtid = 0x1e,
  reset_connection = 0x1f,
  clone = 0x20,
  subscribe_group_replication_stream = 0x21,
  stmt_bulk_execute = 0xfa,
};
// "COM_QUERY" and so on; empty for a byte that names no command.
std::string_view command_name(CommandByte command);

Buffer encode_query(std::string_view sql);  // payload, without packet header
Buffer encode_simple(CommandByte command);
Buffer encode_prepare(std::string_view sql);
Buffer encode_stmt_close(std::uint32_t statement_id);

}  // namespace crossfade::protocol
