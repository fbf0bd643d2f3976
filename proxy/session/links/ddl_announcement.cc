#include "proxy/session/links/ddl_announcement.h"

#include <algorithm>

#include "proxy/counts/log_limit.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using routing::StatementFacts;
using routing::StatementKind;

namespace {

// Of which the follower has nothing. MySQL's RENAME TABLE passes temporary tables by: it is of those that they hide.
bool is_about_temporary_tables(const StatementFacts& facts, const KnownState& known, const std::string& schema,
                               protocol::Make make) {
  if (facts.verb == routing::TableVerb::create_temporary) return true;
  if (facts.verb == routing::TableVerb::rename && make == protocol::Make::mysql) return false;
  const routing::TemporaryTables& temporary = known.objects().temporary_tables();
  return !facts.targets.empty() &&
         std::all_of(facts.targets.begin(), facts.targets.end(),
                     [&](const routing::TableName& name) { return temporary.contains(name, schema); });
}

}  // namespace

bool DdlAnnouncement::is_due(const StatementFacts& facts) const {
  const bool may_rebuild = facts.kind == StatementKind::ddl || facts.kind == StatementKind::admin;
  return may_rebuild && site_.shared.feed.kind() == FeedKind::trigger &&
         !facts.facts.has(routing::Fact::multi_statement);
}

Task<absl::Status> DdlAnnouncement::say(const StatementFacts& facts, std::string text, std::string schema) {
  auto leading = co_await leader_.ready_for(nullptr);
  if (!leading.ok()) co_return leading.status();
  if (is_about_temporary_tables(facts, known_, schema, leader_.make())) co_return absl::OkStatus();
  const bool mariadb = (*leading)->is_mariadb();
  auto told =
      co_await (*leading)->ask_row(statement_session_query(mariadb), kStatementSessionColumns, site_.in(kAnswerMax));
  if (!told.ok()) co_return told.status();
  auto statement = logged_statement(std::move(text), *told, mariadb);
  if (!statement.ok()) co_return statement.status();
  dualwrite::DdlAnalysis analysis = dualwrite::analyze_ddl(*statement, mariadb);
  const bool rebuilds = analysis.kind == dualwrite::LoggedKind::harmless && !analysis.tables.empty();
  if (analysis.kind != dualwrite::LoggedKind::definition && !rebuilds) co_return absl::OkStatus();
  // The server refuses it, mostly. Otherwise it counts as past the proxy.
  if (analysis.is_broken) co_return absl::OkStatus();
  CapturedDdl::Setting setting{.reactor = site_.reactor,
                               .leader = site_.shared.control_link_options(site_.leader()),
                               .counters = site_.counters,
                               .schema = site_.shared.config.control.schema};
  const std::uint64_t client = (*leading)->greeting().connection_id;
  auto begun = co_await CapturedDdl::begin(std::move(setting), *std::move(statement), std::move(analysis), client);
  if (!begun.ok()) co_return begun.status();
  said_ = *std::move(begun);
  co_return absl::OkStatus();
}

Task<void> DdlAnnouncement::conclude(std::uint16_t error) {
  const std::unique_ptr<CapturedDdl> ddl = std::move(said_);
  const absl::Status concluded = co_await ddl->finish(error);
  if (!concluded.ok()) {
    limited_log().warn(LogKind::applier_error, "session={} ddl=not_captured_yet why=\"{}\"", site_.id,
                       std::string(concluded.message()));
  }
  site_.shared.feed.look_soon();
}

}  // namespace crossfade::proxy
