// SHOW WARNINGS, ROW_COUNT() and the like after what the leader has not seen.

#include <limits>

#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/kept_question.h"
#include "proxy/session.h"
#include "routing/statement_prefix.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;

// Right after a refusal of the proxy's own, or a read that the follower answered: the leader's diagnostics are of
// something else.
Task<Session::Next> Session::on_warnings(StatementFacts facts, Command command) {
  const bool assigns = facts.kind == routing::StatementKind::diagnostics;  // to variables, which are the leader's
  if (assigns && diagnostics_.kept() == nullptr && diagnostics_.answered_by() != leader()) {
    own(command);
    co_await keep_followers_conditions();
  }
  if (diagnostics_.kept() != nullptr) {
    own(command);
    const std::string sql(protocol::as_text(command.payload.subspan(1)));
    if (auto answered = co_await answer_from_kept(facts, sql)) co_return *answered;
  }
  routing::Plan plan{.answer_from = diagnostics_.answered_by()};
  co_return co_await relay_read(plan, std::move(facts), command);
}

namespace {

// SHOW WARNINGS | ERRORS [LIMIT [offset,] count | LIMIT count OFFSET offset]
struct ShowDiagnostics {
  bool errors_only = false;
  std::uint64_t offset = 0;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};
std::optional<ShowDiagnostics> parse_show_diagnostics(const std::string& sql, const routing::LexerMode& mode) {
  routing::Tokenizer tokens(routing::without_prefix(sql, mode), mode);
  if (!routing::is_word(tokens.next(), "SHOW")) return std::nullopt;
  ShowDiagnostics show;
  routing::Token token = tokens.next();
  show.errors_only = routing::is_word(token, "ERRORS");
  if (!show.errors_only && !routing::is_word(token, "WARNINGS")) return std::nullopt;
  token = tokens.next();
  if (routing::is_word(token, "LIMIT")) {
    const auto number = [&] { return std::strtoull(std::string(tokens.next().text).c_str(), nullptr, 10); };
    show.count = number();
    token = tokens.next();
    if (token.text == ",") {
      show.offset = std::exchange(show.count, number());
      token = tokens.next();
    } else if (routing::is_word(token, "OFFSET")) {
      show.offset = number();
      token = tokens.next();
    }
  }
  if (token.kind == routing::TokenKind::semicolon) token = tokens.next();
  if (token.kind != routing::TokenKind::end) return std::nullopt;
  return show;
}

enum class RowForm { text, binary };

// A row of SHOW WARNINGS as an execution answers it: level, code as a four-byte number, message.
protocol::Buffer binary_row(protocol::Bytes text_row) {
  protocol::Reader reader(text_row);
  protocol::Buffer out;
  protocol::put_zeros(out, 2);  // the mark of a row, and no NULLs
  protocol::put_lenenc_text(out, reader.lenenc_text());
  protocol::put_u32(out,
                    static_cast<std::uint32_t>(std::strtoul(std::string(reader.lenenc_text()).c_str(), nullptr, 10)));
  protocol::put_lenenc_text(out, reader.lenenc_text());
  return out;
}

// The end of rows, or of columns, with the flags of the session as it is now.
protocol::Buffer ending(protocol::Bytes kept, const AnswerForm& answer) {
  constexpr std::uint16_t kSession = protocol::kStatusAutocommit | protocol::kStatusInTransaction;
  const auto now = [&](std::uint16_t status) {
    return static_cast<std::uint16_t>((status & ~(kSession | protocol::kStatusSessionStateChanged)) |
                                      (answer.status & kSession));
  };
  if ((answer.capabilities & protocol::kDeprecateEof) == 0) {
    auto eof = protocol::decode_eof(kept);
    if (!eof.ok()) return {kept.begin(), kept.end()};
    eof->status = now(eof->status);
    return protocol::encode_eof(*eof);
  }
  auto ok = protocol::decode_ok(kept, answer.capabilities);
  if (!ok.ok()) return {kept.begin(), kept.end()};
  ok->status = now(ok->status);
  ok->session_state.clear();
  return protocol::encode_ok(*ok, answer.capabilities, 0xfe);
}

// The kept answer to SHOW WARNINGS with only the rows that `show` asks for. What was kept was often asked for inside a
// transaction of ours.
protocol::Buffer select_diagnostics(const protocol::Buffer& kept, const ShowDiagnostics& show, const AnswerForm& answer,
                                    RowForm form) {
  protocol::Buffer out;
  std::uint8_t sequence = 1;
  // Column count, three columns and, in the older dialect, an EOF come before the rows.
  std::size_t head = (answer.capabilities & protocol::kDeprecateEof) != 0 ? 4 : 5;
  std::uint64_t row = 0;
  for (std::size_t at = 0; at < kept.size();) {
    const auto header = protocol::decode_header(protocol::Bytes(kept).subspan(at));
    const protocol::Bytes payload = protocol::Bytes(kept).subspan(at + protocol::kHeaderBytes, header.payload_bytes);
    at += protocol::kHeaderBytes + header.payload_bytes;
    const bool is_row = head == 0 && at < kept.size();
    if (head > 0) --head;
    if (is_row) {
      constexpr std::string_view kError = "Error";
      protocol::Reader reader(payload);
      if (show.errors_only && reader.lenenc_text() != kError) continue;
      const std::uint64_t index = row++;
      if (index < show.offset || index - show.offset >= show.count) continue;
      if (form == RowForm::binary) {
        protocol::append_message(out, binary_row(payload), sequence);
        continue;
      }
    }
    // An EOF behind the columns and at the end, or an OK at the end: nothing of what the keeping did to the session.
    const bool behind_columns = !is_row && payload.size() == 5 && payload[0] == 0xfe;
    if (behind_columns || at == kept.size()) {
      protocol::append_message(out, ending(payload, answer), sequence);
      continue;
    }
    protocol::append_message(out, payload, sequence);
  }
  return out;
}

}  // namespace

// What the last statement, a read that the follower answered, left there: for questions that cannot be asked there.
// MySQL prepares no SHOW WARNINGS, and user variables are the leader's. Without the follower nothing is kept.
Task<void> Session::keep_followers_conditions() {
  auto& following = link(config::other(leader()));
  if (!following || !following->alive()) co_return;
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  auto shown = co_await following->run("SHOW WARNINGS", deadline);
  absl::StatusOr<std::vector<protocol::Cell>> counts = absl::UnavailableError("not asked yet");
  if (shown.ok() && !shown->failed())
    counts = co_await following->ask_row("@@warning_count, @@error_count", 2, deadline);
  if (!counts.ok()) {
    following.reset();
    co_return;
  }
  const std::vector<protocol::Cell>& row = *counts;
  const auto number = [&row](std::size_t i) { return std::strtoull(row[i].value_or("0").c_str(), nullptr, 10); };
  diagnostics_.keep(
      Kept{.row_count = -1, .warnings = number(0), .errors = number(1), .show_warnings = std::move(shown->wire)});
}

std::optional<protocol::Buffer> Session::executed_show_warnings(const std::string& sql) const {
  const auto show = parse_show_diagnostics(sql, known_.lexer());
  if (!show || diagnostics_.kept()->show_warnings.empty()) return std::nullopt;
  return select_diagnostics(diagnostics_.kept()->show_warnings, *show, answer_form(), RowForm::binary);
}

// nullopt: nothing kept bears on it; ask the server.
Task<std::optional<Session::Next>> Session::answer_from_kept(const StatementFacts& facts, std::string sql) {
  const Kept kept = *diagnostics_.kept();
  if (facts.facts.has(Fact::warnings)) {
    if (const auto show = parse_show_diagnostics(sql, known_.lexer())) {
      if (kept.show_warnings.empty()) co_return std::nullopt;
      diagnostics_.note_rows_given();
      protocol::Buffer shown = select_diagnostics(kept.show_warnings, *show, answer_form(), RowForm::text);
      co_return co_await reply_wire(std::move(shown));
    }
  }
  if (facts.kind == routing::StatementKind::diagnostics) {
    auto set = set_for_get_diagnostics(sql, known_.lexer(), kept, capabilities_);
    if (!set.ok()) {
      co_return co_await reply_not_supported("crossfade: " + std::string(set.status().message()));
    }
    if (!set->has_value()) co_return std::nullopt;
    auto assigned = co_await link(leader())->run(**set, worker_.reactor.now() + kStatementMax);
    if (!assigned.ok()) co_return co_await reply_lost(assigned.status(), leader());
    if (assigned->failed()) co_return co_await reply_err(assigned->last().err);
    protocol::Ok ok = assigned->last().ok;
    ok.warnings = 0;  // MySQL deprecates a character set's name that it uses itself
    co_return co_await reply_ok(std::move(ok));
  }
  const std::optional<std::string> question = kept_question(sql, known_.lexer(), kept);
  if (!question) co_return std::nullopt;
  diagnostics_.note_rows_given();
  if (!link(leader())->is_mariadb() && facts.kind == routing::StatementKind::select) {
    // MySQL's conditions end with the next statement that does not ask for them; asked for, the counts stay.
    diagnostics_.drop_conditions();
    if (!facts.facts.has(Fact::warnings)) diagnostics_.drop_counts();
  }
  auto leading = co_await leader_link(&facts);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  auto captured = co_await (*leading)->run(*question, worker_.reactor.now() + kStatementMax);
  if (!captured.ok()) co_return co_await reply_lost(captured.status(), leader());
  if (!(*leading)->ended_clean()) diagnostics_.forget();  // what it left itself is asked for next
  co_return co_await reply_captured(std::move(captured->wire));
}

}  // namespace crossfade::proxy
