// What comes before and behind the rows of a table: indexes that are built last, and rows that refer to none.

#include <algorithm>

#include "dualwrite/sql_text.h"
#include "migrate/data_checks.h"
#include "migrate/deferred_indexes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/backfill_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::TableRef;
using migrate::DeferredIndex;
using migrate::JobState;
using migrate::TableState;

namespace {

constexpr auto kIndexPause = std::chrono::seconds(2);
constexpr auto kDropMax = std::chrono::minutes(10);

std::string spelled(const TableRef& table) { return table.schema + "." + table.table; }

std::string texts_of(const std::vector<DeferredIndex>& indexes) {
  std::string out;
  for (const DeferredIndex& index : indexes) out += (out.empty() ? "" : ", ") + index.clause;
  return out;
}

}  // namespace

Task<absl::StatusOr<Definitions>> Backfill::on_follower() {
  const dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {setting_.schema}};
  co_return co_await ask_definitions(*control_, all);
}

// Of a table that is empty and waits for its turn. They are written down before they are dropped.
Task<absl::Status> Backfill::defer_indexes(TableCopy& table) {
  const TableRef name = table.record.table;
  auto row = co_await control_->query_rows("SELECT 1 FROM " + dualwrite::quote_name(name) + " LIMIT 1", 1, soon());
  if (!row.ok()) co_return row.status();
  if (!row->empty()) co_return absl::OkStatus();
  auto defined = co_await on_follower();
  if (!defined.ok()) co_return defined.status();
  const auto found = defined->find(name);
  if (found == defined->end()) co_return absl::OkStatus();
  auto indexes = migrate::parse_indexes(table.record.indexes);
  if (!indexes.ok()) co_return indexes.status();
  if (indexes->empty()) {
    auto shown = co_await control_->query_row("SHOW CREATE TABLE " + dualwrite::quote_name(name), 2, soon());
    if (!shown.ok()) co_return shown.status();
    *indexes = migrate::deferrable_indexes((*shown)[1].value_or(""), found->second, *defined);
    if (indexes->empty()) co_return absl::OkStatus();
    table.record.indexes = migrate::pack_indexes(*indexes);
    auto kept = co_await ask(migrate::update_job_table(setting_.schema, job_->record.id, table.record));
    if (!kept.ok()) co_return kept.status();
    table.written.indexes = table.record.indexes;
  }
  std::string drop = migrate::drop_indexes(*indexes, found->second);
  if (drop.empty()) co_return absl::OkStatus();
  limited_log().info(LogKind::applier_state, "table={} indexes_deferred=\"{}\"", spelled(name), texts_of(*indexes));
  auto dropped = co_await control_->query(std::move(drop), Clock::now() + kDropMax);
  co_return dropped.status();
}

// Tables whose rows are there, or whose copy has ended without: several at a time, each on a connection of its own.
Task<absl::Status> Backfill::build_indexes() {
  for (const auto& table : job_->tables) {
    const bool is_due = table->written.state == TableState::indexing || migrate::is_over(table->written.state) ||
                        migrate::is_over(job_->record.state);
    if (table->written.indexes.empty() || !is_due || table->running || table->indexes_given_up) continue;
    if (Clock::now() < table->indexes_again) continue;
    const auto begun = index_builds_.find(table->record.table);
    absl::Status status;
    if (begun == index_builds_.end()) {
      if (index_builds_.size() < job_->options.parallel) status = co_await begin_index_build(*table);
    } else if (begun->second->over) {
      const std::shared_ptr<Errand> build = begun->second;
      index_builds_.erase(begun);
      if (absl::IsUnavailable(build->status)) {
        note_ = "indexes of " + spelled(table->record.table) + ": " + std::string(build->status.message());
        table->indexes_again = Clock::now() + kIndexPause;
        continue;
      }
      status = co_await settle_index_build(*table, build->status);
    }
    if (!status.ok()) co_return status;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Backfill::begin_index_build(TableCopy& table) {
  auto indexes = migrate::parse_indexes(table.written.indexes);
  if (!indexes.ok()) co_return indexes.status();
  auto defined = co_await on_follower();
  if (!defined.ok()) co_return defined.status();
  const auto found = defined->find(table.record.table);
  if (found == defined->end()) {
    absl::Status gone = absl::NotFoundError("the follower has no such table any more");
    co_return co_await give_up_indexes(table, std::move(gone));
  }
  auto build = std::make_shared<Errand>();
  std::string add = migrate::add_indexes(*indexes, found->second);
  if (!add.empty()) build->statements.push_back(std::move(add));
  build->statements.push_back("ANALYZE TABLE " + dualwrite::quote_name(table.record.table));
  index_builds_[table.record.table] = build;
  reactor_.spawn(run_errand(reactor_, counters_, setting_.link(config::other(setting_.leader)), build,
                            [this] { wake_.notify(); }));
  co_return absl::OkStatus();
}

// The table itself is asked: the ALTER of a process that was killed may have gone on, and made this one fail.
Task<absl::Status> Backfill::settle_index_build(TableCopy& table, absl::Status built) {
  if (!built.ok() && !absl::IsFailedPrecondition(built)) co_return built;
  auto indexes = migrate::parse_indexes(table.written.indexes);
  if (!indexes.ok()) co_return indexes.status();
  auto defined = co_await on_follower();
  if (!defined.ok()) co_return defined.status();
  const auto found = defined->find(table.record.table);
  if (found == defined->end() || !migrate::add_indexes(*indexes, found->second).empty()) {
    if (!built.ok()) co_return co_await give_up_indexes(table, std::move(built));
    co_return co_await begin_index_build(table);
  }
  note_.clear();
  migrate::TableRecord record = table.written;
  record.indexes.clear();
  if (record.state == TableState::indexing) {
    const absl::Status copied = check_still_copied(table);
    if (!copied.ok()) {
      table.written.indexes.clear();
      co_return co_await end_table(table, TableState::failed, std::string(copied.message()));
    }
    record.state = job_->options.is_partial(record.table) ? TableState::partial : TableState::done;
    co_return co_await settle_table(table, std::move(record));
  }
  auto wanted = std::make_shared<RowFeed::CopyOrder>();
  wanted->sql.push_back(migrate::update_job_table(setting_.schema, job_->record.id, record));
  const absl::Status ordered = co_await order_feed(std::move(wanted));
  if (!ordered.ok()) co_return ordered;
  table.written = record;
  table.record = std::move(record);
  co_return absl::OkStatus();
}

// They stay written down.
Task<absl::Status> Backfill::give_up_indexes(TableCopy& table, absl::Status why) {
  table.indexes_given_up = true;
  std::string reason = table.written.reason + (table.written.reason.empty() ? "" : "; ") +
                       "its indexes could not be built: " + std::string(why.message());
  limited_log().error(LogKind::parked, "table={} indexes_missing=\"{}\" why=\"{}\"", spelled(table.record.table),
                      table.written.indexes, std::string(why.message()));
  co_return co_await end_table(table, TableState::failed, std::move(reason));
}

// Rows were put without looking whether what they refer to is there: once all are, it is looked at. The follower may
// follow meanwhile; one SELECT sees it between two transactions of the leader. nullopt: not known yet.
Task<absl::StatusOr<std::optional<std::string>>> Backfill::find_orphans() {
  if (!orphan_search_) {
    auto defined = co_await on_follower();
    if (!defined.ok()) co_return defined.status();
    orphan_search_ = std::make_shared<Errand>();
    orphan_names_.clear();
    for (const auto& table : job_->tables) {
      const auto found = defined->find(table->record.table);
      if (found == defined->end() || table->written.state != TableState::done) continue;
      for (migrate::DataCheck& check : migrate::plan_orphan_checks(found->second, *defined)) {
        orphan_search_->statements.push_back(std::move(check.sql));
        orphan_names_.push_back(spelled(check.table) + ", " + check.object);
      }
    }
    if (orphan_search_->statements.empty()) {
      orphan_search_.reset();
      co_return std::optional<std::string>("");
    }
    reactor_.spawn(run_errand(reactor_, counters_, setting_.link(config::other(setting_.leader)), orphan_search_,
                              [this] { wake_.notify(); }));
  }
  if (!orphan_search_->over) co_return std::optional<std::string>();
  const std::shared_ptr<Errand> search = std::move(orphan_search_);
  orphan_search_.reset();
  if (!search->status.ok()) co_return search->status;
  std::uint64_t sum = 0;
  std::string where;
  for (std::size_t i = 0; i < search->results.size(); ++i) {
    const std::uint64_t count = first_number(search->results[i]);
    sum += count;
    if (count > 0) where += "; " + orphan_names_[i] + ": " + std::to_string(count);
  }
  if (sum == 0) co_return std::optional<std::string>("");
  co_return std::optional<std::string>("completed with " + std::to_string(sum) + (sum == 1 ? " orphan" : " orphans") +
                                       where);
}

}  // namespace crossfade::proxy
