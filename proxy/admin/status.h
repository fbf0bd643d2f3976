// What the admin server says of the whole proxy.
#pragma once

#include <functional>
#include <memory>

#include "config/config.h"
#include "config/flags.h"
#include "nlohmann/json.hpp"
#include "proxy/counts/metrics.h"
#include "proxy/migrate/backfill.h"
#include "proxy/migrate/repair.h"
#include "proxy/migrate/verify.h"
#include "proxy/settings/flags_watcher.h"
#include "proxy/worker/worker.h"

namespace crossfade::proxy {

struct StatusSources {
  const config::Config& config;
  Shared& shared;
  FlagsWatcher& flags;
  // The file may hold newer ones, which not every session goes by yet.
  std::function<std::shared_ptr<const config::Flags>()> flags_in_force;
  const Backfill& backfill;
  const Verify& verify;
  const Repair& repair;
  std::function<nlohmann::json()> leader_switch;  // who leads, and whether writes are frozen for a change of that
  TimePoint started;
};

// GET /status. Top-level fields: version of the flags, `caught_up`, `lag`, clients, backends, applier.
nlohmann::json status_json(const StatusSources& sources);
nlohmann::json flags_json(const config::Flags& flags);
Metrics::Gauges gauges(const StatusSources& sources);
// Serving: not draining, the leader reachable and set up, the follower tried once.
bool is_ready(const StatusSources& sources);

}  // namespace crossfade::proxy
