// Statements on what exists in this session on the leader alone: temporary tables, handlers, table
// locks. They are relayed and remembered; nothing of them is recorded.

#include "dualwrite/inline/outbox.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/inline/write_answers.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;
using routing::TableVerb;

namespace {

bool is_write(StatementKind kind) {
  return kind == StatementKind::insert || kind == StatementKind::replace || kind == StatementKind::update ||
         kind == StatementKind::delete_;
}

}  // namespace

Task<absl::Status> Session::before_session_only(StatementFacts facts) {
  if (facts.verb == TableVerb::create_temporary && !objects_.knows_names()) {
    auto leading = co_await leader_link(nullptr);
    if (!leading.ok()) co_return leading.status();
    auto asked = co_await (*leading)->ask_row("@@lower_case_table_names", 1, worker_.reactor.now() + kStatementMax);
    if (!asked.ok()) co_return asked.status();
    const bool as_written = asked->front().value_or("1") == "0";
    objects_.compare(as_written ? routing::TemporaryTables::Names::as_written
                                : routing::TemporaryTables::Names::folded);
  }
  // It may make the server's LAST_INSERT_ID() its own, or leave it: before, it must be the client's.
  facts.facts.add(Fact::last_insert_id);
  auto leading = co_await leader_link(&facts);
  co_return leading.ok() ? absl::OkStatus() : leading.status();
}

// `schema`: what names without one meant.
Task<absl::Status> Session::after_session_only(StatementFacts facts, std::string schema, ResultEnd end) {
  const bool failed = end.kind == ResultEnd::Kind::err;
  if (end.kind == ResultEnd::Kind::none) co_return absl::OkStatus();  // no answer: the session ends
  if (is_write(facts.kind) || facts.verb == TableVerb::create_temporary) last_insert_id_known_ = false;
  if (!failed && is_write(facts.kind) && !objects_.temporary_tables().contains(facts.targets.front(), schema)) {
    // Under read locks no base table can be written. If the server did it all the same, say so.
    shared_.applier.unrecorded(table_ref(facts.targets.front(), schema));
  }
  if (failed && facts.verb == TableVerb::lock_read && end.err.code != protocol::kErrParse) objects_.unlocked();
  if (!failed) objects_.note(facts, schema);
  const bool of_tables = facts.verb == TableVerb::create_temporary || facts.verb == TableVerb::drop ||
                         facts.verb == TableVerb::drop_temporary || facts.verb == TableVerb::alter;
  if (!of_tables || (!failed && facts.renamed.empty())) co_return absl::OkStatus();
  // Half of it may have been done, and a new name without a schema may be in another one.
  std::vector<routing::TableName> names = facts.targets;
  for (const routing::TableName& table : facts.renamed) {
    names.push_back(table);
    if (table.schema.empty()) {
      names.push_back({.schema = facts.targets.front().schema, .table = table.table});
    }
  }
  const std::int64_t row_count = failed ? -1 : static_cast<std::int64_t>(end.ok.affected_rows);
  std::string error_sqlstate;  // a named value: see ADR 0008
  if (failed) error_sqlstate = end.err.sqlstate;
  co_return co_await look_for_temporary_tables(std::move(names), std::move(schema), row_count,
                                               std::move(error_sqlstate));
}

// Asks the leader which of these are temporary tables now; the diagnostics of the statement before are kept.
Task<absl::Status> Session::look_for_temporary_tables(std::vector<routing::TableName> names, std::string schema,
                                                      std::int64_t row_count, std::string error_sqlstate) {
  BackendLink& leading = *link(leader());
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  auto shown = co_await leading.run("SHOW WARNINGS", deadline);
  if (!shown.ok()) co_return shown.status();
  const std::uint64_t warnings = shown->last().rows;
  for (routing::TableName& name : names) {
    if (name.schema.empty()) name.schema = schema;
    if (name.schema.empty()) continue;  // no such table can be
    std::string sql =
        "SHOW CREATE TABLE " + dualwrite::quote_name(name.schema) + "." + dualwrite::quote_name(name.table);
    auto answer = co_await leading.run(std::move(sql), deadline);
    if (!answer.ok()) co_return answer.status();
    bool exists = false;
    if (!answer->failed()) {
      auto decoded = protocol::decode_response(answer->wire, ResponseKind::query, leading.capabilities());
      if (!decoded.ok()) co_return decoded.status();
      const auto& rows = decoded->front().rows;
      exists = rows.size() == 1 && rows[0].size() > 1 && rows[0][1].value_or("").starts_with("CREATE TEMPORARY TABLE");
    }
    objects_.set_temporary(name, schema, exists);
  }
  kept_ = Kept{.row_count = row_count,
               .warnings = warnings,
               .errors = error_sqlstate.empty() ? 0u : 1u,
               .show_warnings = standalone(shown->wire, leading.capabilities()),
               .error_sqlstate = std::move(error_sqlstate)};
  co_return absl::OkStatus();
}

Task<Session::Next> Session::on_session_only(StatementFacts facts, Command command) {
  own(command);
  const absl::Status ready = co_await before_session_only(facts);
  if (!ready.ok()) co_return co_await reply_lost(ready, leader());
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(facts.kind, facts, end);
  const absl::Status noted = co_await after_session_only(std::move(facts), schema_, end);
  co_return noted.ok() ? next : Next::close;
}

// The statement commits what is open: that is recorded first.
Task<Session::Next> Session::on_commit_first(StatementFacts facts, Command command) {
  own(command);
  if (!log_.empty()) {
    // A text that the server cannot read commits nothing.
    auto ready = co_await leader_link(nullptr);
    if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
    auto said = co_await servers_own_error(std::string(protocol::as_text(command.payload.subspan(1))));
    if (!said.ok()) co_return co_await reply_lost(said.status(), leader());
    if (said->has_value() && (*said)->code == protocol::kErrParse) co_return co_await reply_err(**said);
    Committed done = co_await record_and_commit(log_.entry(), std::string(dualwrite::kCommit));
    log_.clear();
    if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
    if (done.fate == Committed::Fate::unknown)
      co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
  }
  co_return co_await on_session_only(std::move(facts), command);
}

}  // namespace crossfade::proxy
