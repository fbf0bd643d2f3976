// The verbs `crossfade backfill start|status|pause|resume|cancel`.
#pragma once

#include <string>
#include <vector>

#include "proxy/cli_job.h"

namespace crossfade::proxy {

// Lives as long as the command line is parsed and carried out.
class BackfillVerbs {
 public:
  BackfillVerbs(CLI::App& app, AdminOptions& admin);
  bool parsed() const;
  // The exit code: 0 done, or what was asked for; 1 an error, or a table that was not copied; 8 the copy is not whole.
  int run(const CliContext& context) const;

 private:
  void add_start(CLI::App& backfill);
  absl::StatusOr<nlohmann::json> start_options() const;
  int start(const CliContext& context) const;

  AdminOptions& admin_;
  JobVerb job_;
  CLI::App* start_ = nullptr;
  CLI::App* status_ = nullptr;
  JobControls controls_;
  JobFlags flags_;
  std::vector<std::string> where_;
  std::string subset_;
  bool replace_ = false, resume_ = false, defer_indexes_ = false, wait_ = false;
  double latency_growth_ = 0;
};

}  // namespace crossfade::proxy
