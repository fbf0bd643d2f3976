#include "proxy/session/commands/other_commands.h"

#include <algorithm>

#include "protocol/error_codes.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/commands/kill.h"
#include "proxy/session/run/kept_answers.h"
#include "proxy/session/run/to_leader.h"
#include "routing/command_plan.h"

namespace crossfade::proxy {

using protocol::CommandByte;
using protocol::ResponseKind;
using protocol::ResultEnd;

namespace {

CommandByte byte_of(const Command& command) { return static_cast<CommandByte>(command.payload[0]); }

// The least that a body of a COM_STMT_* must hold: an id, and what follows it.
std::size_t body_bytes_min(CommandByte command) {
  switch (command) {
    case CommandByte::stmt_execute:
      return 9;
    case CommandByte::stmt_send_long_data:
    case CommandByte::stmt_bulk_execute:
      return 6;
    case CommandByte::stmt_close:
    case CommandByte::stmt_reset:
      return 4;
    case CommandByte::stmt_fetch:
      return 8;
    default:
      return 0;
  }
}

// MySQL's answers to commands tell how many conditions there are: those kept here, which the server knows nothing of.
absl::StatusOr<protocol::Buffer> with_count(const Captured& captured, std::uint64_t warnings,
                                            protocol::Capabilities capabilities) {
  constexpr std::size_t kEofBytes = 5;
  constexpr std::uint8_t kEofHeader = 0xfe;
  const auto count = static_cast<std::uint16_t>(std::min<std::uint64_t>(warnings, 0xffff));
  const auto header = protocol::decode_header(captured.wire);
  const protocol::Bytes answer = protocol::Bytes(captured.wire).subspan(protocol::kHeaderBytes, header.payload_bytes);
  if (answer.size() == kEofBytes && answer[0] == kEofHeader) {
    auto eof = protocol::decode_eof(answer);
    if (!eof.ok()) return eof.status();
    eof->warnings = count;
    return protocol::encode_eof(*eof);
  }
  protocol::Ok ok = captured.last().ok;
  ok.warnings = count;
  return protocol::encode_ok(ok, capabilities, answer[0]);
}

Task<absl::StatusOr<Captured>> ask_leader(Conversation& s, protocol::Bytes wire, ResponseKind kind,
                                          Clock::duration most) {
  auto leading = co_await s.leader.ready_for(nullptr);
  if (!leading.ok()) co_return leading.status();
  const TimePoint deadline = s.site.in(most);
  const absl::Status sent = co_await (*leading)->send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return co_await (*leading)->capture(kind, deadline);
}

Task<Answer> answer_with_kept_count(Conversation& s, Command command, ResponseKind kind, ResultEnd* end) {
  s.client.own(command);
  auto captured = co_await ask_leader(s, command.wire, kind, kStatementMax);
  if (!captured.ok()) co_return lost(s, captured.status());
  *end = captured->last();
  Diagnostics& diagnostics = s.state.diagnostics;
  diagnostics.note_answer_of(s.site.leader());
  if (captured->failed()) {
    diagnostics.forget();
    co_return Framed{std::move(captured->wire)};
  }
  diagnostics.note_no_rows_changed();
  auto told = with_count(*captured, diagnostics.kept()->warnings, s.identity.capabilities);
  if (!told.ok()) co_return lost(s, told.status());
  co_return Packet{*std::move(told)};
}

}  // namespace

bool is_cut_short(const Command& command) { return command.payload.size() - 1 < body_bytes_min(byte_of(command)); }

Task<Answer> on_cut_short(Conversation& s, Command command) {
  const CommandByte byte = byte_of(command);
  const bool unanswered = byte == CommandByte::stmt_send_long_data || byte == CommandByte::stmt_close;
  if (unanswered && s.leader.is_mariadb()) co_return Relayed();
  ResultEnd end;
  co_return co_await relay_to_leader(s, command, ResponseKind::ok_or_err, &end);
}

Task<Answer> relay_command(Conversation& s, Command command, ResponseKind kind, ResultEnd* end) {
  Diagnostics& diagnostics = s.state.diagnostics;
  const bool has_count = kind == ResponseKind::ok_or_err || kind == ResponseKind::eof_or_err;
  if (has_count && !s.leader.is_mariadb()) {
    BackendLink* const following = s.follower.link();
    if (diagnostics.kept() == nullptr && diagnostics.answered_by() != s.site.leader() && following != nullptr &&
        !following->ended_clean()) {
      s.client.own(command);
      co_await keep_followers_conditions(s);
    }
    if (diagnostics.kept() != nullptr && diagnostics.kept()->warnings > 0) {
      co_return co_await answer_with_kept_count(s, command, kind, end);
    }
  }
  Diagnostics before = diagnostics;
  Answer answer = co_await relay_to_leader(s, command, kind, end);
  diagnostics.keep_over_command(std::move(before), *end);
  co_return answer;
}

Task<Answer> on_other_command(Conversation& s, Command command) {
  s.state.transaction.take_flags(s.site.worker.flags);
  routing::CommandPlan plan = routing::plan_command(command.payload[0], s.state.transaction.flags());
  if (!plan.relay) co_return refused(std::move(plan.refusal));
  s.client.own(command);
  const CommandByte byte = byte_of(command);
  routing::KillTarget target;
  KillsUnderWay::Ticket under_way;
  if (byte == CommandByte::process_kill) {
    protocol::Reader id(command.payload.subspan(1));
    target.connection_id = id.u32();
    under_way = s.site.shared.kills.begin(target.connection_id);
  }
  const bool commits =  // what is open; FLUSH is COM_REFRESH's statement
      byte == CommandByte::create_db || byte == CommandByte::drop_db || byte == CommandByte::refresh;
  if (commits) s.commits.expect_anywhere();
  ResultEnd end;
  Answer answer = co_await relay_command(s, command, *plan.relay, &end);
  if (end.kind == ResultEnd::Kind::ok || end.kind == ResultEnd::Kind::rows) {
    if (under_way) kill_elsewhere(s, target, under_way);
    routing::StatementFacts facts;
    facts.kind = routing::StatementKind::admin;
    after_statement(s, facts, end);
  }
  co_return answer;
}

Task<Answer> on_set_option(Conversation& s, Command command) {
  constexpr std::uint8_t kOn = 0;
  constexpr std::uint8_t kOff = 1;
  if (command.payload.size() < 3) {
    co_return error(protocol::kErrMalformedPacket, "HY000", "Malformed communication packet.");
  }
  if (command.payload[2] != 0 || command.payload[1] > kOff) {
    co_return error(protocol::kErrUnknownCommand, "08S01", "Unknown command");
  }
  // Our own connection to the leader keeps the option: only what we let through changes. Its answer, with the session's
  // flags and warnings, is the same to either.
  const bool on = command.payload[1] == kOn;
  protocol::Buffer payload = protocol::encode_simple(CommandByte::set_option);
  protocol::put_zeros(payload, 2);
  s.client.replace(command, std::move(payload));
  ResultEnd end;
  Answer answer = co_await relay_command(s, command, ResponseKind::eof_or_err, &end);
  if (end.kind == ResultEnd::Kind::ok) s.identity.multi_statements = on;
  s.state.diagnostics.note_rows_given();
  co_return answer;
}

Task<Answer> on_init_db(Conversation& s, Command command) {
  s.client.own(command);
  ResultEnd end;
  Answer answer = co_await relay_command(s, command, ResponseKind::ok_or_err, &end);
  if (end.kind == ResultEnd::Kind::ok) s.state.known.use_schema(std::string(command.text()));
  co_return answer;
}

Task<Answer> on_reset_connection(Conversation& s) {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_simple(CommandByte::reset_connection));
  if (!s.leader.link().alive()) {  // all that it held was to go
    s.forget_session();
    s.state.transaction.note_status(s.leader.link().login_ok().status);
  }
  auto captured = co_await ask_leader(s, wire, ResponseKind::ok_or_err, kRollbackMax);
  if (!captured.ok()) co_return lost(s, captured.status());
  if (captured->failed()) co_return Framed{std::move(captured->wire)};
  s.forget_session();
  protocol::Ok ok = captured->last().ok;
  s.state.transaction.note_status(ok.status);
  const absl::Status tracking = co_await s.commits.begin_tracking(s.leader.link());
  if (!tracking.ok()) co_return lost(s, tracking);
  if ((s.identity.capabilities & protocol::kSessionTrack) == 0) {
    ok.session_state.clear();
    ok.status &= static_cast<std::uint16_t>(~protocol::kStatusSessionStateChanged);
  }
  co_return ok;
}

}  // namespace crossfade::proxy
