#include "proxy/control_links.h"

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
  if (!link_) return;
  if (kept_) {
    links_->side(link_->which()).idle.push_back(std::move(link_));
  } else {
    link_->send_quit();
  }
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
  auto place = co_await side(which).places.take(reactor_, deadline);
  if (!place.ok()) co_return place.status();
  auto link = co_await link_for(which, deadline);
  if (!link.ok()) co_return link.status();
  co_return Lease(*this, *std::move(place), *std::move(link));
}

}  // namespace crossfade::proxy
