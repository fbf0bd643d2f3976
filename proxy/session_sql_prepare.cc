// PREPARE, EXECUTE and DEALLOCATE PREPARE as statements. The leader keeps them under their names as
// it would without us; here their texts are kept, so that what an EXECUTE runs is planned as that text.

#include <algorithm>

#include "dualwrite/inline/outbox.h"
#include "protocol/ascii.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"
#include "proxy/variable_parameters.h"

namespace crossfade::proxy {

using protocol::is_ascii;

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;
using routing::Fact;
using routing::PrepareStatement;
using routing::StatementFacts;
using Verb = routing::PrepareStatement::Verb;

namespace {

// @name, @`name`, @'name': nothing that computes, or has an effect.
bool is_user_variable(std::string_view text) {
  if (text.size() < 2 || text[0] != '@' || text[1] == '@') return false;
  text.remove_prefix(1);
  const char quote = text.front();
  if (quote == '`' || quote == '\'' || quote == '"') {
    return text.size() > 2 && text.find_first_of("`'\"\\", 1) == text.size() - 1 && text.back() == quote;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           c == '.';
  });
}

}  // namespace

Task<Session::Next> Session::on_sql_prepare(StatementFacts facts, Command command) {
  own(command);
  const std::string sql(protocol::as_text(command.payload.subspan(1)));
  std::optional<PrepareStatement> statement = routing::parse_prepare(sql, lexer_mode_);
  auto ready = co_await leader_link(&facts);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  if (!statement) {
    auto said = co_await servers_own_error(sql);
    if (!said.ok()) co_return co_await reply_lost(said.status(), leader());
    if (said->has_value()) co_return co_await reply_err(**said);
  }
  if (!statement || !is_ascii(statement->name) || unobserved_) {
    std::string why = !statement    ? "this form of PREPARE or EXECUTE is not understood; use a literal or a variable"
                      : unobserved_ ? "this session ran statements while writes were not duplicated; reconnect"
                                    : "names of prepared statements must be ASCII while writes are duplicated";
    co_return co_await reply_not_supported("crossfade: " + why);
  }
  switch (statement->verb) {
    case Verb::prepare:
      co_return co_await prepare_by_name(*std::move(statement), command);
    case Verb::execute:
      co_return co_await execute_by_name(*std::move(statement), command);
    case Verb::execute_immediate:
      co_return co_await execute_immediately(*std::move(statement), command);
    case Verb::deallocate:
      break;
  }
  co_await forget_named(statement->name);
  co_return co_await on_plain(std::move(facts), command);
}

// Closes what a name stands for, here; the leader's statement of that name is the leader's to drop.
Task<void> Session::forget_named(std::string name) {
  const std::optional<std::uint32_t> id = sql_statements_.find(name);
  if (!id) co_return;
  sql_statements_.erase(name);
  protocol::Buffer close = protocol::encode_stmt_close(*id);
  Command command;
  command.payload = close;
  co_await on_close(command);
}

// Computed here and once more by the leader: the two must be the same text, and so must its bytes.
Task<absl::StatusOr<std::optional<protocol::Err>>> Session::expression_refusal(PrepareStatement statement) {
  if (statement.expression.empty()) co_return std::nullopt;
  if (!is_user_variable(statement.expression)) {
    co_return routing::not_supported(
        "crossfade: PREPARE and EXECUTE IMMEDIATE take a text or one user variable while writes are duplicated");
  }
  if (!context_) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  if (context_->character_set_results == context_->statement.character_set_client) co_return std::nullopt;
  co_return routing::not_supported(
      "crossfade: PREPARE and EXECUTE IMMEDIATE of a variable need character_set_results to be character_set_client "
      "while writes are duplicated; use SET NAMES");
}

// The statement that PREPARE or EXECUTE IMMEDIATE names: nullopt where it is NULL or cannot be computed.
Task<absl::StatusOr<std::optional<std::string>>> Session::prepared_text(PrepareStatement statement) {
  if (statement.expression.empty()) co_return statement.text;
  auto captured = co_await link(leader())->run("SELECT " + statement.expression + "\nLIMIT 1",
                                               worker_.reactor.now() + kStatementMax);
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) co_return std::nullopt;
  auto results = protocol::decode_response(captured->wire, ResponseKind::query, link(leader())->capabilities());
  if (!results.ok()) co_return results.status();
  const auto row = protocol::only_row(*std::move(results), 1);
  if (!row.ok()) co_return std::nullopt;
  co_return row->front();
}

Task<Session::Next> Session::prepare_by_name(PrepareStatement statement, Command command) {
  auto no = co_await expression_refusal(statement);
  if (!no.ok()) co_return co_await reply_lost(no.status(), leader());
  if (*no) co_return co_await reply_refused(**std::move(no));
  // The name is free from here on, whatever comes of the new text.
  const bool replaces = sql_statements_.find(statement.name).has_value();
  co_await forget_named(statement.name);
  auto text = co_await prepared_text(statement);
  if (!text.ok()) co_return co_await reply_lost(text.status(), leader());
  Prepared prepared;
  std::optional<protocol::Err> refused;
  if (text->has_value()) {
    auto examined = co_await examine(**text);
    if (!examined.ok()) co_return co_await reply_unjudged(examined.status());
    prepared = std::move(examined->prepared);
    refused = std::move(examined->refused);
  }
  if (!refused && prepared_.size() >= shared_.config.limits.prepared_statements_max) refused = too_many_prepared();
  if (refused) {
    if (replaces) {
      auto dropped = co_await link(leader())->run("DEALLOCATE PREPARE " + dualwrite::quote_name(statement.name),
                                                  worker_.reactor.now() + kStatementMax);
      if (!dropped.ok()) co_return co_await reply_lost(dropped.status(), leader());
    }
    co_return co_await reply_err(*std::move(refused));
  }
  if (prepared.shape.kind != routing::StatementKind::unknown) {
    // Its recorded executions need a statement of the binary protocol, made in the state of this moment. What the
    // leader has against it, it says to the PREPARE below.
    std::optional<Captured> failed;
    auto id = co_await backend_statement(*link(leader()), prepared, &failed);
    if (!id.ok() && !failed) co_return co_await reply_lost(id.status(), leader());
  }
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  if (end.kind == ResultEnd::Kind::none) co_return Next::close;
  StatementFacts facts;
  facts.kind = routing::StatementKind::prepare;
  after_statement(facts.kind, facts, end);
  const std::uint32_t id = next_statement_id_++;
  prepared_.emplace(id, std::move(prepared));
  sql_statements_.set(statement.name, id);
  if (end.kind != ResultEnd::Kind::ok) co_await forget_named(statement.name);
  co_return next;
}

Task<Session::Next> Session::execute_immediately(PrepareStatement statement, Command command) {
  auto no = co_await expression_refusal(statement);
  if (!no.ok()) co_return co_await reply_lost(no.status(), leader());
  if (*no) co_return co_await reply_refused(**std::move(no));
  auto text = co_await prepared_text(statement);
  if (!text.ok()) co_return co_await reply_lost(text.status(), leader());
  Prepared prepared;
  if (text->has_value()) {
    auto examined = co_await examine(**text);
    if (!examined.ok()) co_return co_await reply_unjudged(examined.status());
    if (examined->refused) co_return co_await reply_err(*std::move(examined->refused));
    prepared = std::move(examined->prepared);
  }
  const auto kind = prepared.facts.kind;
  if (kind == routing::StatementKind::prepare || kind == routing::StatementKind::execute ||
      kind == routing::StatementKind::deallocate) {
    // As the servers: such a text could go on to name itself.
    constexpr std::uint16_t kNotPreparable = 1295;
    co_return co_await reply_err(kNotPreparable, "HY000",
                                 "This command is not supported in the prepared statement protocol yet");
  }
  if (prepared.shape.kind != routing::StatementKind::unknown) {
    std::optional<Captured> failed;
    auto id = co_await backend_statement(*link(leader()), prepared, &failed);
    if (failed) co_return co_await reply_err(failed->last().err);
    if (!id.ok()) co_return co_await reply_lost(id.status(), leader());
  }
  const Next next = co_await execute_named(prepared, std::move(statement.values), command);
  const auto id = prepared.backend_ids[static_cast<std::size_t>(leader())];
  if (!id || next == Next::close) co_return next;
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_stmt_close(*id));
  const absl::Status closed = co_await link(leader())->send(wire, worker_.reactor.now() + kStatementMax);
  co_return closed.ok() ? next : Next::close;
}

Task<Session::Next> Session::execute_by_name(PrepareStatement statement, Command command) {
  const std::optional<std::uint32_t> id = sql_statements_.find(statement.name);
  if (!id || !prepared_.contains(*id)) {
    co_return co_await reply_err(protocol::kErrUnknownStatement, "HY000",
                                 "Unknown prepared statement handler (" + statement.name + ") given to EXECUTE");
  }
  co_return co_await execute_named(prepared_.at(*id), std::move(statement.values), command);
}

// `command` is the EXECUTE as the client sent it.
Task<Session::Next> Session::execute_named(Prepared& prepared, std::vector<std::string> values, Command command) {
  if (!in_transaction_ && flags_ != worker_.flags) flags_ = worker_.flags;
  routing::SessionFacts session = session_facts();
  session.client_multi_statements = true;
  session.schema = prepared.schema;
  const routing::Plan plan = routing::make_plan(prepared.facts, session, *flags_, leader(), 0);
  const StatementFacts facts = prepared.facts;
  switch (plan.action) {
    case Action::write: {
      if (prepared.shape.returning) {
        co_return co_await reply_not_supported(
            "crossfade: EXECUTE of a statement with RETURNING is not supported while writes "
            "are duplicated; prepare it by the protocol, or send it as it is");
      }
      // The wrong number of values is the server's to refuse, and it runs nothing then.
      if (values.size() != prepared.parameters) break;
      auto parameters = co_await values_of(std::move(values));
      if (absl::IsInvalidArgument(parameters.status())) {
        co_return co_await reply_not_supported("crossfade: " + std::string(parameters.status().message()));
      }
      if (!parameters.ok()) co_return co_await reply_unjudged(parameters.status());
      protocol::Execute execute;
      execute.parameters = *std::move(parameters);
      kept_.reset();
      co_return co_await execute_write(prepared, std::move(execute));
    }
    case Action::set:
      co_return co_await on_set(facts, prepared.sql, command, ResponseKind::query);
    case Action::call: {
      auto judged = co_await judge_call(facts, prepared.schema);
      if (!judged.ok()) co_return co_await reply_unjudged(judged.status());
      // They may be OUT parameters.
      if (!values.empty()) judged->facts.facts.add(Fact::assigns_user_variable);
      co_return co_await run_call(*std::move(judged), command);
    }
    case Action::relay:
    case Action::session_only:
    case Action::warnings:
      break;
    case Action::refuse: {
      co_return co_await reply_refused(routing::refusal(plan.reason, facts));
    }
    default: {
      if (!values.empty()) {
        co_return co_await reply_not_supported(
            "crossfade: this statement cannot have parameters while writes are duplicated");
      }
      // What the statement means for the session is done on its text's own path.
      Command text;
      protocol::Buffer payload = protocol::encode_query(prepared.sql);
      owned_payload_ = std::move(payload);
      text.payload = owned_payload_;
      co_return co_await carry_out(plan, facts, text);
    }
  }
  if (kept_ && values.empty() && (facts.facts.has(Fact::row_count) || facts.facts.has(Fact::warnings))) {
    if (auto answered = co_await answer_from_kept(facts, prepared.sql)) co_return *answered;
  }
  if (plan.action == Action::session_only) {
    const absl::Status ready = co_await before_session_only(facts);
    if (!ready.ok()) co_return co_await reply_lost(ready, leader());
  }
  auto ready = co_await leader_link(&facts);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  const std::string schema = prepared.schema;
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(facts.kind, facts, end);
  if (facts.facts.has(Fact::sets_last_insert_id)) last_insert_id_known_ = false;
  if (plan.action == Action::write && end.kind == ResultEnd::Kind::ok) {
    shared_.applier.unrecorded(table_ref(prepared.shape.table, schema));
  }
  if (plan.action != Action::session_only) co_return next;
  const absl::Status noted = co_await after_session_only(facts, schema, end);
  co_return noted.ok() ? next : Next::close;
}

Task<absl::StatusOr<std::vector<protocol::Parameter>>> Session::values_of(std::vector<std::string> values) {
  if (values.empty()) co_return std::vector<protocol::Parameter>();
  if (!context_) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  auto results = co_await link(leader())->ask(parameters_query(values), worker_.reactor.now() + kStatementMax);
  if (!results.ok()) co_return results.status();
  if (absl::Status shape = protocol::expect_shape(*results, {2 * values.size()}); !shape.ok()) co_return shape;
  co_return parameters_from(results->front(), context_->statement.character_set_client,
                            context_->character_set_results);
}

}  // namespace crossfade::proxy
