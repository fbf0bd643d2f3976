// CALL while writes are duplicated: of a procedure that provably changes no rows it is a read of the leader's, of any
// other it is refused (ADR 0019).

#include <algorithm>

#include "dualwrite/inline/outbox.h"
#include "protocol/ascii.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::is_ascii;

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;
using Outcome = RoutineCache::Judgement::Outcome;

namespace {

constexpr std::uint16_t kNoSchema = 1046;

// What is wrong with the CALL itself. Empty: nothing.
std::string problem(const StatementFacts& facts, const SessionContext& context) {
  if (facts.facts.has(Fact::row_count) || facts.facts.has(Fact::found_rows) || facts.facts.has(Fact::warnings)) {
    return "arguments of CALL that ask for ROW_COUNT(), FOUND_ROWS() or warnings are not supported while writes are "
           "duplicated; put the value in a user variable first";
  }
  const dualwrite::StatementContext& session = context.statement;
  if (session.sql_mode.find("ORACLE") != std::string::npos) {
    return "CALL under sql_mode ORACLE is not supported while writes are duplicated, because it may mean a package";
  }
  const routing::TableName& name = facts.targets.front();
  if ((!is_ascii(name.schema) || !is_ascii(name.table)) && !session.character_set_client.starts_with("utf8")) {
    return "names of procedures must be ASCII while writes are duplicated, or the connection in utf8mb4";
  }
  return "";
}

}  // namespace

Task<absl::StatusOr<Session::JudgedCall>> Session::judge_call(StatementFacts facts, std::optional<std::string> schema) {
  if (!context_) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  JudgedCall out;
  if (std::string why = problem(facts, *context_); !why.empty()) {
    out.refused = routing::not_supported("crossfade: " + std::move(why));
    co_return out;
  }
  routing::TableName procedure = facts.targets.front();
  const std::string present = schema.value_or(schema_);
  if (procedure.schema.empty()) procedure.schema = present;
  if (procedure.schema.empty()) {
    out.refused.emplace();
    out.refused->code = kNoSchema;
    out.refused->sqlstate = "3D000";
    out.refused->message = "No database selected";
    co_return out;
  }
  auto judgement = co_await worker_.routines.judge(present, procedure);
  if (!judgement.ok()) co_return judgement.status();
  if (judgement->outcome == Outcome::unknown) {
    auto sees = co_await user_sees_procedure(procedure);
    if (!sees.ok()) co_return sees.status();
    judgement->outcome = *sees ? Outcome::unreadable : Outcome::reads;
    judgement->why = RoutineCache::missing_right(link(leader())->is_mariadb());
  }
  const std::string which = "crossfade: CALL of " + judgement->procedure + " is refused while writes are duplicated: ";
  switch (judgement->outcome) {
    case Outcome::reads:
      break;
    case Outcome::unreadable:
      out.refused = routing::not_supported(
          which + "its body, which could write, cannot be read; grant the control account " + judgement->why);
      break;
    case Outcome::unknown:
    case Outcome::refused:
      out.refused = routing::not_supported(
          which + judgement->why + "; send its statements from the application, or run it on each backend directly");
      break;
  }
  if (out.refused && flags_->freeze_writes) out.refused = routing::refusal(routing::Reason::freeze, facts);
  if (out.refused) co_return out;
  out.verdict = std::move(judgement->verdict);
  routing::RoutineVerdict own;  // what its arguments do
  own.facts = facts.facts;
  own.user_locks = facts.user_locks;
  own.reads_tables = !facts.tables.empty();
  routing::merge(out.verdict, own);
  out.facts.kind = StatementKind::select;
  out.facts.facts = out.verdict.facts;
  if (facts.facts.has(Fact::user_variable)) out.facts.facts.add(Fact::assigns_user_variable);  // OUT parameters
  out.facts.user_locks = out.verdict.user_locks;
  co_return out;
}

// Does the client's user see a procedure that the control account does not? If neither sees one, a CALL is refused by
// the server, in its own words.
Task<absl::StatusOr<bool>> Session::user_sees_procedure(routing::TableName procedure) {
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return ready.status();
  auto shown = co_await (*ready)->run(
      "SHOW CREATE PROCEDURE " + dualwrite::quote_name(procedure.schema) + "." + dualwrite::quote_name(procedure.table),
      worker_.reactor.now() + kStatementMax);
  if (!shown.ok()) co_return shown.status();
  co_return !shown->failed() || !RoutineCache::is_none(shown->last().err);
}

std::optional<protocol::Err> Session::why_not_now(const routing::RoutineVerdict& verdict) const {
  if (verdict.asks_what_was_before && (kept_ || last_answered_ != leader())) {
    return routing::not_supported(
        "crossfade: this procedure may ask for FOUND_ROWS(), ROW_COUNT() or warnings of the statement before the CALL, "
        "which the leader does not have; let the procedure begin with a SELECT from a table");
  }
  if (verdict.catches_errors && !log_.empty() && !autocommit_) {
    return routing::not_supported(
        "crossfade: under autocommit=0 a procedure with a handler for errors could go on in another transaction after "
        "a deadlock has rolled this one back; COMMIT before the CALL");
  }
  return std::nullopt;
}

Task<Session::Next> Session::on_call(StatementFacts facts, Command command) {
  own(command);
  auto judged = co_await judge_call(std::move(facts), std::nullopt);
  if (!judged.ok()) co_return co_await reply_unjudged(judged.status());
  co_return co_await run_call(*std::move(judged), command);
}

Task<Session::Next> Session::run_call(JudgedCall call, Command command) {
  own(command);
  if (!call.refused) call.refused = why_not_now(call.verdict);
  if (call.refused) {
    kept_.reset();
    co_return co_await reply_refused(*std::move(call.refused));
  }
  hold_.note(call.facts);
  auto ready = co_await leader_link(&call.facts);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  std::optional<Kept> kept = kept_;
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(StatementKind::call, call.facts, end);
  if (call.facts.facts.has(Fact::sets_last_insert_id)) last_insert_id_known_ = false;
  if (!call.verdict.reads_tables) keep_over(std::move(kept), end);
  co_return next;
}

Task<Session::Next> Session::execute_call(Prepared& prepared, routing::Plan plan, protocol::Execute execute) {
  auto judged = co_await judge_call(prepared.facts, prepared.schema);
  if (!judged.ok()) co_return co_await reply_unjudged(judged.status());
  if (!judged->refused) judged->refused = why_not_now(judged->verdict);
  kept_.reset();
  prepared.cursor = false;
  if (judged->refused) co_return co_await reply_refused(*std::move(judged->refused));
  hold_.note(judged->facts);
  auto ready = co_await leader_link(&judged->facts);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  const bool sets_id = judged->facts.facts.has(Fact::sets_last_insert_id);
  const Next next = co_await execute_read(prepared, plan, std::move(execute));
  if (sets_id) last_insert_id_known_ = false;
  co_return next;
}

}  // namespace crossfade::proxy
