// What a change of the leader does on the servers.

#include <spdlog/spdlog.h>

#include <future>

#include "dualwrite/leader_record.h"
#include "proxy/feed/leader_record.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"
#include "proxy/serve/leader_switch.h"

namespace crossfade::proxy {
namespace {

using config::Backend;

constexpr auto kWatchPause = std::chrono::seconds(2);
constexpr auto kChangeMax = std::chrono::seconds(60);  // then anybody undoes it
constexpr auto kDrainMax = std::chrono::seconds(20);
constexpr auto kDrainLook = std::chrono::milliseconds(20);
constexpr auto kProbeMax = std::chrono::seconds(40);

// Statements that somebody's transaction or lock holds up are given up soon.
constexpr std::string_view kBounded = "SET SESSION lock_wait_timeout=5,innodb_lock_wait_timeout=5";

Task<void> keep_status(Task<absl::Status> task, std::shared_ptr<std::promise<absl::Status>> out) {
  absl::Status status = co_await std::move(task);
  out->set_value(std::move(status));
}

}  // namespace

absl::Status LeaderSwitch::wait_for_probe() {
  auto answer = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answered = answer->get_future();
  Reactor& control = setting_.shared.control_links.reactor();
  control.post([this, &control, answer] { control.spawn(keep_status(probe(), answer)); });
  if (answered.wait_for(kProbeMax) == std::future_status::ready) return answered.get();
  return absl::UnavailableError("the servers did not answer in time");
}

// Whatever a change will need, before anybody is made to wait for it.
Task<absl::Status> LeaderSwitch::probe() {
  const std::string schema = setting_.shared.config.control.schema;
  for (const Backend which : {Backend::old_db, Backend::new_db}) {
    auto lease = co_await setting_.shared.control_links.take(which, soon());
    if (!lease.ok()) co_return lease.status();
    BackendLink& link = **lease;
    const std::string who = "'" + std::string(config::name(which)) + "'";
    auto read_only = co_await link.ask_row("@@GLOBAL.read_only", 1, soon());
    if (!read_only.ok()) co_return read_only.status();
    if (first_number(*read_only) != 0) co_return absl::FailedPreconditionError(who + " is read-only");
    const absl::Status made = co_await make_leader_table(link, schema);
    if (!made.ok()) co_return made;
    if (which == Backend::new_db) continue;
    auto may = co_await link.query("SET GLOBAL read_only=0", soon());
    if (!may.ok()) {
      co_return absl::FailedPreconditionError(
          "the control account may not make 'old' read-only: grant it " +
          std::string(link.is_mariadb() ? "READ_ONLY ADMIN" : "SYSTEM_VARIABLES_ADMIN and CONNECTION_ADMIN") +
          " there (" + std::string(may.status().message()) + ")");
    }
    auto prepared = co_await link.query("XA RECOVER", soon());
    if (!prepared.ok()) {
      co_return absl::FailedPreconditionError(
          "the control account may not see prepared XA transactions of 'old': grant "
          "it XA_RECOVER_ADMIN there (" +
          std::string(prepared.status().message()) + ")");
    }
  }
  co_return absl::OkStatus();
}

Task<void> LeaderSwitch::carry_out(std::string who) {
  const absl::Status changed = co_await try_change(who);
  if (!changed.ok() && !absl::IsAborted(changed)) {
    thaw(State::changing, std::string(changed.message()));
    co_return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (changed.ok()) freeze_.state = State::changed;
    freeze_.why = std::string(changed.message());
  }
  spdlog::warn("leader={} beginning=anew why=\"{}\"", changed.ok() ? "new" : "unknown", std::string(changed.message()));
  setting_.begin_anew();
}

// Aborted: it may have been decided; who begins anew will see. Other failures: it was not, and is undone.
Task<absl::Status> LeaderSwitch::try_change(std::string who) {
  const std::string schema = setting_.shared.config.control.schema;
  auto lease = co_await setting_.shared.control_links.take(Backend::old_db, soon());
  if (!lease.ok()) co_return lease.status();
  BackendLink& old = **lease;
  auto bounded = co_await old.query(std::string(kBounded), soon());
  if (!bounded.ok()) co_return bounded.status();
  auto locked = co_await old.ask_row(dualwrite::lock_leader_change(schema), 1, soon());
  if (!locked.ok()) co_return locked.status();
  if (first_number(*locked) != 1) co_return absl::FailedPreconditionError("another proxy is changing the leader");
  auto claimed = co_await old.query(dualwrite::claim_leader_change(schema, who, kChangeMax), soon());
  if (!claimed.ok()) co_return claimed.status();
  auto record = co_await read_leader(old, schema);
  if (!record.ok()) co_return record.status();
  if (record->changing != who) co_return absl::FailedPreconditionError("another proxy changes the leader, or has just");
  absl::Status passed = co_await close_old(old);
  if (passed.ok()) {
    auto decided = co_await old.query(dualwrite::decide_new_leads(schema, who), soon());
    if (decided.ok()) record = co_await read_leader(old, schema);
    passed = decided.ok() ? record.status() : decided.status();
    if (!passed.ok() && !absl::IsFailedPrecondition(passed)) {
      co_return absl::AbortedError("it is not known whether 'new' leads: " + std::string(passed.message()));
    }
    if (passed.ok() && record->new_leads) {
      const absl::Status noted = co_await note_on_new();
      if (!noted.ok()) spdlog::warn("leader=new noted_on_new=no why=\"{}\"", std::string(noted.message()));
      co_return absl::OkStatus();
    }
    if (passed.ok()) passed = absl::FailedPreconditionError("it took too long");
  }
  const absl::Status undone = co_await undo(old, dualwrite::give_up_leader_change(schema, who));
  if (!undone.ok()) {  // its connection is gone, and watch() will find that
    passed = absl::UnavailableError(std::string(passed.message()) + "; 'old' is made writable again soon (" +
                                    std::string(undone.message()) + ")");
  }
  co_return passed;
}

// From here on `old` takes writes of nobody but accounts that may write to a read-only server.
Task<absl::Status> LeaderSwitch::close_old(BackendLink& old) {
  auto closed = co_await old.query("SET GLOBAL read_only=1", soon());
  if (!closed.ok()) co_return closed.status();
  auto prepared = co_await old.query("XA RECOVER", soon());
  if (!prepared.ok()) co_return prepared.status();
  if (!prepared->front().rows.empty()) {
    co_return absl::FailedPreconditionError(
        "'old' has prepared XA transactions (XA RECOVER): commit or roll them back");
  }
  const absl::Status drained = co_await drain();
  if (!drained.ok()) co_return drained;
  const std::string why = migrate::why_not_to_switch(facts());
  co_return why.empty() ? absl::OkStatus() : absl::FailedPreconditionError(why);
}

// Until the follower has all that is committed by now.
Task<absl::Status> LeaderSwitch::drain() {
  FeedSwitch& feed = setting_.shared.feed;
  const TimePoint begun = Clock::now();
  for (;;) {
    feed.look_soon();
    if (feed.synced_through() >= begun && feed.status().caught_up) co_return absl::OkStatus();
    if (Clock::now() > begun + kDrainMax) co_return absl::DeadlineExceededError("'new' does not catch up");
    co_await setting_.shared.control_links.reactor().sleep_for(kDrainLook);
  }
}

// Writable first: who finds the row knows that there is something to undo.
Task<absl::Status> LeaderSwitch::undo(BackendLink& old, std::string sql) {
  auto opened = co_await old.query("SET GLOBAL read_only=0", soon());
  if (!opened.ok()) co_return opened.status();
  auto given_up = co_await old.query(std::move(sql), soon());
  co_return given_up.status();
}

Task<absl::Status> LeaderSwitch::note_on_new() {
  auto lease = co_await setting_.shared.control_links.take(Backend::new_db, soon());
  if (!lease.ok()) co_return lease.status();
  co_return co_await write_new_leads(**lease, setting_.shared.config.control.schema);
}

// What other processes have decided, or have left behind.
Task<void> LeaderSwitch::watch() {
  Reactor& control = setting_.shared.control_links.reactor();
  for (;;) {
    const absl::Status looked = co_await look();
    if (absl::IsAborted(looked)) {
      spdlog::warn("leader=new beginning=anew");
      setting_.begin_anew();
      co_return;
    }
    co_await control.sleep_for(kWatchPause);
  }
}

// Aborted: `new` leads.
Task<absl::Status> LeaderSwitch::look() {
  const std::string schema = setting_.shared.config.control.schema;
  absl::StatusOr<dualwrite::LeaderRecord> record;
  {
    auto looking = co_await setting_.shared.control_links.take(Backend::old_db, soon());
    if (!looking.ok()) co_return looking.status();
    record = co_await read_leader(**looking, schema);
    if (!record.ok()) co_return record.status();
    looking->keep();
  }
  if (record->new_leads) co_return absl::AbortedError("");
  if (record->changing.empty()) co_return absl::OkStatus();
  auto lease = co_await setting_.shared.control_links.take(Backend::old_db, soon());
  if (!lease.ok()) co_return lease.status();
  auto locked = co_await (**lease).ask_row(dualwrite::lock_leader_change(schema), 1, soon());
  if (!locked.ok()) co_return locked.status();
  if (first_number(*locked) != 1 && !record->expired) co_return absl::OkStatus();
  spdlog::warn("leader_change=\"{}\" undone=now why=\"its process has ended, or its time is over\"", record->changing);
  co_return co_await undo(**lease, dualwrite::give_up_leader_change(schema, record->changing));
}

}  // namespace crossfade::proxy
