#include "proxy/backend/control_links.h"

namespace crossfade::proxy {

ControlLinks::ControlLinks(std::function<LinkOptions(config::Backend)> options, Metrics& metrics)
    : options_(std::move(options)), counters_(metrics.make()) {
  thread_.start(reactor_, "control");
}

ControlLinks::~ControlLinks() { stop(); }

void ControlLinks::stop() { thread_.stop(); }

ControlLinks::Lease::~Lease() {
  if (!link_) return;
  if (kept_) {
    links_->put_idle(std::move(link_));
  } else {
    link_->send_quit();
  }
}

void ControlLinks::put_idle(std::unique_ptr<BackendLink> link) {
  Side& here = side(link->which());
  here.idle.push_back(std::move(link));
  here.idle_count = here.idle.size();
}

std::unique_ptr<BackendLink> ControlLinks::take_idle(Side& here) {
  std::unique_ptr<BackendLink> link = std::move(here.idle.back());
  here.idle.pop_back();
  here.idle_count = here.idle.size();
  return link;
}

bool ControlLinks::give_up_idle(config::Backend which) {
  const bool any = side(which).idle_count > 0;  // before the other thread closes them
  reactor_.post([this, which] {
    Side& here = side(which);
    while (!here.idle.empty()) take_idle(here)->send_quit();
  });
  return any;
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> ControlLinks::link_for(config::Backend which, TimePoint deadline) {
  Side& here = side(which);
  while (!here.idle.empty()) {
    std::unique_ptr<BackendLink> link = take_idle(here);
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
  auto place = co_await side(which).places.take(reactor_, deadline);
  if (!place.ok()) co_return place.status();
  auto link = co_await link_for(which, deadline);
  if (!link.ok()) co_return link.status();
  co_return Lease(*this, *std::move(place), *std::move(link));
}

}  // namespace crossfade::proxy
