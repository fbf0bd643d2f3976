// One part of a table: its chunks, one behind the other.

#include <algorithm>

#include "dualwrite/rows_statement.h"
#include "migrate/table_order.h"
#include "proxy/migrate/backfill_state.h"

namespace crossfade::proxy {

using dualwrite::RowsChange;
using dualwrite::TableRef;
using migrate::TableState;

namespace {

constexpr std::size_t kUnderWayMore = 2;                          // chunks of one table, beside one a connection
constexpr std::size_t kInFlightBytesMax = std::size_t{32} << 20;  // of rows, of all tables
constexpr std::size_t kPutBytesMax = std::size_t{512} << 10;      // of the follower; a row may have more
constexpr auto kPartLook = std::chrono::milliseconds(100);
constexpr auto kAgainPauseMin = std::chrono::milliseconds(50);
constexpr auto kAgainPauseMax = std::chrono::milliseconds(1000);

}  // namespace

Task<void> Backfill::read_part(TableCopy& table, PartReader& reader) {
  const absl::Status read = co_await read_chunks(table, reader);
  if (!read.ok() && table.failure.ok()) table.failure = read;
  reader.chunks.reset();
  reader.trying.clear();
  table.parts.set_reading(reader.number, false);
  // Whoever waits for it may take the reader away.
  table.changed.notify();
}

Task<absl::Status> Backfill::read_chunks(TableCopy& table, PartReader& reader) {
  auto pause = kAgainPauseMin;
  while (!table.parts.is_read(reader.number)) {
    auto room = co_await wait_for_room(table, reader);
    if (!room.ok()) co_return room.status();
    if (!*room) co_return absl::OkStatus();
    absl::Status copied;
    if (!table.plan) copied = co_await make_plan(table, reader);
    if (copied.ok()) copied = co_await divide(table, reader);
    if (copied.ok()) copied = co_await copy_chunk(table, reader);
    if (copied.ok()) {
      reader.trying.clear();
      pause = kAgainPauseMin;
      continue;
    }
    // The server is there: it may do it in a moment, or less of it.
    const bool passes = absl::IsUnavailable(copied) && reader.chunks->is_connected();
    if (absl::IsOutOfRange(copied)) {
      table.plan.reset();
      table.parts.give_up_division(reader.number);
    } else if (absl::IsAborted(copied) || passes) {
      table.sizer.shrink();
    } else {
      co_return copied;
    }
    reader.trying = std::string(copied.message());
    co_await reactor_.sleep_for(pause);
    pause = std::min(pause * 2, kAgainPauseMax);
  }
  co_return absl::OkStatus();
}

// False: the job does not go on, or another reader of the table does not.
Task<absl::StatusOr<bool>> Backfill::wait_for_room(TableCopy& table, PartReader& reader) {
  for (;;) {
    if (!goes_on() || !table.failure.ok()) co_return false;
    const absl::Status copied = check_still_copied(table);
    if (!copied.ok()) co_return copied;
    const bool has_room = table.under_way.size() < job_->options.parallel + kUnderWayMore &&
                          (job_->bytes_in_flight < kInFlightBytesMax || table.under_way.empty());
    const TimePoint now = Clock::now();
    if (has_room && job_->throttled.empty() && job_->rate.allows(now)) co_return true;
    TimePoint until = now + kPartLook;
    if (has_room && job_->throttled.empty()) until = std::min(until, job_->rate.free_at());
    co_await reader.room.wait(until);
  }
}

// While there are more readers than tables and parts to be read.
Task<absl::Status> Backfill::divide(TableCopy& table, PartReader& reader) {
  const std::uint32_t number = reader.number;
  const std::size_t ahead = table.whole ? 0 : table.parts.rows_ahead(number, table.sizer.rows());
  if (ahead == 0 || job_->parts_taken() >= job_->options.parallel || job_->next_group() != nullptr)
    co_return absl::OkStatus();
  const std::shared_ptr<const CopyPlan> plan = table.plan;
  auto range = table.parts.range_of(number, plan->key);
  if (!range.ok()) co_return absl::FailedPreconditionError(std::string(range.status().message()));
  table.parts.begin_division(number);
  auto border = co_await reader.chunks->find_border(plan, std::move(range->behind), ahead);
  if (!border.ok()) {
    table.parts.give_up_division(number);
    co_return border.status();
  }
  table.parts.set_border(number, migrate::pack_place(*border));
  co_return absl::OkStatus();
}

// Its rows come later: see build().
std::shared_ptr<Chunk> Backfill::chunk_of(const TableCopy& table, const std::vector<migrate::PartRecord>& parts,
                                          std::optional<migrate::TableRecord>* ended) {
  const TableRef name = table.record.table;
  auto chunk = std::make_shared<Chunk>();
  chunk->token = new_token();
  chunk->table = name;
  chunk->applying = applying_;
  chunk->on_done = [this](std::uint64_t token, std::chrono::microseconds load_time) {
    reactor_.post([this, token, load_time] { on_written(token, load_time); });
  };
  if (!table.whole) {
    chunk->closing.push_back(migrate::replace_parts(setting_.schema, job_->record.id, name, parts));
    return chunk;
  }
  migrate::CopyParts all = table.parts;
  all.take_written(parts);
  *ended = all.counted(table.written);
  (*ended)->state = job_->options.is_partial(name) ? TableState::partial : TableState::done;
  chunk->use = Chunk::Use::whole;
  chunk->last = (*ended)->state == TableState::done;
  chunk->closing.push_back(migrate::update_job_table(setting_.schema, job_->record.id, **ended));
  if (chunk->last) chunk->closing.push_back(dualwrite::resolve_ledger(setting_.schema, name));
  return chunk;
}

Task<absl::Status> Backfill::copy_chunk(TableCopy& table, PartReader& reader) {
  const std::shared_ptr<const CopyPlan> plan = table.plan;
  if (!plan) co_return absl::OutOfRangeError("the table's definition has changed");
  auto range = table.parts.range_of(reader.number, plan->key);
  if (!range.ok()) co_return absl::FailedPreconditionError(std::string(range.status().message()));
  ChunkWanted wanted = job_->wanted_of(table, *std::move(range));
  auto rows = co_await reader.chunks->read(plan, std::move(wanted));
  if (!rows.ok()) co_return rows.status();
  if (table.whole && !rows->at_end) {
    const std::string why = plan->key.parts.empty()
                                ? "it has no key by which its rows could be gone through"
                                : "its foreign key cascades on itself, which the leader does not log";
    co_return absl::FailedPreconditionError(why + ", so that it is read at once; and it has more than 32 MiB");
  }
  const migrate::PartRead read{.key = plan->key.signature,
                               .through = migrate::pack_place(rows->through),
                               .at_end = rows->at_end,
                               .rows = rows->rows,
                               .bytes = rows->bytes};
  const std::vector<migrate::PartRecord> parts = table.parts.behind(reader.number, read);
  TableCopy::UnderWay under_way{.parts = parts,
                                .ended = {},
                                .bytes = rows->bytes,
                                .cost = {.rows = rows->rows, .bytes = rows->bytes, .locked = rows->locked}};
  const std::shared_ptr<Chunk> chunk = chunk_of(table, parts, &under_way.ended);
  feed_.chunks().put(chunk);
  table.under_way.emplace(chunk->token, std::move(under_way));
  job_->bytes_in_flight += rows->bytes;
  const absl::Status finished = co_await reader.chunks->finish(chunk->token);
  if (!finished.ok()) {
    feed_.chunks().forget(chunk->token);
    job_->bytes_in_flight -= rows->bytes;
    table.under_way.erase(chunk->token);
    co_return finished;
  }
  table.parts.take_read(reader.number, parts);
  job_->rate.spend(job_->options.limits, rows->rows, rows->bytes, Clock::now());
  reactor_.spawn(build(chunk, std::move(rows->pieces), plan));
  // What lies behind a border waits for a reader.
  if (parts.size() > 1) table.changed.notify();
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

}  // namespace crossfade::proxy
