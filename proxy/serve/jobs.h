// The long jobs of a proxy.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "proxy/migrate/backfill.h"
#include "proxy/migrate/repair.h"
#include "proxy/migrate/verify.h"

namespace crossfade::proxy {

struct Jobs {
  Jobs(const JobSetting& setting, RowFeed& feed, Metrics& metrics);
  std::array<JobRunner*, 3> all() { return {&backfill, &verify, &repair}; }
  void start();
  // Tables of the ledger are compared, and what differs is written anew, as long as nobody orders anything else.
  void repair_by_itself();
  void stop();

  Backfill backfill;
  Verify verify;
  Repair repair;
};

// As the admin server was sent it; may take a minute.
absl::StatusOr<std::string> order_job(JobRunner& runner, const nlohmann::json& json);

}  // namespace crossfade::proxy
