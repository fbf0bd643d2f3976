// Sessions are relays: they follow what a statement leaves in the session, and know their last commit.

#include <algorithm>

#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Duplication;
using routing::Fact;
using routing::SessionEffect;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

constexpr auto kTrackMax = std::chrono::seconds(10);

bool any_read_from_new(const config::Flags& flags) {
  return flags.read_from_new.percent.ppm() > 0 ||
         std::any_of(flags.rules.begin(), flags.rules.end(), [](const config::Rule& rule) {
           return rule.read_from_new && rule.read_from_new->percent.ppm() > 0;
         });
}

bool any_shadow_read(const config::Flags& flags) {
  return flags.shadow_read.percent.ppm() > 0 ||
         std::any_of(flags.rules.begin(), flags.rules.end(),
                     [](const config::Rule& rule) { return rule.shadow_read && rule.shadow_read->percent.ppm() > 0; });
}

}  // namespace

Duplication Session::duplication() const {
  return transaction_.flags().dual_write.enabled ? Duplication::rows : Duplication::off;
}

// A text that is misread goes where it would have gone, unless it is a read that may go elsewhere, or
// hides a statement that the client may not send.
bool Session::must_ask_how_to_read(const StatementFacts& facts, std::string_view sql) const {
  if (!known_.is_unclear(sql)) return false;
  if (transaction_.flags().freeze_writes) return true;
  if (!multi_statements_ && sql.find(';') != std::string_view::npos) return true;
  return facts.facts.has(Fact::reads_only) && !transaction_.flags().kill_switch &&
         (any_read_from_new(transaction_.flags()) || any_shadow_read(transaction_.flags()));
}

bool Session::wants_tracking() const {
  return transaction_.flags().dual_write.enabled &&
         (transaction_.flags().dual_write.ack == config::Ack::both || any_read_from_new(transaction_.flags()));
}

// After the server has given the session a fresh state. A Status: the connection is lost.
Task<absl::Status> Session::begin_tracking(BackendLink& leading) {
  commits_.end_tracking();
  if (!wants_tracking() || (leading.capabilities() & protocol::kSessionTrack) == 0) co_return absl::OkStatus();
  auto told = co_await leading.query(track_statements(leading.is_mariadb()), worker_.reactor.now() + kTrackMax);
  if (absl::IsFailedPrecondition(told.status())) co_return absl::OkStatus();  // commits are known by their time alone
  if (!told.ok()) co_return told.status();
  const std::optional<Tracking> tracking = tracking_from(*told, leading.is_mariadb());
  if (tracking) commits_.begin_tracking(tracking->own);
  // Without a log commits have no names.
  const bool named = tracking && tracking->names_commits && shared_.feed.kind() == FeedKind::log;
  if (tracking && !named) commits_.distrust();
  co_return absl::OkStatus();
}

void Session::expect_commit_of(const StatementFacts& facts) {
  if (!duplicates() || facts.facts.has(Fact::reads_only)) return;
  using Expect = CommitTracker::Expect;
  switch (facts.facts.has(Fact::multi_statement) ? StatementKind::unknown : facts.kind) {
    case StatementKind::empty:
      break;
    case StatementKind::insert:
    case StatementKind::replace:
    case StatementKind::update:
    case StatementKind::delete_:
    case StatementKind::load_data:
      commits_.expect(Expect::outside_transactions);
      break;
    case StatementKind::select:
    case StatementKind::do_:
      commits_.expect(Expect::outside_transactions);
      break;
    case StatementKind::set:
    case StatementKind::set_transaction:
    case StatementKind::use:
    case StatementKind::show:
    case StatementKind::describe:
    case StatementKind::explain:
    case StatementKind::kill:
    case StatementKind::diagnostics:
    case StatementKind::prepare:
    case StatementKind::deallocate:
    case StatementKind::handler:
    case StatementKind::savepoint:
    case StatementKind::release_savepoint:
    case StatementKind::rollback_to_savepoint:
      // SET autocommit=1 ends a transaction; a function may write.
      if (transaction_.open() || facts.facts.has(Fact::unknown_function)) commits_.expect(Expect::outside_transactions);
      break;
    case StatementKind::begin:
    case StatementKind::commit:
    case StatementKind::rollback:  // of what has no transactions: that has stayed
      if (transaction_.open() || !transaction_.autocommit()) commits_.expect(Expect::anywhere);
      break;
    case StatementKind::ddl:
    case StatementKind::account:
    case StatementKind::call:
    case StatementKind::lock_tables:
    case StatementKind::unlock_tables:
    case StatementKind::execute:
    case StatementKind::xa:
    case StatementKind::admin:
    case StatementKind::unknown:
      commits_.expect(Expect::anywhere);  // and may begin another transaction
      break;
  }
}

void Session::count_relayed_write(const StatementFacts& facts, TimePoint begun) {
  const bool writes = facts.kind == StatementKind::insert || facts.kind == StatementKind::replace ||
                      facts.kind == StatementKind::update || facts.kind == StatementKind::delete_ ||
                      facts.kind == StatementKind::load_data;
  if (!writes || !duplicates()) return;
  counters_.writes.add();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
  counters_.write_latency.record(static_cast<std::uint64_t>(took.count()));
}

// The response of the leader is whole. A value: `ack: both` waits for this.
std::optional<Commit> Session::note_commit(const BackendLink& link, const ResultEnd& end,
                                           const protocol::ToldBySession& told) {
  if (link.which() != leader() || !duplicates()) return std::nullopt;
  std::optional<Commit> commit =
      commits_.note({.end = end, .told = told, .server = link.capabilities(), .now = Clock::now()});
  if (commit) counters_.transactions.add();
  if (transaction_.flags().dual_write.ack != config::Ack::both) return std::nullopt;
  return commit;
}

// `ack: both`. Past the time-out this behaves as `ack: leader`, counted, as semi-synchronous replication does.
Task<void> Session::wait_for_commit(Commit commit) {
  const TimePoint deadline = Clock::now() + shared_.config.dual_write.ack_timeout;
  const bool applied = co_await shared_.feed.wait_applied(worker_.reactor, std::move(commit), deadline);
  if (applied) {
    commits_.arrived();
  } else {
    counters_.ack_timeouts.add();
  }
}

// False when the other side does not have in time what a read must see: this session's last write, or, if asked to be
// strict, all that is committed by now.
Task<bool> Session::follower_is_current() {
  const config::ReadConfig& reads = shared_.config.reads;
  const bool strict = reads.consistency == config::ReadConfig::Consistency::strict && duplicates();
  if (!strict && !commits_.last()) co_return true;
  Commit commit;
  if (strict) {
    commit.at = Clock::now();
  } else {
    commit = *commits_.last();
  }
  const TimePoint deadline = worker_.reactor.now() + reads.read_your_writes_timeout;
  const bool applied = co_await shared_.feed.wait_applied(worker_.reactor, std::move(commit), deadline);
  if (applied) commits_.arrived();
  co_return applied;
}

// A name may be a view's over any table: only what is known to be a table itself is not behind.
Task<bool> Session::reads_stopped_tables(StatementFacts facts, std::string schema) {
  if (!duplicates() || !facts.facts.has(Fact::reads_only) || !shared_.feed.any_stopped()) co_return false;
  for (const routing::TableName& name : facts.tables) {
    const std::string& in = name.schema.empty() ? schema : name.schema;
    if (shared_.feed.stopped(in, name.table)) co_return true;
    const auto table = co_await shared_.schemas.get(worker_.reactor, leader(), in, name.table);
    if (!table.ok() || *table != TableKind::base_table) co_return true;
  }
  co_return false;
}

void Session::note_relayed(SessionEffect effect, const StatementFacts& facts, const std::string& schema,
                           const ResultEnd& end) {
  if (end.kind == ResultEnd::Kind::none) return;
  if (effect == SessionEffect::not_followed && !commits_.state_unchanged()) return note_not_followed();
  using Outcome = KnownState::Outcome;
  const Outcome outcome = end.kind == ResultEnd::Kind::err ? Outcome::failed : Outcome::done;
  if (!known_.note_relayed(effect, facts, schema, outcome)) note_not_followed();
}

void Session::note_not_followed() {
  commits_.distrust();
  known_.note_unobserved();
}

Task<Session::Next> Session::on_set(StatementFacts facts, std::string text, Command command, ResponseKind kind) {
  expect_commit_of(facts);
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, kind, &end);
  after_statement(facts.kind, facts, end);
  constexpr std::uint16_t kUnknownVariable = 1193;  // found before anything is set
  if (end.kind != ResultEnd::Kind::err || end.err.code != kUnknownVariable) {
    commits_.note_client_set(facts.variables);
    known_.note_set(facts.variables);  // even one that fails may have set the first of its list
    if (facts.facts.has(Fact::placeholder)) {
      hold_.note_unfollowed();  // its values are not in the text
    } else if (end.kind == ResultEnd::Kind::ok || facts.kind == StatementKind::set) {
      hold_.note_set(facts, text);
    }
  } else {
    known_.note_failed_set();
  }
  if (facts.facts.has(Fact::sets_last_insert_id)) hold_.note_last_insert_id();
  if (facts.facts.has(Fact::unknown_function) && !commits_.state_unchanged()) {
    note_not_followed();
  }
  co_return next;
}

}  // namespace crossfade::proxy
