// COM_QUERY: facts, plan, and what each action means for the session.

#include <algorithm>
#include <limits>

#include "dualwrite/inline/outbox.h"
#include "protocol/error_codes.h"
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

constexpr auto kStatementMax = std::chrono::hours(24);

bool has_high_bytes(std::string_view sql) {
  unsigned char all = 0;
  for (const char c : sql) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return (all & 0x80) != 0;
}

bool asks_for_diagnostics(const StatementFacts& facts) {
  return facts.facts.has(Fact::warnings) || facts.facts.has(Fact::row_count) || facts.facts.has(Fact::found_rows);
}

constexpr std::string_view kLostTransaction =
    "Deadlock found when trying to get lock; try restarting transaction (crossfade: the server has lost the "
    "transaction)";

}  // namespace

routing::SessionFacts Session::session_facts() {
  routing::SessionFacts facts;
  facts.user = user_name_;
  facts.schema = schema_;
  facts.client_host = host_;
  facts.session_key = id_;
  // Under autocommit=0 the first read opens a transaction, too.
  facts.in_transaction = in_transaction_ || !autocommit_;
  facts.transaction_wrote = !log_.empty();
  facts.autocommit = autocommit_;
  facts.read_committed = next_transaction_read_committed_ || (context_ && context_->read_committed);
  facts.pinned_to_leader = read_pin_.active() || hold_.next_transaction_set();
  // After what was not followed nobody here knows which table a name means; no write is recorded then.
  facts.temporary_tables = unobserved_ ? nullptr : &objects_.temporary_tables();
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
  if (lexer_stale_ && sql.find_first_of("\"\\") != std::string_view::npos) return true;
  return !context_ && has_high_bytes(sql);
}

Task<Session::Next> Session::on_query(Command command) {
  std::string_view sql = protocol::as_text(command.payload.subspan(1));
  StatementFacts facts = routing::classify(sql, lexer_mode_);
  if (!in_transaction_ && flags_ != worker_.flags) flags_ = worker_.flags;
  // The question would clear the diagnostics that the text asks for; where everything is relayed, nothing hangs on it.
  const bool relayed_as_it_is =
      asks_for_diagnostics(facts) && duplication() != routing::Duplication::statements && !flags_->freeze_writes;
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
  if (transaction_lost_ && facts.kind != StatementKind::rollback) {
    own(command);
    transaction_lost_ = false;
    in_transaction_ = false;
    auto rolled_back = co_await leader_link(nullptr);  // runs the ROLLBACK that may be due
    if (!rolled_back.ok()) co_return co_await reply_lost(rolled_back.status(), leader());
    counters_.lost_transactions.add();
    co_return co_await reply_err(protocol::kErrDeadlock, "40001", std::string(kLostTransaction));
  }
  transaction_lost_ = false;
  const auto draw = [this] { return static_cast<std::uint32_t>(worker_.random() % config::Percent::kWhole); };
  routing::SessionFacts session = session_facts();
  if (relays_rows() && shared_.feed.any_stopped()) {
    own(command);
    session.reads_stopped_tables = co_await reads_stopped_tables(facts, schema_);
    sql = protocol::as_text(command.payload.subspan(1));
  }
  if (relays_rows() && sql.find(';') == std::string_view::npos) session.client_multi_statements = true;  // it is one
  routing::Plan plan = routing::make_plan(facts, session, *flags_, leader(), draw());
  // A read may open a transaction of its own and so hide that ours is gone. Diagnostics open nothing, and
  // would be lost to a probe.
  const bool asks_only = facts.facts.has(Fact::row_count) && facts.tables.empty() && !facts.facts.has(Fact::subquery);
  const bool may_wait = plan.action == Action::warnings || plan.action == Action::refuse || asks_only;
  if (needs_probe_ && !may_wait && (plan.action != Action::relay || !log_.empty() || !autocommit_)) {
    own(command);
    const bool had_written = !log_.empty();
    const absl::Status probed = co_await probe();
    if (!probed.ok()) co_return co_await reply_lost(probed, leader());
    if (!in_transaction_ && had_written && last_error_ != protocol::kErrDeadlock && plan.action != Action::rollback) {
      counters_.lost_transactions.add();
      co_return co_await reply_err(protocol::kErrDeadlock, "40001", std::string(kLostTransaction));
    }
    plan = routing::make_plan(facts, session_facts(), *flags_, leader(), draw());
  }
  co_return co_await carry_out(plan, std::move(facts), command);
}

// Is the transaction still there after an error? ERR packets carry no status flags.
Task<absl::Status> Session::probe() {
  auto captured = co_await link(leader())->run("DO 0", worker_.reactor.now() + kStatementMax);
  if (!captured.ok()) co_return captured.status();
  needs_probe_ = false;
  in_transaction_ = (captured->last().ok.status & protocol::kStatusInTransaction) != 0;
  if (!in_transaction_) log_.clear();
  co_return absl::OkStatus();
}

Task<Session::Next> Session::carry_out(routing::Plan plan, StatementFacts facts, Command command) {
  if (plan.action != Action::refuse && plan.action != Action::split && plan.action != Action::call) hold_.note(facts);
  if (plan.action != Action::split) counters_.statements.add();
  switch (plan.action) {
    case Action::relay:
      if (!flags_->dual_write.enabled) note_unobserved(facts);
      // FOUND_ROWS() is known only to whoever answered last.
      if (facts.facts.has(Fact::found_rows) && facts.facts.has(Fact::session_status)) plan.answer_from = last_answered_;
      if (must_say_ddl(facts)) {
        own(command);
        std::string text(protocol::as_text(command.payload.subspan(1)));
        const absl::Status said = co_await say_ddl(facts, std::move(text), schema_);
        if (!said.ok()) co_return co_await reply_ddl_unsaid(said);
      }
      co_return co_await relay_read(plan, std::move(facts), command);
    case Action::write:
      co_return co_await on_write(std::move(facts), command);
    case Action::load:
      co_return co_await on_load(command);
    case Action::begin:
      co_return co_await on_begin(command);
    case Action::commit:
      co_return co_await on_commit(std::move(facts), command);
    case Action::call:
      co_return co_await on_call(std::move(facts), command);
    case Action::kill:
      co_return co_await on_kill(std::move(facts), command);
    case Action::set: {
      std::string text(protocol::as_text(command.payload.subspan(1)));
      co_return co_await on_set(std::move(facts), std::move(text), command, ResponseKind::query);
    }
    case Action::savepoint:
    case Action::release_savepoint:
    case Action::rollback_to_savepoint:
      if (has_high_bytes(facts.name)) {
        // The servers fold such names by their own collation: which savepoint is meant cannot be told here.
        co_return co_await reply_not_supported("crossfade: savepoint names must be ASCII while writes are duplicated");
      }
      co_return co_await on_plain(std::move(facts), command);
    case Action::rollback:
    case Action::use:
      co_return co_await on_plain(std::move(facts), command);
    case Action::session_only:
      co_return co_await on_session_only(std::move(facts), command);
    case Action::commit_first:
      co_return co_await on_commit_first(std::move(facts), command);
    case Action::sql_prepare:
      co_return co_await on_sql_prepare(std::move(facts), command);
    case Action::warnings:
      co_return co_await on_warnings(std::move(facts), command);
    case Action::split:
      co_return co_await on_several(command);
    case Action::refuse:
      co_return co_await refuse(plan, std::move(facts), std::string(protocol::as_text(command.payload.subspan(1))));
  }
  co_return Next::close;
}

// A deadlock has rolled everything back; after another error only a probe can tell.
void Session::note_error(std::uint16_t code, ErrorSource source) {
  last_error_ = code;
  if (code == protocol::kErrDeadlock && source == ErrorSource::server) {
    in_transaction_ = false;
    needs_probe_ = false;
    log_.clear();
  } else if ((in_transaction_ || !log_.empty()) && !relays_rows()) {
    needs_probe_ = true;
  }
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
  const bool client_knows = std::exchange(needs_probe_, false) && last_error_ == protocol::kErrDeadlock;
  if ((kind == StatementKind::insert || kind == StatementKind::replace) && end.ok.last_insert_id != 0) {
    last_insert_id_known_ = false;  // relayed with writes not duplicated; this may be a value that was given
  }
  switch (kind) {
    case StatementKind::begin:
      objects_.unlocked();
      log_.clear();
      break;
    case StatementKind::commit:
    case StatementKind::rollback:
      if (in_transaction_) objects_.unlocked();  // a chained transaction begins as by BEGIN
      log_.clear();
      break;
    case StatementKind::savepoint:
      if ((in_transaction_ || !autocommit_) && !relays_rows()) log_.savepoint(facts.name);
      break;
    case StatementKind::release_savepoint:
      log_.release(facts.name);
      break;
    case StatementKind::rollback_to_savepoint:
      if (!log_.empty() && !log_.rollback_to(facts.name)) {
        // The server knows a savepoint that the log does not: the log no longer tells the truth.
        transaction_lost_ = true;
        log_.clear();
        fixup_ = std::string(dualwrite::kRollback) + (fixup_.empty() ? "" : ";") + fixup_;
      }
      break;
    case StatementKind::use:
      schema_ = facts.name;
      context_.reset();
      ++context_version_;
      break;
    default:
      if (was_in_transaction && !in_transaction_ && !log_.empty()) {
        transaction_lost_ = !client_knows;
        log_.clear();
      }
      break;
  }
  if (was_in_transaction && !in_transaction_) {
    next_transaction_read_committed_ = false;
    hold_.note_transaction_ended();
  }
}

void Session::update_read_pin() {
  if (!set_variables_.unfollowed().empty()) {
    read_pin_.set(set_variables_.unfollowed());
  } else if (context_) {
    read_pin_.set(context_->reads_pinned);
  } else if (set_variables_.deciding().empty()) {
    read_pin_.set("");
  }  // else as it was, until the values are read
}

std::string Session::why_writes_are_refused() const {
  if (!set_variables_.unfollowed().empty()) return set_variables_.unfollowed();
  // MySQL takes such a name in COM_INIT_DB for the schema in front of the NUL; no statement could name it on the other
  // side.
  if (context_->statement.schema.find('\0') != std::string::npos) return "is in a schema whose name has a NUL";
  return context_->writes_refused;
}

// While writes are not duplicated everything is let through, also what changes the session in ways that
// are not followed here: should duplication be turned on, this session's writes are refused.
void Session::note_unobserved(const StatementFacts& facts) {
  const bool plain = facts.facts.has(Fact::reads_only) || facts.kind == StatementKind::insert ||
                     facts.kind == StatementKind::replace || facts.kind == StatementKind::update ||
                     facts.kind == StatementKind::delete_ || facts.kind == StatementKind::select;
  if (plain && !facts.facts.has(Fact::multi_statement)) return;
  unobserved_ = true;
  set_variables_.note_unobserved("has run statements while writes were not duplicated");
  forget_context();
  update_read_pin();
}

Task<Session::Next> Session::on_plain(StatementFacts facts, Command command) {
  if (facts.kind == StatementKind::rollback) transaction_lost_ = false;
  std::optional<Kept> kept = kept_;
  expect_commit_of(facts);
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(facts.kind, facts, end);
  keep_over(std::move(kept), end);
  if (facts.release.value_or(false) && end.kind == ResultEnd::Kind::ok) co_return Next::close;
  co_return next;
}

Task<Session::Next> Session::on_begin(Command command) {
  own(command);
  if (!log_.empty()) {  // BEGIN commits what is open
    Committed done = co_await record_and_commit(log_.entry(), std::string(dualwrite::kCommit));
    log_.clear();
    if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
    if (done.fate == Committed::Fate::unknown)
      co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
  }
  StatementFacts facts;
  facts.kind = StatementKind::begin;
  co_return co_await on_plain(std::move(facts), command);
}

// With nothing to record the server does all of it, CHAIN and RELEASE included.
Task<Session::Next> Session::on_commit(StatementFacts facts, Command command) {
  if (log_.empty()) co_return co_await on_plain(std::move(facts), command);
  co_return co_await reply_committed_transaction(std::move(facts));
}

namespace {

enum class AutocommitChange : std::uint8_t { off, on, unclear };

// Only one assignment of one literal is believed.
AutocommitChange autocommit_change(std::string_view sql, const routing::LexerMode& mode) {
  routing::Tokenizer tokens(sql, mode);
  tokens.next();  // SET
  routing::Token name = tokens.next();
  if (routing::is_word(name, "SESSION") || routing::is_word(name, "LOCAL")) name = tokens.next();
  std::string folded(name.text);
  for (char& c : folded) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool named = folded == "autocommit" || folded == "@@autocommit" || folded == "@@session.autocommit";
  const routing::Token assign = tokens.next();
  const routing::Token value = tokens.next();
  routing::Token end = tokens.next();
  if (end.kind == routing::TokenKind::semicolon) end = tokens.next();
  if (!named || (assign.text != "=" && assign.text != ":=") || end.kind != routing::TokenKind::end)
    return AutocommitChange::unclear;
  if (value.text == "0" || routing::is_word(value, "OFF") || routing::is_word(value, "FALSE"))
    return AutocommitChange::off;
  if (value.text == "1" || routing::is_word(value, "ON") || routing::is_word(value, "TRUE"))
    return AutocommitChange::on;
  return AutocommitChange::unclear;
}

}  // namespace

Task<Session::Next> Session::on_set(StatementFacts facts, std::string text, Command command, ResponseKind kind) {
  own(command);
  if (relays_rows()) co_return co_await relay_set(std::move(facts), std::move(text), command, kind);
  if (facts.facts.has(Fact::autocommit_variable) && !autocommit_ && !log_.empty()) {
    const auto change = autocommit_change(text, lexer_mode_);
    if (change == AutocommitChange::unclear) {
      co_return co_await reply_not_supported(
          "crossfade: with an open transaction that has written, set autocommit to 0 or 1 in a "
          "statement of its own, or commit first");
    }
    if (change == AutocommitChange::on) {
      // Turning autocommit on commits what is open: that must go through the outbox first.
      Committed done = co_await record_and_commit(log_.entry(), std::string(dualwrite::kCommit));
      log_.clear();
      in_transaction_ = false;
      if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
      if (done.fate == Committed::Fate::unknown) {
        co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
      }
    }
  }
  if (in_transaction_ && !context_) {
    // The running transaction keeps the isolation it began with, whatever is set now.
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
  }
  // The last id is the client's again before it asks for it or sets another.
  auto ready = co_await leader_link(&facts);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  const bool keeps_read_committed = in_transaction_ && (context_->read_committed || next_transaction_read_committed_);
  std::optional<Kept> kept = kept_;
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, kind, &end);
  after_statement(facts.kind, facts, end);
  if (!facts.facts.has(Fact::subquery) && facts.tables.empty()) keep_over(std::move(kept), end);
  // Even a SET that fails may have set the first of its list.
  context_.reset();
  ++context_version_;
  lexer_stale_ = true;
  constexpr std::uint16_t kUnknownVariable = 1193;  // found before anything is set
  if (end.kind != ResultEnd::Kind::err || end.err.code != kUnknownVariable) {
    set_variables_.note(facts.variables);
    if (facts.facts.has(Fact::placeholder)) {
      hold_.note_unfollowed();  // its values are not in the text
    } else if (end.kind == ResultEnd::Kind::ok || facts.kind == StatementKind::set) {
      hold_.note_set(facts, text);
    }
  }
  update_read_pin();
  if (end.kind != ResultEnd::Kind::ok) co_return next;
  if (facts.facts.has(Fact::sets_last_insert_id)) last_insert_id_known_ = false;
  // The form without SESSION (as SET TRANSACTION or as @@transaction_isolation) is for the next
  // transaction alone, and no variable shows it. The session's own level is read with the context.
  const bool for_next = facts.kind == StatementKind::set_transaction && facts.name.empty();
  const bool as_variable = std::any_of(facts.variables.begin(), facts.variables.end(), [](const std::string& variable) {
    return variable == "tx_isolation" || variable == "transaction_isolation";
  });
  if (for_next || as_variable) next_transaction_read_committed_ = facts.facts.has(Fact::read_committed);
  if (keeps_read_committed) next_transaction_read_committed_ = true;
  if (next == Next::go_on && !set_variables_.deciding().empty() && end.ok.warnings == 0) {
    // At once, so that the status page tells. Warnings of the SET itself would be lost by it: then when next needed.
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return Next::close;
  }
  co_return next;
}

}  // namespace crossfade::proxy
