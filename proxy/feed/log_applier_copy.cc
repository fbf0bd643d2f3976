// Tables whose rows are being copied, compared or repaired at a place of the leader's changes.
//
// Invariant: at each place of the leader's changes the follower has of such a table a part of the leader's rows, each
// exactly as on the leader. A change keeps it if the rows that it is about are there before: they are put where they
// are missing. Then it is applied as any other. A chunk keeps it because it is written at the place at which it was
// read.

#include "dualwrite/cascades.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/log_applier.h"

namespace crossfade::proxy {

using dualwrite::RowsChange;
using dualwrite::RowsKind;
using dualwrite::StopCause;
using dualwrite::TableMapping;
using dualwrite::TableRef;

namespace {

constexpr auto kBuildPause = std::chrono::milliseconds(1);
constexpr auto kCompareMax = std::chrono::seconds(2);  // that a comparison may hold up the applier

}  // namespace

// The rows that a row refers to may be missing still; but what the leader's foreign keys do without saying so, the
// follower's have to do.
void LogApplier::loosen_foreign_keys(RowsChange& change) const {
  if (change.kind == RowsKind::delete_) return;
  if (change.kind == RowsKind::update && setting_.makes.cascades_are_silent()) {
    const TableRef table{.schema = change.table->schema, .table = change.table->table};
    if (dualwrite::changes_columns(change, dualwrite::passed_on_columns(setting_.catalog.leader(), table))) return;
  }
  change.flags |= dualwrite::kRowsNoForeignKeyChecks;
}

absl::StatusOr<std::vector<dualwrite::RowStatement>> LogApplier::missing_rows(const RowsChange& change,
                                                                              const TableMapping& how) const {
  if (change.kind == RowsKind::insert) return std::vector<dualwrite::RowStatement>();
  return dualwrite::put_statements(change, how, dualwrite::PutRows::keep, follower_.statement_bytes_max());
}

// A table that is stopped is at another place than the marker.
bool LogApplier::is_wanted(const Chunk& chunk) const {
  switch (chunk.use) {
    case Chunk::Use::part:
      return setting_.stopped.is_copying(chunk.table);
    case Chunk::Use::whole:
      return setting_.stopped.is_awaited(chunk.table);
    case Chunk::Use::repair:
    case Chunk::Use::compare:
      return setting_.stopped.find(chunk.table) == nullptr;
  }
  return false;
}

// The follower has exactly what was on the leader at the marker, until this returns.
Task<absl::Status> LogApplier::let_compare(std::shared_ptr<Chunk> chunk) {
  const absl::Status before = co_await commit();
  if (!before.ok()) co_return before;
  const TimePoint until = Clock::now() + kCompareMax;
  setting_.chunks.done(*chunk);
  while (chunk->holds && !chunk->let_go.load(std::memory_order_acquire) && Clock::now() < until) {
    co_await setting_.reactor.sleep_for(kBuildPause);
  }
  // Whoever is late has to look again.
  chunk->let_go.store(true, std::memory_order_release);
  co_return absl::OkStatus();
}

// The table follows as before, with the rows that it has; the log is read again without this chunk.
Task<absl::Status> LogApplier::give_up_repair(std::shared_ptr<Chunk> chunk, absl::Status why) {
  const absl::Status undone = co_await follower_.rollback();
  if (!undone.ok()) co_return undone;
  chunk->failure = std::move(why);
  setting_.chunks.done(*chunk);
  co_return absl::AbortedError("a row could not be repaired");
}

// Everything that the chunk shows lies before its marker. One that this process has not read, or not since it began to
// apply, is read again by whoever copies: the stored place may lie behind the marker of an earlier chunk that was not
// written, and what remembers this one would pass over that.
Task<absl::Status> LogApplier::take_marker(std::uint64_t token) {
  const std::shared_ptr<Chunk> chunk = setting_.chunks.find(token);
  const bool is_new = current_.at >= stored_.applied;
  if (!chunk || !is_new || !is_wanted(*chunk)) co_return absl::OkStatus();
  if (chunk->use == Chunk::Use::compare) co_return co_await let_compare(chunk);
  if (chunk->use != Chunk::Use::repair && chunk->applying != setting_.applying) co_return absl::OkStatus();
  while (!chunk->built.load(std::memory_order_acquire)) {
    if (!setting_.chunks.find(token)) co_return absl::OkStatus();
    co_await setting_.reactor.sleep_for(kBuildPause);
  }
  // What was skipped while the table waited for its turn must not be met again once some of its rows are there.
  must_store_ = must_store_ || next_.applied != stored_.applied;
  const absl::Status before = co_await commit();
  if (!before.ok()) co_return before;
  // From here on its rows are right, whoever writes them and even if nothing of this is remembered, until the first
  // change of the table that is applied.
  if (chunk->failure.ok()) chunk->failure = check_sizes(*chunk);
  if (chunk->use == Chunk::Use::part && chunk->failure.ok()) {
    const bool refers = setting_.catalog.refers_to_others(chunk->table);
    loader().add(chunk, refers ? ChunkLoader::ChangedBy::any : ChunkLoader::ChangedBy::itself,
                 setting_.chunks.connections.load(std::memory_order_relaxed));
    co_return absl::OkStatus();
  }
  const TimePoint begun = Clock::now();
  absl::Status loaded = chunk->failure;
  if (loaded.ok()) loaded = co_await load_within(chunk);
  if (absl::IsFailedPrecondition(loaded) && chunk->use == Chunk::Use::repair) {
    co_return co_await give_up_repair(chunk, std::move(loaded));
  }
  chunk->load_time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
  co_return co_await close_chunk(chunk, std::move(loaded));
}

// What remembers it goes with the next position that is stored.
Task<absl::Status> LogApplier::close_chunk(std::shared_ptr<Chunk> chunk, absl::Status loaded) {
  if (absl::IsFailedPrecondition(loaded)) {
    const absl::Status settled = co_await settle();
    if (!settled.ok()) co_return settled;
    std::vector<TableRef> tables(1, chunk->table);
    std::vector<std::string> no_ledger;
    co_return co_await stop_tables(std::move(tables), StopCause::copy, std::string(loaded.message()),
                                   std::move(no_ledger));
  }
  if (!loaded.ok()) co_return loaded;
  for (const std::string& sql : chunk->closing) closing_.push_back(sql);
  if (chunk->last) closing_.push_back(dualwrite::delete_stopped(setting_.schema, chunk->table));
  loaded_.push_back(std::move(chunk));
  must_store_ = true;
  co_return absl::OkStatus();
}

// Between two transactions of the leader.
Task<absl::Status> LogApplier::close_chunks() {
  while (loader_) {
    auto loaded = loader_->take_loaded();
    if (!loaded) break;
    const bool is_about_rows = loaded->status.ok() || absl::IsFailedPrecondition(loaded->status);
    // Its copy was given up meanwhile.
    if (is_about_rows && (!setting_.chunks.find(loaded->chunk->token) || !is_wanted(*loaded->chunk))) continue;
    const absl::Status closed = co_await close_chunk(loaded->chunk, loaded->status);
    if (!closed.ok()) co_return closed;
  }
  co_return absl::OkStatus();
}

// A chunk is older than every change that lies behind its marker.
Task<absl::Status> LogApplier::wait_for_chunks_of(TableRef table) {
  while (loader_ && loader_->is_writing(table)) {
    // A change before it may hold locks that the chunk's connections wait for.
    const absl::Status settled = co_await settle();
    if (!settled.ok()) co_return settled;
    co_await loader_->wait(TimePoint::max());
  }
  co_return absl::OkStatus();
}

Task<absl::Status> LogApplier::wait_for_chunks() {
  while (loader_ && loader_->is_writing()) co_await loader_->wait(TimePoint::max());
  co_return absl::OkStatus();
}

Task<void> LogApplier::wait_for_a_chunk(TimePoint deadline) { co_await loader_->wait(deadline); }

// Of a table whose changes are not applied until its last row is there, or that follows all the while: all of it is one
// transaction with the position.
Task<absl::Status> LogApplier::load_within(std::shared_ptr<Chunk> chunk) {
  std::vector<WriterStep> steps;
  steps.push_back({.sql = "SET foreign_key_checks=0"});
  for (const std::string& sql : chunk->statements) steps.push_back({.sql = sql});
  steps.push_back({.sql = "SET foreign_key_checks=1"});
  auto failure = co_await run_open(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (!*failure) co_return absl::OkStatus();
  if (!(*failure)->err) co_return absl::UnavailableError("the follower answered with another outcome than expected");
  if (is_of_the_server((*failure)->err->code)) co_return co_await again(**failure);
  co_return absl::FailedPreconditionError("the follower refuses rows: " + err_code(*(*failure)->err));
}

absl::Status LogApplier::check_sizes(const Chunk& chunk) const {
  for (const std::string& sql : chunk.statements) {
    if (sql.size() <= follower_.statement_bytes_max()) continue;
    return absl::FailedPreconditionError("a row is larger than the follower's max_allowed_packet: raise it there");
  }
  return absl::OkStatus();
}

ChunkLoader& LogApplier::loader() {
  if (loader_) return *loader_;
  const std::string& schema = setting_.schema;
  loader_ = std::make_shared<ChunkLoader>(
      LoaderSetting{.reactor = setting_.reactor,
                    .counters = setting_.counters,
                    .follower_options = setting_.follower_options,
                    .fence = dualwrite::share_loader(schema, setting_.leader, setting_.owner),
                    .mark = [schema](std::uint32_t slot) { return dualwrite::mark_loading(schema, slot); }});
  return *loader_;
}

}  // namespace crossfade::proxy
