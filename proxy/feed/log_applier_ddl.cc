// DDL follows in its place.
//
// A DDL commits whatever is open, so it cannot be one transaction with its position. Its intent is written before each
// of its statements, with a fingerprint of what the statement is about to change; after a crash a fingerprint that has
// changed says that the statement was run.

#include <algorithm>
#include <set>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/ddl_head.h"
#include "dualwrite/ddl_values.h"
#include "dualwrite/sql_text.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/clause_runner.h"
#include "proxy/feed/ddl_state.h"
#include "proxy/feed/log_applier.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/chunk_reader.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::DdlAnalysis;
using dualwrite::DdlIntent;
using dualwrite::LoggedStatement;
using dualwrite::LogPosition;
using dualwrite::StopCause;
using dualwrite::TableDefinition;
using dualwrite::TableRef;

namespace {

constexpr std::chrono::seconds kDdlTurn(10);  // of waiting for an earlier one at a time

// The first of them: what is said is kept with each.
std::string copy_advice(const std::vector<TableRef>& tables) {
  constexpr std::size_t kListedMax = 20;
  const std::size_t listed = std::min(tables.size(), kListedMax);
  std::string all;
  for (std::size_t i = 0; i < listed; ++i) all += (i == 0 ? "" : ",") + tables[i].schema + "." + tables[i].table;
  if (listed < tables.size()) all += " (and " + std::to_string(tables.size() - listed) + " more)";
  return "copy it anew: crossfade backfill start --replace --tables " + all;
}

// Run or not, the definitions are the same: names that change places between tables of one definition, a partition and
// a table that change their rows.
bool leaves_no_trace(const DdlAnalysis& analysis, const TableCatalog::Definitions& follower) {
  if (!analysis.changes_rows || analysis.drops_tables()) return false;
  std::vector<const TableDefinition*> there;
  for (const TableRef& table : analysis.tables) {
    const auto found = follower.find(table);
    if (found != follower.end()) there.push_back(&found->second);
  }
  // EXCHANGE PARTITION: the new name of a RENAME is not there before.
  if (analysis.verb == "ALTER TABLE") return there.size() > 1;
  if (!analysis.swaps_names) return false;
  for (std::size_t i = 1; i < there.size(); ++i) {
    if (there[i]->columns == there[0]->columns && there[i]->keys == there[0]->keys) return true;
  }
  return false;
}

}  // namespace

Task<absl::Status> LogApplier::run_ddl(LoggedStatement statement, DdlAnalysis analysis) {
  for (const TableRef& table : analysis.tables) setting_.chunks.changed.note(table, Clock::now());
  auto by_hand = co_await is_made_by_hand(analysis);
  if (!by_hand.ok()) co_return by_hand.status();
  if (*by_hand) co_return absl::OkStatus();
  if (setting_.config.ddl == config::DualWriteConfig::Ddl::refuse) {
    co_return co_await give_up_ddl(analysis, "schema changes are not followed (dual_write.ddl: refuse)");
  }
  if (statement.unknown_setting) {
    std::string why = "its session has a setting of kind " + std::to_string(*statement.unknown_setting) +
                      ", which is not known; what the statement means with it is not known either";
    co_return co_await give_up_ddl(analysis, std::move(why));
  }
  auto schema_collation = co_await schema_collation_of(analysis, statement);
  if (!schema_collation.ok()) co_return schema_collation.status();
  const dualwrite::DdlContext context{.schema_collation = *schema_collation, .follower = &setting_.catalog.follower()};
  auto statements = dualwrite::translate_ddl(statement, setting_.makes, context);
  if (!statements.ok()) co_return co_await give_up_ddl(analysis, std::string(statements.status().message()));
  auto link = co_await ddl_link();
  if (!link.ok()) co_return link.status();
  auto refused = co_await prepare_ddl_session(**link, statement, analysis);
  if (!refused.ok()) co_return refused.status();
  if (!refused->empty()) co_return co_await give_up_ddl(analysis, *refused);
  std::map<TableRef, TableDefinition> before;
  for (const TableRef& table : analysis.tables) {
    const auto found = setting_.catalog.follower().find(table);
    if (found != setting_.catalog.follower().end()) before.insert(*found);
  }
  setting_.catalog.expect_change(analysis);
  auto ran = co_await run_ddl_steps(**link, *statements, analysis, statement);
  if (!ran.ok()) co_return ran.status();
  if (!ran->refusal.empty()) {
    const absl::Status read =
        co_await setting_.catalog.reload(leader_, follower_.link(), analysis.tables, TableCatalog::ChangedBy::feed);
    if (!read.ok()) co_return read;
    co_return co_await give_up_ddl(analysis, ran->refusal);
  }
  if (ran->before_this) before.clear();
  (*link)->send_quit();
  limited_log().info(LogKind::applier_state, "ddl=\"{}\" position={} followed=true", analysis.verb, current_.at.text());
  if (analysis.drops_tables()) {
    for (const TableRef& table : analysis.tables) {
      closing_.push_back(dualwrite::delete_stopped(setting_.schema, table));
      setting_.stopped.resume(table);
    }
  }
  closing_.push_back(dualwrite::delete_ddl_intent(setting_.schema, setting_.leader));
  must_store_ = true;
  ddl_seen_ = true;
  const absl::Status read =
      co_await setting_.catalog.reload(leader_, follower_.link(), analysis.tables, TableCatalog::ChangedBy::feed);
  if (!read.ok()) co_return read;
  co_return co_await stop_doubtful_rows(std::move(statement), std::move(analysis), before);
}

// Each step's intent is written, fenced, before it is run, and with the follower to itself: see ddl_link().
Task<absl::StatusOr<LogApplier::DdlRun>> LogApplier::run_ddl_steps(BackendLink& link,
                                                                   std::vector<std::string> statements,
                                                                   DdlAnalysis analysis,
                                                                   const LoggedStatement& statement) {
  auto asked = co_await follower_.ask(dualwrite::select_ddl_intent(setting_.schema, setting_.leader));
  if (!asked.ok()) co_return asked.status();
  auto found = dualwrite::ddl_intent_from(*asked);
  if (!found.ok()) co_return found.status();
  // Where a batch of `changes` begins, another process may say otherwise.
  const std::uint64_t id = statement.change_id;
  const LogPosition at = id == 0 ? current_.at : LogPosition{.file = "changes", .offset = id};
  DdlIntent intent{.at = at, .step = 0, .fingerprint = ""};
  const bool resumed = found->has_value() && (*found)->at == at;
  DdlRun run;
  if (resumed) {
    intent = **found;
    auto now = co_await tables_state(follower_.link(), analysis.tables);
    if (!now.ok()) co_return now.status();
    // Of one that was under way clause by clause those that are done say so when they are run again.
    const bool in_pieces = intent.fingerprint == dualwrite::kClauseByClause;
    run.before_this = !in_pieces && *now != intent.fingerprint;
    limited_log().info(LogKind::applier_state, "ddl=\"{}\" position={} resumed=true step={} was_run={}", analysis.verb,
                       current_.at.text(), intent.step, run.before_this);
    if (run.before_this) ++intent.step;
    run.before_this = run.before_this || in_pieces;
    if (!run.before_this && leaves_no_trace(analysis, setting_.catalog.follower())) {
      run.refusal = "whether it was run before a connection was lost does not show";
      co_return run;
    }
  }
  ClauseRunner runner({.link = link,
                       .leader = leader_,
                       .follower = follower_.link(),
                       .catalog = setting_.catalog,
                       .guard = setting_.guard,
                       .makes = setting_.makes,
                       .note = [this](DdlIntent each) { return note_intent(std::move(each)); }});
  for (; intent.step < statements.size(); ++intent.step) {
    auto now = co_await tables_state(follower_.link(), analysis.tables);
    if (!now.ok()) co_return now.status();
    intent.fingerprint = *now;
    const absl::Status noted = co_await note_intent(intent);
    if (!noted.ok()) co_return noted;
    auto done = co_await runner.run(statements[intent.step]);
    if (!done.ok()) co_return done.status();
    if (!done->failed()) continue;
    RefusedDdl refused{.sql = statements[intent.step],
                       .mode = dualwrite::lexer_mode(statement, setting_.makes.leader_is_mariadb),
                       .analysis = analysis,
                       .intent = intent,
                       .err = done->last().err,
                       .resumed = resumed};
    auto settled = co_await runner.settle(std::move(refused));
    if (!settled.ok()) co_return settled.status();
    run.refusal = *std::move(settled);
    if (!run.refusal.empty()) co_return run;
    run.before_this = true;
  }
  co_return run;
}

// Rows that a table had before may be others now than on the leader: it has to be copied.
Task<absl::Status> LogApplier::stop_doubtful_rows(LoggedStatement statement, DdlAnalysis analysis,
                                                  std::map<TableRef, TableDefinition> before) {
  if (analysis.verb != "ALTER TABLE") co_return absl::OkStatus();
  const auto old = before.find(analysis.tables.front());
  for (const TableRef& table : analysis.tables) {
    // The one that was altered, by the name that it has now.
    const auto now = setting_.catalog.follower().find(table);
    if (now == setting_.catalog.follower().end()) continue;
    const auto leader = setting_.catalog.leader().find(table);
    const dualwrite::TableAround around{
        .before = old == before.end() ? nullptr : &old->second,
        .after = now->second,
        .leader = leader == setting_.catalog.leader().end() ? nullptr : &leader->second};
    std::string why = dualwrite::values_in_doubt(statement, around, setting_.makes);
    if (why.empty() || !setting_.stopped.takes_definition(table, current_.at, stored_.applied))
      co_return absl::OkStatus();
    auto rows = co_await has_rows(table);
    if (!rows.ok()) co_return rows.status();
    if (!*rows) co_return absl::OkStatus();
    std::vector<std::string> ledger;
    why = analysis.verb + " gave its rows other values, perhaps: " + why;
    ledger.push_back(dualwrite::insert_divergence(setting_.schema, table, why, dualwrite::RowIdentity(), current_.at,
                                                  dualwrite::LedgerState::open));
    std::vector<TableRef> one(1, table);
    why += "; " + copy_advice(one);
    co_return co_await stop_tables(std::move(one), StopCause::divergence, std::move(why), std::move(ledger));
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<bool>> LogApplier::has_rows(TableRef table) {
  auto asked = co_await follower_.ask("SELECT 1 FROM " + dualwrite::quote_name(table.schema) + "." +
                                      dualwrite::quote_name(table.table) + " LIMIT 1");
  if (!asked.ok()) co_return asked.status();
  co_return !asked->rows.empty();
}

// What a table inherited that says nothing of its character set. The leader can only be asked what its schema has now,
// and the statement tells what its session took its default schema to have, which is as old as its USE. Where these two
// differ, the table itself knows, if it is still there.
Task<absl::StatusOr<std::string>> LogApplier::schema_collation_of(const DdlAnalysis& analysis,
                                                                  const LoggedStatement& statement) {
  const TableRef table =
      analysis.tables.empty() ? TableRef{.schema = statement.schema, .table = ""} : analysis.tables.front();
  if (table.schema.empty()) co_return std::string();
  const std::string schema = dualwrite::quote_text(table.schema);
  std::string question =
      "SELECT DEFAULT_COLLATION_NAME,(SELECT TABLE_COLLATION FROM information_schema.TABLES WHERE "
      "TABLE_SCHEMA=" +
      schema + " AND TABLE_NAME=" + dualwrite::quote_text(table.table) +
      ") FROM information_schema.SCHEMATA WHERE SCHEMA_NAME=" + schema;
  auto asked = co_await leader_.query(std::move(question), Clock::now() + kConnectMax);
  if (!asked.ok()) co_return asked.status();
  const std::string said =
      table.schema == statement.schema
          ? dualwrite::collation_name(statement.database_collation, setting_.makes.leader_is_mariadb)
          : "";
  if (asked->empty()) co_return said;
  const std::string now = first_cell(asked->front());
  const std::string own = first_cell(asked->front(), 1);
  // Servers say it only where the session's default is not its schema's.
  if (said.empty()) co_return own.empty() ? now : own;
  co_return said == now || own == now ? now : said;
}

// Fenced as every transaction of the applier.
Task<absl::Status> LogApplier::note_intent(DdlIntent intent) {
  std::vector<WriterStep> steps;
  steps.push_back({.sql = dualwrite::write_ddl_intent(setting_.schema, setting_.leader, intent)});
  steps.push_back(commit_step());
  auto failure = co_await run_open(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (*failure) co_return co_await failed(**failure);
  open_ = false;
  co_return absl::OkStatus();
}

// A table that stopped at this statement is being caught up: people have made the definition by hand.
Task<absl::StatusOr<bool>> LogApplier::is_made_by_hand(DdlAnalysis analysis) {
  const std::vector<TableRef> all = setting_.stopped.released();
  const std::set<TableRef> released(all.begin(), all.end());
  const bool concerned = std::any_of(analysis.tables.begin(), analysis.tables.end(),
                                     [&](const TableRef& table) { return released.contains(table); });
  if (!concerned) co_return false;
  const absl::Status read =
      co_await setting_.catalog.reload(leader_, follower_.link(), analysis.tables, TableCatalog::ChangedBy::feed);
  if (!read.ok()) co_return read;
  must_store_ = true;
  co_return setting_.catalog.carries(analysis.tables, setting_.makes);
}

// Definitions that agree again do not say that the rows do: what the statement did to them on the leader is missing.
Task<absl::StatusOr<bool>> LogApplier::is_doubtful(DdlAnalysis analysis) {
  if (!analysis.changes_rows) co_return false;
  for (const TableRef& table : analysis.tables) {
    if (!setting_.catalog.follower().contains(table)) continue;
    auto rows = co_await has_rows(table);
    if (!rows.ok()) co_return rows.status();
    if (*rows) co_return true;
  }
  co_return false;
}

// The follower cannot say the same: the tables and views stop, or where there are none (a routine, a schema) the ledger
// has it, and everything else goes on.
Task<absl::Status> LogApplier::give_up_ddl(DdlAnalysis analysis, std::string why) {
  const std::string what = analysis.verb + " could not be followed: " + why;
  std::vector<TableRef> tables;
  for (const TableRef& table : analysis.tables) {
    if (setting_.stopped.takes_definition(table, current_.at, stored_.applied)) tables.push_back(table);
  }
  dualwrite::RowIdentity none;
  std::vector<std::string> ledger;
  if (!tables.empty()) {
    ledger.push_back(dualwrite::insert_divergence(setting_.schema, tables.front(), what, none, current_.at,
                                                  dualwrite::LedgerState::open));
    auto doubtful = co_await is_doubtful(analysis);
    if (!doubtful.ok()) co_return doubtful.status();
    const StopCause cause = *doubtful ? StopCause::divergence : StopCause::definition;
    const std::string advice = *doubtful ? "; make the definition there by hand, and " + copy_advice(tables) +
                                               ", or if its rows are the leader's already: crossfade tables release " +
                                               tables.front().schema + "." + tables.front().table
                                         : "; make the definition there by hand, and it goes on";
    co_return co_await stop_tables(std::move(tables), cause, what + advice, std::move(ledger));
  }
  limited_log().error(LogKind::divergence, "ddl=\"{}\" position={} followed=false why=\"{}\"", analysis.verb,
                      current_.at.text(), why);
  setting_.counters.divergences.add();
  ++counted_.divergences;
  const TableRef place{.schema = analysis.schemas.empty() ? std::string() : analysis.schemas.front(), .table = ""};
  closing_.push_back(
      dualwrite::insert_divergence(setting_.schema, place, what, none, current_.at, dualwrite::LedgerState::open));
  must_store_ = true;
  co_return absl::OkStatus();
}

// A connection of its own, since it needs the session of the client that ran the statement. Its lock says that no
// statement of before is still under way, such as one whose proxy was killed: what that one leaves is only known then.
Task<absl::StatusOr<std::unique_ptr<BackendLink>>> LogApplier::ddl_link() {
  auto opened = co_await BackendLink::open(setting_.reactor, setting_.follower_options(), setting_.counters,
                                           Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  std::unique_ptr<BackendLink> link = *std::move(opened);
  auto got =
      co_await link->ask_row("GET_LOCK(" + ddl_lock(setting_.schema) + "," + std::to_string(kDdlTurn.count()) + ")", 1,
                             Clock::now() + kConnectMax + kDdlTurn);
  if (!got.ok()) co_return got.status();
  if (first_number(*got) != 1) {
    co_return absl::AbortedError("an earlier schema change is still under way on the follower; waiting for its end");
  }
  co_return link;
}

// The reason, if the follower refuses; else empty.
Task<absl::StatusOr<std::string>> LogApplier::prepare_ddl_session(BackendLink& link, LoggedStatement original,
                                                                  const DdlAnalysis& analysis) {
  auto zone = co_await zone_of(original);
  if (!zone.ok()) co_return zone.status();
  original.time_zone = *std::move(zone);
  std::vector<std::string> all = dualwrite::follower_session(original, setting_.makes);
  if (!original.schema.empty()) all.push_back("USE " + dualwrite::quote_name(original.schema));
  // The leader has judged that nothing is left that refers to these tables. MySQL looks at all that one statement drops
  // together, MariaDB at each by itself; and what refers to them here may be a table that is stopped.
  if (analysis.drops_tables()) all.emplace_back("SET foreign_key_checks=0");
  for (std::string& each : all) {
    auto done = co_await link.run(std::move(each), Clock::now() + kConnectMax);
    if (!done.ok()) co_return done.status();
    if (!done->failed()) continue;
    const protocol::Err refusal = done->last().err;
    if (is_of_the_server(refusal.code)) {
      co_return absl::AbortedError("the follower answered " + err_code(refusal) + " to a DDL; trying again");
    }
    co_return "the follower answered " + err_text(refusal);
  }
  co_return std::string();
}

// SYSTEM is what each server's machine has: the same name there is the same zone, as far as servers tell.
Task<absl::StatusOr<std::string>> LogApplier::zone_of(LoggedStatement statement) {
  if (!dualwrite::same_ignoring_case(statement.time_zone, "SYSTEM")) co_return statement.time_zone;
  auto asked = co_await leader_.query("SELECT @@system_time_zone", Clock::now() + kConnectMax);
  if (!asked.ok()) co_return asked.status();
  const std::string name = asked->empty() ? std::string() : first_cell(asked->front());
  if (name == "UTC" || name == "GMT") co_return std::string("+00:00");
  auto own = co_await follower_.ask("SELECT @@system_time_zone");
  if (!own.ok()) co_return own.status();
  co_return first_cell(*own) == name ? std::string("SYSTEM") : name;
}

}  // namespace crossfade::proxy
