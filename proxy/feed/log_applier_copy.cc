// Tables whose rows are being copied.
//
// Invariant: at each place of the leader's changes the follower has of such a table a part of the leader's rows, each
// exactly as on the leader. A change keeps it if the rows that it is about are there before: they are put where they
// are missing. Then it is applied as any other. A chunk keeps it because it is written at the place at which it was
// read.

#include "dualwrite/cascades.h"
#include "proxy/feed/log_applier.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using dualwrite::RowsChange;
using dualwrite::RowsKind;
using dualwrite::StopCause;
using dualwrite::TableMapping;
using dualwrite::TableRef;

namespace {

constexpr auto kBuildPause = std::chrono::milliseconds(1);

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

// Everything that the chunk shows lies before its marker. One that this process has not read, or not since it began to
// apply, is read again by whoever copies: the stored place may lie behind the marker of an earlier chunk that was not
// written, and what remembers this one would pass over that.
Task<absl::Status> LogApplier::take_marker(std::uint64_t token) {
  const std::shared_ptr<Chunk> chunk = setting_.chunks.find(token);
  const bool is_new = current_.at >= stored_.applied;
  if (!chunk || !is_new || chunk->applying != setting_.applying || !is_wanted(*chunk)) co_return absl::OkStatus();
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
  if (!chunk->whole && chunk->failure.ok()) {
    const bool refers = setting_.catalog.refers_to_others(chunk->table);
    loader().add(chunk, refers ? ChunkLoader::ChangedBy::any : ChunkLoader::ChangedBy::itself,
                 setting_.chunks.connections.load(std::memory_order_relaxed));
    co_return absl::OkStatus();
  }
  const TimePoint begun = Clock::now();
  absl::Status loaded = chunk->failure;
  if (loaded.ok()) loaded = co_await load_whole(chunk);
  chunk->load_time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
  co_return co_await close_chunk(chunk, std::move(loaded));
}

bool LogApplier::is_wanted(const Chunk& chunk) const {
  return chunk.whole ? setting_.stopped.is_awaited(chunk.table) : setting_.stopped.is_copying(chunk.table);
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

// Until its last row is there none of the table's changes is applied: all of it is one transaction with the position.
Task<absl::Status> LogApplier::load_whole(std::shared_ptr<Chunk> chunk) {
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
