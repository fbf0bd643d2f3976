// A question of a worker's to a backend, over the control connections.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "proxy/control_links.h"
#include "proxy/reply.h"

namespace crossfade::proxy {

// Runs on the thread of the links; whatever fails costs the connection.
template <typename T>
using ControlQuestion = std::function<Task<absl::StatusOr<T>>(BackendLink& link)>;

template <typename T>
Task<void> answer_question(ControlLinks& links, config::Backend which, TimePoint deadline, ControlQuestion<T> question,
                           std::shared_ptr<Reply<absl::StatusOr<T>>> reply) {
  auto link = co_await links.take(which, deadline);
  if (!link.ok()) {
    Reply<absl::StatusOr<T>>::give(std::move(reply), link.status());
    co_return;
  }
  absl::StatusOr<T> answer = co_await question(**link);
  if (answer.ok()) link->keep();
  Reply<absl::StatusOr<T>>::give(std::move(reply), std::move(answer));
}

// On the thread of `reactor`, which is not held up.
template <typename T>
Task<absl::StatusOr<T>> ask_control(ControlLinks& links, Reactor& reactor, config::Backend which, TimePoint deadline,
                                    ControlQuestion<T> question) {
  auto reply = std::make_shared<Reply<absl::StatusOr<T>>>(reactor);
  links.reactor().post([&links, which, deadline, question = std::move(question), reply] {
    links.reactor().spawn(answer_question<T>(links, which, deadline, question, reply));
  });
  auto answer = co_await reply->wait(deadline);
  if (!answer) co_return absl::DeadlineExceededError("the answer took too long");
  co_return *std::move(answer);
}

}  // namespace crossfade::proxy
