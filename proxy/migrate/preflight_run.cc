#include "proxy/migrate/preflight_run.h"

#include <utility>

#include "dualwrite/log_control.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "migrate/judge_accounts.h"
#include "migrate/judge_copy.h"
#include "migrate/judge_servers.h"
#include "migrate/judge_tables.h"
#include "proxy/backend/definitions.h"
#include "proxy/backend/link_options.h"
#include "proxy/migrate/server_reader.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {
namespace {

using migrate::FeedChoice;
using migrate::ServerFacts;

constexpr auto kAnyRowMax = std::chrono::minutes(2);  // at a table, for any row
constexpr std::uint16_t kMysqlTimeExceeded = 3024, kMariadbTimeExceeded = 1969;

void append(migrate::Findings& to, migrate::Findings from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

class PreflightRun {
 public:
  PreflightRun(VerbContext context, PreflightOrder order, migrate::TableSelection selection,
               const std::function<void(const std::string&)>& progress)
      : context_(context), order_(std::move(order)), selection_(std::move(selection)), progress_(progress) {}

  Task<absl::StatusOr<migrate::PreflightReport>> run() {
    progress_("reading both servers");
    auto opened = co_await open_pair(context_);
    if (!opened.ok()) co_return opened.status();
    pair_ = *std::move(opened);
    const absl::Status known = selection_.check(pair_.old_server);
    if (!known.ok()) co_return known;
    selection_.apply(pair_.old_server);
    selection_.apply(pair_.new_server);
    const absl::Status judged = co_await judge();
    if (!judged.ok()) co_return judged;
    if (order_.new_is_to_be_empty) {
      const absl::Status looked = co_await look_for_rows();
      if (!looked.ok()) co_return looked;
    }
    std::map<dualwrite::TableRef, migrate::CountedTable> counted;
    if (!order_.quick) {
      const absl::Status done = co_await count_rows(counted);
      if (!done.ok()) co_return done;
    }
    report_.quick = order_.quick;
    report_.tables = migrate::table_reports(pair_.old_server, counted);
    report_.log_bytes_per_day = migrate::log_bytes_per_day(pair_.old_server);
    migrate::sort_by_severity(report_.findings);
    pair_.old_link->send_quit();
    pair_.new_link->send_quit();
    co_return std::move(report_);
  }

 private:
  migrate::TablesToJudge tables() const {
    return {.leader = pair_.old_server,
            .follower = pair_.new_server,
            .feed = report_.feed.choice,
            .control_schema = context_.config.control.schema};
  }

  Task<absl::Status> judge() {
    const ServerFacts& leader = pair_.old_server;
    const ServerFacts& follower = pair_.new_server;
    const config::Config& config = context_.config;
    report_.old_server = migrate::summary_of(leader, config.old_backend.address.text());
    report_.new_server = migrate::summary_of(follower, config.new_backend.address.text());
    auto one = co_await is_one_server(*pair_.old_link, *pair_.new_link);
    if (!one.ok()) co_return one.status();
    migrate::Findings& out = report_.findings;
    append(out, migrate::judge_servers({.old_server = leader, .new_server = follower, .is_one_server = *one}));
    auto begun = co_await begun_with();
    if (!begun.ok()) co_return begun.status();
    report_.feed = migrate::judge_feed(leader, config.dual_write.feed, *begun);
    append(out, std::exchange(report_.feed.findings, {}));
    append(out, migrate::judge_way_back(follower));
    const bool triggers = report_.feed.choice == FeedChoice::trigger;
    append(out, migrate::judge_control_account(
                    leader, triggers ? migrate::ControlRole::leader_by_triggers : migrate::ControlRole::leader_by_log,
                    config.control.schema));
    append(out, migrate::judge_control_account(follower, migrate::ControlRole::follower, config.control.schema));
    append(out, migrate::judge_tables(tables()));
    append(out, migrate::judge_copy(tables()));
    append(out, migrate::judge_objects(tables()));
    append(out, migrate::judge_auto_increment(tables()));
    co_return co_await judge_users();
  }

  // A copy refuses tables that have rows.
  Task<absl::Status> look_for_rows() {
    std::vector<dualwrite::TableRef> full;
    for (const auto& [name, table] : pair_.old_server.tables) {
      const auto there = pair_.new_server.tables.find(name);
      constexpr auto kTable = dualwrite::TableDefinition::Kind::table;
      if (there == pair_.new_server.tables.end() || table.kind != kTable || there->second.kind != kTable) continue;
      auto row = co_await pair_.new_link->query("SELECT 1 FROM " + dualwrite::quote_name(name) + " LIMIT 1",
                                                Clock::now() + kAnyRowMax);
      if (!row.ok()) co_return row.status();
      if (!row->front().rows.empty()) full.push_back(name);
    }
    if (!full.empty()) report_.findings.push_back(migrate::rows_on_new(full));
    co_return absl::OkStatus();
  }

  // By which feed this migration has begun, as its anchor on the leader says.
  Task<absl::StatusOr<FeedChoice>> begun_with() {
    const dualwrite::TableRef anchor{.schema = context_.config.control.schema, .table = "anchor"};
    auto kind = co_await ask_table_kind(*pair_.old_link, anchor, soon());
    if (!kind.ok()) co_return kind.status();
    if (*kind == TableKind::none) co_return FeedChoice::none;
    auto asked = co_await pair_.old_link->query(dualwrite::select_anchor(anchor.schema), soon());
    if (!asked.ok()) co_return asked.status();
    auto found = dualwrite::anchor_from(asked->front());
    if (!found.ok()) co_return found.status();
    if (!*found) co_return FeedChoice::none;
    co_return dualwrite::is_changes_place((*found)->at) ? FeedChoice::trigger : FeedChoice::log;
  }

  // Each user of the configuration logs in on both sides, as the proxy would.
  Task<absl::Status> judge_users() {
    for (const auto& [name, user] : context_.credentials.users) {
      migrate::ApplicationUser both;
      for (const config::Backend which : {config::Backend::old_db, config::Backend::new_db}) {
        migrate::AccountFacts& facts = which == config::Backend::old_db ? both.on_old : both.on_new;
        const absl::Status read = co_await read_user(which, user, facts);
        if (!read.ok()) co_return read;
      }
      append(report_.findings, migrate::judge_application_user(both, pair_.old_server.schemas));
    }
    if (context_.config.learned_users.enabled)
      report_.findings.push_back({.severity = migrate::Severity::note,
                                  .object = "accounts",
                                  .code = "users_not_known",
                                  .reason = "users.from_client: accounts that are not in the file were not looked at",
                                  .advice = "list those that matter under users to have them looked at"});
    co_return absl::OkStatus();
  }

  Task<absl::Status> read_user(config::Backend which, KnownUser user, migrate::AccountFacts& out) {
    const auto at = static_cast<std::size_t>(which);
    out.login = user.backend[at].user;
    LinkOptions options =
        link_options_of(context_.config, which, context_.credentials.backend_tls[at], user.backend[at]);
    options.session = LinkOptions::Session::own;
    std::optional<Refusal> refused;
    auto opened = co_await BackendLink::open(context_.reactor, std::move(options), context_.counters,
                                             Clock::now() + kConnectMax, &refused);
    if (refused || absl::IsPermissionDenied(opened.status())) {
      out.refused = refused ? err_text(refused->err) : std::string(opened.status().message());
      co_return absl::OkStatus();
    }
    if (!opened.ok()) co_return opened.status();
    const absl::Status read = co_await read_account(**opened, out);
    (*opened)->send_quit();
    co_return read;
  }

  Task<absl::Status> count_rows(std::map<dualwrite::TableRef, migrate::CountedTable>& counted) {
    // A connection of its own: it may be given up. Uncommitted rows do not matter, and no old versions are kept for it.
    auto opened = co_await open_control_link(context_, config::Backend::old_db);
    if (!opened.ok()) co_return opened.status();
    std::unique_ptr<BackendLink> link = *std::move(opened);
    const std::string seconds = std::to_string(order_.count_time.count());
    std::string limit = link->is_mariadb() ? "SET SESSION max_statement_time=" + seconds
                                           : "SET SESSION max_execution_time=" + seconds + "000";
    limit += ",sql_mode='',SESSION transaction_isolation='READ-UNCOMMITTED'";
    if (link->is_mariadb()) limit.replace(limit.find("transaction_isolation"), 21, "tx_isolation");
    auto limited = co_await link->query(std::move(limit), soon());
    if (!limited.ok()) co_return limited.status();
    const std::vector<migrate::DataCheck> checks = migrate::plan_data_checks(tables(), report_.findings);
    for (std::size_t i = 0; i < checks.size(); ++i) {
      const migrate::DataCheck& check = checks[i];
      progress_("counting " + std::to_string(i + 1) + " of " + std::to_string(checks.size()) + ": " +
                check.table.schema + "." + check.table.table + " " + check.object);
      auto answer = co_await ask_rows(*link, check);
      if (!answer.ok()) co_return answer.status();
      const auto found =
          migrate::apply_answer(check, *answer, pair_.new_server.number("max_allowed_packet"), report_.findings);
      if (found) counted[check.table] = *found;
    }
    link->send_quit();
    co_return absl::OkStatus();
  }

  Task<absl::StatusOr<migrate::DataAnswer>> ask_rows(BackendLink& link, migrate::DataCheck check) {
    // The server keeps the limit; past it by this much it is not there any more.
    constexpr auto kSlack = std::chrono::seconds(60);
    migrate::DataAnswer out;
    auto done = co_await link.run(check.sql, Clock::now() + order_.count_time + kSlack);
    if (!done.ok()) co_return done.status();
    if (done->failed()) {
      const protocol::Err& err = done->last().err;
      out.timed_out = err.code == kMysqlTimeExceeded || err.code == kMariadbTimeExceeded;
      out.failure = err_text(err);
      co_return out;
    }
    auto results = protocol::decode_response(done->wire, protocol::ResponseKind::query, link.capabilities());
    if (!results.ok()) co_return results.status();
    auto row = protocol::only_row(*std::move(results), check.width);
    if (!row.ok()) co_return row.status();
    out.cells = *std::move(row);
    co_return out;
  }

  VerbContext context_;
  PreflightOrder order_;
  migrate::TableSelection selection_;
  const std::function<void(const std::string&)>& progress_;
  OpenPair pair_;
  migrate::PreflightReport report_;
};

}  // namespace

Task<absl::StatusOr<migrate::PreflightReport>> run_preflight(VerbContext context, PreflightOrder order,
                                                             migrate::TableSelection selection,
                                                             const std::function<void(const std::string&)>& progress) {
  PreflightRun run(context, std::move(order), std::move(selection), progress);
  co_return co_await run.run();
}

}  // namespace crossfade::proxy
