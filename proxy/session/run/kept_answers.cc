#include "proxy/session/run/kept_answers.h"

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

// GET DIAGNOSTICS as a SET of the same variables, which are the leader's.
Task<std::optional<Answer>> assign_from_kept(Conversation& s, std::string sql) {
  const KeptDiagnostics& kept = *s.state.diagnostics.kept();
  auto set = set_for_get_diagnostics(sql, s.state.known.lexer(), kept, s.identity.capabilities);
  if (!set.ok()) co_return refused(routing::Reason::executed_get_diagnostics);
  if (!set->has_value()) co_return std::nullopt;
  auto assigned = co_await s.leader.link().run(**set, s.site.in(kStatementMax));
  if (!assigned.ok()) co_return lost(s, assigned.status());
  if (assigned->failed()) co_return Error{.err = assigned->last().err, .origin = Error::Origin::server};
  protocol::Ok ok = assigned->last().ok;
  ok.warnings = 0;  // MySQL deprecates a character set's name that it uses itself
  co_return ok;
}

// Another question in its place, which has what was kept as values.
Task<Answer> ask_instead(Conversation& s, const StatementFacts& facts, std::string question) {
  Diagnostics& diagnostics = s.state.diagnostics;
  diagnostics.note_rows_given();
  if (!s.leader.is_mariadb() && facts.kind == StatementKind::select) {
    // MySQL's conditions end with the next statement that does not ask for them; asked for, the counts stay.
    diagnostics.drop_conditions();
    if (!facts.facts.has(Fact::warnings)) diagnostics.drop_counts();
  }
  auto leading = co_await s.leader.ready_for(&facts);
  if (!leading.ok()) co_return lost(s, leading.status());
  auto captured = co_await (*leading)->run(std::move(question), s.site.in(kStatementMax));
  if (!captured.ok()) co_return lost(s, captured.status());
  if (!(*leading)->ended_clean()) diagnostics.forget();  // what it left itself is asked for next
  co_return Framed{std::move(captured->wire)};
}

}  // namespace

Task<void> keep_followers_conditions(Conversation& s) {
  BackendLink* const following = s.follower.link();
  if (following == nullptr || !following->alive()) co_return;
  const TimePoint deadline = s.site.in(kStatementMax);
  auto shown = co_await following->run("SHOW WARNINGS", deadline);
  absl::StatusOr<std::vector<protocol::Cell>> counts = absl::UnavailableError("not asked yet");
  if (shown.ok() && !shown->failed()) {
    counts = co_await following->ask_row("@@warning_count, @@error_count", 2, deadline);
  }
  if (!counts.ok()) {
    s.follower.drop();
    co_return;
  }
  const std::vector<protocol::Cell>& row = *counts;
  const auto number = [&row](std::size_t i) { return std::strtoull(row[i].value_or("0").c_str(), nullptr, 10); };
  s.state.diagnostics.keep(KeptDiagnostics{
      .row_count = -1, .warnings = number(0), .errors = number(1), .show_warnings = std::move(shown->wire)});
}

std::optional<protocol::Buffer> executed_show_warnings(const Conversation& s, const std::string& sql) {
  const auto show = parse_show_diagnostics(sql, s.state.known.lexer());
  const KeptDiagnostics& kept = *s.state.diagnostics.kept();
  if (!show || kept.show_warnings.empty()) return std::nullopt;
  return select_diagnostics(kept.show_warnings, *show, s.answer_form(), RowForm::binary);
}

Task<std::optional<Answer>> answer_from_kept(Conversation& s, const StatementFacts& facts, std::string sql) {
  const KeptDiagnostics& kept = *s.state.diagnostics.kept();
  const routing::LexerMode& lexer = s.state.known.lexer();
  if (facts.facts.has(Fact::warnings)) {
    if (const auto show = parse_show_diagnostics(sql, lexer)) {
      if (kept.show_warnings.empty()) co_return std::nullopt;
      protocol::Buffer shown = select_diagnostics(kept.show_warnings, *show, s.answer_form(), RowForm::text);
      s.state.diagnostics.note_rows_given();
      co_return Framed{std::move(shown)};
    }
  }
  if (facts.kind == StatementKind::diagnostics) co_return co_await assign_from_kept(s, std::move(sql));
  std::optional<std::string> question = kept_question(sql, lexer, kept);
  if (!question) co_return std::nullopt;
  co_return co_await ask_instead(s, facts, *std::move(question));
}

}  // namespace crossfade::proxy
