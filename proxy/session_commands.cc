// Commands that are no statements and ask nothing of the proxy itself.

#include <algorithm>

#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
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
  const bool has_count = kind == protocol::ResponseKind::ok_or_err || kind == protocol::ResponseKind::eof_or_err;
  if (has_count && !link(leader())->is_mariadb()) {
    const auto& following = link(config::other(leader()));
    if (diagnostics_.kept() == nullptr && diagnostics_.answered_by() != leader() && following &&
        !following->ended_clean()) {
      own(command);
      co_await keep_followers_conditions();
    }
    if (diagnostics_.kept() != nullptr && diagnostics_.kept()->warnings > 0)
      co_return co_await answer_with_kept_count(command, kind, end);
  }
  Diagnostics before = diagnostics_;
  const Next next = co_await relay_to_leader(command, kind, end);
  diagnostics_.keep_over_command(std::move(before), *end);
  co_return next;
}

// MySQL's answers to them tell how many conditions there are: those kept here, which the server knows nothing of.
Task<Session::Next> Session::answer_with_kept_count(Command command, protocol::ResponseKind kind, ResultEnd* end) {
  own(command);
  auto leading = co_await leader_link(nullptr);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  const absl::Status sent = co_await (*leading)->send(command.wire, deadline);
  if (!sent.ok()) co_return co_await reply_lost(sent, leader());
  auto captured = co_await (*leading)->capture(kind, deadline);
  if (!captured.ok()) co_return co_await reply_lost(captured.status(), leader());
  *end = captured->last();
  diagnostics_.note_answer_of(leader());
  if (captured->failed()) {
    diagnostics_.forget();
    co_return co_await reply_captured(std::move(captured->wire));
  }
  diagnostics_.note_no_rows_changed();
  const auto count = static_cast<std::uint16_t>(std::min<std::uint64_t>(diagnostics_.kept()->warnings, 0xffff));
  const auto header = protocol::decode_header(captured->wire);
  const protocol::Bytes answer = protocol::Bytes(captured->wire).subspan(protocol::kHeaderBytes, header.payload_bytes);
  constexpr std::size_t kEofBytes = 5;
  constexpr std::uint8_t kEofHeader = 0xfe;
  if (answer.size() == kEofBytes && answer[0] == kEofHeader) {
    auto eof = protocol::decode_eof(answer);
    if (!eof.ok()) co_return co_await reply_lost(eof.status(), leader());
    eof->warnings = count;
    protocol::Buffer told = protocol::encode_eof(*eof);
    co_return co_await reply(std::move(told));
  }
  protocol::Ok ok = captured->last().ok;
  ok.warnings = count;
  protocol::Buffer told = protocol::encode_ok(ok, capabilities_, answer[0]);
  co_return co_await reply(std::move(told));
}

Task<Session::Next> Session::on_other_command(Command command) {
  transaction_.take_flags(worker_.flags);
  routing::CommandPlan plan = routing::plan_command(command.payload[0], transaction_.flags());
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
  const auto byte = static_cast<protocol::CommandByte>(command.payload[0]);
  if (byte == protocol::CommandByte::create_db || byte == protocol::CommandByte::drop_db) {
    commits_.expect(CommitTracker::Expect::anywhere);
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
  // Our own connection to the leader keeps the option: only what we let through changes. Its answer, with the session's
  // flags and warnings, is the same to either.
  const bool on = command.payload[1] == kOn;
  owned_payload_ = protocol::encode_simple(protocol::CommandByte::set_option);
  protocol::put_zeros(owned_payload_, 2);
  command.payload = owned_payload_;
  own(command);
  ResultEnd end;
  const Next next = co_await relay_command(command, protocol::ResponseKind::eof_or_err, &end);
  if (end.kind == ResultEnd::Kind::ok) multi_statements_ = on;
  diagnostics_.note_rows_given();
  co_return next;
}

}  // namespace crossfade::proxy
