// One table of a job: its chunks, one behind the other.

#include <algorithm>
#include <limits>

#include "dualwrite/rows_statement.h"
#include "dualwrite/sql_text.h"
#include "migrate/table_order.h"
#include "proxy/migrate/backfill_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::RowsChange;
using dualwrite::StoppedTable;
using dualwrite::TableRef;
using migrate::TableState;

namespace {

constexpr std::size_t kUnderWayMore = 2;                          // chunks of one table, beside one a connection
constexpr std::size_t kInFlightBytesMax = std::size_t{32} << 20;  // of rows, of all tables
constexpr std::size_t kPutBytesMax = std::size_t{512} << 10;      // of the follower; a row may have more
constexpr auto kLook = std::chrono::milliseconds(100);
constexpr auto kAgainPauseMin = std::chrono::milliseconds(50);
constexpr auto kAgainPauseMax = std::chrono::milliseconds(1000);
constexpr auto kDefinitionsMax = std::chrono::seconds(60);  // until the follower has the leader's, too

std::string named_in_full(const TableRef& table) { return table.schema + "." + table.table; }

std::string subset_condition(const migrate::ChunkKey& key, std::uint32_t ppm) {
  std::string names;
  for (const migrate::ChunkKey::Part& part : key.parts) names += "," + part.name;
  return "CRC32(CONCAT_WS('#'" + names + "))%1000000<" + std::to_string(ppm);
}

}  // namespace

Task<void> Backfill::copy_table(TableCopy& table) {
  table.outcome = co_await copy_rows(table);
  table.reader.reset();
  table.plan.reset();
  table.running = false;
  table.ended = true;
  wake_.notify();
}

Task<absl::Status> Backfill::copy_rows(TableCopy& table) {
  std::uint32_t slot = 0;
  while (job_->tables[slot].get() != &table) ++slot;
  table.reader = std::make_unique<ChunkReader>(
      ChunkReadSetting{.reactor = reactor_,
                       .counters = counters_,
                       .leader_options = [this] { return setting_.link(setting_.leader); },
                       .chunks = feed_.chunks(),
                       .schema = setting_.schema,
                       .by_triggers = feed_.kind() == FeedKind::trigger,
                       .slot = slot});
  table.at_end = false;
  // What was under way before is read again.
  table.record = table.written;
  table.trying.clear();
  auto pause = kAgainPauseMin;
  while (!table.at_end) {
    auto room = co_await wait_for_room(table);
    if (!room.ok()) co_return room.status();
    if (!*room) co_return absl::OkStatus();
    absl::Status copied;
    if (!table.plan) copied = co_await make_plan(table);
    if (copied.ok()) copied = co_await copy_chunk(table);
    if (copied.ok()) {
      table.trying.clear();
      pause = kAgainPauseMin;
      continue;
    }
    // The server is there: it may do it in a moment, or less of it.
    const bool passes = absl::IsUnavailable(copied) && table.reader->is_connected();
    if (absl::IsOutOfRange(copied)) {
      table.plan.reset();
    } else if (absl::IsAborted(copied) || passes) {
      table.sizer.shrink();
    } else {
      co_return copied;
    }
    table.trying = std::string(copied.message());
    co_await reactor_.sleep_for(pause);
    pause = std::min(pause * 2, kAgainPauseMax);
  }
  co_return co_await wait_until_written(table);
}

// Both definitions as they are now. The follower may be behind: it is waited for.
Task<absl::Status> Backfill::make_plan(TableCopy& table) {
  const TableRef name = table.record.table;
  const TimePoint until = Clock::now() + kDefinitionsMax;
  absl::Status why;
  do {
    const absl::Status opened = co_await table.reader->open();
    if (!opened.ok()) co_return opened;
    auto shown = co_await table.reader->show(name);
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
    auto again = co_await table.reader->show(name);
    if (!again.ok()) co_return again.status();
    (*leader)->send_quit();
    (*follower)->send_quit();
    auto plan = plan_copy(name, *leading, *following, makes());
    why = plan.status();
    if (plan.ok() && *shown == *again) {
      plan->shown = *std::move(shown);
      if (!table.record.place.empty() && table.record.key != plan->key.signature) {
        co_return absl::FailedPreconditionError("its key is another one now: start the copy again, with --replace");
      }
      if (plan->key.parts.empty() && !table.whole) {
        co_return absl::FailedPreconditionError("its key is gone: start the copy again, with --replace");
      }
      table.record.key = plan->key.signature;
      table.plan = std::make_shared<const CopyPlan>(*std::move(plan));
      co_return absl::OkStatus();
    }
    co_await reactor_.sleep_for(kLook);
  } while (goes_on() && Clock::now() < until);
  if (why.ok()) why = absl::OutOfRangeError("the table's definition keeps changing");
  co_return why;
}

// False: the job does not go on.
Task<absl::StatusOr<bool>> Backfill::wait_for_room(TableCopy& table) {
  for (;;) {
    if (!goes_on()) co_return false;
    const absl::Status copied = check_still_copied(table);
    if (!copied.ok()) co_return copied;
    const bool has_room = table.under_way.size() < job_->options.parallel + kUnderWayMore &&
                          (bytes_in_flight_ < kInFlightBytesMax || table.under_way.empty());
    const TimePoint now = Clock::now();
    if (has_room && job_->throttled.empty() && job_->rate.allows(now)) co_return true;
    TimePoint until = now + kLook;
    if (has_room && job_->throttled.empty()) until = std::min(until, job_->rate.free_at());
    co_await table.changed.wait(until);
  }
}

Task<absl::Status> Backfill::copy_chunk(TableCopy& table) {
  const std::shared_ptr<const CopyPlan> plan = table.plan;
  auto behind = migrate::parse_place(plan->key, table.record.place);
  if (!behind.ok()) co_return absl::FailedPreconditionError(std::string(behind.status().message()));
  const TableRef name = table.record.table;
  ChunkWanted wanted{.behind = *std::move(behind), .condition = {}, .rows_max = table.sizer.rows()};
  if (table.whole) {
    wanted.rows_max = std::numeric_limits<std::uint32_t>::max();
    wanted.bytes_max = migrate::kReadAtOnceBytesMax;
  }
  wanted.condition = job_->options.condition_of(name);
  if (job_->options.subset_ppm < 1000000) {
    wanted.condition += (wanted.condition.empty() ? "" : " AND ");
    wanted.condition = wanted.condition + subset_condition(plan->key, job_->options.subset_ppm);
  }
  auto rows = co_await table.reader->read(plan, std::move(wanted));
  if (!rows.ok()) co_return rows.status();
  if (table.whole && !rows->at_end) {
    const std::string why = plan->key.parts.empty()
                                ? "it has no key by which its rows could be gone through"
                                : "its foreign key cascades on itself, which the leader does not log";
    co_return absl::FailedPreconditionError(why + ", so that it is read at once; and it has more than 32 MiB");
  }
  const bool is_partial = job_->options.is_partial(name);
  migrate::TableRecord record = table.record;
  record.place = migrate::pack_place(rows->through);
  record.rows += rows->rows;
  record.bytes += rows->bytes;
  ++record.chunks;
  if (rows->at_end) record.state = is_partial ? TableState::partial : TableState::done;
  // Its reads stay with the leader until its indexes are there.
  if (rows->at_end && !record.indexes.empty()) record.state = TableState::indexing;
  auto chunk = std::make_shared<Chunk>();
  chunk->token = new_token();
  chunk->table = name;
  chunk->applying = applying_;
  chunk->last = record.state == TableState::done;
  if (table.whole) chunk->use = Chunk::Use::whole;
  chunk->on_done = [this](std::uint64_t token, std::chrono::microseconds load_time) {
    reactor_.post([this, token, load_time] { on_written(token, load_time); });
  };
  chunk->closing.push_back(migrate::update_job_table(setting_.schema, job_->record.id, record));
  if (chunk->last) chunk->closing.push_back(dualwrite::resolve_ledger(setting_.schema, name));
  feed_.chunks().put(chunk);
  table.under_way.emplace(
      chunk->token, TableCopy::UnderWay{.record = record,
                                        .bytes = rows->bytes,
                                        .cost = {.rows = rows->rows, .bytes = rows->bytes, .locked = rows->locked}});
  bytes_in_flight_ += rows->bytes;
  const absl::Status finished = co_await table.reader->finish(chunk->token);
  if (!finished.ok()) {
    feed_.chunks().forget(chunk->token);
    bytes_in_flight_ -= rows->bytes;
    table.under_way.erase(chunk->token);
    co_return finished;
  }
  table.record = std::move(record);
  table.at_end = rows->at_end;
  job_->rate.spend(job_->options.limits, rows->rows, rows->bytes, Clock::now());
  reactor_.spawn(build(std::move(chunk), std::move(rows->pieces), plan));
  co_return absl::OkStatus();
}

// Behind the marker, when no row is locked any more. Others have their turn between two pieces.
Task<void> Backfill::build(std::shared_ptr<Chunk> chunk, std::vector<RowsChange> pieces,
                           std::shared_ptr<const CopyPlan> plan) {
  for (RowsChange& piece : pieces) {
    auto statements = dualwrite::put_statements(piece, *plan->mapping, dualwrite::PutRows::overwrite, kPutBytesMax);
    if (!statements.ok()) {
      chunk->failure = absl::FailedPreconditionError(std::string(statements.status().message()));
      break;
    }
    for (dualwrite::RowStatement& statement : *statements) chunk->statements.push_back(std::move(statement.sql));
    piece.images = {};
    co_await reactor_.sleep_for(std::chrono::milliseconds(0));
  }
  chunk->built.store(true, std::memory_order_release);
}

// The feed gives up on a table by itself where a row or a definition does not fit; and it forgets one that is dropped.
absl::Status Backfill::check_still_copied(const TableCopy& table) const {
  for (const StoppedTable& each : feed_.stopped_tables()) {
    if (each.table != table.record.table) continue;
    const auto expected = table.whole ? dualwrite::CatchUp::awaited : dualwrite::CatchUp::copying;
    if (each.is_copy() && each.catch_up == expected) return absl::OkStatus();
    return absl::FailedPreconditionError(each.reason);
  }
  // The last chunk may just have been written.
  if (table.at_end || migrate::is_over(table.written.state)) return absl::OkStatus();
  return absl::FailedPreconditionError("table " + named_in_full(table.record.table) +
                                       " was dropped, or has another name now");
}

Task<absl::Status> Backfill::wait_until_written(TableCopy& table) {
  while (!table.under_way.empty()) {
    if (!goes_on()) co_return absl::OkStatus();
    const absl::Status copied = check_still_copied(table);
    if (!copied.ok()) co_return copied;
    co_await table.changed.wait(Clock::now() + kLook);
  }
  co_return absl::OkStatus();
}

void Backfill::on_written(std::uint64_t token, std::chrono::microseconds load_time) {
  if (!job_) return;
  for (const auto& table : job_->tables) {
    const auto found = table->under_way.find(token);
    if (found == table->under_way.end()) continue;
    TableCopy::UnderWay& chunk = found->second;
    note_.clear();
    chunk.cost.written = load_time;
    table->sizer.observe(chunk.cost);
    table->written = chunk.record;
    bytes_in_flight_ -= chunk.bytes;
    table->under_way.erase(found);
    table->changed.notify();
    wake_.notify();
    return;
  }
}

}  // namespace crossfade::proxy
