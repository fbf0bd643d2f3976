// One table of a repair, a few rows at a time.

#include <algorithm>
#include <limits>
#include <utility>

#include "dualwrite/log_control.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/sql_text.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/repair.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using migrate::KeyPlace;
using migrate::OpenDifference;
using migrate::RepairOptions;
using migrate::TableRecord;
using migrate::TableState;

namespace {

constexpr std::uint32_t kRepairSlot = 2000000;  // of markers
constexpr std::size_t kBatchMax = 200;
constexpr std::size_t kRepairBytesMax = std::size_t{8} << 20;
constexpr std::size_t kPrintBytesMax = std::size_t{4} << 20;
constexpr std::size_t kListedMax = 1000;
constexpr int kLockTries = 50;
constexpr auto kLockPause = std::chrono::milliseconds(100);
constexpr auto kRoomPause = std::chrono::milliseconds(250);

}  // namespace

Task<absl::Status> Repair::open_target(const TableRecord& table, Target* target) {
  const dualwrite::DefinitionScope scope{.tables = {table.table}, .excluded_schemas = {}};
  auto leading = co_await ask_definitions(*leader_, scope);
  if (!leading.ok()) co_return leading.status();
  auto following = co_await ask_definitions(*control_, scope);
  if (!following.ok()) co_return following.status();
  auto copy = plan_copy(table.table, *leading, *following, makes());
  if (!copy.ok()) co_return copy.status();
  auto keys = migrate::plan_verify(leading->at(table.table), following->at(table.table), makes());
  if (!keys.ok()) co_return keys.status();
  target->keys = *std::move(keys);
  target->reader = std::make_unique<ChunkReader>(
      ChunkReadSetting{.reactor = reactor_,
                       .counters = counters_,
                       .leader_options = [this] { return setting_.link(setting_.leader); },
                       .chunks = feed_.chunks(),
                       .schema = setting_.schema,
                       .by_triggers = feed_.kind() == FeedKind::trigger,
                       .slot = kRepairSlot});
  const absl::Status opened = co_await target->reader->open();
  if (!opened.ok()) co_return opened;
  auto shown = co_await target->reader->show(table.table);
  if (!shown.ok()) co_return shown.status();
  copy->shown = *std::move(shown);
  target->copy = std::make_shared<const CopyPlan>(*std::move(copy));
  target->batch = kBatchMax;
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::vector<OpenDifference>>> Repair::next_rows(std::uint64_t of_job, const TableRecord& table,
                                                                    const Target& target) {
  auto asked =
      co_await ask(migrate::select_open_differences(setting_.schema, of_job, table.table, target.behind, target.batch));
  if (!asked.ok()) co_return asked.status();
  co_return migrate::open_differences_from(*asked, target.keys.key);
}

// What makes the follower's rows with these keys what the leader's are; the leader's stay locked. OutOfRange: the rows
// are too large for one batch, or the definition has changed.
Task<absl::StatusOr<std::vector<std::string>>> Repair::read_statements(Target& target,
                                                                       std::vector<OpenDifference> rows) {
  std::vector<KeyPlace> keys;
  for (const OpenDifference& each : rows) keys.push_back(each.key);
  const std::string condition = migrate::with_keys(target.keys, keys);
  ChunkWanted wanted{.range = {},
                     .condition = condition,
                     .rows_max = std::numeric_limits<std::uint32_t>::max(),
                     .bytes_max = kRepairBytesMax};
  auto read = co_await target.reader->read(target.copy, std::move(wanted));
  if (!read.ok()) co_return read.status();
  if (!read->at_end && rows.size() > 1) {
    const absl::Status left = co_await target.reader->give_up();
    if (!left.ok()) co_return left;
    co_return absl::ResourceExhaustedError("too many bytes for one batch");
  }
  std::vector<std::string> out;
  out.push_back("DELETE FROM " + target.keys.follower.table + " WHERE " + condition);
  for (const dualwrite::RowsChange& piece : read->pieces) {
    auto statements = dualwrite::overwriting_statements(piece, *target.copy->mapping);
    if (!statements.ok()) {
      const absl::Status left = co_await target.reader->give_up();
      if (!left.ok()) co_return left;
      co_return absl::FailedPreconditionError(std::string(statements.status().message()));
    }
    for (dualwrite::RowStatement& statement : *statements) out.push_back(std::move(statement.sql));
  }
  co_return out;
}

Task<absl::Status> Repair::repair_table(TableRecord& table) {
  Target target;
  const absl::Status opened = co_await open_target(table, &target);
  if (!opened.ok()) co_return opened;
  table.state = TableState::copying;
  int tries = 0;
  for (;;) {
    std::string why;
    if (!goes_on()) co_return absl::CancelledError("the job does not go on");
    if (is_stopped(table.table, &why)) co_return absl::FailedPreconditionError(why);
    const absl::Status room = co_await wait_for_room();
    if (!room.ok()) co_return room;
    auto rows = co_await next_rows(job_->options.of_job, table, target);
    if (!rows.ok()) co_return rows.status();
    if (rows->empty()) break;
    const std::size_t count = rows->size();
    const absl::Status done = co_await repair_batch(table, target, *std::move(rows));
    if (absl::IsResourceExhausted(done)) {
      target.batch = std::max<std::size_t>(1, count / 2);
    } else if (absl::IsAborted(done) && ++tries < kLockTries) {
      note_ = "tries again: " + std::string(done.message());
      publish();
      co_await reactor_.sleep_for(kLockPause);
    } else if (!done.ok()) {
      co_return absl::IsAborted(done) ? absl::FailedPreconditionError("its rows stay locked on the leader") : done;
    } else {
      tries = 0;
      publish();
    }
  }
  if (job_->options.of_whole) {
    auto closed = co_await ask(dualwrite::resolve_ledger(setting_.schema, table.table));
    if (!closed.ok()) co_return closed.status();
  }
  co_return co_await end_table(table, TableState::done, "");
}

Task<absl::Status> Repair::repair_batch(TableRecord& table, Target& target, std::vector<OpenDifference> rows) {
  auto statements = co_await read_statements(target, rows);
  if (!statements.ok()) co_return statements.status();
  TableRecord record = table;
  record.rows += rows.size();
  ++record.chunks;
  auto chunk = std::make_shared<Chunk>();
  chunk->token = new_token();
  chunk->table = table.table;
  chunk->use = Chunk::Use::repair;
  chunk->statements = *std::move(statements);
  chunk->closing.push_back(migrate::close_differences(setting_.schema, rows, job_->record.id));
  chunk->closing.push_back(migrate::update_job_table(setting_.schema, job_->record.id, record));
  chunk->built.store(true, std::memory_order_release);
  meetings_.expect(chunk);
  absl::Status done = co_await target.reader->finish(chunk->token);
  std::function<absl::Status()> why_not = [this, &table] {
    std::string why;
    if (feed_.applying() != applying_) return absl::CancelledError("the job does not go on");
    return is_stopped(table.table, &why) ? absl::FailedPreconditionError(why) : absl::OkStatus();
  };
  if (done.ok()) done = co_await meetings_.wait(chunk, std::move(why_not));
  meetings_.end(chunk);
  if (!done.ok()) co_return done;
  if (!chunk->failure.ok()) co_return chunk->failure;
  target.behind = rows.back().id;
  table = std::move(record);
  co_return absl::OkStatus();
}

Task<absl::Status> Repair::wait_for_room() {
  while (goes_on()) {
    auto load = co_await ask_load();
    if (!load.ok()) co_return load.status();
    note_ = migrate::throttle_reason(job_->options.limits, *load);
    if (note_.empty()) break;
    publish();
    co_await reactor_.sleep_for(kRoomPause);
  }
  co_return absl::OkStatus();
}

// Which rows would be written, some of them; `next` is what to ask for behind, 0: those were the last.
Task<absl::StatusOr<std::string>> Repair::list(RepairOptions options, std::vector<TableRecord> tables) {
  auto asked =
      co_await ask(migrate::list_open_differences(setting_.schema, options.of_job, options.behind, kListedMax));
  if (!asked.ok()) co_return asked.status();
  const std::uint64_t next = asked->rows.size() < kListedMax ? 0 : to_number(asked->rows.back().back());
  std::erase_if(asked->rows, [&](const auto& row) {
    if (row.size() < 2) return false;  // shown_differences says so
    const dualwrite::TableRef name{.schema = row[0].value_or(""), .table = row[1].value_or("")};
    return std::none_of(tables.begin(), tables.end(), [&](const TableRecord& each) { return each.table == name; });
  });
  auto rows = migrate::shown_differences(*asked);
  if (!rows.ok()) co_return rows.status();
  const nlohmann::json out = {{"rows", *std::move(rows)}, {"next", next}};
  co_return out.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

// What would be done now, rows as the leader has them at this moment.
Task<absl::StatusOr<std::string>> Repair::print(RepairOptions options, std::vector<TableRecord> tables) {
  std::string out;
  for (const TableRecord& table : tables) {
    Target target;
    const absl::Status opened = co_await open_target(table, &target);
    if (!opened.ok()) co_return opened;
    for (;;) {
      auto rows = co_await next_rows(options.of_job, table, target);
      if (!rows.ok()) co_return rows.status();
      if (rows->empty()) break;
      const std::size_t count = rows->size();
      const std::uint64_t last = rows->back().id;
      auto statements = co_await read_statements(target, *std::move(rows));
      if (absl::IsResourceExhausted(statements.status())) {
        target.batch = std::max<std::size_t>(1, count / 2);
        continue;
      }
      if (!statements.ok()) co_return statements.status();
      const absl::Status left = co_await target.reader->give_up();
      if (!left.ok()) co_return left;
      target.behind = last;
      for (const std::string& sql : *statements) out += sql + ";\n";
      if (out.size() > kPrintBytesMax) {
        co_return absl::FailedPreconditionError("that is more than 4 MiB of SQL: choose less by --tables");
      }
    }
  }
  co_return out.empty() ? "-- no row is to be repaired"
                        : "SET foreign_key_checks=0;\n" + out + "SET foreign_key_checks=1;";
}

}  // namespace crossfade::proxy
