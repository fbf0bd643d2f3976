#include "proxy/session/links/session_commits.h"

#include "proxy/net/deadlines.h"
#include "routing/plan.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementKind;

namespace {

// What a statement of a kind can commit.
enum class Commits : std::uint8_t {
  never,
  by_itself,         // outside of transactions
  what_is_open,      // SET autocommit=1 ends a transaction; a function may write
  the_transaction,   // that is open, or that autocommit=0 has opened
  whatever_it_does,  // and may begin another transaction
};

Commits commits_of(StatementKind kind) {
  switch (kind) {
    case StatementKind::empty:
      return Commits::never;
    case StatementKind::insert:
    case StatementKind::replace:
    case StatementKind::update:
    case StatementKind::delete_:
    case StatementKind::load_data:
    case StatementKind::select:
    case StatementKind::do_:
      return Commits::by_itself;
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
      return Commits::what_is_open;
    case StatementKind::begin:
    case StatementKind::commit:
    case StatementKind::rollback:  // of what has no transactions: that has stayed
      return Commits::the_transaction;
    case StatementKind::ddl:
    case StatementKind::account:
    case StatementKind::call:
    case StatementKind::lock_tables:
    case StatementKind::unlock_tables:
    case StatementKind::execute:
    case StatementKind::xa:
    case StatementKind::admin:
    case StatementKind::unknown:
      return Commits::whatever_it_does;
  }
  return Commits::whatever_it_does;
}

}  // namespace

bool SessionCommits::wants_tracking() const {
  const config::Flags& flags = transaction_.flags();
  return duplicates() && (flags.dual_write.ack == config::Ack::both || routing::moves_reads(flags));
}

Task<absl::Status> SessionCommits::begin_tracking(BackendLink& leading) {
  tracker_.end_tracking();
  if (!wants_tracking() || (leading.capabilities() & protocol::kSessionTrack) == 0) co_return absl::OkStatus();
  const protocol::Make make = protocol::make_of(leading.greeting());
  auto told = co_await leading.query(track_statements(make), site_.in(kStateMax));
  if (absl::IsFailedPrecondition(told.status())) co_return absl::OkStatus();  // commits are known by their time alone
  if (!told.ok()) co_return told.status();
  const std::optional<Tracking> tracking = tracking_from(*told, make);
  if (tracking) tracker_.begin_tracking(tracking->own);
  // Without a log commits have no names.
  const bool named = tracking && tracking->names_commits && site_.shared.feed.kind() == FeedKind::log;
  if (tracking && !named) tracker_.distrust();
  co_return absl::OkStatus();
}

void SessionCommits::expect_of(const routing::StatementFacts& facts) {
  if (facts.facts.has(Fact::reads_only)) return;
  using Expect = CommitTracker::Expect;
  switch (commits_of(facts.facts.has(Fact::multi_statement) ? StatementKind::unknown : facts.kind)) {
    case Commits::never:
      break;
    case Commits::by_itself:
      tracker_.expect(Expect::outside_transactions);
      break;
    case Commits::what_is_open:
      if (transaction_.has_next_statement() || facts.facts.has(Fact::unknown_function))
        tracker_.expect(Expect::outside_transactions);
      break;
    case Commits::the_transaction:
      if (transaction_.has_next_statement()) tracker_.expect(Expect::anywhere);
      break;
    case Commits::whatever_it_does:
      tracker_.expect(Expect::anywhere);
      break;
  }
}

std::optional<Commit> SessionCommits::note(protocol::Capabilities server, const protocol::ResultEnd& end,
                                           const protocol::ToldBySession& told) {
  if (!duplicates() && tracker_.is_idle()) return std::nullopt;
  std::optional<Commit> commit = tracker_.note({.end = end, .told = told, .server = server, .now = Clock::now()});
  if (commit) last_is_followed_ = duplicates();
  if (!duplicates()) return std::nullopt;
  if (commit) site_.counters.transactions.add();
  if (transaction_.flags().dual_write.ack != config::Ack::both) return std::nullopt;
  return commit;
}

Task<void> SessionCommits::wait_for(Commit commit) {
  const TimePoint deadline = Clock::now() + site_.shared.config.dual_write.ack_timeout;
  const bool applied = co_await site_.shared.feed.wait_applied(site_.reactor, std::move(commit), deadline);
  if (applied) {
    tracker_.arrived();
  } else {
    site_.counters.ack_timeouts.add();
  }
}

Task<bool> SessionCommits::follower_is_current() {
  const config::ReadConfig& reads = site_.shared.config.reads;
  const bool strict = reads.consistency == config::ReadConfig::Consistency::strict && duplicates();
  const Commit* const last = last_to_wait_for();
  if (!strict && last == nullptr) co_return true;
  Commit commit;
  if (strict) {
    commit.at = Clock::now();
  } else {
    commit = *last;
  }
  const TimePoint deadline = site_.in(reads.read_your_writes_timeout);
  const bool applied = co_await site_.shared.feed.wait_applied(site_.reactor, std::move(commit), deadline);
  if (applied) tracker_.arrived();
  co_return applied;
}

}  // namespace crossfade::proxy
