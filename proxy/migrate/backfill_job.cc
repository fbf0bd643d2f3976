// The tables of a job, in their order.

#include <algorithm>

#include "dualwrite/sql_text.h"
#include "migrate/table_order.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/backfill_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::CatchUp;
using dualwrite::StopCause;
using dualwrite::StoppedTable;
using dualwrite::TableRef;
using migrate::ExistingRows;
using migrate::JobState;
using migrate::TableState;

namespace {

constexpr auto kTurn = std::chrono::milliseconds(100);
constexpr auto kLookAtLoad = std::chrono::milliseconds(250);
constexpr auto kEmptyMax = std::chrono::hours(2);

StoppedTable copy_entry(const TableRef& table, CatchUp how, std::string reason) {
  return {.table = table, .cause = StopCause::copy, .since = {}, .reason = std::move(reason), .catch_up = how};
}

std::string name_of(const TableRef& table) { return table.schema + "." + table.table; }

}  // namespace

bool Backfill::goes_on() const { return !job_->stopping && feed_.applying() == applying_; }

// Until the job is over, somebody wants something else of it, or this process no longer applies. No table of it is
// under way afterwards.
Task<absl::Status> Backfill::run_job(std::uint64_t applying) {
  Job& job = *job_;
  job.stopping = false;
  if (!job.adopted) {
    const absl::Status adopted = co_await adopt_tables();
    if (!adopted.ok()) co_return adopted;
    job.adopted = true;
  }
  feed_.chunks().connections.store(job.options.parallel, std::memory_order_relaxed);
  job.looking = true;
  reactor_.spawn(look_at_load());
  const auto fail = [this](TableCopy& table, std::string reason) {
    return end_table(table, TableState::failed, std::move(reason));
  };
  absl::Status status;
  for (;;) {
    job.stopping = job.stopping || !status.ok() || feed_.applying() != applying || has_requests();
    const absl::Status settled = co_await settle_ended(job.tables, fail);
    if (status.ok()) status = settled;
    const std::size_t readers = job.readers_taken();
    if (readers == 0 && !job.looking && job.stopping) break;
    if (!job.stopping && status.ok() && readers < job.options.parallel) {
      if (const std::vector<TableCopy*>* group = job.next_group()) status = co_await begin_group(*group);
      start_ready();
    }
    if (!job.stopping && status.ok()) status = co_await build_indexes();
    const bool all_over = std::all_of(job.tables.begin(), job.tables.end(), [](const auto& each) {
      return migrate::is_over(each->written.state) && !each->running;
    });
    if (all_over && status.ok() && !job.stopping && !job.owes_indexes()) {
      status = co_await finish_job();
      job.stopping = migrate::is_over(job.record.state);
    }
    publish();
    co_await wake_.wait(Clock::now() + kTurn);
  }
  job.throttled.clear();
  publish();
  co_return status;
}

// All of them, from here on: nothing of the rows that they have, or will have, is wanted before their turn.
Task<absl::Status> Backfill::adopt_tables() {
  Job& job = *job_;
  const dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {setting_.schema}};
  auto leading = co_await ask_definitions(*leader_, all);
  if (!leading.ok()) co_return leading.status();
  job.leading = *std::move(leading);
  std::vector<TableRef> names;
  auto wanted = std::make_shared<RowFeed::CopyOrder>();
  for (const auto& table : job.tables) {
    names.push_back(table->record.table);
    if (table->record.state != TableState::waiting) continue;
    wanted->set.push_back(copy_entry(table->record.table, CatchUp::awaited, "its rows wait to be copied"));
  }
  job.groups.clear();
  for (const std::vector<TableRef>& group : migrate::copy_groups(job.leading, names)) {
    std::vector<TableCopy*>& copies = job.groups.emplace_back();
    for (const TableRef& name : group) {
      copies.push_back(job.find(name));
      copies.back()->group = job.groups.size() - 1;
      const auto definition = job.leading.find(name);
      copies.back()->whole = definition != job.leading.end() && is_copied_at_once(definition->second, makes());
    }
  }
  const std::vector<StoppedTable> waiting = wanted->set;
  if (waiting.empty()) co_return absl::OkStatus();
  const absl::Status ordered = co_await order_feed(std::move(wanted));
  if (!ordered.ok()) co_return ordered;
  // Unless they are to be replaced, none had rows when the job was asked for. What the feed has written since is of the
  // leader, and is copied again; what of it is deleted there before the table's turn would stay.
  for (const StoppedTable& table : waiting) {
    const absl::Status emptied = co_await empty_table(table.table);
    if (!emptied.ok()) co_return emptied;
  }
  co_return absl::OkStatus();
}

// Where TRUNCATE may not, DELETE may.
Task<absl::Status> Backfill::empty_table(TableRef table) {
  const std::string quoted = dualwrite::quote_name(table);
  if (job_->options.existing != ExistingRows::replace) {
    auto row = co_await ask("SELECT 1 FROM " + quoted + " LIMIT 1");
    if (!row.ok()) co_return row.status();
    if (row->rows.empty()) co_return absl::OkStatus();
  }
  auto emptied = co_await control_->query("TRUNCATE TABLE " + quoted, Clock::now() + kEmptyMax);
  if (!emptied.ok() && absl::IsFailedPrecondition(emptied.status())) {
    emptied = co_await control_->query("DELETE FROM " + quoted, Clock::now() + kEmptyMax);
  }
  co_return emptied.status();
}

// From here on all their changes are applied.
Task<absl::Status> Backfill::begin_group(std::vector<TableCopy*> group) {
  for (TableCopy* table : group) {
    for (const TableRef& name : migrate::parents_of(job_->leading, table->record.table)) {
      const TableCopy* parent = job_->find(name);
      if (parent == nullptr || parent->written.state != TableState::failed) continue;
      for (TableCopy* each : group) {
        const absl::Status ended = co_await end_table(
            *each, TableState::failed, "the copy of " + name_of(name) + " has failed, which it refers to");
        if (!ended.ok()) co_return ended;
      }
      co_return absl::OkStatus();
    }
  }
  for (TableCopy* table : group) {
    if (!job_->options.defer_indexes || table->whole || table->record.state != TableState::waiting) continue;
    const absl::Status deferred = co_await defer_indexes(*table);
    if (!deferred.ok()) co_return deferred;
  }
  auto wanted = std::make_shared<RowFeed::CopyOrder>();
  for (TableCopy* table : group) {
    if (table->record.state != TableState::waiting) continue;
    table->record.state = TableState::copying;
    const CatchUp how = table->whole ? CatchUp::awaited : CatchUp::copying;
    wanted->set.push_back(copy_entry(table->record.table, how, "its rows are being copied"));
    wanted->sql.push_back(migrate::update_job_table(setting_.schema, job_->record.id, table->record));
  }
  const absl::Status ordered = co_await order_feed(std::move(wanted));
  if (!ordered.ok()) co_return ordered;
  for (TableCopy* table : group) {
    if (table->parts.empty()) table->parts = {table->record, {}};
    table->written = table->record;
  }
  co_return absl::OkStatus();
}

void Backfill::start_ready() {
  for (const auto& table : job_->tables) {
    if (table->written.state != TableState::copying || table->running || table->ended) continue;
    table->running = true;
    reactor_.spawn(copy_table(*table));
  }
}

Task<absl::Status> Backfill::end_table(TableCopy& table, TableState state, std::string reason) {
  job_->forget_chunks(table, feed_.chunks());
  table.record = table.parts.counted(table.written);
  table.record.state = state;
  table.record.reason = reason;
  limited_log().error(LogKind::parked, "table={} copy={} why=\"{}\"", name_of(table.record.table), migrate::name(state),
                      reason);
  auto wanted = std::make_shared<RowFeed::CopyOrder>();
  const std::vector<StoppedTable> stopped = feed_.stopped_tables();
  const bool is_stopped = std::any_of(stopped.begin(), stopped.end(),
                                      [&](const StoppedTable& each) { return each.table == table.record.table; });
  // One that is gone needs no word.
  if (is_stopped) wanted->set.push_back(copy_entry(table.record.table, CatchUp::none, "not copied: " + reason));
  wanted->sql.push_back(migrate::update_job_table(setting_.schema, job_->record.id, table.record));
  wanted->sql.push_back(migrate::delete_parts(setting_.schema, job_->record.id, table.record.table));
  const absl::Status ordered = co_await order_feed(std::move(wanted));
  if (!ordered.ok()) co_return ordered;
  table.written = table.record;
  table.parts = {};
  co_return absl::OkStatus();
}

// All its rows are there. One that is `done` follows from here on.
Task<absl::Status> Backfill::settle_table(TableCopy& table, migrate::TableRecord record) {
  auto wanted = std::make_shared<RowFeed::CopyOrder>();
  if (record.state == TableState::done) {
    wanted->cleared.push_back(record.table);
    wanted->sql.push_back(dualwrite::resolve_ledger(setting_.schema, record.table));
  }
  wanted->sql.push_back(migrate::update_job_table(setting_.schema, job_->record.id, record));
  wanted->sql.push_back(migrate::delete_parts(setting_.schema, job_->record.id, record.table));
  const absl::Status ordered = co_await order_feed(std::move(wanted));
  if (!ordered.ok()) co_return ordered;
  limited_log().warn(LogKind::parked, "table={} copy={}", name_of(record.table), migrate::name(record.state));
  table.written = record;
  table.record = std::move(record);
  table.parts = {};
  co_return absl::OkStatus();
}

// Once what is to be known of the whole is known.
Task<absl::Status> Backfill::finish_job() {
  auto orphans = co_await find_orphans();
  if (!orphans.ok()) co_return orphans.status();
  if (!*orphans) co_return absl::OkStatus();
  std::size_t failed = 0;
  for (const auto& table : job_->tables) failed += table->written.state == TableState::failed ? 1 : 0;
  const JobState state = failed != 0 ? JobState::failed : (*orphans)->empty() ? JobState::done : JobState::orphans;
  std::string why = **orphans;
  if (failed != 0) {
    why = std::to_string(failed) + (failed == 1 ? " table was not copied" : " tables were not copied") +
          (why.empty() ? "" : "; " + why);
  }
  const absl::Status changed = co_await write_state(job_->record.id, state, why);
  if (!changed.ok()) co_return changed;
  job_->record.state = state;
  job_->record.why = why;
  co_return absl::OkStatus();
}

// Tables of which a part has been copied keep it, and their changes: a later job can go on there. Those that wait for
// a turn that does not come are stopped, and are told of as such.
Task<absl::Status> Backfill::leave_cancelled() {
  auto wanted = std::make_shared<RowFeed::CopyOrder>();
  const std::vector<StoppedTable> stopped = feed_.stopped_tables();
  for (const auto& table : job_->tables) {
    const bool waits = std::any_of(stopped.begin(), stopped.end(), [&](const StoppedTable& each) {
      return each.table == table->record.table && each.is_copy() && each.catch_up == CatchUp::awaited;
    });
    if (!waits || migrate::is_over(table->written.state)) continue;
    wanted->set.push_back(
        copy_entry(table->record.table, CatchUp::none, "not copied: the copy was cancelled before its turn"));
  }
  if (wanted->set.empty()) co_return absl::OkStatus();
  co_return co_await order_feed(std::move(wanted));
}

// What the leader and the applier have to do, now and then.
Task<void> Backfill::look_at_load() {
  Job& job = *job_;
  while (!job.stopping) {
    auto load = co_await ask_load();
    look_at_latency(true);
    if (load.ok()) {
      load->latency_before = latency_.before();
      load->latency_now = latency_.meanwhile();
    }
    job.throttled = load.ok() ? migrate::throttle_reason(job.options.limits, *load)
                              : migrate::load_unknown(std::string(load.status().message()));
    co_await reactor_.sleep_for(kLookAtLoad);
  }
  job.looking = false;
  wake_.notify();
}

}  // namespace crossfade::proxy
