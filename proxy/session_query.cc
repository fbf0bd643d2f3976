// COM_QUERY: facts, plan, and what each action means for the session.

#include <algorithm>
#include <limits>

#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"
#include "routing/classify.h"
#include "routing/split.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;
using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

bool asks_for_diagnostics(const StatementFacts& facts) {
  return facts.facts.has(Fact::warnings) || facts.facts.has(Fact::row_count) || facts.facts.has(Fact::found_rows);
}

}  // namespace

routing::SessionFacts Session::session_facts() {
  routing::SessionFacts facts;
  facts.user = user_name_;
  facts.schema = known_.schema();
  facts.client_host = host_;
  facts.session_key = id_;
  // Under autocommit=0 the first read opens a transaction, too.
  facts.in_transaction = transaction_.open() || !transaction_.autocommit();
  facts.pinned_to_leader = known_.reads_pinned() || hold_.next_transaction_set();
  facts.temporary_tables = &known_.objects().temporary_tables();
  facts.tables_locked = known_.objects().has_table_locks();
  facts.follower_usable = shared_.feed.usable_for_reads();
  facts.client_multi_statements = multi_statements_;
  facts.diagnostics_kept = diagnostics_.kept() != nullptr;
  facts.duplication = duplication();
  // A transaction may write at any time: its reads stay with the leader from the start.
  facts.transaction_drawn = facts.in_transaction;
  facts.transaction_reads = leader();
  return facts;
}

Task<Session::Next> Session::on_query(Command command) {
  std::string_view sql = protocol::as_text(command.payload.subspan(1));
  StatementFacts facts = routing::classify(sql, known_.lexer());
  transaction_.take_flags(worker_.flags);
  // The question would clear the diagnostics that the text asks for; where everything is relayed, nothing hangs on it.
  const bool relayed_as_it_is = asks_for_diagnostics(facts) && !transaction_.flags().freeze_writes;
  if (!relayed_as_it_is && must_ask_how_to_read(facts, sql)) {
    own(command);
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
    sql = protocol::as_text(command.payload.subspan(1));
    facts = routing::classify(sql, known_.lexer());
  }
  if (!multi_statements_ && !known_.is_unclear(sql)) {
    // The leader's connection may send several, and would answer what is behind the semicolon, too.
    const std::string_view only = routing::only_statement(sql, known_.lexer());
    if (only.size() != sql.size()) {
      protocol::Buffer cut = protocol::encode_query(only);
      owned_payload_ = std::move(cut);
      command.payload = owned_payload_;
      own(command);
      sql = protocol::as_text(command.payload.subspan(1));
      facts = routing::classify(sql, known_.lexer());
    }
  }
  const auto draw = [this] { return static_cast<std::uint32_t>(worker_.random() % config::Percent::kWhole); };
  routing::SessionFacts session = session_facts();
  if (duplicates() && shared_.feed.any_stopped()) {
    own(command);
    session.reads_stopped_tables = co_await reads_stopped_tables(facts, known_.schema());
    sql = protocol::as_text(command.payload.subspan(1));
  }
  if (sql.find(';') == std::string_view::npos) session.client_multi_statements = true;  // it is one
  const routing::Plan plan = routing::make_plan(facts, session, transaction_.flags(), leader(), draw());
  co_return co_await carry_out(plan, std::move(facts), command);
}

Task<Session::Next> Session::carry_out(routing::Plan plan, StatementFacts facts, Command command) {
  if (plan.action != Action::refuse && plan.action != Action::split) hold_.note(facts);
  if (plan.action != Action::split) counters_.statements.add();
  switch (plan.action) {
    case Action::relay:
      // FOUND_ROWS() is known only to whoever answered last.
      if (facts.facts.has(Fact::found_rows) && facts.facts.has(Fact::session_status))
        plan.answer_from = diagnostics_.answered_by();
      if (must_say_ddl(facts)) {
        own(command);
        std::string text(protocol::as_text(command.payload.subspan(1)));
        const absl::Status said = co_await say_ddl(facts, std::move(text), known_.schema());
        if (!said.ok()) co_return co_await reply_ddl_unsaid(said);
      }
      co_return co_await relay_read(plan, std::move(facts), command);
    case Action::kill:
      co_return co_await on_kill(std::move(facts), command);
    case Action::set: {
      std::string text(protocol::as_text(command.payload.subspan(1)));
      co_return co_await on_set(std::move(facts), std::move(text), command, ResponseKind::query);
    }
    case Action::begin:
    case Action::commit:
    case Action::rollback:
    case Action::use:
      co_return co_await on_plain(std::move(facts), command);
    case Action::warnings:
      co_return co_await on_warnings(std::move(facts), command);
    case Action::split:
      co_return co_await on_several(command);
    case Action::refuse:
      co_return co_await refuse(plan, std::move(facts), std::string(protocol::as_text(command.payload.subspan(1))));
  }
  co_return Next::close;
}

// What a statement on the leader changed here, once its end is known.
void Session::after_statement(StatementKind kind, const StatementFacts& facts, const ResultEnd& end) {
  if (end.kind == ResultEnd::Kind::err) {
    const bool may_signal = kind == StatementKind::call || kind == StatementKind::diagnostics;
    transaction_.note_error(end.err.code,
                            may_signal ? Transaction::ErrorSource::raised : Transaction::ErrorSource::server);
    return;
  }
  const Transaction::Change change = transaction_.note_status(end.ok.status);
  if ((kind == StatementKind::insert || kind == StatementKind::replace) && end.ok.last_insert_id != 0) {
    hold_.note_last_insert_id();  // it may be a value that was given
  }
  switch (kind) {
    case StatementKind::begin:
      known_.note_begin();
      break;
    case StatementKind::commit:
    case StatementKind::rollback:
      if (transaction_.open()) known_.note_begin();  // a chained transaction begins as by BEGIN
      break;
    case StatementKind::use:
      known_.use_schema(facts.name);
      break;
    default:
      break;
  }
  if (change == Transaction::Change::ended) hold_.note_transaction_ended();
}

Task<Session::Next> Session::on_plain(StatementFacts facts, Command command) {
  std::optional<Kept> kept = kept_now();
  expect_commit_of(facts);
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(facts.kind, facts, end);
  diagnostics_.keep_over(std::move(kept), end, answer_form().make);
  if (facts.release.value_or(false) && end.kind == ResultEnd::Kind::ok) co_return Next::close;
  co_return next;
}

}  // namespace crossfade::proxy
