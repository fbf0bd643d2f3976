// A thread beside a reactor's, for work that takes long and waits for nothing that the reactor does.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "proxy/net/reactor.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// Does one thing after the other. While it does, the reactor still notices the moment at which bytes arrive. Bounded by
// its users, each of whom waits for what it asked for.
class SideThread {
 public:
  explicit SideThread(Reactor& reactor) : reactor_(reactor) {}
  ~SideThread() { stop(); }
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;
  void start();
  // Ends after the work under way; what has not begun is dropped, and who waits for it is never resumed.
  void stop();
  // On the reactor's thread: resumes when `work` has been done. What `work` refers to must live until then.
  Task<void> run(std::function<void()> work);

 private:
  void loop();

  Reactor& reactor_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopped_ = false;
};

}  // namespace crossfade::proxy
