#include "proxy/routine_cache.h"

#include <algorithm>
#include <vector>

#include "dualwrite/inline/outbox.h"
#include "proxy/session_state.h"
#include "proxy/worker.h"

namespace crossfade::proxy {

using routing::TableName;
using Judgement = RoutineCache::Judgement;
using Outcome = RoutineCache::Judgement::Outcome;

namespace {

Judgement refused(std::string procedure, std::string why) {
  Judgement out;
  out.outcome = Outcome::refused;
  out.procedure = std::move(procedure);
  out.why = std::move(why);
  return out;
}

}  // namespace

bool RoutineCache::is_none(const protocol::Err& err) {
  constexpr std::uint16_t kNoSuchProcedure = 1305;
  constexpr std::uint16_t kNameTooLong = 1059;
  constexpr std::uint16_t kNoRoutineName = 1458;  // empty, or with a blank at its end
  constexpr std::uint16_t kWrongSchemaName = 1102;
  return err.code == kNoSuchProcedure || err.code == kNameTooLong || err.code == kNoRoutineName ||
         err.code == kWrongSchemaName;
}

Task<absl::StatusOr<Judgement>> RoutineCache::judge(std::string schema, TableName procedure) {
  if (procedure.schema.empty()) procedure.schema = schema;
  struct Call {
    std::string schema;  // where names without one are looked for
    TableName procedure;
  };
  std::vector<Call> calls;
  calls.push_back({.schema = schema, .procedure = procedure});
  Judgement all;
  all.outcome = Outcome::reads;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Call call = calls[i];
    auto found = co_await get(call.schema, call.procedure);
    if (!found.ok()) co_return found.status();
    const Judgement& one = **found;
    if (one.outcome == Outcome::unknown && i > 0) {
      co_return refused(one.procedure, "it is called by " + procedure.schema + "." + procedure.table +
                                           ", and the control account sees no such procedure");
    }
    if (one.outcome != Outcome::reads) co_return one;
    routing::merge(all.verdict, one.verdict);
    for (const TableName& called : one.verdict.calls) {
      Call next{.schema = call.procedure.schema, .procedure = called};
      if (next.procedure.schema.empty()) next.procedure.schema = next.schema;
      const bool seen = std::any_of(calls.begin(), calls.end(), [&next](const Call& earlier) {
        return earlier.schema == next.schema && earlier.procedure == next.procedure;
      });
      if (seen) continue;
      if (calls.size() >= kCalledMax)
        co_return refused(one.procedure, "it leads to more procedures than are looked at");
      calls.push_back(std::move(next));
    }
  }
  co_return all;
}

Task<absl::StatusOr<std::shared_ptr<const Judgement>>> RoutineCache::get(std::string schema, TableName procedure) {
  const std::string key = schema + '\0' + procedure.schema + '\0' + procedure.table;
  const auto found = cache_.find(key);
  if (found != cache_.end() && found->second.read_at + kFresh > reactor_.now()) co_return found->second.judgement;
  const TimePoint asked_at = reactor_.now();
  auto fresh = co_await read(schema, procedure);
  if (!fresh.ok()) co_return fresh.status();
  auto judgement = std::make_shared<const Judgement>(*std::move(fresh));
  if (cache_.size() >= kRoutinesMax) cache_.clear();
  // One that is missing is looked up again each time, and so is one whose body is not shown.
  const bool lasts = judgement->outcome == Outcome::reads || judgement->outcome == Outcome::refused;
  if (lasts) cache_[key] = {.judgement = judgement, .read_at = asked_at};
  co_return std::shared_ptr<const Judgement>(std::move(judgement));
}

Task<absl::StatusOr<Judgement>> RoutineCache::read(std::string schema, TableName procedure) {
  std::string sql =
      "SHOW CREATE PROCEDURE " + dualwrite::quote_name(procedure.schema) + "." + dualwrite::quote_name(procedure.table);
  // MariaDB: a package of that name in the present schema comes before a schema of that name.
  sql += ";SELECT COUNT(*) FROM information_schema.ROUTINES WHERE " + SchemaCache::name_is("ROUTINE_SCHEMA", schema) +
         " AND " + SchemaCache::name_is("ROUTINE_NAME", procedure.schema) + " AND ROUTINE_TYPE='PACKAGE'";
  auto answer = co_await catalogue_.ask(reactor_, leader_, std::move(sql));
  if (!answer.ok()) co_return answer.status();
  Judgement out;
  out.procedure = procedure.schema + "." + procedure.table;
  if (answer->results.empty() || answer->results.back().end.kind == protocol::ResultEnd::Kind::err) {
    if (answer->results.size() == 1 && is_none(answer->results.back().end.err)) co_return out;
    co_return absl::FailedPreconditionError("the leader's answer to SHOW CREATE PROCEDURE is an error");
  }
  const auto& shown = answer->results.front().rows;
  const auto& packages = answer->results.back().rows;
  if (absl::Status shape = protocol::expect_shape(answer->results, {6, 1}); !shape.ok()) co_return shape;
  if (shown.size() != 1 || packages.size() != 1) {
    co_return absl::InternalError("unexpected answer to SHOW CREATE PROCEDURE");
  }
  if (packages[0][0].value_or("") != "0") co_return refused(out.procedure, "there is a package of that name");
  if (!shown[0][2]) {
    out.outcome = Outcome::unreadable;
    out.why = missing_right(answer->mariadb);
    co_return out;
  }
  const routing::RoutineDefinition definition{
      .create = *shown[0][2], .sql_mode = shown[0][1].value_or(""), .character_set_client = shown[0][3].value_or("")};
  // The connection's own character set is what the text comes in.
  out.verdict = routing::judge_routine(
      definition, lexer_mode(definition.sql_mode, "utf8mb4", answer->mariadb, answer->server_version));
  out.why = std::move(out.verdict.refusal);
  out.outcome = out.why.empty() ? Outcome::reads : Outcome::refused;
  co_return out;
}

}  // namespace crossfade::proxy
