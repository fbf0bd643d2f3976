#include "proxy/feed/captured_ddl.h"

#include <algorithm>

#include "dualwrite/collation_names.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/trigger/changes_table.h"
#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/ddl_state.h"
#include "proxy/feed/rows_anew.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::DdlAnalysis;
using dualwrite::DdlConclusion;
using dualwrite::DdlFacts;
using dualwrite::DdlOutcome;
using dualwrite::LoggedStatement;
using dualwrite::TableRef;

namespace {

constexpr auto kSchemaChangeMax = std::chrono::minutes(10);
constexpr auto kFinishMax = std::chrono::seconds(20);  // of waiting for open transactions
constexpr auto kTurnMax = std::chrono::seconds(20);    // of waiting for other schema changes of a table
constexpr auto kBetweenTries = std::chrono::milliseconds(100);
constexpr auto kPatienceMax = std::chrono::milliseconds(400);

TimePoint in_its_time() { return Clock::now() + kSchemaChangeMax; }

// Those that could still run what they were sent: every connection but of a server that was started since.
class Connections {
 public:
  static Task<absl::StatusOr<Connections>> read(BackendLink& leader) {
    Connections out;
    auto all = co_await leader.query_rows("SELECT ID FROM information_schema.PROCESSLIST", 1, in_its_time());
    if (!all.ok()) co_return all.status();
    for (const auto& row : *all) out.ids_.insert(first_number(row));
    auto up = co_await leader.query_rows("SHOW GLOBAL STATUS LIKE 'Uptime'", 2, in_its_time());
    if (!up.ok()) co_return up.status();
    auto now = co_await query_number(leader, "SELECT UNIX_TIMESTAMP()", in_its_time());
    if (!now.ok()) co_return now.status();
    for (const auto& row : *up) out.started_ = static_cast<std::int64_t>(*now - to_number(row[1]));
    co_return out;
  }
  // `at`: microseconds since 1970, when it was there.
  bool has(std::uint64_t connection, std::int64_t at) const {
    constexpr std::int64_t kRounding = 2;
    return connection != 0 && ids_.contains(connection) && started_ <= at / 1000000 + kRounding;
  }

 private:
  std::set<std::uint64_t> ids_;
  std::int64_t started_ = 0;
};

// A question about `changes`, for rows of so many columns.
Task<absl::StatusOr<std::vector<std::vector<protocol::Cell>>>> ask_changes(BackendLink& leader, std::string question,
                                                                           std::size_t columns) {
  auto answer = co_await leader.run(std::move(question), in_its_time());
  if (!answer.ok()) co_return answer.status();
  if (answer->failed()) co_return failure_of(answer->last().err);
  auto taken = protocol::decode_response(answer->wire, protocol::ResponseKind::query, leader.capabilities());
  if (!taken.ok()) co_return taken.status();
  co_return protocol::only_rows(*std::move(taken), columns);
}

}  // namespace

std::string statement_session_query(bool mariadb) {
  return std::string(
             "DATABASE(),@@sql_mode,(SELECT DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS WHERE "
             "CHARACTER_SET_NAME=@@character_set_client),@@collation_connection,@@collation_server,"
             "@@collation_database,@@foreign_key_checks,@@explicit_defaults_for_timestamp,UNIX_TIMESTAMP(),"
             "@@time_zone,@@auto_increment_increment,@@auto_increment_offset,") +
         (mariadb ? "''" : "@@default_collation_for_utf8mb4");
}

absl::StatusOr<LoggedStatement> logged_statement(std::string sql, const std::vector<protocol::Cell>& session,
                                                 bool mariadb) {
  if (session.size() != kStatementSessionColumns)
    return absl::InternalError("the leader did not say what its session is like");
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
  statement.auto_increment_increment = static_cast<std::uint16_t>(to_number(session[10]));
  statement.auto_increment_offset = static_cast<std::uint16_t>(to_number(session[11]));
  statement.utf8mb4_collation = dualwrite::collation_id(text(12), mariadb);
  return statement;
}

CapturedDdl::CapturedDdl(Setting setting, LoggedStatement statement, DdlAnalysis analysis)
    : setting_(std::move(setting)),
      statement_(std::move(statement)),
      analysis_(std::move(analysis)),
      capture_(setting_.schema) {}

Task<absl::StatusOr<std::unique_ptr<CapturedDdl>>> CapturedDdl::begin(Setting setting, LoggedStatement statement,
                                                                      DdlAnalysis analysis, std::uint64_t client) {
  std::unique_ptr<CapturedDdl> ddl(new CapturedDdl(std::move(setting), std::move(statement), std::move(analysis)));
  ddl->note_.client = client;
  if (const std::size_t tables = ddl->turns().size(); tables > kTablesMax) {
    co_return absl::FailedPreconditionError("it names " + std::to_string(tables) + " tables, and at most " +
                                            std::to_string(kTablesMax) +
                                            " are followed at a time: make several statements of it");
  }
  const TimePoint until = Clock::now() + kTurnMax;
  const std::set<std::string> none;
  absl::Status ready = co_await ddl->connect();
  if (ready.ok()) ready = co_await ddl->take_turn(none, kTurnMax);
  if (ready.ok()) ready = co_await ddl->resume_others(until);
  if (ready.ok()) ready = co_await ddl->stop_changed();
  if (ready.ok()) ready = co_await ddl->write_intent(until);
  if (!ready.ok()) co_return ready;
  co_return ddl;
}

Task<absl::Status> CapturedDdl::connect() {
  auto opened =
      co_await BackendLink::open(setting_.reactor, setting_.leader, setting_.counters, Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  link_ = *std::move(opened);
  auto prepared = co_await link_->query(dualwrite::capture_session(), in_its_time());
  if (prepared.ok())
    prepared = co_await link_->query("SET SESSION lock_wait_timeout=1,innodb_lock_wait_timeout=5,innodb_table_locks=0",
                                     in_its_time());
  if (prepared.ok()) {
    prepared = co_await link_->query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", in_its_time());
  }
  co_return prepared.status();
}

// Sorted, so that nobody waits for each other.
std::set<std::string> CapturedDdl::turns() const {
  std::set<std::string> out;
  for (const TableRef& table : analysis_.tables) out.insert(ddl_turn(setting_.schema, table));
  for (const TableRef& table : analysis_.depends_on) {
    out.insert(ddl_turn(setting_.schema, table));
  }
  for (const std::string& schema : analysis_.schemas)
    out.insert(ddl_turn(setting_.schema, {.schema = schema, .table = ""}));
  if (out.empty()) out.insert(ddl_turn(setting_.schema, {}));
  return out;
}

// `others`: turns that the caller has on another connection.
Task<absl::Status> CapturedDdl::take_turn(std::set<std::string> others, std::chrono::seconds wait) {
  for (const std::string& name : turns()) {
    if (others.contains(name)) continue;
    auto got =
        co_await link_->ask_row("GET_LOCK('" + name + "'," + std::to_string(wait.count()) + ")", 1, in_its_time());
    if (!got.ok()) co_return got.status();
    if (first_number(*got) != 1) co_return absl::AbortedError("another schema change of its tables is under way");
  }
  co_return absl::OkStatus();
}

// What a proxy that is gone has left of the same tables comes first: behind another change nobody could tell what it
// did.
Task<absl::Status> CapturedDdl::resume_others(TimePoint until) {
  const std::set<std::string> ours = turns();
  for (;;) {
    auto intents = co_await open_intents(*link_, setting_.schema);
    absl::Status left = intents.status();
    if (!left.ok() && !absl::IsAborted(left)) co_return left;
    for (std::size_t i = 0; left.ok() && i < intents->size(); ++i) {
      OpenIntent& intent = (*intents)[i];
      CapturedDdl other(setting_, {}, intent.analysis);
      const std::set<std::string> theirs = other.turns();
      const bool concerns =
          std::any_of(theirs.begin(), theirs.end(), [&](const auto& name) { return ours.contains(name); });
      absl::Status status = absl::AbortedError("an earlier schema change of its tables is still under way");
      if (intent.over) status = co_await resume(setting_, std::move(intent), ours);
      // Elsewhere it is tried, so that the follower has them in their order.
      if (concerns && !status.ok()) left = status;
    }
    if (left.ok() || Clock::now() >= until) co_return left;
    co_await setting_.reactor.sleep_for(kBetweenTries);
  }
}

// With the turns, so that whatever is not as it was captured was changed past the proxy. It is looked at twice, as by
// whoever applies: of definitions, ids and triggers each is asked for by itself.
Task<absl::Status> CapturedDdl::stop_changed() {
  std::map<TableRef, std::string> seen;
  for (int looks = 0; looks < 2; ++looks) {
    const absl::Status loaded = co_await capture_.load(*link_);
    if (!loaded.ok()) co_return loaded;
    const bool captured = std::any_of(analysis_.tables.begin(), analysis_.tables.end(), [this](const TableRef& table) {
      return capture_.live_capture(table) != nullptr;
    });
    if (!captured) co_return absl::OkStatus();
    auto found = co_await capture_.find_some(*link_, analysis_.tables);
    if (!found.ok()) co_return found.status();
    auto now = capture_.complaints_about(analysis_.tables, *found);
    // Of what is gone nothing but a table that takes its name is to be stopped.
    const bool takes_names = analysis_.verb.starts_with("CREATE") || analysis_.verb.starts_with("RENAME");
    if (!takes_names) std::erase_if(now, [&found](const auto& each) { return !has_table(each.first, *found); });
    if (looks > 0) std::erase_if(now, [&seen](const auto& each) { return !seen.contains(each.first); });
    seen = std::move(now);
    if (seen.empty()) co_return absl::OkStatus();
    co_await setting_.reactor.sleep_for(kBetweenTries);
  }
  for (const auto& [table, why] : seen) {
    const LeaderCapture::CapturePtr live = capture_.live_capture(table);
    if (!live) continue;
    auto stopping = dualwrite::insert_unknown(setting_.schema, live->number, why, link_->is_mariadb());
    const absl::Status stopped = co_await run_locking(*link_, std::move(stopping));
    if (!stopped.ok()) co_return stopped;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> CapturedDdl::write_intent(TimePoint until) {
  for (;;) {
    auto state = co_await ddl_state(*link_, analysis_);
    absl::Status written = state.status();
    if (state.ok()) {
      note_.state = *state;
      auto noted = co_await link_->run(
          dualwrite::insert_intent(setting_.schema, statement_, note_, link_->is_mariadb()), in_its_time());
      if (!noted.ok()) co_return noted.status();
      intent_ = noted->last().ok.last_insert_id;
      if (!noted->failed()) co_return absl::OkStatus();
      // Aborted: the end of another schema change has `changes` locked.
      written = failure_of(noted->last().err);
    }
    if (!absl::IsAborted(written) || Clock::now() >= until) co_return written;
  }
}

Task<absl::Status> CapturedDdl::finish(std::uint16_t error) {
  statement_.error = error;
  note_.client = 0;
  note_.error = std::to_string(error);
  const TimePoint until = Clock::now() + kFinishMax;
  for (;;) {
    const absl::Status done = co_await try_to_finish();
    const bool final = done.ok() || absl::IsFailedPrecondition(done);
    if (final || Clock::now() >= until) co_return done;
    // With it go all locks, and what was not committed. What has not begun keeps its turn.
    if (!locked_out_) link_.reset();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    const auto pause = std::max<std::chrono::milliseconds>(kBetweenTries, blocked_ * kPausesForEach);
    if (blocked_.count() > 0) patience_ = std::min<std::chrono::milliseconds>(patience_ * 2, kPatienceMax);
    co_await setting_.reactor.sleep_for(std::clamp(pause, kBetweenTries, std::max(left, kBetweenTries)));
  }
}

Task<absl::Status> CapturedDdl::try_to_finish() {
  blocked_ = {};
  locked_out_ = false;
  if (!link_) {
    const std::set<std::string> none;
    absl::Status ready = co_await connect();
    if (ready.ok()) ready = co_await take_turn(none, std::chrono::seconds(1));
    if (!ready.ok()) co_return ready;
  }
  if (!outcome_noted_) {
    const absl::Status noted =
        co_await run_locking(*link_, dualwrite::update_intent(setting_.schema, intent_, note_, link_->is_mariadb()));
    if (!noted.ok()) co_return noted;
    outcome_noted_ = true;
  }
  co_return co_await conclude();
}

// Of `changes`.
Task<absl::StatusOr<bool>> CapturedDdl::exists(std::string condition) {
  std::string question = "SELECT 1 FROM " + dualwrite::changes_table(setting_.schema) + " WHERE " +
                         std::move(condition) + " AND " + dualwrite::every_change(setting_.schema, link_->is_mariadb());
  auto rows = co_await ask_changes(*link_, std::move(question), 1);
  if (!rows.ok()) co_return rows.status();
  co_return !rows->empty();
}

Task<absl::Status> CapturedDdl::conclude() {
  const std::string id = std::to_string(intent_);
  auto there = co_await exists("id=" + id);
  if (!there.ok()) co_return there.status();
  if (!*there) co_return absl::OkStatus();  // somebody else has
  const absl::Status loaded = co_await capture_.load(*link_);
  if (!loaded.ok()) co_return loaded;
  auto all = co_await capture_.find_all(*link_);
  if (!all.ok()) co_return all.status();
  auto found = std::make_shared<const LeaderCapture::Found>(*std::move(all));
  auto done = co_await ask_changes(*link_, dualwrite::select_done(setting_.schema, intent_, link_->is_mariadb()), 2);
  if (!done.ok()) co_return done.status();
  if (done->size() != 1) co_return absl::InternalError("the leader did not say whether a schema change has run");
  auto state = co_await ddl_state(*link_, analysis_);
  if (!state.ok()) co_return state.status();
  const bool changed = *state != note_.state;
  const RowsAnew::Said said{.times = to_number((*done)[0][0]),
                            .first = to_number((*done)[0][1]),
                            .replaced = changed && (analysis_.replaces_rows || analysis_.verb == "CREATE TABLE")};
  const DdlOutcome outcome = note_.error.empty()  ? DdlOutcome::unknown
                             : note_.error == "0" ? DdlOutcome::ran
                                                  : DdlOutcome::failed;
  RowsAnew rows({.link = *link_,
                 .capture = capture_,
                 .schema = setting_.schema,
                 .analysis = analysis_,
                 .intent = intent_,
                 .patience = patience_},
                statement_);
  const DdlFacts facts{.outcome = outcome,
                       .said = said.times > 0,
                       .state_changed = changed,
                       .captured_as_is = rows.is_captured_as_is(*found)};
  const DdlConclusion conclusion = dualwrite::conclude_ddl(facts);
  if (conclusion != DdlConclusion::nothing) {
    const absl::Status retired = co_await retire_dropped(found);
    if (!retired.ok()) co_return retired;
  }
  switch (conclusion) {
    case DdlConclusion::nothing:
      break;
    case DdlConclusion::say: {
      const absl::Status told = co_await run_locking(
          *link_, dualwrite::insert_done(setting_.schema, statement_, intent_, link_->is_mariadb()));
      if (!told.ok()) co_return told;
      break;
    }
    case DdlConclusion::capture: {
      const absl::Status captured = co_await rows.capture_again(found, said);
      blocked_ = rows.blocked();
      locked_out_ = rows.is_locked_out();
      if (!captured.ok()) co_return captured;
      break;
    }
  }
  const absl::Status deleted =
      co_await run_locking(*link_, dualwrite::delete_change(setting_.schema, intent_, link_->is_mariadb()));
  if (!deleted.ok()) co_return deleted;
  co_return co_await run_locking(*link_, "UNLOCK TABLES");
}

// The tables of a schema that is gone, which no statement names.
Task<absl::Status> CapturedDdl::retire_dropped(std::shared_ptr<const LeaderCapture::Found> found) {
  if (!analysis_.whole_schema) co_return absl::OkStatus();
  std::vector<TableRef> gone;
  for (const dualwrite::CaptureRecord* record : capture_.all_live()) {
    const TableRef& name = record->definition.name;
    const bool meant =
        std::find(analysis_.schemas.begin(), analysis_.schemas.end(), name.schema) != analysis_.schemas.end();
    if (meant && !has_table(name, *found)) gone.push_back(name);
  }
  for (const TableRef& name : gone) {
    const absl::Status retired = co_await run_locking(*link_, dualwrite::retire_captured(setting_.schema, name, 0));
    if (!retired.ok()) co_return retired;
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::vector<CapturedDdl::OpenIntent>>> CapturedDdl::open_intents(BackendLink& leader,
                                                                                     std::string schema) {
  const bool mariadb = leader.is_mariadb();
  std::vector<OpenIntent> out;
  std::string question = "SELECT id,tbl,op,cid,fk,st,oi,ni FROM " + dualwrite::changes_table(schema) +
                         " WHERE op='P' AND " + dualwrite::every_change(schema, mariadb) + " ORDER BY id";
  auto intents = co_await ask_changes(leader, std::move(question), 8);
  if (!intents.ok()) co_return intents.status();
  if (intents->empty()) co_return out;
  auto connections = co_await Connections::read(leader);
  if (!connections.ok()) co_return connections.status();
  for (const auto& row : *intents) {
    auto head = dualwrite::change_head(row);
    if (!head.ok()) co_return head.status();
    auto noted = dualwrite::captured_statement(*head, row);
    if (!noted.ok()) co_return noted.status();
    DdlAnalysis analysis = dualwrite::analyze_ddl(noted->statement, mariadb);
    const bool over = !noted->note.error.empty() || !connections->has(noted->note.client, head->statement);
    out.push_back({.noted = *std::move(noted), .analysis = std::move(analysis), .over = over});
  }
  co_return out;
}

Task<absl::Status> CapturedDdl::resume(Setting setting, OpenIntent intent, std::set<std::string> held) {
  CapturedDdl ddl(setting, std::move(intent.noted.statement), std::move(intent.analysis));
  ddl.intent_ = intent.noted.head.id;
  ddl.note_ = std::move(intent.noted.note);
  if (!ddl.note_.error.empty()) ddl.statement_.error = static_cast<std::uint16_t>(to_number(ddl.note_.error));
  absl::Status ready = co_await ddl.connect();
  if (ready.ok()) ready = co_await ddl.take_turn(std::move(held), std::chrono::seconds(0));
  if (!ready.ok()) co_return ready;
  auto there = co_await ddl.exists("id=" + std::to_string(ddl.intent_));
  if (!there.ok() || !*there) co_return there.status();  // its owner has concluded it just now
  limited_log().warn(LogKind::applier_state, "feed=trigger ddl=\"{}\" resumed=true", ddl.analysis_.verb);
  co_return co_await ddl.conclude();
}

Task<absl::Status> CapturedDdl::resume_all(Setting setting) {
  CapturedDdl asking(setting, {}, {});
  const absl::Status connected = co_await asking.connect();
  if (!connected.ok()) co_return connected;
  auto intents = co_await open_intents(*asking.link_, setting.schema);
  // Nothing has to be read again for that.
  if (absl::IsAborted(intents.status())) co_return absl::UnavailableError(std::string(intents.status().message()));
  if (!intents.ok()) co_return intents.status();
  const std::set<std::string> none;
  for (OpenIntent& intent : *intents) {
    if (!intent.over) continue;
    const absl::Status resumed = co_await resume(setting, std::move(intent), none);
    // It has an owner, or a transaction holds its table: later.
    if (resumed.ok() || absl::IsAborted(resumed)) continue;
    co_return absl::UnavailableError(std::string(resumed.message()));
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
