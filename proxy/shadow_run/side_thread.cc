#include "proxy/shadow_run/side_thread.h"

#include <memory>

namespace crossfade::proxy {

void SideThread::start() {
  thread_ = std::thread([this] { loop(); });
}

void SideThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Task<void> SideThread::run(std::function<void()> work) {
  constexpr auto kForever = std::chrono::hours(24 * 365);
  const auto done = std::make_shared<Signal>(reactor_);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back([this, done, work = std::move(work)] {
      work();
      reactor_.post([done] { done->notify(); });
    });
  }
  changed_.notify_one();
  co_await done->wait(Clock::now() + kForever);
}

void SideThread::loop() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
      if (stopped_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace crossfade::proxy
