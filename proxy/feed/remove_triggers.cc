#include "proxy/feed/remove_triggers.h"

#include "dualwrite/log_control.h"
#include "proxy/backend/link_options.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"
#include "proxy/net/reactor.h"
#include "proxy/users/credentials.h"

namespace crossfade::proxy {
namespace {

constexpr auto kAtMost = std::chrono::minutes(1);
constexpr auto kPause = std::chrono::milliseconds(500);

// A proxy that applies would miss what is written from then on. It is held until the connection ends.
Task<absl::Status> take_appliers_turn(BackendLink& leader, std::string schema) {
  auto got = co_await leader.ask_row("GET_LOCK(" + dualwrite::applier_lock(schema) + ",3)", 1, soon());
  if (!got.ok()) co_return got.status();
  if (first_number(*got) == 1) co_return absl::OkStatus();
  co_return absl::FailedPreconditionError(
      "a proxy applies what these triggers tell: stop every proxy of this migration first, or let it go on by the row "
      "log (crossfade feed switch log)");
}

Task<void> remove(Reactor& reactor, LinkOptions options, Counters& counters, std::string schema, absl::Status& out) {
  const TimePoint until = Clock::now() + kAtMost;
  auto opened = co_await BackendLink::open(reactor, std::move(options), counters, Clock::now() + kConnectMax);
  out = opened.status();
  if (opened.ok()) out = co_await take_appliers_turn(**opened, schema);
  if (opened.ok() && out.ok()) {
    LeaderCapture capture(std::move(schema));
    out = co_await capture.remove(**opened);
    while (absl::IsUnavailable(out) && (*opened)->alive() && Clock::now() < until) {
      co_await reactor.sleep_for(kPause);
      out = co_await capture.remove(**opened);
    }
  }
  if (opened.ok()) (*opened)->send_quit();
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
