#include "proxy/feed/leader_capture.h"

#include <algorithm>
#include <array>
#include <optional>

#include "dualwrite/log_control.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "dualwrite/trigger/kept_changes.h"
#include "protocol/error_codes.h"
#include "proxy/feed/ddl_state.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::CaptureRecord;
using dualwrite::CaptureState;
using dualwrite::TableDefinition;
using dualwrite::TableRef;

namespace {

constexpr std::uint16_t kNeedsSuper = 1419;
constexpr std::chrono::seconds kIdsAtOnce{1};
constexpr std::chrono::seconds kIdsMax{60};
constexpr auto kForgettingInterval = std::chrono::seconds(10);

// The server refuses to make triggers for this account.
absl::Status refusal(const protocol::Err& err) {
  std::string advice;
  if (err.code == kNeedsSuper) {
    advice = "SET GLOBAL log_bin_trust_function_creators=1 on the leader";
  } else {
    advice = "GRANT SELECT, TRIGGER, LOCK TABLES, PROCESS ON *.* TO the control account of the leader";
  }
  return absl::FailedPreconditionError("triggers cannot be made on the leader (" + err_text(err) + "): " + advice);
}

// So that no proxy changes these tables' definitions. Unavailable: one does; the connection is to be given up.
Task<absl::Status> take_turns(BackendLink& leader, std::string schema, std::set<TableRef> tables) {
  for (const TableRef& table : tables) {
    std::string question = "GET_LOCK('" + ddl_turn(schema, table) + "',1)";
    auto got = co_await leader.ask_row(std::move(question), 1, Clock::now() + kCaptureMax);
    if (!got.ok()) co_return got.status();
    if (first_number(*got) == 1) continue;
    co_return absl::UnavailableError("a schema change of table " + table.schema + "." + table.table +
                                     " is under way; trying again");
  }
  co_return absl::OkStatus();
}

Task<absl::Status> give_back_turns(BackendLink& leader, std::string schema, std::set<TableRef> tables) {
  for (const TableRef& table : tables) {
    std::string question = "RELEASE_LOCK('" + ddl_turn(schema, table) + "')";
    auto released = co_await leader.ask_row(std::move(question), 1, Clock::now() + kCaptureMax);
    if (!released.ok()) co_return released.status();
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<LeaderCapture::Found>> find_in(BackendLink& leader, dualwrite::DefinitionScope scope,
                                                   LeaderCapture::Ids wanted) {
  LeaderCapture::Found found;
  auto definitions = co_await ask_definitions(leader, std::move(scope));
  if (!definitions.ok()) co_return definitions.status();
  found.tables = *std::move(definitions);
  auto triggers = co_await our_triggers(leader);
  if (!triggers.ok()) co_return triggers.status();
  found.triggers = *std::move(triggers);
  const bool at_once = wanted == LeaderCapture::Ids::at_once;
  std::string sql = dualwrite::table_ids_query(leader.is_mariadb(), at_once ? kIdsAtOnce : kIdsMax);
  auto ids = co_await leader.query_rows(std::move(sql), 2, Clock::now() + kCaptureMax);
  if (at_once && absl::IsUnavailable(ids.status()) && leader.alive()) {
    found.has_ids = false;
    co_return found;
  }
  if (!ids.ok()) co_return ids.status();
  found.ids = dualwrite::TableIds(*ids);
  co_return found;
}

}  // namespace

Task<absl::StatusOr<std::map<TableRef, std::set<std::string>>>> our_triggers(BackendLink& leader) {
  auto asked = co_await ask_catalogue(leader, dualwrite::capture_triggers_query(), patient_until());
  if (!asked.ok()) co_return asked.status();
  const auto triggers = protocol::only_rows(*std::move(asked), 4);
  if (!triggers.ok()) co_return triggers.status();
  std::map<TableRef, std::set<std::string>> out;
  for (const auto& row : *triggers) {
    const std::string name = row[2].value_or("");
    if (!dualwrite::is_capture_trigger(name)) continue;
    out[{.schema = row[0].value_or(""), .table = row[1].value_or("")}].insert(name);
  }
  co_return out;
}

bool may_have_triggers(const TableDefinition& definition) {
  return definition.kind == TableDefinition::Kind::table || definition.kind == TableDefinition::Kind::system_versioned;
}

// A trigger on a table of our own shows whether this account may make them at all.
Task<absl::Status> LeaderCapture::judge(BackendLink& leader) {
  auto settings =
      co_await leader.query(dualwrite::capture_settings_query(leader.is_mariadb()), Clock::now() + kCaptureMax);
  if (!settings.ok()) co_return settings.status();
  auto problems = dualwrite::judge_capture(settings->front());
  if (!problems.ok()) co_return problems.status();
  if (!problems->empty()) {
    co_return absl::FailedPreconditionError("the leader's triggers cannot be followed: " +
                                            dualwrite::describe(*problems));
  }
  keys_above_innodb = dualwrite::enforces_keys_above_innodb(settings->front());
  if (pairs_ != 0) co_return absl::OkStatus();  // they have been made
  const absl::Status locked = co_await lock(leader);
  if (!locked.ok()) co_return locked;
  const std::string table = dualwrite::quote_name(schema_) + ".`trial`";
  const std::string trigger = dualwrite::quote_name(schema_) + ".`trial_ai`";
  std::vector<std::string> statements;
  statements.push_back("CREATE TABLE IF NOT EXISTS " + table + "(id INT PRIMARY KEY) ENGINE=InnoDB");
  statements.push_back("DROP TRIGGER IF EXISTS " + trigger);
  statements.push_back("CREATE TRIGGER " + trigger + " AFTER INSERT ON " + table + " FOR EACH ROW SET @crossfade=1");
  // As at the end of each schema change.
  statements.push_back("LOCK TABLES " + table + " WRITE");
  statements.push_back("UNLOCK TABLES");
  statements.push_back("DROP TABLE " + table);
  // As each second.
  const std::string ids = dualwrite::table_ids_query(leader.is_mariadb(), kIdsAtOnce) + " LIMIT 1";
  statements.push_back(ids);
  std::optional<protocol::Err> refused;
  for (const std::string& sql : statements) {
    auto done = co_await leader.run(sql, Clock::now() + kCaptureMax);
    if (!done.ok()) co_return done.status();
    if (!done->failed() || refused) continue;
    if (sql != ids || done->last().err.code != protocol::kErrLockWaitTimeout) refused = done->last().err;
  }
  if (refused) co_return refusal(*refused);
  co_return co_await unlock(leader);
}

// Until the connection ends, or release.
Task<absl::Status> LeaderCapture::lock(BackendLink& leader) {
  std::string question = "GET_LOCK(" + dualwrite::quote_text("crossfade_capture_" + schema_) + ",5)";
  auto got = co_await leader.ask_row(std::move(question), 1, Clock::now() + kCaptureMax);
  if (!got.ok()) co_return got.status();
  if (first_number(*got) != 1) co_return absl::UnavailableError("another proxy is making triggers");
  auto prepared = co_await leader.query(dualwrite::capture_session(), Clock::now() + kCaptureMax);
  if (prepared.ok()) prepared = co_await leader.query("SET SESSION lock_wait_timeout=1", Clock::now() + kCaptureMax);
  co_return prepared.status();
}

Task<absl::Status> LeaderCapture::unlock(BackendLink& leader) {
  std::string release = "RELEASE_LOCK(" + dualwrite::quote_text("crossfade_capture_" + schema_) + ")";
  auto released = co_await leader.ask_row(std::move(release), 1, Clock::now() + kCaptureMax);
  co_return released.status();
}

// Nothing has been followed by triggers yet: what is there now is what the copy begins with, or what the log tells.
Task<absl::StatusOr<bool>> LeaderCapture::is_new(BackendLink& leader) {
  auto asked = co_await leader.query(dualwrite::select_anchor_with_change(schema_), Clock::now() + kCaptureMax);
  if (!asked.ok()) co_return asked.status();
  const auto anchor = dualwrite::anchor_from(asked->front());
  if (!anchor.ok()) co_return anchor.status();
  if (!*anchor) co_return true;
  const auto& change = (*anchor)->change;
  if (!change || change->phase == dualwrite::FeedChange::Phase::fenced) co_return false;
  co_return dualwrite::is_changes_place(change->next);
}

// Even IF NOT EXISTS waits for every open transaction that has written there: they are asked for first.
Task<absl::Status> LeaderCapture::make_tables(BackendLink& leader, bool fresh) {
  constexpr std::uint64_t kTables = 4;
  auto there = co_await leader.query_row(
      "SELECT COUNT(*),COALESCE(SUM(TABLE_NAME IN ('changes','captured')),0) FROM information_schema.TABLES WHERE "
      "TABLE_SCHEMA=" +
          dualwrite::quote_text(schema_) + " AND TABLE_NAME IN ('changes','captured','flushed','kept')",
      2, Clock::now() + kCaptureMax);
  if (!there.ok()) co_return there.status();
  if (first_number(*there) == kTables) co_return absl::OkStatus();
  if (!fresh && to_number((*there)[1]) != 2) {
    co_return absl::FailedPreconditionError(
        "`changes` or `captured` is gone from the control schema of the leader, and with it what waited there: run "
        "crossfade remove-triggers, copy the data again, then delete the row of `" +
        schema_ + "`.`position` on the follower");
  }
  std::vector<std::string> statements;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
  statements.push_back(dualwrite::create_changes(schema_, dualwrite::kBigPairsMin, static_cast<std::uint64_t>(now)));
  std::string every = dualwrite::create_every_change(schema_, leader.is_mariadb());
  if (!every.empty()) statements.push_back(std::move(every));
  statements.push_back(dualwrite::captured_setup_statement(schema_));
  statements.push_back(dualwrite::flushed_setup_statement(schema_));
  statements.push_back(dualwrite::create_kept(schema_));
  for (std::string& sql : statements) {
    auto made = co_await leader.query(std::move(sql), Clock::now() + kCaptureMax);
    if (!made.ok()) co_return made.status();
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<LeaderCapture::Found>> LeaderCapture::find_some(BackendLink& leader, std::vector<TableRef> tables) {
  if (tables.empty()) co_return Found();
  dualwrite::DefinitionScope some{.tables = std::move(tables), .excluded_schemas = {}};
  co_return co_await find_in(leader, std::move(some), Ids::waited_for);
}

Task<absl::StatusOr<LeaderCapture::Found>> LeaderCapture::find_all(BackendLink& leader, Ids wanted) {
  dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {schema_}};
  auto asked = co_await find_in(leader, std::move(all), wanted);
  if (!asked.ok()) co_return asked.status();
  Found found = *std::move(asked);
  // What foreign keys refer to is as it is now.
  const bool mariadb = leader.is_mariadb();
  for (auto& [number, record] : records_) {
    if (record.state != CaptureState::live) continue;
    auto referenced = dualwrite::referenced_columns(found.tables, record.definition.name);
    if (referenced == record.referenced) continue;
    CaptureRecord again = record;
    again.referenced = std::move(referenced);
    note(std::move(again), mariadb);
  }
  co_return found;
}

void LeaderCapture::note(CaptureRecord record, bool mariadb) {
  const std::uint32_t number = record.number;
  auto plan = dualwrite::plan_capture({.leader = record.definition,
                                       .mariadb = mariadb,
                                       .number = number,
                                       .control_schema = schema_,
                                       .first = {},
                                       .referenced = record.referenced});
  if (plan.ok()) captures_[number] = std::make_shared<const dualwrite::Capture>(*std::move(plan));
  records_[number] = std::move(record);
}

Task<absl::Status> LeaderCapture::load(BackendLink& leader) {
  auto states = co_await leader.query_rows(dualwrite::select_captured_states(schema_), 2, Clock::now() + kCaptureMax);
  if (!states.ok()) co_return states.status();
  std::string unknown;
  std::set<std::uint32_t> there;
  for (const auto& row : *states) {
    const auto number = static_cast<std::uint32_t>(first_number(row));
    there.insert(number);
    const auto known = records_.find(number);
    if (known != records_.end()) {
      known->second.state = dualwrite::captured_state(row[1].value_or(""));
    } else {
      unknown += (unknown.empty() ? "" : ",") + std::to_string(number);
    }
  }
  std::erase_if(records_, [&there](const auto& each) { return !there.contains(each.first); });
  std::erase_if(captures_, [&there](const auto& each) { return !there.contains(each.first); });
  if (unknown.empty() && pairs_ != 0) co_return absl::OkStatus();
  std::vector<CaptureRecord> fresh;
  if (!unknown.empty()) {
    auto asked = co_await leader.query(dualwrite::select_captured(schema_, unknown), Clock::now() + kCaptureMax);
    if (!asked.ok()) co_return asked.status();
    auto records = dualwrite::captured_from(asked->front());
    if (!records.ok()) co_return records.status();
    fresh = *std::move(records);
  }
  // Asked behind the numbers: `changes` was widened before one needed it. None of them is known before its width is.
  auto counted = co_await query_number(leader, dualwrite::count_pairs_query(schema_), Clock::now() + kCaptureMax);
  if (!counted.ok()) co_return counted.status();
  pairs_ = *counted;
  for (CaptureRecord& record : fresh) note(std::move(record), leader.is_mariadb());
  co_return absl::OkStatus();
}

// Their triggers went while nobody could write.
Task<absl::Status> LeaderCapture::forget_retired(BackendLink& leader, std::set<std::uint32_t> wanted) {
  std::string numbers;
  for (const auto& [number, record] : records_) {
    if (record.state != CaptureState::retired || wanted.contains(number)) continue;
    numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
  }
  if (numbers.empty() || Clock::now() < next_forgetting_) co_return absl::OkStatus();
  next_forgetting_ = Clock::now() + kForgettingInterval;
  auto done = co_await leader.query(dualwrite::delete_captured(schema_, numbers), Clock::now() + kCaptureMax);
  if (!done.ok()) co_return done.status();
  co_return co_await load(leader);
}

Task<absl::Status> LeaderCapture::refer_anew(BackendLink& leader) {
  const absl::Status loaded = co_await load(leader);
  if (!loaded.ok()) co_return loaded;
  auto found = co_await find_all(leader);
  co_return found.status();
}

LeaderCapture::CapturePtr LeaderCapture::find(std::uint32_t number) const {
  const auto found = captures_.find(number);
  return found == captures_.end() ? nullptr : found->second;
}

std::vector<std::uint32_t> LeaderCapture::numbers_of(const TableRef& table) const {
  std::vector<std::uint32_t> out;
  for (const auto& [number, record] : records_) {
    if (record.definition.name == table) out.push_back(number);
  }
  return out;
}

bool LeaderCapture::is_referenced(std::uint32_t number) const {
  const auto found = records_.find(number);
  return found != records_.end() && !found->second.referenced.empty();
}

const CaptureRecord* LeaderCapture::live(const TableRef& table) const {
  for (const auto& [number, record] : records_) {
    if (record.state == CaptureState::live && record.definition.name == table) return &record;
  }
  return nullptr;
}

std::vector<const CaptureRecord*> LeaderCapture::all_live() const {
  std::vector<const CaptureRecord*> out;
  for (const auto& [number, record] : records_) {
    if (record.state == CaptureState::live) out.push_back(&record);
  }
  return out;
}

LeaderCapture::CapturePtr LeaderCapture::live_capture(const TableRef& table) const {
  const CaptureRecord* record = live(table);
  return record == nullptr ? nullptr : find(record->number);
}

bool LeaderCapture::is_as_captured(const TableRef& table, const Found& found) const {
  const CaptureRecord* record = live(table);
  const bool may_be_captured = has_table(table, found);
  if (record == nullptr || !may_be_captured) return record == nullptr && !may_be_captured;
  return dualwrite::capture_fingerprint(found.tables.at(table)) == dualwrite::capture_fingerprint(record->definition);
}

bool has_all_triggers(const TableRef& table, const LeaderCapture::Found& found) {
  const auto names = found.triggers.find(table);
  if (names == found.triggers.end()) return false;
  return std::any_of(names->second.begin(), names->second.end(), [&names](const std::string& name) {
    constexpr std::string_view kInserts = "crossfade_i_";
    if (!name.starts_with(kInserts)) return false;
    const std::string number = name.substr(kInserts.size());
    return names->second.contains("crossfade_u_" + number) && names->second.contains("crossfade_d_" + number);
  });
}

Task<absl::Status> LeaderCapture::set_up(BackendLink& leader) {
  const absl::Status locked = co_await lock(leader);
  if (!locked.ok()) co_return locked;
  auto fresh = co_await is_new(leader);
  if (!fresh.ok()) co_return fresh.status();
  const absl::Status made = co_await make_tables(leader, *fresh);
  if (!made.ok()) co_return made;
  const absl::Status loaded = co_await load(leader);
  if (!loaded.ok()) co_return loaded;
  uncaptured_.clear();
  if (!*fresh) co_return co_await unlock(leader);  // what has changed since is found by look()
  auto found = co_await find_all(leader);
  if (!found.ok()) co_return found.status();
  const auto wanting = [this](const Found& now) {
    std::set<TableRef> out;
    for (const auto& [name, definition] : now.tables) {
      const CaptureRecord* record = live(name);
      const bool serves = record != nullptr && complaint(*record, now).empty();
      if (may_have_triggers(definition) && !serves) out.insert(name);
    }
    return out;
  };
  const std::set<TableRef> tables = wanting(*found);
  if (tables.empty()) co_return co_await unlock(leader);
  // Sessions may tell of their schema changes already, and make triggers of their own behind each. So these tables'
  // turns are taken, and what was read in front of that is read again: a table with two makes of triggers tells all
  // twice.
  const absl::Status taken = co_await take_turns(leader, schema_, tables);
  if (!taken.ok()) co_return taken;
  const absl::Status renewed = co_await load(leader);
  if (!renewed.ok()) co_return renewed;
  auto again = co_await find_all(leader);
  if (!again.ok()) co_return again.status();
  std::vector<TableRef> still;
  for (const TableRef& name : wanting(*again)) {
    if (!tables.contains(name)) co_return absl::UnavailableError("schema changes are under way; trying again");
    still.push_back(name);
  }
  const auto shared = std::make_shared<const Found>(*std::move(again));
  const absl::Status captured = co_await capture_anew(leader, std::move(still), shared);
  if (!captured.ok()) co_return captured;
  const absl::Status given_back = co_await give_back_turns(leader, schema_, tables);
  if (!given_back.ok()) co_return given_back;
  co_return co_await unlock(leader);
}

// A statement about a table that others may be using.
Task<absl::Status> LeaderCapture::run(BackendLink& leader, std::string sql, TableRef table) {
  auto done = co_await leader.run(std::move(sql), Clock::now() + kCaptureMax);
  if (!done.ok()) co_return done.status();
  if (!done->failed()) co_return absl::OkStatus();
  const protocol::Err& err = done->last().err;
  const std::string what = table.schema + "." + table.table;
  if (err.code == protocol::kErrLockWaitTimeout) {
    co_return absl::UnavailableError("table " + what +
                                     " is held by an open transaction, and its triggers wait for that; trying again");
  }
  constexpr std::array<std::uint16_t, 4> kRights = {1044, 1142, 1227, kNeedsSuper};
  if (std::find(kRights.begin(), kRights.end(), err.code) != kRights.end()) co_return refusal(err);
  co_return absl::UnavailableError("the triggers of " + what + " cannot be made: " + err_text(err));
}

}  // namespace crossfade::proxy
