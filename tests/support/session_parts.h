// The parts of one session on a stack's worker, without the loop that reads commands: for tests of one part.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "proxy/session/conversation/conversation.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::support {

// User `app`, who has not logged in, at a socket of the test's. The parts belong to the worker's thread: a test comes
// to them by work that runs there.
class SessionParts {
 public:
  explicit SessionParts(ProxyStack& stack);
  ~SessionParts();
  SessionParts(const SessionParts&) = delete;
  SessionParts& operator=(const SessionParts&) = delete;

  // As after a login: the leader's connection is attached.
  void enter();
  void with(const std::function<void(proxy::Conversation&)>& work);
  // A task there, and what it gives.
  template <typename T>
  std::future<T> start(const std::function<proxy::Task<T>(proxy::Conversation&)>& make) {
    std::promise<T> promise;
    std::future<T> result = promise.get_future();
    with([&](proxy::Conversation& s) { s.site.reactor.spawn(deliver_result(make(s), std::move(promise))); });
    return result;
  }
  template <typename T>
  T await(const std::function<proxy::Task<T>(proxy::Conversation&)>& make) {
    return start<T>(make).get();
  }
  // The client's end; once.
  int take_client() { return std::exchange(client_, -1); }
  // No task of the worker's is left. Waits for it.
  bool no_task_left();

 private:
  ProxyStack& stack_;
  int client_ = -1;
  std::unique_ptr<proxy::Conversation> parts_;
};

}  // namespace crossfade::support
