// One thread's event loop: epoll, timers, work posted from other threads.
//
// Level-triggered, and a descriptor stays armed while its session is elsewhere: a query costs no
// epoll_ctl and no failed read (docs/adr/0002). Only when a descriptor turns readable with nobody
// waiting is it disarmed, and armed again by the next wait.
#pragma once

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "proxy/net/clock.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

enum class WaitResult : std::uint8_t { ready, timed_out, cancelled };

class Reactor;

// A file descriptor registered with a reactor; owns and closes it. At most one waiter a direction.
// Deadlines are kept to within 100 ms: nothing is armed or disarmed for them.
class Descriptor {
 public:
  Descriptor(Reactor& reactor, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  enum class Direction : std::uint8_t { read, write };
  class Wait {
   public:
    Wait(Descriptor& descriptor, Direction direction, TimePoint deadline)
        : descriptor_(descriptor), direction_(direction), deadline_(deadline) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle);
    WaitResult await_resume() const noexcept { return result_; }

   private:
    friend class Descriptor;
    friend class Reactor;
    Descriptor& descriptor_;
    Direction direction_;
    TimePoint deadline_;
    std::coroutine_handle<> handle_;
    WaitResult result_ = WaitResult::ready;
  };
  Wait readable(TimePoint deadline) { return {*this, Direction::read, deadline}; }
  Wait writable(TimePoint deadline) { return {*this, Direction::write, deadline}; }

  // Resumes whoever waits to read, with `cancelled`, on the next turn of the loop.
  void cancel_read();
  // Something arrived, or the peer left, while nobody was waiting to read.
  bool stirred() const { return stirred_; }
  TimePoint stirred_at() const { return stirred_at_; }
  int fd() const { return fd_; }
  Reactor& reactor() { return reactor_; }

 private:
  friend class Reactor;
  void on_events(std::uint32_t events);
  void update(std::uint32_t wanted);
  void wake(Wait*& wait, WaitResult result);

  Reactor& reactor_;
  int fd_;
  std::uint32_t armed_ = 0;
  bool registered_ = false;
  bool hung_up_ = false;
  bool stirred_ = false;
  TimePoint stirred_at_{};
  Wait* reader_ = nullptr;
  Wait* writer_ = nullptr;
  Descriptor* next_ = nullptr;  // all of the reactor's, for deadlines
  Descriptor* previous_ = nullptr;
};

class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Until stop(). Tasks that have not ended by then are never resumed.
  void run();
  void stop();                            // any thread
  void post(std::function<void()> work);  // any thread; runs on the loop's
  // One turn of the loop, which waits at most so long for something to do. Whether it had anything to do.
  bool turn(std::chrono::milliseconds wait_max);
  // When it will have to do what nothing comes for from outside.
  TimePoint next_due() const { return timers_.empty() ? next_check_ : std::min(next_check_, timers_.begin()->first); }
  // Starts a task that nobody awaits. The only place where tasks are let go: they log their own
  // failures and their number is known.
  void spawn(Task<void> task);
  std::size_t spawned() const { return spawned_; }

  // When this turn's wait ended: whoever reads it asks no clock. The loop asks one before its wait and behind it.
  TimePoint now() const { return now_; }

  class Sleep {
   public:
    Sleep(Reactor& reactor, TimePoint until) : reactor_(reactor), until_(until) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle);
    void await_resume() const noexcept {}

   private:
    Reactor& reactor_;
    TimePoint until_;
  };
  Sleep sleep_for(std::chrono::milliseconds duration) { return {*this, Clock::now() + duration}; }

 private:
  friend class Descriptor;
  friend class Signal;
  using Timers = std::multimap<TimePoint, std::coroutine_handle<>>;
  void check_deadlines();
  void run_posted();

  int epoll_ = -1;
  int wake_ = -1;
  TimePoint now_;
  TimePoint next_check_;
  Timers timers_;
  Descriptor* descriptors_ = nullptr;
  std::vector<Descriptor*> dead_;  // destroyed during this turn: their events are void
  std::size_t spawned_ = 0;
  bool stopped_ = false;
  std::mutex mutex_;  // guards posted_ and the next flag
  std::vector<std::function<void()>> posted_;
  bool woken_ = false;
};

// One coroutine waits, others of the same thread notify. Sticky until waited for.
class Signal {
 public:
  explicit Signal(Reactor& reactor) : reactor_(reactor) {}
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  void notify();

  class Wait {
   public:
    Wait(Signal& signal, TimePoint deadline) : signal_(signal), deadline_(deadline) {}
    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> handle);
    // false: the deadline passed.
    bool await_resume() noexcept;

   private:
    Signal& signal_;
    TimePoint deadline_;
  };
  Wait wait(TimePoint deadline) { return {*this, deadline}; }

 private:
  friend class Wait;
  Reactor& reactor_;
  bool notified_ = false;
  std::coroutine_handle<> waiter_;
  Reactor::Timers::iterator timer_;
};

}  // namespace crossfade::proxy
