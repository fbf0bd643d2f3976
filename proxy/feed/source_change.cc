#include "proxy/feed/source_change.h"

#include <chrono>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "dualwrite/trigger/kept_changes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/captured_ddl.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/feed/log_source.h"
#include "proxy/feed/server_answers.h"
#include "proxy/feed/trigger_source.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::Anchor;
using dualwrite::FeedChange;
using dualwrite::LogPosition;

namespace {

// Until then every proxy has read in the anchor that schema changes need not be announced any more.
constexpr auto kKnownByAll = std::chrono::seconds(5);
constexpr std::uint64_t kFenceChangesMax = 100000;
constexpr auto kRetirePause = std::chrono::seconds(2);

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_leader(const SourceSetting& setting) {
  co_return co_await BackendLink::open(setting.reactor, setting.leader_options(), setting.counters,
                                       Clock::now() + kConnectMax);
}

// MariaDB lets go of a prepared transaction's locks when its client leaves.
Task<absl::Status> no_prepared_transaction(BackendLink& leader) {
  if (!leader.is_mariadb()) co_return absl::OkStatus();
  auto prepared = co_await leader.query_rows("XA RECOVER", 4, soon());
  if (!prepared.ok()) co_return prepared.status();
  if (prepared->empty()) co_return absl::OkStatus();
  co_return absl::UnavailableError("an XA transaction is prepared, and open");
}

// Ids go on behind all that there were.
Task<absl::Status> empty_changes(BackendLink& leader, std::string changes) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
  auto done = co_await leader.query("TRUNCATE TABLE " + changes, soon());
  if (!done.ok()) co_return done.status();
  done = co_await leader.query("ALTER TABLE " + changes + " AUTO_INCREMENT=" + std::to_string(now), soon());
  co_return done.status();
}

// All of them are looked through under the lock.
Task<absl::Status> few_changes(BackendLink& leader, std::string changes) {
  auto counted = co_await query_number(
      leader,
      "SELECT COUNT(*) FROM (SELECT 1 FROM " + changes + " LIMIT " + std::to_string(kFenceChangesMax + 1) + ") AS some",
      soon());
  if (!counted.ok()) co_return counted.status();
  if (*counted <= kFenceChangesMax) co_return absl::OkStatus();
  co_return absl::UnavailableError("more than " + std::to_string(kFenceChangesMax) + " changes wait to be applied");
}

// With both tables locked.
Task<absl::StatusOr<Anchor>> put_fence_locked(BackendLink& leader, ChangeSource& source, FenceOrder order) {
  Anchor anchor = order.anchor;
  const std::string changes = dualwrite::changes_table(order.schema);
  auto intents = co_await query_number(leader, "SELECT COUNT(*) FROM " + changes + " WHERE op='P'", soon());
  if (!intents.ok()) co_return intents.status();
  if (*intents != 0) {
    co_return absl::UnavailableError("a schema change is under way");
  }
  const absl::Status none = co_await no_prepared_transaction(leader);
  if (!none.ok()) co_return none;
  auto end = co_await ask_log_end(leader);
  if (!end.ok()) co_return end.status();
  FeedChange change{.phase = FeedChange::Phase::fenced, .next = {}, .fence = {}};
  if (order.next == FeedKind::trigger) {
    change.next = anchor.change->next;
    change.fence = *std::move(end);
    const absl::Status emptied = co_await empty_changes(leader, changes);
    if (!emptied.ok()) co_return emptied;
  } else {
    auto last = co_await query_number(leader, "SELECT COALESCE(MAX(id),0) FROM " + changes, soon());
    if (!last.ok()) co_return last.status();
    // A schema change in front of this end that no trigger told of is seen now, if it was not before.
    const absl::Status sure = co_await source.vouch(leader);
    if (!sure.ok()) co_return sure;
    change.next = *std::move(end);
    change.fence = {.file = std::string(dualwrite::kChangesPlace) + "0", .offset = *last};
  }
  anchor.change = std::move(change);
  auto written = co_await leader.query(dualwrite::update_anchor(order.schema, anchor), soon());
  if (!written.ok()) co_return written.status();
  co_return anchor;
}

Task<absl::Status> retire_once(const SourceSetting& setting, BackendLink& leader) {
  auto intents =
      co_await query_number(leader,
                            "SELECT COUNT(*) FROM " + dualwrite::changes_table(setting.schema) + " WHERE op='P' AND " +
                                dualwrite::every_change(setting.schema, leader.is_mariadb()),
                            soon());
  // Without the table nobody can have announced anything.
  if (absl::IsInternal(intents.status())) co_return intents.status();
  if (intents.ok() && *intents != 0) {
    CapturedDdl::Setting ddl{.reactor = setting.reactor,
                             .leader = setting.leader_options(),
                             .counters = setting.counters,
                             .schema = setting.schema};
    const absl::Status resumed = co_await CapturedDdl::resume_all(std::move(ddl));
    co_return resumed.ok() ? absl::UnavailableError("a schema change is under way") : resumed;
  }
  LeaderCapture capture(setting.schema);
  co_return co_await capture.retire(leader);
}

Task<absl::StatusOr<bool>> has_control_tables(BackendLink& leader, std::string schema) {
  auto there = co_await query_number(leader,
                                     "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=" +
                                         dualwrite::quote_text(schema) + " AND TABLE_NAME IN ('changes','captured')",
                                     soon());
  if (!there.ok()) co_return there.status();
  co_return *there != 0;
}

}  // namespace

FeedKind kind_of_place(const LogPosition& place) {
  return dualwrite::is_changes_place(place) ? FeedKind::trigger : FeedKind::log;
}

std::string_view name_of(const ChangeSource* source) {
  return name(source == nullptr ? FeedKind::undecided : source->kind());
}

std::unique_ptr<ChangeSource> make_source(FeedKind kind, SourceSetting setting) {
  if (kind == FeedKind::log) return std::make_unique<LogSource>(std::move(setting));
  return std::make_unique<TriggerSource>(std::move(setting));
}

Task<absl::Status> judge_next_source(SourceSetting setting, FeedKind kind) {
  auto link = co_await open_leader(setting);
  if (!link.ok()) co_return link.status();
  const std::unique_ptr<ChangeSource> source = make_source(kind, setting);
  auto identity = co_await source->judge(**link);
  if (!identity.ok()) co_return identity.status();
  co_return co_await source->try_out(**link);
}

std::shared_ptr<Preparation> Preparation::start(SourceSetting setting, FeedKind kind) {
  std::shared_ptr<Preparation> made(new Preparation(std::move(setting)));
  made->setting_.reactor.spawn(run(made, kind));
  return made;
}

Task<void> Preparation::run(std::shared_ptr<Preparation> self, FeedKind kind) {
  absl::Status carried_out = co_await self->carry_out(kind);
  self->outcome_ = std::move(carried_out);
}

Task<absl::Status> Preparation::carry_out(FeedKind kind) {
  auto link = co_await open_leader(setting_);
  if (!link.ok()) co_return link.status();
  const std::unique_ptr<ChangeSource> source = make_source(kind, setting_);
  auto identity = co_await source->judge(**link);
  if (!identity.ok()) co_return identity.status();
  const absl::Status prepared = co_await source->prepare(**link);
  if (!prepared.ok()) co_return prepared;
  auto broken = co_await source->look(**link);
  if (!broken.ok()) co_return broken.status();
  if (broken->empty()) co_return absl::OkStatus();
  const ChangeSource::Broken& first = broken->front();
  co_return absl::FailedPreconditionError("table " + first.table.schema + "." + first.table.table +
                                          " would stop: " + first.reason);
}

Task<absl::StatusOr<Anchor>> put_fence(BackendLink& leader, ChangeSource& source, FenceOrder order) {
  // Before anybody has to wait for it.
  const absl::Status short_enough = co_await few_changes(leader, dualwrite::changes_table(order.schema));
  if (!short_enough.ok()) co_return short_enough;
  const absl::Status sure = co_await source.vouch(leader);
  if (!sure.ok()) co_return sure;
  if (order.next == FeedKind::trigger) {
    // Of an earlier time when triggers told.
    auto emptied = co_await leader.query(dualwrite::delete_all_kept(order.schema), soon());
    if (!emptied.ok()) co_return emptied.status();
  }
  auto set = co_await leader.query("SET SESSION lock_wait_timeout=" + std::to_string(order.wait.count()), soon());
  if (!set.ok()) co_return set.status();
  const std::string control = dualwrite::quote_name(order.schema);
  auto locked = co_await leader.query("LOCK TABLES " + dualwrite::changes_table(order.schema) + " WRITE," + control +
                                          ".`anchor` WRITE," + control + ".`captured` READ",
                                      soon());
  absl::StatusOr<Anchor> fenced = absl::UnavailableError("a transaction is open");
  if (locked.ok()) {
    fenced = co_await put_fence_locked(leader, source, order);
    // While nobody can write behind the fence: what is committed there is told by the next source alone.
    if (fenced.ok()) source.end_at(fenced->change->fence);
    auto unlocked = co_await leader.query("UNLOCK TABLES", soon());
    if (!unlocked.ok()) co_return unlocked.status();
  } else if (!absl::IsUnavailable(locked.status())) {
    co_return locked.status();
  }
  auto reset = co_await leader.query("SET SESSION lock_wait_timeout=DEFAULT", soon());
  if (!reset.ok()) co_return reset.status();
  co_return fenced;
}

Task<void> retire_triggers(SourceSetting setting, std::shared_ptr<const bool> wanted) {
  bool waited = false;
  while (*wanted) {
    auto link = co_await open_leader(setting);
    absl::Status status = link.status();
    if (link.ok()) {
      auto there = co_await has_control_tables(**link, setting.schema);
      if (there.ok() && !*there) co_return;
      status = there.status();
    }
    if (!waited) {
      waited = true;
      if (link.ok()) (*link)->send_quit();
      co_await setting.reactor.sleep_for(kKnownByAll);
      continue;
    }
    if (status.ok()) status = co_await retire_once(setting, **link);
    if (status.ok()) {
      limited_log().info(LogKind::applier_state, "feed=log triggers=removed");
      co_return;
    }
    limited_log().warn(LogKind::applier_state, "feed=log triggers=\"not removed yet\" why=\"{}\"",
                       std::string(status.message()));
    co_await setting.reactor.sleep_for(kRetirePause);
  }
}

}  // namespace crossfade::proxy
