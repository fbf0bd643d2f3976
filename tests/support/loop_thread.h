// A reactor that runs on a thread of its own, and a way to wait for a task on it.
#pragma once

#include <functional>
#include <future>
#include <thread>

#include "proxy/net/reactor.h"

namespace crossfade::support {

class LoopThread {
 public:
  LoopThread() : thread_([this] { reactor.run(); }) {}
  ~LoopThread() {
    reactor.stop();
    thread_.join();
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  // `make` is called on the loop's thread; gives what the task gives.
  template <typename T>
  T await(std::function<proxy::Task<T>()> make) {
    std::promise<T> promise;
    reactor.post([&] { reactor.spawn(deliver(make(), promise)); });
    return promise.get_future().get();
  }

  proxy::Reactor reactor;

 private:
  template <typename T>
  static proxy::Task<void> deliver(proxy::Task<T> task, std::promise<T>& promise) {
    T value = co_await std::move(task);
    promise.set_value(std::move(value));
  }

  std::thread thread_;
};

}  // namespace crossfade::support
