#include "proxy/session/login/greeted_link.h"

#include "proxy/counts/log_limit.h"
#include "proxy/shadow_run/shadow_pool.h"

namespace crossfade::proxy {

namespace {

Task<void> leave_in_good_order(std::unique_ptr<BackendLink> link, LinkOptions control, TimePoint deadline) {
  const absl::Status status = co_await link->log_in(std::move(control), deadline);
  if (status.ok()) {
    link->send_quit();
  } else {
    limited_log().warn(LogKind::unused_connection, "unused_connection=broken why=\"{}\"",
                       std::string(status.message()));
  }
}

}  // namespace

protocol::Nonce draw_nonce(std::mt19937_64& random) {
  protocol::Nonce nonce;
  std::uniform_int_distribution<int> byte(1, 127);  // as the servers: printable for old clients, never zero or '$'
  for (auto& value : nonce) {
    do {
      value = static_cast<std::uint8_t>(byte(random));
    } while (value == '$');
  }
  return nonce;
}

GreetedLink::~GreetedLink() {
  if (!link_) return;
  const config::Backend which = link_->which();
  LinkOptions control = worker_.shared.control_link_options(which);
  worker_.reactor.spawn(
      leave_in_good_order(std::move(link_), std::move(control),
                          worker_.reactor.now() + worker_.shared.config.backend(which).connect_timeout));
}

Task<absl::Status> GreetedLink::open(config::Backend which, protocol::ProxyHeader client,
                                     std::optional<Refusal>* refused) {
  const TimePoint deadline = worker_.reactor.now() + worker_.shared.config.backend(which).connect_timeout;
  for (int attempt = 1;; ++attempt) {
    LinkOptions where = worker_.shared.link_options(which, {});
    if (where.proxy_header) where.proxy_header = client;
    auto link = co_await BackendLink::greet(worker_.reactor, std::move(where), worker_.counters, deadline, refused);
    if (link.ok()) {
      link_ = *std::move(link);
      co_return absl::OkStatus();
    }
    const bool full = *refused && is_want_of_connections((*refused)->err);
    const bool made_room = full && (worker_.shared.make_room(which) || attempt > 1);
    if (!made_room || attempt == kAttemptsForRoom) co_return link.status();
    refused->reset();
    co_await worker_.reactor.sleep_for(kWaitForRoom);
  }
}

}  // namespace crossfade::proxy
