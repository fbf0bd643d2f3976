#include "proxy/net/places.h"

namespace crossfade::proxy {

std::shared_ptr<Places::Waiter> Places::take_or_queue(Reactor& reactor) {
  const std::lock_guard lock(mutex_);
  if (taken_ < places_max_) {
    ++taken_;
    return nullptr;
  }
  return line_.emplace_back(std::make_shared<Waiter>(reactor));
}

bool Places::has_place_in_the_end(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  if (!waiter->has_place) std::erase(line_, waiter);
  return waiter->has_place;
}

Task<absl::StatusOr<Places::Place>> Places::take(Reactor& reactor, TimePoint deadline) {
  const std::shared_ptr<Waiter> waiter = take_or_queue(reactor);
  if (waiter) {
    co_await waiter->reply->wait(deadline);
    // The place may have come at the very moment at which the deadline passed: it must not be lost.
    if (!has_place_in_the_end(waiter)) co_return absl::DeadlineExceededError("waiting in line took too long");
  }
  co_return Place(this);
}

void Places::give_back() {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    if (line_.empty()) {
      --taken_;
      return;
    }
    next = std::move(line_.front());
    line_.pop_front();
    next->has_place = true;
  }
  Reply<Turn>::give(next->reply, Turn());
}

}  // namespace crossfade::proxy
