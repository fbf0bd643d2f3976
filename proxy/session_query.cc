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

bool has_high_bytes(std::string_view sql) {
  unsigned char all = 0;
  for (const char c : sql) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return (all & 0x80) != 0;
}

bool asks_for_diagnostics(const StatementFacts& facts) {
  return facts.facts.has(Fact::warnings) || facts.facts.has(Fact::row_count) || facts.facts.has(Fact::found_rows);
}

}  // namespace

routing::SessionFacts Session::session_facts() {
  routing::SessionFacts facts;
  facts.user = user_name_;
  facts.schema = schema_;
  facts.client_host = host_;
  facts.session_key = id_;
  // Under autocommit=0 the first read opens a transaction, too.
  facts.in_transaction = in_transaction_ || !autocommit_;
  facts.pinned_to_leader = read_pin_.active() || hold_.next_transaction_set();
  facts.temporary_tables = &objects_.temporary_tables();
  facts.tables_locked = objects_.has_table_locks();
  facts.follower_usable = shared_.feed.usable_for_reads();
  facts.client_multi_statements = multi_statements_;
  facts.diagnostics_kept = kept_.has_value();
  facts.duplication = duplication();
  // A transaction may write at any time: its reads stay with the leader from the start.
  facts.transaction_drawn = facts.in_transaction;
  facts.transaction_reads = leader();
  return facts;
}

// How the text is cut into tokens hangs on sql_mode where quotes and backslashes are about, and on the
// character set where there is more than ASCII.
bool Session::needs_context_to_read(const routing::UnclearBytes& unclear, std::string_view rest) const {
  return (lexer_stale_ && unclear.quotes_in(rest)) || (!context_ && unclear.characters_in(rest));
}

bool Session::needs_context_to_read(std::string_view sql) const {
  // Two searches: find_first_of() would make one for each byte.
  const auto has = [sql](char c) { return sql.find(c) != std::string_view::npos; };
  if (lexer_stale_ && (has('"') || has('\\'))) return true;
  return !context_ && has_high_bytes(sql);
}

Task<Session::Next> Session::on_query(Command command) {
  std::string_view sql = protocol::as_text(command.payload.subspan(1));
  StatementFacts facts = routing::classify(sql, lexer_mode_);
  if (!in_transaction_ && flags_ != worker_.flags) flags_ = worker_.flags;
  // The question would clear the diagnostics that the text asks for; where everything is relayed, nothing hangs on it.
  const bool relayed_as_it_is = asks_for_diagnostics(facts) && !flags_->freeze_writes;
  if (!relayed_as_it_is && must_ask_how_to_read(facts, sql)) {
    own(command);
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
    sql = protocol::as_text(command.payload.subspan(1));
    facts = routing::classify(sql, lexer_mode_);
  }
  if (!multi_statements_ && !needs_context_to_read(sql)) {
    // The leader's connection may send several, and would answer what is behind the semicolon, too.
    const std::string_view only = routing::only_statement(sql, lexer_mode_);
    if (only.size() != sql.size()) {
      protocol::Buffer cut = protocol::encode_query(only);
      owned_payload_ = std::move(cut);
      command.payload = owned_payload_;
      own(command);
      sql = protocol::as_text(command.payload.subspan(1));
      facts = routing::classify(sql, lexer_mode_);
    }
  }
  const auto draw = [this] { return static_cast<std::uint32_t>(worker_.random() % config::Percent::kWhole); };
  routing::SessionFacts session = session_facts();
  if (duplicates() && shared_.feed.any_stopped()) {
    own(command);
    session.reads_stopped_tables = co_await reads_stopped_tables(facts, schema_);
    sql = protocol::as_text(command.payload.subspan(1));
  }
  if (sql.find(';') == std::string_view::npos) session.client_multi_statements = true;  // it is one
  const routing::Plan plan = routing::make_plan(facts, session, *flags_, leader(), draw());
  co_return co_await carry_out(plan, std::move(facts), command);
}

Task<Session::Next> Session::carry_out(routing::Plan plan, StatementFacts facts, Command command) {
  if (plan.action != Action::refuse && plan.action != Action::split) hold_.note(facts);
  if (plan.action != Action::split) counters_.statements.add();
  switch (plan.action) {
    case Action::relay:
      // FOUND_ROWS() is known only to whoever answered last.
      if (facts.facts.has(Fact::found_rows) && facts.facts.has(Fact::session_status)) plan.answer_from = last_answered_;
      if (must_say_ddl(facts)) {
        own(command);
        std::string text(protocol::as_text(command.payload.subspan(1)));
        const absl::Status said = co_await say_ddl(facts, std::move(text), schema_);
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

// A deadlock has rolled everything back. Another error may have, too: what the session asks next tells.
void Session::note_error(std::uint16_t code, ErrorSource source) {
  if (code == protocol::kErrDeadlock && source == ErrorSource::server) in_transaction_ = false;
}

// What a statement on the leader changed here, once its end is known.
void Session::after_statement(StatementKind kind, const StatementFacts& facts, const ResultEnd& end) {
  const bool was_in_transaction = in_transaction_;
  if (end.kind == ResultEnd::Kind::err) {
    const bool may_signal = kind == StatementKind::call || kind == StatementKind::diagnostics;
    note_error(end.err.code, may_signal ? ErrorSource::raised : ErrorSource::server);
    return;
  }
  in_transaction_ = (end.ok.status & protocol::kStatusInTransaction) != 0;
  autocommit_ = (end.ok.status & protocol::kStatusAutocommit) != 0;
  if ((kind == StatementKind::insert || kind == StatementKind::replace) && end.ok.last_insert_id != 0) {
    last_insert_id_known_ = false;  // it may be a value that was given
  }
  switch (kind) {
    case StatementKind::begin:
      objects_.unlocked();
      break;
    case StatementKind::commit:
    case StatementKind::rollback:
      if (in_transaction_) objects_.unlocked();  // a chained transaction begins as by BEGIN
      break;
    case StatementKind::use:
      schema_ = facts.name;
      context_.reset();
      ++context_version_;
      break;
    default:
      break;
  }
  if (was_in_transaction && !in_transaction_) hold_.note_transaction_ended();
}

void Session::update_read_pin() {
  if (!set_variables_.unfollowed().empty()) {
    read_pin_.set(set_variables_.unfollowed());
  } else if (context_) {
    read_pin_.set(context_->reads_pinned);
  } else {
    read_pin_.set("");  // a read that would go elsewhere has the values read before it does
  }
}

Task<Session::Next> Session::on_plain(StatementFacts facts, Command command) {
  std::optional<Kept> kept = kept_;
  expect_commit_of(facts);
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(facts.kind, facts, end);
  keep_over(std::move(kept), end);
  if (facts.release.value_or(false) && end.kind == ResultEnd::Kind::ok) co_return Next::close;
  co_return next;
}

}  // namespace crossfade::proxy
