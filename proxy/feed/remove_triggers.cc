#include "proxy/feed/remove_triggers.h"

#include "proxy/backend/link_options.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/net/deadlines.h"
#include "proxy/net/reactor.h"
#include "proxy/users/credentials.h"

namespace crossfade::proxy {
namespace {

constexpr auto kAtMost = std::chrono::minutes(1);
constexpr auto kPause = std::chrono::milliseconds(500);

Task<void> remove(Reactor& reactor, LinkOptions options, Counters& counters, std::string schema, absl::Status& out) {
  const TimePoint until = Clock::now() + kAtMost;
  auto opened = co_await BackendLink::open(reactor, std::move(options), counters, Clock::now() + kConnectMax);
  out = opened.status();
  if (opened.ok()) {
    LeaderCapture capture(std::move(schema));
    out = co_await capture.remove(**opened);
    while (absl::IsUnavailable(out) && (*opened)->alive() && Clock::now() < until) {
      co_await reactor.sleep_for(kPause);
      out = co_await capture.remove(**opened);
    }
    (*opened)->send_quit();
  }
  reactor.stop();
}

}  // namespace

absl::Status remove_triggers(const config::Config& config) {
  auto credentials = read_credentials(config);
  if (!credentials.ok()) return credentials.status();
  constexpr config::Backend kLeader = config::Backend::old_db;
  const auto at = static_cast<std::size_t>(kLeader);
  LinkOptions options = link_options_of(config, kLeader, credentials->backend_tls[at], credentials->control[at]);
  options.compression = config::BackendCompression::none;
  Metrics metrics;
  Reactor reactor;
  absl::Status removed;
  reactor.spawn(remove(reactor, std::move(options), metrics.make(), config.control.schema, removed));
  reactor.run();
  return removed;
}

}  // namespace crossfade::proxy
