#include "proxy/net/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace crossfade::proxy {
namespace {
constexpr auto kCheckInterval = std::chrono::milliseconds(100);
constexpr int kEventsPerTurn = 256;
}  // namespace

Descriptor::Descriptor(Reactor& reactor, int fd) : reactor_(reactor), fd_(fd), next_(reactor.descriptors_) {
  if (next_ != nullptr) next_->previous_ = this;
  reactor.descriptors_ = this;
}

Descriptor::~Descriptor() {
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : reactor_.descriptors_) = next_;
  reactor_.dead_.push_back(this);
  if (registered_) epoll_ctl(reactor_.epoll_, EPOLL_CTL_DEL, fd_, nullptr);
  close(fd_);
}

void Descriptor::update(std::uint32_t wanted) {
  if (registered_ && wanted == armed_) return;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = this;
  epoll_ctl(reactor_.epoll_, registered_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd_, &event);
  registered_ = true;
  armed_ = wanted;
}

bool Descriptor::Wait::await_suspend(std::coroutine_handle<> handle) {
  Descriptor& d = descriptor_;
  if (d.hung_up_) return false;  // the read or write itself will say so
  handle_ = handle;
  (direction_ == Direction::read ? d.reader_ : d.writer_) = this;
  if (direction_ == Direction::read) d.stirred_ = false;
  // Who connects will read, too: a peer that answers faster than anybody waits for it, and leaves, is noticed then.
  const bool connects = direction_ == Direction::write && !d.registered_;
  const std::uint32_t wanted = static_cast<std::uint32_t>(connects                        ? EPOLLIN | EPOLLOUT
                                                          : direction_ == Direction::read ? EPOLLIN
                                                                                          : EPOLLOUT);
  if ((d.armed_ & wanted) != wanted) d.update(d.armed_ | wanted);
  return true;
}

void Descriptor::wake(Wait*& slot, WaitResult result) {
  Wait* wait = slot;
  slot = nullptr;
  wait->result_ = result;
  wait->handle_.resume();  // may destroy this descriptor
}

void Descriptor::on_events(std::uint32_t events) {
  const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  const bool can_read = (events & EPOLLIN) != 0 || broken;
  const bool can_write = (events & EPOLLOUT) != 0 || broken;
  std::uint32_t wanted = armed_;
  if (can_write && writer_ == nullptr) wanted &= ~static_cast<std::uint32_t>(EPOLLOUT);
  if (can_read && reader_ == nullptr) {
    stirred_ = true;
    stirred_at_ = reactor_.now();
    wanted &= ~static_cast<std::uint32_t>(EPOLLIN);
  }
  if (broken && reader_ == nullptr && writer_ == nullptr) {
    // Cannot be disarmed otherwise: epoll always reports a hang-up.
    hung_up_ = true;
    epoll_ctl(reactor_.epoll_, EPOLL_CTL_DEL, fd_, nullptr);
    registered_ = false;
    armed_ = 0;
    return;
  }
  update(wanted);
  // Waking one may destroy this: the other direction is reported again on the next turn.
  if (can_write && writer_ != nullptr) {
    wake(writer_, WaitResult::ready);
  } else if (can_read && reader_ != nullptr) {
    wake(reader_, WaitResult::ready);
  }
}

void Descriptor::cancel_read() {
  if (reader_ == nullptr) return;
  Wait* const reader = reader_;
  reactor_.post([this, &reactor = reactor_, reader] {
    for (Descriptor* d = reactor.descriptors_; d != nullptr; d = d->next_) {
      if (d == this && reader_ == reader) {
        wake(reader_, WaitResult::cancelled);
        return;
      }
    }
  });
}

Reactor::Reactor()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), now_(Clock::now()) {
  if (epoll_ < 0 || wake_ < 0) std::abort();  // no descriptors at start: nothing can work
  next_check_ = now_ + kCheckInterval;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
}

Reactor::~Reactor() {
  close(wake_);
  close(epoll_);
}

void Reactor::post(std::function<void()> work) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
    first = !std::exchange(woken_, true);
  }
  if (first) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
  }
}

void Reactor::stop() {
  post([this] { stopped_ = true; });
}

void Reactor::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_, &count, sizeof count);
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
    woken_ = false;
  }
  for (auto& item : work) item();
}

void Reactor::run() {
  while (!stopped_) turn(kCheckInterval);
}

bool Reactor::turn(std::chrono::milliseconds wait_max) {
  std::array<epoll_event, kEventsPerTurn> events;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_due() - Clock::now()).count();
  const int count = epoll_wait(epoll_, events.data(), kEventsPerTurn,
                               static_cast<int>(std::clamp<std::int64_t>(wait, 0, wait_max.count())));
  now_ = Clock::now();
  dead_.clear();
  bool posted = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto* descriptor = static_cast<Descriptor*>(event.data.ptr);
    if (descriptor == nullptr) {
      posted = true;
    } else if (dead_.empty() || std::find(dead_.begin(), dead_.end(), descriptor) == dead_.end()) {
      descriptor->on_events(event.events);
    }
  }
  if (posted) run_posted();
  bool active = count > 0;
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    const auto handle = timers_.begin()->second;
    timers_.erase(timers_.begin());
    handle.resume();
    active = true;
  }
  if (now_ >= next_check_) check_deadlines();
  return active;
}

void Reactor::check_deadlines() {
  next_check_ = now_ + kCheckInterval;
  // Waking one may destroy others: collect first, then look each up again.
  std::vector<Descriptor*> late;
  for (Descriptor* d = descriptors_; d != nullptr; d = d->next_) {
    if ((d->reader_ != nullptr && d->reader_->deadline_ <= now_) ||
        (d->writer_ != nullptr && d->writer_->deadline_ <= now_)) {
      late.push_back(d);
    }
  }
  dead_.clear();
  for (Descriptor* d : late) {
    if (std::find(dead_.begin(), dead_.end(), d) != dead_.end()) continue;
    if (d->reader_ != nullptr && d->reader_->deadline_ <= now_) {
      d->wake(d->reader_, WaitResult::timed_out);
    } else if (d->writer_ != nullptr && d->writer_->deadline_ <= now_) {
      d->wake(d->writer_, WaitResult::timed_out);
    }
  }
}

namespace {

// The coroutine that holds a spawned task until it ends, then frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };
};

Detached hold(Task<void> task, std::size_t& spawned) {
  ++spawned;
  co_await std::move(task);
  --spawned;
}

}  // namespace

void Reactor::spawn(Task<void> task) { hold(std::move(task), spawned_); }

void Reactor::Sleep::await_suspend(std::coroutine_handle<> handle) { reactor_.timers_.emplace(until_, handle); }

Signal::~Signal() {
  if (waiter_) reactor_.timers_.erase(timer_);
}

void Signal::notify() {
  notified_ = true;
  if (!waiter_) return;
  const auto handle = std::exchange(waiter_, nullptr);
  reactor_.timers_.erase(timer_);
  handle.resume();
}

bool Signal::Wait::await_ready() noexcept { return signal_.notified_; }

void Signal::Wait::await_suspend(std::coroutine_handle<> handle) {
  signal_.waiter_ = handle;
  signal_.timer_ = signal_.reactor_.timers_.emplace(deadline_, handle);
}

bool Signal::Wait::await_resume() noexcept {
  // Resumed by the timer: the loop has taken it out already.
  signal_.waiter_ = nullptr;
  return std::exchange(signal_.notified_, false);
}

}  // namespace crossfade::proxy
