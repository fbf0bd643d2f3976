// Freezes the writes of all clients, for whoever asks and for as long as that one renews it, and makes `new` the
// leader.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/flags.h"
#include "migrate/big_bang.h"
#include "nlohmann/json.hpp"
#include "proxy/worker/worker.h"

namespace crossfade::proxy {

// While a freeze lasts the flags say freeze_writes (over()), in every worker: new writes wait (Worker::write_hold), and
// transactions that have begun under other flags end first (`closing`, then `closed`). It ends by itself when nobody
// renews it. A change of the leader (`changing`) makes `old` read-only, sees that the follower has everything, and is
// decided by one row there (dualwrite/leader_record.h); whatever fails before that is undone, by this process or, if
// it has ended, by any. Then the process begins anew: which leader a process has it learns as it begins.
//
// Invariant: `new` leads only once `old` has said that it does, and took no write of an ordinary account since before
// the follower was found to have everything.
class LeaderSwitch {
 public:
  struct Setting {
    Reactor& reactor;  // the main thread's
    Shared& shared;
    std::function<void()> flags_changed;  // by over(); any thread
    std::function<nlohmann::json()> backfill, verify;
    std::function<void()> begin_anew;  // any thread, at any time
  };
  explicit LeaderSwitch(Setting setting) : setting_(std::move(setting)) {}
  // Its coroutines, on reactors that may run already.
  void start();

  // Of the admin server; may take seconds. {"verb": "freeze|renew|switch|unfreeze", "options": {"holder": "..",
  // "lease_ms": 15000, "hold_ms": 30000, "why": ".."}}.
  absl::StatusOr<std::string> order(const nlohmann::json& order);
  nlohmann::json status() const;

  // Any thread.
  std::shared_ptr<const config::Flags> over(std::shared_ptr<const config::Flags> flags) const;
  std::chrono::milliseconds hold() const;

 private:
  enum class State : std::uint8_t { open, closing, closed, changing, changed };
  static std::string_view name(State state);
  struct Freeze {
    State state = State::open;
    std::string holder;
    std::string why;  // the last one has ended
    TimePoint until;  // unless it is renewed
    std::chrono::milliseconds hold{0};
    std::vector<OpenWrite> in_the_way;
    std::uint64_t verify_before = 0;
    std::uint64_t number = 0;
  };
  // Of a question to all workers: whose writes are open.
  struct Round {
    std::mutex mutex;
    std::vector<OpenWrite> open;
    std::size_t left = 0;
    std::uint64_t freeze = 0;
  };

  absl::StatusOr<std::string> freeze(const nlohmann::json& options);
  absl::StatusOr<std::string> change(const nlohmann::json& options);
  absl::Status fit_to_freeze() const;
  migrate::SwitchFacts facts() const;
  void thaw(State from, std::string why);
  Task<void> tend();
  void ask_workers(std::uint64_t number);
  void take(const Round& round);

  // leader_switch_sql.cc: on the thread of Shared::control_links.
  absl::Status wait_for_probe();
  Task<absl::Status> probe();
  Task<void> carry_out(std::string who);
  Task<absl::Status> try_change(std::string who);
  Task<absl::Status> close_old(BackendLink& old);
  Task<absl::Status> drain();
  Task<absl::Status> undo(BackendLink& old, std::string sql);
  Task<void> watch();
  Task<absl::Status> look();
  Task<absl::Status> note_on_new();

  const Setting setting_;
  mutable std::mutex mutex_;
  Freeze freeze_;  // guarded by mutex_
};

}  // namespace crossfade::proxy
