// Feed `trigger`: a schema change is said before it runs, and its tables are captured again before its client hears of
// it (proxy/feed/captured_ddl.h).

#include <algorithm>

#include "protocol/error_codes.h"
#include "proxy/feed/captured_ddl.h"
#include "proxy/log_limit.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::ResultEnd;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

constexpr auto kToldMax = std::chrono::seconds(30);

}  // namespace

// Also while writes are not duplicated: the triggers stand, and what they tell is followed later. One of several
// statements in a text is as one past the proxy: its table stops.
bool Session::must_say_ddl(const StatementFacts& facts) const {
  const bool may_rebuild = facts.kind == StatementKind::ddl || facts.kind == StatementKind::admin;
  return may_rebuild && shared_.feed.kind() == FeedKind::trigger && !facts.facts.has(routing::Fact::multi_statement);
}

// A Status: it must not run. `schema`: the default one.
Task<absl::Status> Session::say_ddl(StatementFacts facts, std::string text, std::string schema) {
  const routing::TemporaryTables& temporary = known_.objects().temporary_tables();
  const bool only_temporary = facts.verb == routing::TableVerb::create_temporary ||
                              (!facts.targets.empty() && std::all_of(facts.targets.begin(), facts.targets.end(),
                                                                     [&](const routing::TableName& name) {
                                                                       return temporary.contains(name, schema);
                                                                     }));
  if (only_temporary) co_return absl::OkStatus();
  auto leading = co_await leader_link(nullptr);
  if (!leading.ok()) co_return leading.status();
  const bool mariadb = (*leading)->is_mariadb();
  auto told = co_await (*leading)->ask_row(statement_session_query(mariadb), 11, worker_.reactor.now() + kToldMax);
  if (!told.ok()) co_return told.status();
  auto statement = logged_statement(std::move(text), *told, mariadb);
  if (!statement.ok()) co_return statement.status();
  dualwrite::DdlAnalysis analysis = dualwrite::analyze_ddl(*statement, mariadb);
  const bool rebuilds = analysis.kind == dualwrite::LoggedKind::harmless && !analysis.tables.empty();
  if (analysis.kind != dualwrite::LoggedKind::definition && !rebuilds) co_return absl::OkStatus();
  CapturedDdl::Setting setting{.reactor = worker_.reactor,
                               .leader = shared_.control_link_options(leader()),
                               .counters = counters_,
                               .schema = shared_.config.control.schema};
  const std::uint64_t client = (*leading)->greeting().connection_id;
  auto begun = co_await CapturedDdl::begin(std::move(setting), *std::move(statement), std::move(analysis), client);
  if (!begun.ok()) co_return begun.status();
  ddl_ = *std::move(begun);
  co_return absl::OkStatus();
}

Task<Session::Next> Session::reply_ddl_unsaid(absl::Status why) {
  std::string text = "crossfade: the schema change cannot be written down for the follower, and was not run: " +
                     std::string(why.message());
  // What clients try again after: a time-out, or a leader that cannot be reached.
  if (absl::IsAborted(why)) co_return co_await reply_err(protocol::kErrLockWaitTimeout, "HY000", std::move(text));
  const bool refused = absl::IsFailedPrecondition(why) || absl::IsInternal(why) || absl::IsInvalidArgument(why);
  if (refused) co_return co_await reply_err(protocol::kErrUnknown, "HY000", std::move(text));
  co_return co_await reply_err(protocol::kErrServerShutdown, "08S01", std::move(text));
}

// The statement has run. What fails here is taken up by whoever applies: nothing behind the intent is followed until
// then.
Task<void> Session::conclude_ddl(std::uint16_t error) {
  const std::unique_ptr<CapturedDdl> ddl = std::move(ddl_);
  const absl::Status concluded = co_await ddl->finish(error);
  if (!concluded.ok()) {
    limited_log().warn(LogKind::applier_error, "session={} ddl=not_captured_yet why=\"{}\"", id_,
                       std::string(concluded.message()));
  }
  shared_.feed.look_soon();
}

}  // namespace crossfade::proxy
