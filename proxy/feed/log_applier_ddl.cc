// Statements in the leader's log: DDL follows in its place.
//
// A DDL commits whatever is open, so it cannot be one transaction with its position. Its intent is written before each
// of its statements, with a fingerprint of what the statement is about to change; after a crash a fingerprint that has
// changed says that the statement was run.

#include <algorithm>
#include <array>

#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/sql_text.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/ddl_state.h"
#include "proxy/feed/log_applier.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/chunk_reader.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::DdlAnalysis;
using dualwrite::DdlIntent;
using dualwrite::LoggedKind;
using dualwrite::LoggedStatement;
using dualwrite::StopCause;
using dualwrite::TableRef;

namespace {

constexpr auto kDdlMax = std::chrono::hours(24);
constexpr std::uint16_t kUtf8mb4GeneralCi = 45;  // of both makes

bool is_drop_of_tables(const DdlAnalysis& analysis) { return analysis.verb == "DROP TABLE"; }

}  // namespace

// Names are compared, and asked for, in UTF-8: the leader itself says what its client's text is there.
Task<absl::Status> LogApplier::bring_to_utf8(LoggedStatement* statement) {
  const std::string charset = dualwrite::modern_name(
      dualwrite::charset_of(dualwrite::collation_name(statement->client_collation, setting_.makes.leader_is_mariadb)));
  const bool readable = std::all_of(statement->sql.begin(), statement->sql.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (readable || charset.empty() || charset == "binary" || charset.starts_with("utf8mb")) co_return absl::OkStatus();
  std::string question = "SELECT CONVERT(CONVERT(0x" + dualwrite::hex(protocol::as_bytes(statement->sql)) + " USING " +
                         charset + ") USING utf8mb4)";
  auto asked = co_await leader_.query(std::move(question), Clock::now() + kConnectMax);
  if (!asked.ok()) co_return asked.status();
  std::string text = asked->empty() ? std::string() : first_cell(asked->front());
  if (text.empty()) co_return absl::OkStatus();
  statement->sql = std::move(text);
  statement->client_collation = kUtf8mb4GeneralCi;
  co_return absl::OkStatus();
}

Task<absl::Status> LogApplier::take_statement(LoggedStatement statement) {
  const absl::Status readable = co_await bring_to_utf8(&statement);
  if (!readable.ok()) co_return readable;
  DdlAnalysis analysis = dualwrite::analyze_ddl(statement, setting_.makes.leader_is_mariadb);
  const std::string at = current_.at.text();
  switch (analysis.kind) {
    case LoggedKind::harmless:
      co_return absl::OkStatus();
    case LoggedKind::people:
      limited_log().warn(
          LogKind::applier_state,
          "statement=\"{}\" position={} left=to_people why=\"accounts and server settings are each side's own\"",
          analysis.verb, at);
      co_return absl::OkStatus();
    case LoggedKind::trigger:
      limited_log().info(LogKind::applier_state,
                         "statement=\"{}\" position={} not_followed=\"its effects travel as rows\"", analysis.verb, at);
      co_return absl::OkStatus();
    case LoggedKind::data:
      co_return absl::FailedPreconditionError(
          "at " + at + " the leader logged a " + analysis.verb +
          " as a statement, not as rows: SET GLOBAL binlog_format='ROW', reconnect the clients, copy the data anew");
    case LoggedKind::unknown:
      co_return absl::FailedPreconditionError(
          "at " + at + " the leader's log has a statement that is not understood (" + analysis.verb + ")");
    case LoggedKind::definition:
      break;
  }
  if (!is_followed(analysis)) co_return absl::OkStatus();
  const bool taken = analysis.tables.empty()
                         ? current_.at >= stored_.applied
                         : std::any_of(analysis.tables.begin(), analysis.tables.end(), [this](const TableRef& table) {
                             return setting_.stopped.takes_definition(table, current_.at, stored_.applied);
                           });
  const bool forgets_stopped = is_drop_of_tables(analysis) && current_.at >= stored_.applied;
  if (!taken && !forgets_stopped) co_return absl::OkStatus();
  if (analysis.tables.size() > 1 && !is_drop_of_tables(analysis)) {
    // A stopped table gets another name, or another table its name: rows that are missing would hide behind it.
    std::vector<TableRef> sound;
    for (const TableRef& table : analysis.tables) {
      const bool is_whole = !setting_.stopped.is_copied(table);
      if (is_whole && setting_.stopped.takes(table, current_.at, stored_.applied)) sound.push_back(table);
    }
    if (sound.size() < analysis.tables.size()) {
      std::string why = analysis.verb + " with a table that is stopped: copy the tables anew";
      co_return co_await stop_tables(std::move(sound), StopCause::divergence, std::move(why),
                                     std::vector<std::string>());
    }
  }
  const absl::Status before = co_await commit();
  if (!before.ok()) co_return before;
  co_return co_await run_ddl(std::move(statement), std::move(analysis));
}

bool LogApplier::is_followed(const DdlAnalysis& analysis) const {
  const auto ours = [this](const TableRef& table) { return is_followed(table); };
  const auto our_schema = [this](const std::string& schema) {
    return is_followed(TableRef{.schema = schema, .table = ""});
  };
  if (analysis.tables.empty()) {
    return analysis.schemas.empty() || std::all_of(analysis.schemas.begin(), analysis.schemas.end(), our_schema);
  }
  return std::any_of(analysis.tables.begin(), analysis.tables.end(), ours);
}

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
  auto asked = co_await follower_.ask(dualwrite::select_ddl_intent(setting_.schema, setting_.leader));
  if (!asked.ok()) co_return asked.status();
  auto found = dualwrite::ddl_intent_from(*asked);
  if (!found.ok()) co_return found.status();
  DdlIntent intent{.at = current_.at, .step = 0, .fingerprint = ""};
  if (*found && (*found)->at == current_.at) {
    intent = **found;
    auto now = co_await tables_state(follower_.link(), analysis.tables);
    if (!now.ok()) co_return now.status();
    if (*now != intent.fingerprint) ++intent.step;
  }
  const bool resumed = found->has_value() && (*found)->at == current_.at;
  for (; intent.step < statements->size(); ++intent.step) {
    auto now = co_await tables_state(follower_.link(), analysis.tables);
    if (!now.ok()) co_return now.status();
    intent.fingerprint = *now;
    const absl::Status noted = co_await note_intent(intent);
    if (!noted.ok()) co_return noted;
    auto refused = co_await run_ddl_statement((*statements)[intent.step], statement);
    if (!refused.ok()) co_return refused.status();
    if (!*refused) continue;
    if (is_of_the_server((*refused)->code)) {
      co_return absl::AbortedError("the follower answered " + err_code(**refused) + " to a DDL; trying again");
    }
    // It may be there already: run before a crash, or by people.
    auto done = co_await is_done(analysis, (*refused)->code, resumed);
    if (!done.ok()) co_return done.status();
    if (*done) continue;
    co_return co_await give_up_ddl(analysis, "the follower answered " + err_text(**refused));
  }
  limited_log().info(LogKind::applier_state, "ddl=\"{}\" position={} followed=true", analysis.verb, current_.at.text());
  if (is_drop_of_tables(analysis)) {
    for (const TableRef& table : analysis.tables) {
      closing_.push_back(dualwrite::delete_stopped(setting_.schema, table));
      setting_.stopped.resume(table);
    }
  }
  closing_.push_back(dualwrite::delete_ddl_intent(setting_.schema, setting_.leader));
  must_store_ = true;
  ddl_seen_ = true;
  co_return co_await setting_.catalog.reload(leader_, follower_.link(), analysis.tables);
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

// Does the error only say that the follower has it already?
Task<absl::StatusOr<bool>> LogApplier::is_done(DdlAnalysis analysis, std::uint16_t code, bool resumed) {
  constexpr std::array<std::uint16_t, 9> kThereOrGone = {1007, 1008, 1050, 1051, 1060, 1061, 1091, 1304, 1305};
  const bool says_so = std::find(kThereOrGone.begin(), kThereOrGone.end(), code) != kThereOrGone.end();
  if (!says_so) co_return false;
  if (analysis.tables.empty()) co_return resumed;
  const absl::Status read = co_await setting_.catalog.reload(leader_, follower_.link(), analysis.tables);
  if (!read.ok()) co_return read;
  co_return setting_.catalog.carries(analysis.tables, setting_.makes);
}

// A table that stopped at this statement is being caught up: people have made the definition by hand.
Task<absl::StatusOr<bool>> LogApplier::is_made_by_hand(DdlAnalysis analysis) {
  const std::vector<TableRef> released = setting_.stopped.released();
  const bool concerned = std::any_of(analysis.tables.begin(), analysis.tables.end(), [&](const TableRef& table) {
    return std::find(released.begin(), released.end(), table) != released.end();
  });
  if (!concerned) co_return false;
  const absl::Status read = co_await setting_.catalog.reload(leader_, follower_.link(), analysis.tables);
  if (!read.ok()) co_return read;
  must_store_ = true;
  co_return setting_.catalog.carries(analysis.tables, setting_.makes);
}

// The follower cannot say the same: the tables stop, or where there are none (a view, a routine, a schema) the ledger
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
    co_return co_await stop_tables(std::move(tables), StopCause::definition,
                                   what + "; make the definition there by hand, and it goes on", std::move(ledger));
  }
  limited_log().error(LogKind::divergence, "ddl=\"{}\" position={} followed=false why=\"{}\"", analysis.verb,
                      current_.at.text(), why);
  setting_.counters.divergences.add();
  ++divergences_;
  const TableRef place{.schema = analysis.schemas.empty() ? std::string() : analysis.schemas.front(), .table = ""};
  closing_.push_back(
      dualwrite::insert_divergence(setting_.schema, place, what, none, current_.at, dualwrite::LedgerState::open));
  must_store_ = true;
  co_return absl::OkStatus();
}

// On a connection of its own, since it needs the session of the client that ran it.
Task<absl::StatusOr<std::optional<protocol::Err>>> LogApplier::run_ddl_statement(std::string sql,
                                                                                 LoggedStatement original) {
  auto opened = co_await BackendLink::open(setting_.reactor, setting_.follower_options(), setting_.counters,
                                           Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  BackendLink& link = **opened;
  std::vector<std::string> all = dualwrite::follower_session(original, setting_.makes);
  if (!original.schema.empty()) all.push_back("USE " + dualwrite::quote_name(original.schema));
  // Defaults of now, and conversions between TIMESTAMP and DATETIME, are the client's.
  all.push_back("SET timestamp=" + std::to_string(original.timestamp));
  const bool by_offset = !original.time_zone.empty() && (original.time_zone[0] == '+' || original.time_zone[0] == '-');
  if (by_offset) all.push_back("SET time_zone='" + original.time_zone + "'");
  all.push_back(std::move(sql));
  for (std::string& each : all) {
    auto done = co_await link.run(std::move(each), Clock::now() + kDdlMax);
    if (!done.ok()) co_return done.status();
    if (done->failed()) co_return std::optional<protocol::Err>(done->last().err);
  }
  link.send_quit();
  co_return std::optional<protocol::Err>();
}

}  // namespace crossfade::proxy
