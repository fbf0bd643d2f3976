// A reactor that runs on a thread of its own, and a way to wait for a task on it.
#pragma once

#include <functional>
#include <future>
#include <thread>

#include "proxy/net/reactor.h"

namespace crossfade::support {

template <typename T>
proxy::Task<void> deliver_result(proxy::Task<T> task, std::promise<T> promise) {
  T value = co_await std::move(task);
  promise.set_value(std::move(value));
}

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
    std::future<T> result = promise.get_future();
    reactor.post([&] { reactor.spawn(deliver_result(make(), std::move(promise))); });
    return result.get();
  }

  proxy::Reactor reactor;

 private:
  std::thread thread_;
};

}  // namespace crossfade::support
