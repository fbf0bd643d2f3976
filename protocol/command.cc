#include "protocol/command.h"

namespace crossfade::protocol {
namespace {

Buffer encode_with_text(CommandByte command, std::string_view text) {
  Buffer out;
  out.reserve(1 + text.size());
  put_u8(out, static_cast<std::uint8_t>(command));
  put_text(out, text);
  return out;
}

}  // namespace

std::string_view command_name(CommandByte command) {
  switch (command) {
    case CommandByte::quit:
      return "COM_QUIT";
    case CommandByte::init_db:
      return "COM_INIT_DB";
    case CommandByte::query:
      return "COM_QUERY";
    case CommandByte::field_list:
      return "COM_FIELD_LIST";
    case CommandByte::create_db:
      return "COM_CREATE_DB";
    case CommandByte::drop_db:
      return "COM_DROP_DB";
    case CommandByte::refresh:
      return "COM_REFRESH";
    case CommandByte::shutdown:
      return "COM_SHUTDOWN";
    case CommandByte::table_dump:
      return "COM_TABLE_DUMP";
    case CommandByte::clone:
      return "COM_CLONE";
    case CommandByte::subscribe_group_replication_stream:
      return "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM";
    case CommandByte::statistics:
      return "COM_STATISTICS";
    case CommandByte::process_info:
      return "COM_PROCESS_INFO";
    case CommandByte::process_kill:
      return "COM_PROCESS_KILL";
    case CommandByte::debug:
      return "COM_DEBUG";
    case CommandByte::ping:
      return "COM_PING";
    case CommandByte::change_user:
      return "COM_CHANGE_USER";
    case CommandByte::binlog_dump:
      return "COM_BINLOG_DUMP";
    case CommandByte::register_slave:
      return "COM_REGISTER_SLAVE";
    case CommandByte::stmt_prepare:
      return "COM_STMT_PREPARE";
    case CommandByte::stmt_execute:
      return "COM_STMT_EXECUTE";
    case CommandByte::stmt_send_long_data:
      return "COM_STMT_SEND_LONG_DATA";
    case CommandByte::stmt_close:
      return "COM_STMT_CLOSE";
    case CommandByte::stmt_reset:
      return "COM_STMT_RESET";
    case CommandByte::set_option:
      return "COM_SET_OPTION";
    case CommandByte::stmt_fetch:
      return "COM_STMT_FETCH";
    case CommandByte::binlog_dump_gtid:
      return "COM_BINLOG_DUMP_GTID";
    case CommandByte::reset_connection:
      return "COM_RESET_CONNECTION";
    case CommandByte::stmt_bulk_execute:
      return "COM_STMT_BULK_EXECUTE";
  }
  return {};  // a byte from the wire that names no command
}

Buffer encode_query(std::string_view sql) { return encode_with_text(CommandByte::query, sql); }
Buffer encode_simple(CommandByte command) { return {static_cast<std::uint8_t>(command)}; }
Buffer encode_prepare(std::string_view sql) { return encode_with_text(CommandByte::stmt_prepare, sql); }

Buffer encode_stmt_close(std::uint32_t statement_id) {
  Buffer out = encode_simple(CommandByte::stmt_close);
  put_u32(out, statement_id);
  return out;
}

}  // namespace crossfade::protocol
