// One table of a job: who reads its parts, and what comes behind the last row.

#include <algorithm>

#include "dualwrite/sql_text.h"
#include "migrate/table_order.h"
#include "proxy/migrate/backfill_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::StoppedTable;
using dualwrite::TableRef;
using migrate::TableState;

namespace {

constexpr auto kTableLook = std::chrono::milliseconds(100);
constexpr auto kDefinitionsMax = std::chrono::seconds(60);  // until the follower has the leader's, too

std::string named_in_full(const TableRef& table) { return table.schema + "." + table.table; }

}  // namespace

Task<void> Backfill::copy_table(TableCopy& table) {
  table.outcome = co_await copy_parts(table);
  table.readers.clear();
  table.plan.reset();
  table.running = false;
  table.ended = true;
  wake_.notify();
}

Task<absl::Status> Backfill::copy_parts(TableCopy& table) {
  // What was under way before is read again.
  job_->forget_chunks(table, feed_.chunks());
  table.parts.begin_again();
  table.failure = absl::OkStatus();
  for (;;) {
    start_readers(table);
    if (table.parts.reading() == 0) break;
    co_await table.changed.wait(Clock::now() + kTableLook);
  }
  if (!table.failure.ok()) co_return table.failure;
  const absl::Status written = co_await wait_until_written(table);
  if (!written.ok()) co_return written;
  if (!goes_on() || migrate::is_over(table.written.state)) co_return absl::OkStatus();
  const absl::Status copied = check_still_copied(table);
  if (!copied.ok()) co_return copied;
  migrate::TableRecord record = job_->ended(table);
  co_return co_await settle_table(table, std::move(record));
}

// As many as may be; one at least, since its changes are applied.
void Backfill::start_readers(TableCopy& table) {
  while (table.failure.ok() && goes_on()) {
    const bool may_more = table.parts.reading() == 0 || job_->readers_taken() < job_->options.parallel;
    const std::optional<std::uint32_t> number = table.parts.next();
    if (!may_more || !number) return;
    if (table.readers.size() <= *number) table.readers.resize(*number + 1);
    table.readers[*number] = std::make_unique<PartReader>(reactor_, *number);
    PartReader& reader = *table.readers[*number];
    reader.slot = job_->free_slot();
    reader.chunks = std::make_unique<ChunkReader>(
        ChunkReadSetting{.reactor = reactor_,
                         .counters = counters_,
                         .leader_options = [this] { return setting_.link(setting_.leader); },
                         .chunks = feed_.chunks(),
                         .schema = setting_.schema,
                         .by_triggers = feed_.kind() == FeedKind::trigger,
                         .slot = reader.slot});
    table.parts.set_reading(*number, true);
    reactor_.spawn(read_part(table, reader));
  }
}

// Both definitions as they are now. The follower may be behind: it is waited for.
Task<absl::Status> Backfill::make_plan(TableCopy& table, PartReader& reader) {
  const TableRef name = table.record.table;
  const TimePoint until = Clock::now() + kDefinitionsMax;
  absl::Status why;
  do {
    const absl::Status opened = co_await reader.chunks->open();
    if (!opened.ok()) co_return opened;
    auto shown = co_await reader.chunks->show(name);
    if (!shown.ok()) co_return shown.status();
    auto leader = co_await open_link(setting_.leader);
    if (!leader.ok()) co_return leader.status();
    auto follower = co_await open_link(config::other(setting_.leader));
    if (!follower.ok()) co_return follower.status();
    const dualwrite::DefinitionScope scope{.tables = {name}, .excluded_schemas = {}};
    auto leading = co_await ask_definitions(**leader, scope);
    if (!leading.ok()) co_return leading.status();
    auto following = co_await ask_definitions(**follower, scope);
    if (!following.ok()) co_return following.status();
    auto again = co_await reader.chunks->show(name);
    if (!again.ok()) co_return again.status();
    (*leader)->send_quit();
    (*follower)->send_quit();
    auto plan = plan_copy(name, *leading, *following, makes());
    why = plan.status();
    if (plan.ok() && *shown == *again) {
      plan->shown = *std::move(shown);
      if (!table.parts.go_by(plan->key.signature)) {
        co_return absl::FailedPreconditionError("its key is another one now: start the copy again, with --replace");
      }
      if (plan->key.parts.empty() && !table.whole) {
        co_return absl::FailedPreconditionError("its key is gone: start the copy again, with --replace");
      }
      table.plan = std::make_shared<const CopyPlan>(*std::move(plan));
      co_return absl::OkStatus();
    }
    co_await reactor_.sleep_for(kTableLook);
  } while (goes_on() && Clock::now() < until);
  if (why.ok()) why = absl::OutOfRangeError("the table's definition keeps changing");
  co_return why;
}

// The feed gives up on a table by itself where a row or a definition does not fit; and it forgets one that is dropped.
absl::Status Backfill::check_still_copied(const TableCopy& table) const {
  for (const StoppedTable& each : feed_.stopped_tables()) {
    if (each.table != table.record.table) continue;
    const auto expected = table.whole ? dualwrite::CatchUp::awaited : dualwrite::CatchUp::copying;
    if (each.is_copy() && each.catch_up == expected) return absl::OkStatus();
    return absl::FailedPreconditionError(each.reason);
  }
  // The only chunk of one that is read at once may just have been written.
  if (table.whole && table.parts.all_read()) return absl::OkStatus();
  return absl::FailedPreconditionError("table " + named_in_full(table.record.table) +
                                       " was dropped, or has another name now");
}

Task<absl::Status> Backfill::wait_until_written(TableCopy& table) {
  while (!table.under_way.empty()) {
    if (!goes_on()) co_return absl::OkStatus();
    const absl::Status copied = check_still_copied(table);
    if (!copied.ok()) co_return copied;
    co_await table.changed.wait(Clock::now() + kTableLook);
  }
  co_return absl::OkStatus();
}

void Backfill::on_written(std::uint64_t token, std::chrono::microseconds load_time) {
  if (!job_) return;
  const auto found = std::find_if(job_->tables.begin(), job_->tables.end(),
                                  [&](const auto& each) { return each->under_way.contains(token); });
  if (found == job_->tables.end()) return;
  TableCopy* table = found->get();
  TableCopy::UnderWay chunk = std::move(table->under_way.extract(token).mapped());
  const TableRef name = table->record.table;
  note_.clear();
  chunk.cost.written = load_time;
  table->sizer.observe(chunk.cost);
  table->parts.take_written(chunk.parts);
  if (chunk.ended) table->record = table->written = *chunk.ended;
  job_->bytes_in_flight -= chunk.bytes;
  // Who is woken goes on at once, and may be what ends the job.
  for (std::size_t i = 0; table != nullptr && i < table->readers.size(); ++i) {
    if (table->readers[i]) table->readers[i]->room.notify();
    table = job_ ? job_->find(name) : nullptr;
  }
  if (table != nullptr) table->changed.notify();
  wake_.notify();
}

}  // namespace crossfade::proxy
