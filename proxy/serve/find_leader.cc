#include "proxy/serve/find_leader.h"

#include <spdlog/spdlog.h>

#include <array>

#include "proxy/feed/leader_record.h"
#include "proxy/migrate/server_pair.h"

namespace crossfade::proxy {
namespace {

constexpr auto kOldAt = static_cast<std::size_t>(config::Backend::old_db);
constexpr auto kNewAt = static_cast<std::size_t>(config::Backend::new_db);

struct AskedForLeader {
  std::array<std::unique_ptr<BackendLink>, 2> links{};  // by config::Backend; null: it cannot be asked
  std::array<bool, 2> says_new{};
  int left = 2;
};

Task<void> ask_for_leader(VerbContext context, config::Backend which, AskedForLeader& all) {
  const auto at = static_cast<std::size_t>(which);
  const std::string schema = context.config.control.schema;
  auto opened = co_await open_control_link(context, which);
  if (opened.ok()) {
    all.links[at] = *std::move(opened);
    auto record = co_await read_leader(*all.links[at], schema);
    all.says_new[at] = record.ok() && record->new_leads;
  }
  if (--all.left > 0) co_return;
  if (all.says_new[kOldAt] && !all.says_new[kNewAt] && all.links[kNewAt]) {
    const absl::Status written = co_await write_new_leads(*all.links[kNewAt], schema);
    if (!written.ok()) spdlog::warn("leader=new noted_on_new=no why=\"{}\"", std::string(written.message()));
  }
  context.reactor.stop();
}

}  // namespace

config::Backend find_leader(const config::Config& config, const Credentials& credentials) {
  Metrics metrics;
  Reactor reactor;
  Counters& counters = metrics.make();
  AskedForLeader all;
  for (const auto which : {config::Backend::old_db, config::Backend::new_db}) {
    const VerbContext context{.reactor = reactor, .counters = counters, .config = config, .credentials = credentials};
    reactor.spawn(ask_for_leader(context, which, all));
  }
  reactor.run();
  if (!all.says_new[kOldAt] && !all.says_new[kNewAt]) return config::Backend::old_db;
  spdlog::info("leader=new");
  return config::Backend::new_db;
}

}  // namespace crossfade::proxy
