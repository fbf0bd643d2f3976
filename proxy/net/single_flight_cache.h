// Answers that are dear to ask for, kept for all threads: however many ask at once, one question is under way.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/net/reactor.h"
#include "proxy/net/reply.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// A *flight* is a question under way. Per key there is at most one; whoever needs its answer waits on its own reactor
// and is woken there. A value that grows old is asked for anew while it is still being served, a failure is kept for a
// moment so that it is not asked again by each that waits, and an old value is better than a failure where `usable_for`
// says so. Any thread; the cache must outlive its flights.
template <typename Key, typename Value>
class SingleFlightCache {
 public:
  using Duration = Clock::duration;
  // Counted from a flight's landing.
  struct Lifetimes {
    Duration refresh_after{};  // from then on the value is served, and asked for anew
    Duration fresh_for{};      // from then on the new answer is waited for
    Duration usable_for{};     // until then the old value is served when that fails, or takes longer than `patience`
    Duration patience{};       // and longer than half the time that is left
    Duration failure_for{};    // for so long nobody asks again
    std::size_t entries_max = 1000;
  };
  struct Landed {
    absl::StatusOr<Value> value;
    // Instead of the lifetimes' own, of what may be otherwise at any moment.
    std::optional<Duration> fresh_for;
  };
  using Land = std::function<void(Landed)>;
  // Sets a flight off, without waiting for it; `land` is called once, on any thread, be it at once.
  using Launch = std::function<void(const Key& key, Land land)>;
  using Now = std::function<TimePoint()>;

  SingleFlightCache(Lifetimes lifetimes, Launch launch, Now now = Clock::now)
      : lifetimes_(lifetimes), launch_(std::move(launch)), now_(std::move(now)) {}
  SingleFlightCache(const SingleFlightCache&) = delete;
  SingleFlightCache& operator=(const SingleFlightCache&) = delete;

  // On the thread of `reactor`.
  Task<absl::StatusOr<Value>> get(Reactor& reactor, Key key, TimePoint deadline) {
    Turn turn = take_turn(key, reactor);
    if (turn.launch) launch(key);
    if (turn.at_once) co_return *std::move(turn.at_once);
    TimePoint until = deadline;
    if (turn.old) {
      const TimePoint now = Clock::now();
      until = std::min(deadline, now + std::min(lifetimes_.patience, (deadline - now) / 2));
    }
    std::optional<Answer> answer = co_await turn.wait->wait(until);
    if (!answer) leave(key, turn.wait.get());
    if (answer && answer->ok()) co_return *std::move(answer);
    if (turn.old) co_return *std::move(turn.old);
    if (answer) co_return answer->status();
    co_return absl::DeadlineExceededError("the answer took too long");
  }

  // At once: nullopt when there is no fresh value; then it is asked for.
  std::optional<Value> known(const Key& key) {
    bool must_launch = false;
    std::optional<Value> value;
    {
      const std::lock_guard lock(mutex_);
      const TimePoint now = now_();
      Entry& entry = entry_of(key);
      if (entry.value && now < entry.fresh_until) value = entry.value;
      must_launch = (!value || now >= entry.refresh_at) && entry.take_off(now);
    }
    if (must_launch) launch(key);
    return value;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  using Answer = absl::StatusOr<Value>;
  struct Entry {
    std::optional<Value> value;
    TimePoint refresh_at;
    TimePoint fresh_until;
    TimePoint usable_until;
    absl::Status failure;
    TimePoint failed_until;
    bool flying = false;
    std::vector<std::shared_ptr<Reply<Answer>>> waiting;

    // False: there is a flight, or the last one has just failed.
    bool take_off(TimePoint now) { return !flying && now >= failed_until && (flying = true); }
  };
  struct Turn {
    std::optional<Answer> at_once;
    std::optional<Value> old;
    std::shared_ptr<Reply<Answer>> wait;
    bool launch = false;
  };

  Turn take_turn(const Key& key, Reactor& reactor) {
    const std::lock_guard lock(mutex_);
    const TimePoint now = now_();
    Entry& entry = entry_of(key);
    Turn turn;
    if (entry.value && now < entry.fresh_until) {
      turn.at_once = Answer(*entry.value);
      turn.launch = now >= entry.refresh_at && entry.take_off(now);
      return turn;
    }
    if (entry.value && now < entry.usable_until) turn.old = entry.value;
    turn.launch = entry.take_off(now);
    if (!entry.flying) {
      turn.at_once = turn.old ? Answer(*turn.old) : Answer(entry.failure);
      return turn;
    }
    turn.wait = std::make_shared<Reply<Answer>>(reactor);
    entry.waiting.push_back(turn.wait);
    return turn;
  }

  void launch(const Key& key) {
    launch_(key, [this, key](Landed landed) { land(key, std::move(landed)); });
  }

  void land(const Key& key, Landed landed) {
    std::vector<std::shared_ptr<Reply<Answer>>> served;
    {
      const std::lock_guard lock(mutex_);
      const TimePoint now = now_();
      Entry& entry = entries_[key];
      entry.flying = false;
      served.swap(entry.waiting);
      const Duration fresh_for = landed.fresh_for.value_or(lifetimes_.fresh_for);
      if (!landed.value.ok()) {
        entry.failure = landed.value.status();
        entry.failed_until = now + lifetimes_.failure_for;
      } else {
        entry.value = *landed.value;
        entry.refresh_at = now + std::min(lifetimes_.refresh_after, fresh_for);
        entry.fresh_until = now + fresh_for;
        entry.usable_until = now + std::max(lifetimes_.usable_for, fresh_for);
      }
    }
    for (auto& waiter : served) Reply<Answer>::give(std::move(waiter), landed.value);
  }

  void leave(const Key& key, const Reply<Answer>* reply) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    std::erase_if(found->second.waiting, [reply](const auto& waiter) { return waiter.get() == reply; });
  }

  // Makes room for a new one, of what no longer serves first.
  Entry& entry_of(const Key& key) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) return found->second;
    if (entries_.size() >= lifetimes_.entries_max) {
      const TimePoint now = now_();
      std::erase_if(entries_, [now](const auto& entry) {
        return !entry.second.flying && entry.second.usable_until <= now && entry.second.failed_until <= now;
      });
    }
    if (entries_.size() >= lifetimes_.entries_max) {
      std::erase_if(entries_, [](const auto& entry) { return !entry.second.flying; });
    }
    return entries_[key];
  }

  const Lifetimes lifetimes_;
  const Launch launch_;
  const Now now_;
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
};

}  // namespace crossfade::proxy
