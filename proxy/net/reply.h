// A value that one thread gives to a coroutine of another's.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "proxy/net/reactor.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// Shared by the one who waits, on the reactor's thread, and the one who gives, on any. The reactor must live until it
// has been given or nobody is left who could; who stops waiting may simply let go.
template <typename T>
class Reply {
 public:
  explicit Reply(Reactor& reactor) : reactor_(reactor), arrived_(reactor) {}

  // At most once.
  static void give(std::shared_ptr<Reply> reply, T value) {
    Reactor& reactor = reply->reactor_;
    reactor.post([reply = std::move(reply), value = std::move(value)]() mutable {
      reply->value_.emplace(std::move(value));
      reply->arrived_.notify();
    });
  }

  // nullopt: the deadline passed.
  Task<std::optional<T>> wait(TimePoint deadline) {
    co_await arrived_.wait(deadline);
    co_return std::exchange(value_, std::nullopt);
  }

 private:
  Reactor& reactor_;
  Signal arrived_;
  std::optional<T> value_;
};

}  // namespace crossfade::proxy
