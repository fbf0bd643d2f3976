#include "proxy/feed/captured_ddl.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/captured_row.h"
#include "dualwrite/trigger/changes_table.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/feed/server_answers.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using dualwrite::DdlAnalysis;
using dualwrite::LoggedStatement;
using dualwrite::TableRef;

namespace {

constexpr auto kSchemaChangeMax = std::chrono::minutes(10);
constexpr auto kFinishMax = std::chrono::seconds(20);  // of waiting for open transactions
constexpr auto kBetweenTries = std::chrono::milliseconds(100);
constexpr std::size_t kRowsBytesMax = std::size_t{1} << 30;

TimePoint in_its_time() { return Clock::now() + kSchemaChangeMax; }

std::string quoted(const TableRef& table) {
  return dualwrite::quote_name(table.schema) + "." + dualwrite::quote_name(table.table);
}

}  // namespace

std::string statement_session_query(bool mariadb) {
  return std::string(
             "DATABASE(),@@sql_mode,(SELECT DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS WHERE "
             "CHARACTER_SET_NAME=@@character_set_client),@@collation_connection,@@collation_server,"
             "@@collation_database,@@foreign_key_checks,@@explicit_defaults_for_timestamp,UNIX_TIMESTAMP(),"
             "@@time_zone,") +
         (mariadb ? "''" : "@@default_collation_for_utf8mb4");
}

absl::StatusOr<LoggedStatement> logged_statement(std::string sql, const std::vector<protocol::Cell>& session,
                                                 bool mariadb) {
  constexpr std::size_t kColumns = 11;
  if (session.size() != kColumns) return absl::InternalError("the leader did not say what its session is like");
  const auto text = [&session](std::size_t i) { return session[i].value_or(""); };
  LoggedStatement statement;
  statement.schema = text(0);
  statement.sql = std::move(sql);
  statement.sql_mode = dualwrite::sql_mode_bits(text(1), mariadb);
  statement.client_collation = dualwrite::collation_id(text(2), mariadb);
  statement.connection_collation = dualwrite::collation_id(text(3), mariadb);
  statement.server_collation = dualwrite::collation_id(text(4), mariadb);
  statement.database_collation = dualwrite::collation_id(text(5), mariadb);
  statement.no_foreign_key_checks = text(6) == "0";
  statement.explicit_defaults_for_timestamp = text(7) == "1" || text(7) == "ON";
  statement.timestamp = static_cast<std::uint32_t>(to_number(session[8]));
  statement.time_zone = text(9);
  statement.utf8mb4_collation = dualwrite::collation_id(text(10), mariadb);
  return statement;
}

CapturedDdl::CapturedDdl(Setting setting, LoggedStatement statement, DdlAnalysis analysis)
    : setting_(std::move(setting)),
      statement_(std::move(statement)),
      analysis_(std::move(analysis)),
      capture_(setting_.schema) {}

Task<absl::StatusOr<std::unique_ptr<CapturedDdl>>> CapturedDdl::begin(Setting setting, LoggedStatement statement,
                                                                      DdlAnalysis analysis) {
  std::unique_ptr<CapturedDdl> ddl(new CapturedDdl(std::move(setting), std::move(statement), std::move(analysis)));
  const absl::Status connected = co_await ddl->connect();
  if (!connected.ok()) co_return connected;
  std::string intent = dualwrite::insert_intent(ddl->setting_.schema, ddl->statement_, ddl->link_->is_mariadb());
  auto noted = co_await ddl->link_->run(std::move(intent), in_its_time());
  if (!noted.ok()) co_return noted.status();
  if (noted->failed()) co_return absl::UnavailableError(err_text(noted->last().err));
  ddl->intent_ = noted->last().ok.last_insert_id;
  co_return ddl;
}

Task<absl::Status> CapturedDdl::connect() {
  auto opened =
      co_await BackendLink::open(setting_.reactor, setting_.leader, setting_.counters, Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  link_ = *std::move(opened);
  auto prepared = co_await link_->query(dualwrite::capture_session(), in_its_time());
  if (prepared.ok())
    prepared = co_await link_->query("SET SESSION lock_wait_timeout=1,innodb_lock_wait_timeout=5", in_its_time());
  if (prepared.ok()) {
    prepared = co_await link_->query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", in_its_time());
  }
  co_return prepared.status();
}

Task<absl::Status> CapturedDdl::run(std::string sql) {
  auto done = co_await link_->run(std::move(sql), in_its_time());
  if (!done.ok()) co_return done.status();
  if (!done->failed()) co_return absl::OkStatus();
  const protocol::Err& err = done->last().err;
  if (err.code == protocol::kErrLockWaitTimeout) co_return absl::AbortedError(err_text(err));
  co_return absl::FailedPreconditionError(err_text(err));
}

Task<absl::Status> CapturedDdl::finish(std::uint16_t error) {
  statement_.error = error;
  const Outcome outcome = error == 0 ? Outcome::ran : Outcome::failed;
  const TimePoint until = Clock::now() + kFinishMax;
  for (;;) {
    const absl::Status concluded = co_await conclude(outcome);
    if (!absl::IsAborted(concluded) || Clock::now() >= until) co_return concluded;
    const absl::Status unlocked = co_await run("UNLOCK TABLES");
    if (!unlocked.ok()) co_return unlocked;
    co_await setting_.reactor.sleep_for(kBetweenTries);
  }
}

// Was its S written before something failed?
Task<absl::StatusOr<bool>> CapturedDdl::is_said() {
  std::string question = "SELECT 1 FROM " + dualwrite::changes_table(setting_.schema) + " WHERE op='S' AND id>" +
                         std::to_string(intent_) + " AND oi='" + std::to_string(intent_) + "' AND " +
                         dualwrite::every_change(setting_.schema, link_->is_mariadb());
  auto asked = co_await link_->query(std::move(question), in_its_time());
  if (!asked.ok()) co_return asked.status();
  co_return !asked->front().rows.empty();
}

bool CapturedDdl::has_changed(const LeaderCapture::Found& found) const {
  return std::any_of(analysis_.tables.begin(), analysis_.tables.end(),
                     [&](const TableRef& table) { return !capture_.is_as_captured(table, found); });
}

// What of its tables is there now; of a whole schema everything that is captured.
std::vector<TableRef> CapturedDdl::tables_now(const LeaderCapture::Found& found) const {
  std::vector<TableRef> out;
  for (const TableRef& table : analysis_.tables) {
    const auto definition = found.tables.find(table);
    if (definition != found.tables.end() && definition->second.kind != dualwrite::TableDefinition::Kind::view &&
        definition->second.kind != dualwrite::TableDefinition::Kind::sequence) {
      out.push_back(table);
    }
  }
  return out;
}

// What cannot be known is done once more: the follower's DDL finds what it has, and rows are as they are.
Task<absl::Status> CapturedDdl::conclude(Outcome outcome) {
  const absl::Status loaded = co_await capture_.load(*link_);
  if (!loaded.ok()) co_return loaded;
  auto all = co_await capture_.find_all(*link_);
  if (!all.ok()) co_return all.status();
  auto found = std::make_shared<const LeaderCapture::Found>(*std::move(all));
  auto said = co_await is_said();
  if (!said.ok()) co_return said.status();
  const bool nothing_happened = outcome == Outcome::failed || (outcome == Outcome::unknown && !analysis_.replaces_rows);
  if (!*said && nothing_happened && !has_changed(*found)) {
    co_return co_await run(dualwrite::delete_change(setting_.schema, intent_, link_->is_mariadb()));
  }
  const std::vector<TableRef> locked = tables_now(*found);
  if (!locked.empty()) {
    std::string sql = "LOCK TABLES " + dualwrite::changes_table(setting_.schema) + " WRITE," +
                      dualwrite::quote_name(setting_.schema) + ".`captured` WRITE";
    for (const TableRef& table : locked) sql += "," + quoted(table) + " WRITE";
    const absl::Status held = co_await run(std::move(sql));
    if (!held.ok()) co_return held;
  }
  if (!*said) {
    const absl::Status spelled = co_await spell_out(locked);
    if (!spelled.ok()) co_return spelled;
    const absl::Status told =
        co_await run(dualwrite::insert_done(setting_.schema, statement_, intent_, link_->is_mariadb()));
    if (!told.ok()) co_return told;
  }
  const absl::Status emptied = co_await empty_broken(locked, found);
  if (!emptied.ok()) co_return emptied;
  const absl::Status captured = co_await capture_again(found);
  if (!captured.ok()) co_return captured;
  const absl::Status deleted = co_await run(dualwrite::delete_change(setting_.schema, intent_, link_->is_mariadb()));
  if (!deleted.ok()) co_return deleted;
  if (!locked.empty()) co_return co_await run("UNLOCK TABLES");
  co_return absl::OkStatus();
}

// What CREATE TABLE .. SELECT has made the leader alone can say; its rows are written down as rows.
Task<absl::Status> CapturedDdl::spell_out(std::vector<TableRef> made) {
  if (!analysis_.verb.starts_with("CREATE") || made.size() != 1) co_return absl::OkStatus();
  if (absl::AsciiStrToUpper(statement_.sql).find("SELECT") == std::string::npos) co_return absl::OkStatus();
  std::string question = "SHOW CREATE TABLE " + quoted(made.front());
  auto shown = co_await link_->query_rows(std::move(question), 2, in_its_time());
  if (!shown.ok()) co_return shown.status();
  if (shown->empty()) co_return absl::OkStatus();
  statement_.schema = made.front().schema;
  statement_.sql = shown->front()[1].value_or("");
  statement_.client_collation = dualwrite::collation_id("utf8mb4_general_ci", link_->is_mariadb());
  co_return absl::OkStatus();
}

// A table without all its triggers is new, or was left so by a proxy that died here. Then rows may be gone from it that
// nobody has noted: the follower begins it anew.
Task<absl::Status> CapturedDdl::empty_broken(std::vector<TableRef> tables,
                                             std::shared_ptr<const LeaderCapture::Found> found) {
  unwatched_.clear();
  for (const TableRef& table : tables) {
    if (LeaderCapture::has_all_triggers(table, *found)) continue;
    unwatched_.insert(table);
    if (!capture_.live_capture(table)) continue;
    LoggedStatement emptied = statement_;
    emptied.sql = "TRUNCATE TABLE " + quoted(table);
    emptied.client_collation = dualwrite::collation_id("utf8mb4_general_ci", link_->is_mariadb());
    emptied.no_foreign_key_checks = true;
    emptied.error = 0;
    const absl::Status told =
        co_await run(dualwrite::insert_done(setting_.schema, emptied, intent_, link_->is_mariadb()));
    if (!told.ok()) co_return told;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> CapturedDdl::capture_again(std::shared_ptr<const LeaderCapture::Found> found) {
  // The columns that a new foreign key refers to concern its parent, too, but not the parent's triggers.
  const absl::Status captured = co_await capture_.capture_anew(*link_, analysis_.tables, found);
  if (!captured.ok()) {
    if (absl::IsUnavailable(captured)) co_return absl::AbortedError(std::string(captured.message()));
    co_return captured;
  }
  co_return co_await refresh(tables_now(*found));
}

// What the old triggers wrote since the intent, by its key; of a table that had none everything.
Task<absl::Status> CapturedDdl::refresh(std::vector<TableRef> tables) {
  std::set<std::string> conditions;
  std::string numbers;
  for (const TableRef& table : analysis_.tables) {
    const LeaderCapture::CapturePtr live = capture_.live_capture(table);
    for (const std::uint32_t number : capture_.numbers_of(table)) {
      if (live && live->number == number) continue;
      numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
    }
  }
  bool all = false;
  if (!numbers.empty()) {
    std::string question = dualwrite::select_changes(setting_.schema, capture_.pairs()) + " WHERE id>" +
                           std::to_string(intent_) + " AND tbl IN (" + numbers + ") AND " +
                           dualwrite::every_change(setting_.schema, link_->is_mariadb());
    auto rows = co_await link_->query(std::move(question), in_its_time(), kRowsBytesMax);
    if (!rows.ok()) co_return rows.status();
    for (const auto& row : rows->front().rows) {
      auto head = dualwrite::change_head(row);
      if (!head.ok()) co_return head.status();
      const LeaderCapture::CapturePtr capture = capture_.find(head->table);
      if (!capture) {
        all = true;
        continue;
      }
      auto change = dualwrite::captured_row(*head, row, *capture);
      if (!change.ok()) co_return change.status();
      dualwrite::Bytes images = change->change.images;
      while (!images.empty()) {
        auto image = dualwrite::take_row(*capture->table, &images);
        if (!image.ok()) co_return image.status();
        auto condition = dualwrite::key_condition(*capture, *image);
        if (!condition.ok()) co_return condition.status();
        conditions.insert(*std::move(condition));
      }
    }
  }
  if (all) conditions.insert(" TRUE");
  for (const TableRef& table : tables) {
    const LeaderCapture::CapturePtr live = capture_.live_capture(table);
    if (!live) continue;
    std::set<std::string> of_table = conditions;
    if (unwatched_.contains(table)) of_table.insert(" TRUE");
    if (of_table.contains(" TRUE")) std::erase_if(of_table, [](const std::string& each) { return each != " TRUE"; });
    for (const std::string& condition : of_table) {
      const absl::Status written = co_await run(live->refresh_insert + condition + std::string(dualwrite::kRefreshEnd));
      if (!written.ok()) co_return written;
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> CapturedDdl::capture_released(Setting setting, TableRef table) {
  DdlAnalysis analysis;
  analysis.tables.push_back(table);
  CapturedDdl again(std::move(setting), {}, std::move(analysis));
  again.intent_ = UINT64_MAX;  // nothing is behind it
  const absl::Status connected = co_await again.connect();
  if (!connected.ok()) co_return connected;
  const absl::Status loaded = co_await again.capture_.load(*again.link_);
  if (!loaded.ok()) co_return loaded;
  auto all = co_await again.capture_.find_all(*again.link_);
  if (!all.ok()) co_return all.status();
  auto found = std::make_shared<const LeaderCapture::Found>(*std::move(all));
  if (again.tables_now(*found).empty()) co_return absl::OkStatus();
  std::string numbers;
  for (const std::uint32_t number : again.capture_.numbers_of(table)) {
    numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
  }
  std::vector<std::string> statements;
  statements.push_back("LOCK TABLES " + dualwrite::changes_table(again.setting_.schema) + " WRITE," +
                       dualwrite::quote_name(again.setting_.schema) + ".`captured` WRITE," + quoted(table) + " WRITE");
  if (!numbers.empty()) {
    statements.push_back("DELETE FROM " + dualwrite::changes_table(again.setting_.schema) + " WHERE tbl IN (" +
                         numbers + ")");
  }
  for (std::string& sql : statements) {
    const absl::Status done = co_await again.run(std::move(sql));
    if (!done.ok()) co_return absl::UnavailableError(std::string(done.message()));
  }
  const absl::Status captured = co_await again.capture_.capture_anew(*again.link_, again.analysis_.tables, found);
  if (!captured.ok()) co_return captured;
  const LeaderCapture::CapturePtr live = again.capture_.live_capture(table);
  if (!live) co_return absl::OkStatus();  // it still cannot be captured, and is stopped again
  const absl::Status written = co_await again.run(live->refresh_insert + " TRUE" + std::string(dualwrite::kRefreshEnd));
  if (!written.ok()) co_return absl::UnavailableError(std::string(written.message()));
  co_return co_await again.run("UNLOCK TABLES");
}

// A connection that is gone can write no more; its client's statement may still be running, and LOCK TABLES waits for
// it.
Task<absl::Status> CapturedDdl::resume_all(Setting setting) {
  CapturedDdl first(setting, {}, {});
  const absl::Status connected = co_await first.connect();
  if (!connected.ok()) co_return connected;
  const bool mariadb = first.link_->is_mariadb();
  auto intents =
      co_await first.link_->query("SELECT id,tbl,op,cid,fk,st,oi,ni FROM " + dualwrite::changes_table(setting.schema) +
                                      " WHERE op='P' AND " + dualwrite::every_change(setting.schema, mariadb) +
                                      " AND cid NOT IN (SELECT ID FROM information_schema.PROCESSLIST) ORDER BY id",
                                  in_its_time());
  if (!intents.ok()) co_return intents.status();
  for (const auto& row : intents->front().rows) {
    auto head = dualwrite::change_head(row);
    if (!head.ok()) co_return head.status();
    auto noted = dualwrite::captured_statement(*head, row);
    if (!noted.ok()) co_return noted.status();
    DdlAnalysis analysis = dualwrite::analyze_ddl(noted->statement, mariadb);
    limited_log().warn(LogKind::applier_state, "feed=trigger ddl=\"{}\" resumed=true", analysis.verb);
    CapturedDdl ddl(setting, std::move(noted->statement), std::move(analysis));
    ddl.intent_ = head->id;
    const absl::Status again = co_await ddl.connect();
    if (!again.ok()) co_return again;
    const absl::Status concluded = co_await ddl.conclude(Outcome::unknown);
    if (!concluded.ok()) co_return absl::UnavailableError(std::string(concluded.message()));
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
