// Commands that are no statements and ask nothing of the proxy itself.

#include "protocol/error_codes.h"
#include "proxy/session.h"
#include "routing/command_plan.h"

namespace crossfade::proxy {

using protocol::ResultEnd;

namespace {

// The least that a body of a COM_STMT_* must hold: an id, and what follows it.
std::size_t body_bytes_min(protocol::CommandByte command) {
  switch (command) {
    case protocol::CommandByte::stmt_execute:
      return 9;
    case protocol::CommandByte::stmt_send_long_data:
    case protocol::CommandByte::stmt_bulk_execute:
      return 6;
    case protocol::CommandByte::stmt_close:
    case protocol::CommandByte::stmt_reset:
      return 4;
    case protocol::CommandByte::stmt_fetch:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

// Too short to name a statement of anybody's: what to say to that is the leader's.
bool Session::is_cut_short(const Command& command) const {
  return command.payload.size() - 1 < body_bytes_min(static_cast<protocol::CommandByte>(command.payload[0]));
}

Task<Session::Next> Session::on_cut_short(Command command) {
  const auto byte = static_cast<protocol::CommandByte>(command.payload[0]);
  const bool unanswered =
      byte == protocol::CommandByte::stmt_send_long_data || byte == protocol::CommandByte::stmt_close;
  if (unanswered && link(leader())->is_mariadb()) co_return Next::go_on;
  ResultEnd end;
  co_return co_await relay_to_leader(command, protocol::ResponseKind::ok_or_err, &end);
}

// On both makes a command that is no statement, and succeeds, leaves the conditions of the last statement; ROW_COUNT()
// is by its own answer.
Task<Session::Next> Session::relay_command(Command command, protocol::ResponseKind kind, ResultEnd* end) {
  std::optional<Kept> kept = kept_;
  const config::Backend answered = last_answered_;
  const Next next = co_await relay_to_leader(command, kind, end);
  if (end->kind == ResultEnd::Kind::none || end->kind == ResultEnd::Kind::err || end->ok.warnings > 0) co_return next;
  if (kept && end->kind != ResultEnd::Kind::text) kept->row_count = end->kind == ResultEnd::Kind::ok ? 0 : -1;
  kept_ = std::move(kept);
  last_answered_ = answered;
  co_return next;
}

Task<Session::Next> Session::on_other_command(Command command) {
  if (!in_transaction_ && flags_ != worker_.flags) flags_ = worker_.flags;
  routing::CommandPlan plan = routing::plan_command(command.payload[0], *flags_);
  if (!plan.relay) {
    co_return co_await reply_refused(std::move(plan.refusal));
  }
  own(command);
  routing::KillTarget target;
  KillsUnderWay::Ticket under_way;
  if (static_cast<protocol::CommandByte>(command.payload[0]) == protocol::CommandByte::process_kill) {
    protocol::Reader id(command.payload.subspan(1));
    target.connection_id = id.u32();
    under_way = shared_.kills.begin(target.connection_id);
  }
  ResultEnd end;
  const Next next = co_await relay_command(command, *plan.relay, &end);
  if (end.kind == ResultEnd::Kind::ok || end.kind == ResultEnd::Kind::rows) {
    if (under_way) kill_elsewhere(target, std::move(under_way));
    after_statement(routing::StatementKind::admin, routing::StatementFacts(), end);
  }
  co_return next;
}

Task<Session::Next> Session::on_set_option(Command command) {
  constexpr std::uint8_t kOn = 0;
  constexpr std::uint8_t kOff = 1;
  if (command.payload.size() < 3) {
    co_return co_await reply_err(protocol::kErrMalformedPacket, "HY000", "Malformed communication packet.");
  }
  if (command.payload[2] != 0 || command.payload[1] > kOff) {
    co_return co_await reply_err(protocol::kErrUnknownCommand, "08S01", "Unknown command");
  }
  // Our own connection to the leader always has the option: only what we let through changes.
  multi_statements_ = command.payload[1] == kOn;
  if (kept_) kept_->row_count = -1;
  protocol::Ok ok;
  ok.status = static_cast<std::uint16_t>((autocommit_ ? protocol::kStatusAutocommit : 0) |
                                         (in_transaction_ ? protocol::kStatusInTransaction : 0));
  if ((capabilities_ & protocol::kDeprecateEof) != 0) co_return co_await reply(encode_ok(ok, capabilities_, 0xfe));
  protocol::Buffer eof = protocol::encode_eof({.warnings = 0, .status = ok.status});
  co_return co_await reply(std::move(eof));
}

}  // namespace crossfade::proxy
