// So many at a time; the others wait in line.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/statusor.h"
#include "proxy/net/reactor.h"
#include "proxy/net/reply.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// Any thread; first come, first served, over all of them. It must outlive its places.
//   places taken <= places_max
class Places {
 public:
  explicit Places(std::size_t places_max) : places_max_(places_max) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  // Given back, to the next in line, at its end; a default one is none.
  class Place {
   public:
    Place() = default;
    ~Place() {
      if (places_ != nullptr) places_->give_back();
    }
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(places_, other.places_);
      return *this;
    }

   private:
    friend class Places;
    explicit Place(Places* places) : places_(places) {}
    Places* places_ = nullptr;
  };
  // On the thread of `reactor`. DeadlineExceeded: the line was too long.
  Task<absl::StatusOr<Place>> take(Reactor& reactor, TimePoint deadline);

 private:
  struct Turn {};
  struct Waiter {
    explicit Waiter(Reactor& reactor) : reply(std::make_shared<Reply<Turn>>(reactor)) {}
    std::shared_ptr<Reply<Turn>> reply;
    bool has_place = false;  // under the mutex
  };
  // nullptr: there is a place, and it is taken.
  std::shared_ptr<Waiter> take_or_queue(Reactor& reactor);
  // False: it has none, and waits no longer.
  bool has_place_in_the_end(const std::shared_ptr<Waiter>& waiter);
  void give_back();

  const std::size_t places_max_;
  std::mutex mutex_;  // guards all below
  std::size_t taken_ = 0;
  std::deque<std::shared_ptr<Waiter>> line_;
};

}  // namespace crossfade::proxy
