#include "routing/command_plan.h"

#include "protocol/command.h"
#include "routing/refusal.h"

namespace crossfade::routing {
namespace {

using protocol::CommandByte;
using protocol::ResponseKind;

CommandPlan relay(ResponseKind kind) {
  CommandPlan plan;
  plan.relay = kind;
  return plan;
}

CommandPlan refuse(protocol::Err refusal) {
  CommandPlan plan;
  plan.refusal = std::move(refusal);
  return plan;
}

// As the statement that does the same would be.
CommandPlan may_write(ResponseKind response, const config::Flags& flags) {
  return flags.freeze_writes ? refuse(refusal(Reason::freeze)) : relay(response);
}

}  // namespace

CommandPlan plan_command(std::uint8_t command, const config::Flags& flags) {
  const auto byte = static_cast<CommandByte>(command);
  switch (byte) {
    case CommandByte::create_db:
    case CommandByte::drop_db:
      return may_write(ResponseKind::ok_or_err, flags);
    case CommandByte::refresh:
      return may_write(ResponseKind::ok_or_err, flags);
    case CommandByte::shutdown:
      return may_write(ResponseKind::eof_or_err, flags);
    case CommandByte::statistics:
      return relay(ResponseKind::text);
    case CommandByte::process_info:
      return relay(ResponseKind::query);
    case CommandByte::debug:
      return relay(ResponseKind::eof_or_err);
    case CommandByte::field_list:
      return relay(ResponseKind::field_list);
    case CommandByte::binlog_dump:
    case CommandByte::binlog_dump_gtid:
    case CommandByte::table_dump:
    case CommandByte::register_slave:
    case CommandByte::clone:
    case CommandByte::subscribe_group_replication_stream:
      return refuse(refusal(Reason::replica_command, protocol::command_name(byte)));
    default:
      return relay(ResponseKind::ok_or_err);
  }
}

}  // namespace crossfade::routing
