#include "proxy/control_links.h"

#include <algorithm>

namespace crossfade::proxy {

ControlLinks::ControlLinks(std::function<LinkOptions(config::Backend)> options, Metrics& metrics)
    : options_(std::move(options)), counters_(metrics.make()), thread_([this] { reactor_.run(); }) {}

ControlLinks::~ControlLinks() { stop(); }

void ControlLinks::stop() {
  if (!thread_.joinable()) return;
  reactor_.stop();
  thread_.join();
}

ControlLinks::Lease::~Lease() {
  if (links_ == nullptr) return;
  const config::Backend which = link_->which();
  if (kept_) {
    links_->side(which).idle.push_back(std::move(link_));
  } else {
    link_->send_quit();
    link_.reset();
  }
  links_->give_place(which);
}

// The place goes to the next in line; it goes on at the loop's next turn, not inside of whoever has given it.
void ControlLinks::give_place(config::Backend which) {
  Side& here = side(which);
  if (here.waiting.empty()) {
    --here.taken;
    return;
  }
  std::shared_ptr<Waiter> next = std::move(here.waiting.front());
  here.waiting.pop_front();
  next->has_place = true;
  reactor_.post([next = std::move(next)] { next->turn.notify(); });
}

Task<absl::Status> ControlLinks::take_place(config::Backend which, TimePoint deadline) {
  Side& here = side(which);
  if (here.taken < kLinksMax) {
    ++here.taken;
    co_return absl::OkStatus();
  }
  auto self = std::make_shared<Waiter>(reactor_);
  here.waiting.push_back(self);
  co_await self->turn.wait(deadline);
  if (self->has_place) co_return absl::OkStatus();
  std::erase(here.waiting, self);
  co_return absl::DeadlineExceededError("the control connections are busy");
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> ControlLinks::link_for(config::Backend which, TimePoint deadline) {
  Side& here = side(which);
  while (!here.idle.empty()) {
    std::unique_ptr<BackendLink> link = std::move(here.idle.back());
    here.idle.pop_back();
    if (link->alive()) co_return std::move(link);
  }
  LinkOptions options = options_(which);
  options.statements = LinkOptions::Statements::multiple;
  auto opened = co_await BackendLink::open(reactor_, std::move(options), counters_, deadline);
  if (!opened.ok()) co_return opened.status();
  std::unique_ptr<BackendLink> link = *std::move(opened);
  auto fresh = co_await link->query("SET autocommit=1", deadline);
  if (!fresh.ok()) co_return fresh.status();
  co_return std::move(link);
}

Task<absl::StatusOr<ControlLinks::Lease>> ControlLinks::take(config::Backend which, TimePoint deadline) {
  const absl::Status placed = co_await take_place(which, deadline);
  if (!placed.ok()) co_return placed;
  auto link = co_await link_for(which, deadline);
  if (!link.ok()) {
    give_place(which);
    co_return link.status();
  }
  co_return Lease(*this, *std::move(link));
}

}  // namespace crossfade::proxy
