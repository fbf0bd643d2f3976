// What a job is made of: which tables, and whether each of them can be copied.

#include <algorithm>

#include "dualwrite/ascii_case.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/table_ties.h"
#include "migrate/table_order.h"
#include "migrate/table_selection.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/backfill_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::StoppedTable;
using dualwrite::TableDefinition;
using dualwrite::TableRef;
using migrate::CopyOptions;
using migrate::ExistingRows;
using migrate::TableState;

namespace {

constexpr std::size_t kProblemsMax = 20;
constexpr auto kTriggersMax = std::chrono::seconds(15);
constexpr auto kTriggersLook = std::chrono::milliseconds(100);
constexpr auto kAnyRowMax = std::chrono::minutes(2);  // at a table, for any row that a condition takes

std::string dotted(const TableRef& table) { return table.schema + "." + table.table; }

const StoppedTable* stopped_entry(const std::vector<StoppedTable>& stopped, const TableRef& table) {
  const auto found =
      std::find_if(stopped.begin(), stopped.end(), [&](const StoppedTable& each) { return each.table == table; });
  return found == stopped.end() ? nullptr : &*found;
}

bool is_captured(FeedKind kind, const FeedStatus& feed, const TableRef& table) {
  return kind != FeedKind::trigger ||
         std::any_of(feed.captured.begin(), feed.captured.end(),
                     [&](const FeedStatus::Captured& each) { return each.table == dotted(table); });
}

absl::Status all_problems(const std::vector<std::string>& problems) {
  std::string text;
  for (std::size_t i = 0; i < std::min(problems.size(), kProblemsMax); ++i) text += (i == 0 ? "" : "\n") + problems[i];
  if (problems.size() > kProblemsMax) text += "\n... and " + std::to_string(problems.size() - kProblemsMax) + " more";
  return absl::FailedPreconditionError(text);
}

}  // namespace

Task<absl::StatusOr<std::string>> Backfill::start_job(nlohmann::json asked) {
  if (job_ && job_->owes_indexes())
    co_return absl::FailedPreconditionError("indexes of the last copy are still being built");
  const absl::StatusOr<CopyOptions> parsed = migrate::parse_copy_options(asked);
  if (!parsed.ok()) co_return parsed.status();
  const CopyOptions& options = *parsed;
  auto job = std::make_unique<Job>();
  job->options = options;
  const absl::Status checked = co_await check_start(*job, options);
  if (!checked.ok()) co_return checked;
  job->record.kind = "backfill";
  job->record.options = migrate::to_json(options).dump();
  auto begun = co_await ask("BEGIN");
  if (begun.ok()) begun = co_await ask(migrate::insert_job(setting_.schema, job->record));
  if (!begun.ok()) co_return begun.status();
  const std::uint64_t id = begun->end.ok.last_insert_id;
  for (const auto& table : job->tables) {
    auto made = co_await ask(migrate::insert_job_table(setting_.schema, id, table->record));
    if (!made.ok()) co_return made.status();
    if (table->parts.empty()) continue;
    auto divided =
        co_await ask(migrate::replace_parts(setting_.schema, id, table->record.table, table->parts.written()));
    if (!divided.ok()) co_return divided.status();
  }
  auto forgotten = co_await ask(migrate::forget_parts(setting_.schema, id));
  if (!forgotten.ok()) co_return forgotten.status();
  auto kept = co_await ask("COMMIT");
  if (!kept.ok()) co_return kept.status();
  const std::size_t count = job->tables.size();
  const absl::Status loaded = co_await load_job();
  if (!loaded.ok()) co_return loaded;
  limited_log().warn(LogKind::applier_state, "backfill job={} state=running tables={}", id, count);
  co_return "job " + std::to_string(id) + " copies " + std::to_string(count) + (count == 1 ? " table" : " tables");
}

Task<absl::Status> Backfill::check_start(Job& job, const CopyOptions& options) {
  const dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {setting_.schema}};
  auto leading = co_await ask_definitions(*leader_, all);
  if (!leading.ok()) co_return absl::UnavailableError(std::string(leading.status().message()));
  auto following = co_await ask_definitions(*control_, all);
  if (!following.ok()) co_return absl::UnavailableError(std::string(following.status().message()));
  job.leading = *std::move(leading);
  job.following = *std::move(following);
  std::vector<std::string> words = options.tables;
  words.insert(words.end(), options.exclude.begin(), options.exclude.end());
  for (const auto& [table, condition] : options.where) words.push_back(table);
  const absl::Status known = check_words(words, job.leading);
  if (!known.ok()) co_return known;
  const migrate::ChunkSizeLimits limits{};
  std::vector<std::string> problems;
  for (const auto& [name, definition] : job.leading) {
    // A view has no rows to copy, unless somebody asks for it.
    const bool has_rows =
        definition.kind != TableDefinition::Kind::view && definition.kind != TableDefinition::Kind::sequence;
    const bool named = std::any_of(options.tables.begin(), options.tables.end(), [&](const std::string& word) {
      return word.find('.') != std::string::npos && !word.ends_with("*") && migrate::names_table(word, name);
    });
    if (!options.chooses(name) || (!has_rows && !named)) continue;
    auto copy = std::make_unique<TableCopy>(reactor_, limits);
    copy->record.table = name;
    copy->record.rows_estimate = definition.rows_estimate;
    copy->record.bytes_estimate = definition.bytes_estimate;
    job.tables.push_back(std::move(copy));
  }
  if (job.tables.empty()) co_return absl::NotFoundError("no table is chosen");
  co_await wait_for_capture(job);
  if (std::string problem = check_circles(job); !problem.empty()) problems.push_back(std::move(problem));
  for (const auto& table : job.tables) {
    std::string problem = check_table(job, table->record.table);
    if (!problem.empty()) problems.push_back(std::move(problem));
  }
  if (!problems.empty()) co_return all_problems(problems);
  const absl::Status rows = co_await check_rows(job, &problems);
  if (!rows.ok()) co_return rows;
  const absl::Status conditions = co_await check_conditions(job, &problems);
  if (!conditions.ok()) co_return conditions;
  if (!problems.empty()) co_return all_problems(problems);
  co_return absl::OkStatus();
}

// Moments after a start the triggers are still being made. What will have none is stopped.
Task<void> Backfill::wait_for_capture(const Job& job) {
  const TimePoint deadline = reactor_.now() + kTriggersMax;
  const auto all_captured = [&] {
    const FeedStatus feed = feed_.status();
    const std::vector<StoppedTable> stopped = feed_.stopped_tables();
    return std::all_of(job.tables.begin(), job.tables.end(), [&](const auto& table) {
      return is_captured(feed_.kind(), feed, table->record.table) ||
             stopped_entry(stopped, table->record.table) != nullptr;
    });
  };
  while (!all_captured() && reactor_.now() < deadline) co_await reactor_.sleep_for(kTriggersLook);
}

// Empty: it can be copied, as far as its definition goes.
std::string Backfill::check_table(const Job& job, const TableRef& table) const {
  const absl::StatusOr<CopyPlan> plan = plan_copy(table, job.leading, job.following, makes());
  if (!plan.ok()) return std::string(plan.status().message());
  if (plan->key.parts.empty() && job.options.is_partial(table)) {
    return "table " + dotted(table) +
           " has no key by which its rows could be told apart: it is copied whole or not at all";
  }
  if (!is_captured(feed_.kind(), feed_.status(), table))
    return "table " + dotted(table) + ": its changes are not captured by triggers yet";
  return check_parents(job, table);
}

// While both are copied in parts, a cascade would not find its way through rows that are missing.
std::string Backfill::check_circles(const Job& job) const {
  if (!makes().cascades_are_silent()) return {};
  std::vector<TableRef> names;
  for (const auto& table : job.tables) names.push_back(table->record.table);
  for (const std::vector<TableRef>& group : migrate::copy_groups(job.leading, names)) {
    const std::string key = migrate::cascade_within(job.leading, group);
    if (key.empty()) continue;
    return "the foreign key from " + key +
           " cascades within a circle of tables, and the leader does not log what it does: copy these tables while "
           "nobody "
           "writes them, or drop the key on both sides until they are copied, and --exclude them here";
  }
  return {};
}

// A table that follows needs the rows that it refers to; and what refers to it must not lose them.
std::string Backfill::check_parents(const Job& job, const TableRef& table) const {
  const auto in_job = [&](const TableRef& name) {
    return std::any_of(job.tables.begin(), job.tables.end(), [&](const auto& each) {
      return dualwrite::same_ignoring_case(each->record.table.schema, name.schema) &&
             dualwrite::same_ignoring_case(each->record.table.table, name.table);
    });
  };
  const std::vector<StoppedTable> stopped = feed_.stopped_tables();
  for (const TableRef& parent : migrate::parents_of(job.leading, table)) {
    if (!in_job(parent) && stopped_entry(stopped, parent) != nullptr) {
      return "table " + dotted(table) + " refers to " + dotted(parent) +
             ", which is stopped and not to be copied: name it, too";
    }
  }
  // The log would not tell it what the rows that are copied here had to do with its own.
  std::vector<TableRef> waiting;
  for (const StoppedTable& each : stopped) {
    if (each.cause == dualwrite::StopCause::parent) waiting.push_back(each.table);
  }
  if (stopped_entry(stopped, table) == nullptr) waiting.clear();
  for (const TableRef& other : dualwrite::connected_tables(job.leading, table, waiting)) {
    if (!in_job(other)) {
      return "table " + dotted(other) + " has stopped with " + dotted(table) +
             ", or with what stopped it, and can only be copied with it: name it, too";
    }
  }
  if (job.options.existing == ExistingRows::resume) return {};
  for (const auto& [name, definition] : job.leading) {
    if (in_job(name) || stopped_entry(stopped, name) != nullptr || !job.following.contains(name)) continue;
    const std::vector<TableRef> parents = migrate::parents_of(job.leading, name);
    if (std::find(parents.begin(), parents.end(), table) == parents.end()) continue;
    return "table " + dotted(table) + " is referred to by " + dotted(name) +
           ", which follows and is not to be copied: name it, too";
  }
  return {};
}

// Rows that the follower has already.
Task<absl::Status> Backfill::check_rows(Job& job, std::vector<std::string>* problems) {
  const ExistingRows existing = job.options.existing;
  const std::vector<StoppedTable> stopped = feed_.stopped_tables();
  for (const auto& copy : job.tables) {
    const TableRef& table = copy->record.table;
    const StoppedTable* entry = stopped_entry(stopped, table);
    const TableCopy* before = existing == ExistingRows::resume && job_ ? job_->find(table) : nullptr;
    if (before != nullptr) {
      const TableState state = before->written.state;
      const bool is_part = state == TableState::copying && entry != nullptr && entry->is_copy() &&
                           entry->catch_up == dualwrite::CatchUp::copying;
      if (is_part || (state == TableState::done && entry == nullptr)) {
        copy->record = before->written;
        copy->parts = before->parts;
        continue;
      }
    }
    if (existing == ExistingRows::replace) continue;
    auto row = co_await control_->query_rows("SELECT 1 FROM " + dualwrite::quote_name(table) + " LIMIT 1", 1,
                                             Clock::now() + kAnyRowMax);
    if (!row.ok()) {
      problems->push_back("table " + dotted(table) + " on the follower: " + std::string(row.status().message()));
      if (!control_->alive()) co_return absl::UnavailableError(std::string(row.status().message()));
      continue;
    }
    if (row->empty()) continue;
    const bool has_failed = before != nullptr && before->written.state == TableState::failed;
    problems->push_back(
        "table " + dotted(table) + " has rows on the follower" +
        (existing != ExistingRows::resume ? ": --replace deletes them first, --resume goes on with an earlier copy"
         : has_failed                     ? ", of a copy that has failed (" + before->written.reason +
                            "): changes of its rows were not applied since, so that it cannot go on; --replace "
                            "deletes them first"
                      : ", and no copy of it that could go on: --replace deletes them first"));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Backfill::check_conditions(Job& job, std::vector<std::string>* problems) {
  for (const auto& [word, condition] : job.options.where) {
    for (const auto& copy : job.tables) {
      const TableRef& table = copy->record.table;
      if (!migrate::names_table(word, table)) continue;
      auto tried = co_await leader_->query(
          "SELECT 1 FROM " + dualwrite::quote_name(table) + " WHERE (" + condition + ") LIMIT 0",
          Clock::now() + kAnyRowMax);
      if (tried.ok()) continue;
      problems->push_back("--where " + dotted(table) + ": " + std::string(tried.status().message()));
      if (!leader_->alive()) co_return absl::UnavailableError(std::string(tried.status().message()));
    }
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
