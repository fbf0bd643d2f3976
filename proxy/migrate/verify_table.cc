// One table of a comparison: its chunks, one behind the other.

#include <algorithm>
#include <utility>

#include "dualwrite/log_control.h"
#include "dualwrite/selected_row.h"
#include "migrate/difference_control.h"
#include "proxy/backend/server_errors.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/table_look.h"
#include "proxy/migrate/verify_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::TableRef;
using migrate::KeyPlace;
using migrate::RowParts;
using migrate::SeenRows;
using migrate::Side;
using migrate::TableState;

namespace {

constexpr std::uint32_t kFirstSlot = 1000000;  // of markers: those before are of copies
constexpr std::size_t kDrillRows = 1000;       // of a piece whose rows are looked at one by one
constexpr std::size_t kSampleRows = 1000;      // of a piece of a sample
constexpr std::size_t kValuesRows = 5000;      // of a piece whose values are read
constexpr std::size_t kKeysMax = 500;          // asked for at once
constexpr auto kRoomLook = std::chrono::milliseconds(100);
constexpr auto kChangedPause = std::chrono::milliseconds(200);
constexpr auto kRefusedPause = std::chrono::milliseconds(500);
constexpr auto kDefinitionsWait = std::chrono::minutes(10);  // until the follower has the leader's, too
constexpr auto kSyncedFresh = std::chrono::seconds(1);
constexpr auto kCaughtUpWait = std::chrono::seconds(5);  // of one that has nothing to catch up with

// "1" or "2" in front: by whose key it is gone through.
std::string packed(Side pass, const KeyPlace& behind) {
  return (pass == Side::leader ? "1" : "2") + migrate::pack_place(behind);
}

// The servers may do it in a moment, if they are there.
bool passes(const absl::Status& status) { return absl::IsAborted(status) || absl::IsUnavailable(told_apart(status)); }

}  // namespace

Task<void> Verify::check_table(TableCheck& table) {
  table.outcome = co_await check_rows(table);
  table.sides.reset();
  table.locker.reset();
  table.plan.reset();
  table.running = false;
  table.ended = true;
  wake_.notify();
}

Task<absl::Status> Verify::check_rows(TableCheck& table) {
  const absl::Status opened = co_await open(table);
  if (!opened.ok()) co_return opened;
  table.trying.clear();
  TimePoint since{};
  while (!table.at_end) {
    auto room = co_await wait_for_room(table);
    if (!room.ok()) co_return room.status();
    if (!*room) co_return absl::OkStatus();
    const bool is_look = !job_->options.looks.empty();
    absl::Status checked;
    if (is_look) checked = co_await look_at_table(table);
    if (!is_look && !table.plan) checked = co_await make_plan(table);
    if (!is_look && checked.ok()) checked = co_await check_chunk(table);
    if (checked.ok()) {
      since = {};
      table.trying.clear();
      continue;
    }
    if (absl::IsCancelled(checked)) co_return absl::OkStatus();
    if (passes(checked) && table.locker->is_connected() && table.sides->are_connected()) {
      table.trying = std::string(checked.message());
      table.sizer.shrink();
      co_await reactor_.sleep_for(kRefusedPause);
      const absl::Status again = co_await open(table);
      if (!again.ok()) co_return again;
      continue;
    }
    if (!absl::IsOutOfRange(checked)) co_return checked;
    // Its definition has changed on one side, and the other comes after.
    if (since == TimePoint()) since = Clock::now();
    const auto waited = Clock::now() - since;
    if (waited > kDefinitionsWait ||
        (waited > kCaughtUpWait && feed_.synced_through() + kSyncedFresh >= Clock::now())) {
      co_return absl::FailedPreconditionError(std::string(checked.message()));
    }
    table.plan.reset();
    table.found.clear();
    co_await reactor_.sleep_for(kChangedPause);
  }
  co_return absl::OkStatus();
}

// From where it was written to be, with connections on which nothing is open.
Task<absl::Status> Verify::open(TableCheck& table) {
  table.plan.reset();
  table.found.clear();
  table.drill = 0;
  table.at_end = false;
  auto leader = co_await open_link(setting_.leader);
  if (!leader.ok()) co_return leader.status();
  auto follower = co_await open_link(config::other(setting_.leader));
  if (!follower.ok()) co_return follower.status();
  const std::string session = dualwrite::select_session();
  auto prepared = co_await (*leader)->query(session, soon());
  if (prepared.ok()) prepared = co_await (*follower)->query(session, soon());
  if (!prepared.ok()) co_return prepared.status();
  table.sides = std::make_unique<BothSides>(reactor_, *std::move(leader), *std::move(follower));
  std::uint32_t slot = kFirstSlot;
  for (const auto& each : job_->tables) {
    if (each.get() == &table) break;
    ++slot;
  }
  table.locker = std::make_unique<ChunkReader>(
      ChunkReadSetting{.reactor = reactor_,
                       .counters = counters_,
                       .leader_options = [this] { return setting_.link(setting_.leader); },
                       .chunks = feed_.chunks(),
                       .schema = setting_.schema,
                       .by_triggers = feed_.kind() == FeedKind::trigger,
                       .slot = slot});
  co_return co_await table.locker->open();
}

// Both definitions as they are now.
Task<absl::StatusOr<Verify::Definition>> Verify::read_definition(TableCheck& table) {
  const TableRef name = table.record.table;
  const absl::Status opened = co_await table.locker->open();
  if (!opened.ok()) co_return opened;
  auto shown = co_await table.locker->show(name);
  if (!shown.ok()) co_return shown.status();
  const dualwrite::DefinitionScope scope{.tables = {name}, .excluded_schemas = {}};
  auto links = co_await open_link(setting_.leader);
  if (!links.ok()) co_return links.status();
  auto leading = co_await ask_definitions(**links, scope);
  if (!leading.ok()) co_return leading.status();
  auto other = co_await open_link(config::other(setting_.leader));
  if (!other.ok()) co_return other.status();
  auto following = co_await ask_definitions(**other, scope);
  if (!following.ok()) co_return following.status();
  (*links)->send_quit();
  (*other)->send_quit();
  auto again = co_await table.locker->show(name);
  if (!again.ok()) co_return again.status();
  const absl::Status left = co_await table.locker->give_up();
  if (!left.ok()) co_return left;
  if (*again != *shown || !leading->contains(name)) co_return absl::OutOfRangeError("its definition is just changing");
  const auto follower = following->find(name);
  if (follower == following->end()) co_return absl::OutOfRangeError("the follower has no such table");
  table.shown = *std::move(shown);
  co_return Definition{.leader = leading->at(name), .follower = follower->second};
}

Task<absl::Status> Verify::make_plan(TableCheck& table) {
  auto definition = co_await read_definition(table);
  if (!definition.ok()) co_return definition.status();
  auto plan = migrate::plan_verify(definition->leader, definition->follower, makes());
  if (!plan.ok()) co_return plan.status();
  // What was compared under another definition, by whichever process, is not worth anything.
  const std::string key = plan->key.signature + " #" + std::to_string(std::hash<std::string>{}(table.shown));
  const bool has_changed = !table.record.key.empty() && table.record.key != key;
  table.record.key = key;
  table.plan = std::make_shared<const migrate::VerifyPlan>(*std::move(plan));
  if (has_changed) co_return co_await begin_again(table);
  table.record.state = TableState::copying;
  const std::string place = table.record.place;
  table.pass = place.starts_with("2") ? Side::follower : Side::leader;
  auto behind =
      migrate::parse_place(table.plan->key, place.empty() ? std::string_view() : std::string_view(place).substr(1));
  if (!behind.ok()) co_return co_await begin_again(table);
  table.behind = *std::move(behind);
  if (place.empty() && job_->options.sample_ppm < 1000000) {
    const double stride = static_cast<double>(kSampleRows) * 1e6 / job_->options.sample_ppm;
    const auto most = static_cast<std::uint64_t>(
        std::min(stride, std::max(1.0, static_cast<double>(table.record.rows_estimate) / 2)));
    co_return co_await skip_rows(table, std::uniform_int_distribution<std::uint64_t>(0, most)(random_));
  }
  co_return absl::OkStatus();
}

// What was compared is of another definition.
Task<absl::Status> Verify::begin_again(TableCheck& table) {
  table.record.state = TableState::copying;
  table.record.place.clear();
  table.record.rows = table.record.chunks = 0;
  table.pass = Side::leader;
  table.behind.clear();
  table.found.clear();
  table.differences = 0;
  auto deleted = co_await table.sides->link(Side::follower)
                     .query(migrate::delete_differences(setting_.schema, job_->record.id, table.record.table), soon());
  co_return deleted.status();
}

// False: the job does not go on.
Task<absl::StatusOr<bool>> Verify::wait_for_room(TableCheck& table) {
  for (;;) {
    const absl::Status why = why_not_on(table);
    if (absl::IsCancelled(why)) co_return false;
    if (!why.ok()) co_return why;
    const TimePoint now = Clock::now();
    if (job_->throttled.empty() && job_->rate.allows(now)) co_return true;
    TimePoint until = now + kRoomLook;
    if (job_->throttled.empty()) until = std::min(until, job_->rate.free_at());
    co_await table.room.wait(until);
  }
}

Task<absl::Status> Verify::check_chunk(TableCheck& table) {
  const TimePoint begun = Clock::now();
  table.rows = 0;
  SeenRows suspects;
  if (table.plan->same_order) {
    auto done = co_await check_range(table, &suspects);
    if (!done.ok()) co_return done.status();
    if (!*done) co_return absl::OkStatus();
  } else {
    const absl::Status done = co_await check_by_keys(table, &suspects);
    if (!done.ok()) co_return done;
  }
  const std::uint64_t rows = table.rows;
  if (suspects.empty() && table.drill == 0) {
    table.sizer.observe(
        {.rows = rows, .written = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun)});
  }
  const absl::Status settled = co_await settle(table, std::move(suspects));
  if (!settled.ok()) co_return settled;
  const std::uint32_t ppm = job_->options.sample_ppm;
  if (ppm < 1000000 && !table.at_end) {
    const auto skipped = static_cast<std::size_t>(static_cast<double>(rows) * (1e6 / ppm - 1));
    const absl::Status moved = co_await skip_rows(table, skipped);
    if (!moved.ok()) co_return moved;
  }
  if (table.at_end && !table.plan->same_order && table.pass == Side::leader) {
    table.pass = Side::follower;
    table.behind.clear();
    table.at_end = false;
  }
  spend(table, Clock::now() - begun);
  co_return co_await keep(table);
}

// The databases compare most rows themselves: how many bytes those are is known on average alone.
void Verify::spend(TableCheck& table, Clock::duration took) {
  const migrate::TableRecord& record = table.record;
  const std::uint64_t bytes = record.bytes_estimate / std::max<std::uint64_t>(1, record.rows_estimate);
  table.bytes = table.rows * bytes;
  job_->rate.spend(job_->options.limits, table.rows, table.bytes, Clock::now());
  job_->rate.rest_until(Clock::now() + migrate::rest_after(took, job_->options.busy_ppm));
}

// All of them at once, by one query a side.
Task<absl::Status> Verify::look_at_table(TableCheck& table) {
  const TimePoint begun = Clock::now();
  auto definition = co_await read_definition(table);
  if (!definition.ok()) co_return definition.status();
  const migrate::VerifyOptions& options = job_->options;
  auto queries = migrate::plan_looks(definition->leader, definition->follower, makes(), options.looks, options.by);
  if (!queries.ok()) co_return queries.status();
  for (const dualwrite::DefinedForeignKey& key : definition->leader.foreign_keys) {
    std::string why;
    if (!is_stopped(key.parent, &why)) continue;
    co_return absl::FailedPreconditionError("of " + key.parent.table + ", which it refers to: " + why);
  }
  table.record.state = TableState::copying;
  TableLook look({.reactor = reactor_,
                  .meetings = meetings_,
                  .leader = table.sides->link(Side::leader),
                  .follower = table.sides->link(Side::follower),
                  .marker = *table.locker,
                  .table = table.record.table,
                  .open_link =
                      [this](Side side) {
                        return open_link(side == Side::leader ? setting_.leader : config::other(setting_.leader));
                      },
                  .new_token = [this] { return new_token(); },
                  .why_not = [this, &table] { return why_not_on(table); },
                  .show = options.show_values ? migrate::ShowRows::values : migrate::ShowRows::keys});
  auto findings = co_await look.ask(*std::move(queries));
  if (!findings.ok()) co_return findings.status();
  table.rows = findings->rows;
  table.found = std::move(findings->found);
  table.at_end = true;
  spend(table, Clock::now() - begun);
  co_return co_await keep(table);
}

// The next rows as one range on both sides. False: they differ as a whole, and are gone through again in pieces.
Task<absl::StatusOr<bool>> Verify::check_range(TableCheck& table, SeenRows* suspects) {
  const migrate::VerifyPlan& plan = *table.plan;
  std::size_t rows = table.sizer.rows();
  if (job_->options.sample_ppm < 1000000) rows = std::min(rows, kSampleRows);
  if (table.drill > 0) rows = std::min(rows, kDrillRows);
  if (!plan.by_checksum) rows = std::min(rows, kValuesRows);
  std::string bound_sql = migrate::select_bound(plan, Side::leader, table.behind, rows);
  auto bound = co_await table.sides->ask_row(Side::leader, std::move(bound_sql));
  if (!bound.ok()) co_return bound.status();
  KeyPlace through;
  if (!bound->empty()) {
    auto place = migrate::key_literals(plan, *bound);
    if (!place.ok()) co_return place.status();
    through = *std::move(place);
  }
  const std::string condition = migrate::in_range(plan, table.behind, through);
  bool equal = false;
  if (plan.by_checksum) {
    auto sums = co_await table.sides->compare_sums(plan, condition);
    if (!sums.ok()) co_return sums.status();
    if (!sums->equal && sums->rows > kDrillRows && table.drill == 0) {
      table.drill = sums->rows;
      co_return false;
    }
    equal = sums->equal;
    table.rows = sums->rows;
    table.drill -= std::min<std::size_t>(table.drill, sums->rows);
  }
  if (!equal) {
    const RowParts parts = plan.by_checksum ? RowParts::hash : RowParts::values;
    auto both = co_await table.sides->read_both(plan, condition, parts);
    if (!both.ok()) co_return both.status();
    if (!plan.by_checksum) table.rows = both->leader.size();
    *suspects = migrate::differing(both->leader, both->follower);
  }
  table.at_end = through.empty();
  if (!table.at_end) table.behind = std::move(through);
  co_return true;
}

// The next rows of one side, and on the other those with the same keys.
Task<absl::Status> Verify::check_by_keys(TableCheck& table, SeenRows* suspects) {
  const migrate::VerifyPlan& plan = *table.plan;
  const Side side = table.pass, other = side == Side::leader ? Side::follower : Side::leader;
  const RowParts parts = side == Side::follower ? RowParts::keys : plan.by_checksum ? RowParts::hash : RowParts::values;
  const std::size_t rows = std::min(table.sizer.rows(), kKeysMax);
  std::string bound_sql = migrate::select_bound(plan, side, table.behind, rows);
  auto bound = co_await table.sides->ask_row(side, std::move(bound_sql));
  if (!bound.ok()) co_return bound.status();
  KeyPlace through;
  if (!bound->empty()) {
    auto place = migrate::key_literals(plan, *bound);
    if (!place.ok()) co_return place.status();
    through = *std::move(place);
  }
  SeenRows mine, theirs;
  std::string sql = migrate::select_rows(plan, side, migrate::in_range(plan, table.behind, through), parts);
  TakeRow take = into_rows(plan, parts, migrate::ShowRows::none, &mine);
  const absl::Status read = co_await table.sides->read(side, std::move(sql), std::move(take));
  if (!read.ok()) co_return read;
  if (!mine.empty()) {
    std::vector<KeyPlace> keys;
    for (const auto& [identity, row] : mine) keys.push_back(row.key);
    std::string other_sql = migrate::select_rows(plan, other, migrate::with_keys(plan, keys), parts);
    TakeRow take_theirs = into_rows(plan, parts, migrate::ShowRows::none, &theirs);
    const absl::Status asked = co_await table.sides->read(other, std::move(other_sql), std::move(take_theirs));
    if (!asked.ok()) co_return asked;
  }
  for (const auto& [identity, row] : mine) {
    const auto found = theirs.find(identity);
    if (found == theirs.end() || found->second.marks != row.marks) suspects->emplace(identity, row);
  }
  if (side == Side::leader) table.rows = mine.size();
  table.at_end = through.empty();
  if (!table.at_end) table.behind = std::move(through);
  co_return absl::OkStatus();
}

Task<absl::Status> Verify::skip_rows(TableCheck& table, std::size_t rows) {
  if (rows == 0) co_return absl::OkStatus();
  const Side side = table.pass;
  std::string sql = migrate::select_bound(*table.plan, side, table.behind, rows);
  auto bound = co_await table.sides->ask_row(side, std::move(sql));
  if (!bound.ok()) co_return bound.status();
  table.at_end = bound->empty();
  if (table.at_end) co_return absl::OkStatus();
  auto place = migrate::key_literals(*table.plan, *bound);
  if (!place.ok()) co_return place.status();
  table.behind = *std::move(place);
  co_return absl::OkStatus();
}

// How far the table is, and what was found up to there, in one transaction.
Task<absl::Status> Verify::keep(TableCheck& table) {
  migrate::TableRecord record = table.record;
  record.place = packed(table.pass, table.behind);
  record.rows += table.rows;
  record.bytes += table.bytes;
  ++record.chunks;
  if (table.at_end) {
    // Compared under another definition than the one that it has now?
    auto shown = co_await table.locker->show(record.table);
    if (!shown.ok()) co_return shown.status();
    const absl::Status left = co_await table.locker->give_up();
    if (!left.ok()) co_return left;
    if (*shown != table.shown) {
      table.at_end = false;
      co_return absl::OutOfRangeError("its definition has changed");
    }
    record.state = job_->options.sample_ppm == 1000000 ? TableState::done : TableState::partial;
  }
  std::vector<std::string> steps = {"BEGIN"};
  for (std::string& sql : migrate::insert_differences(setting_.schema, job_->record.id, record.table, table.found)) {
    steps.push_back(std::move(sql));
  }
  steps.push_back(migrate::update_job_table(setting_.schema, job_->record.id, record));
  const std::uint64_t differences = table.differences + table.found.size();
  // Whatever was written down of it earlier has been mended since.
  if (table.at_end && job_->options.is_of_all_rows() && differences == 0) {
    steps.push_back(dualwrite::resolve_ledger(setting_.schema, record.table));
  }
  steps.emplace_back("COMMIT");
  for (std::string& sql : steps) {
    auto done = co_await table.sides->link(Side::follower).query(std::move(sql), soon());
    if (!done.ok()) co_return absl::UnavailableError(std::string(done.status().message()));
  }
  table.record = std::move(record);
  table.differences = differences;
  table.found.clear();
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
