// The verbs `crossfade backfill start|status|pause|resume|cancel`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proxy/cli.h"
#include "proxy/cli_admin.h"

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
  absl::StatusOr<nlohmann::json> start_order() const;
  int order(const std::string& verb, const CliContext& context) const;
  int watch(const CliContext& context) const;
  int show_once(const CliContext& context) const;

  AdminOptions& admin_;
  CLI::App* start_ = nullptr;
  CLI::App* status_ = nullptr;
  std::map<std::string, CLI::App*> others_;  // pause, resume, cancel
  std::vector<std::string> tables_, exclude_, where_;
  std::string subset_, chunk_time_, max_lag_;
  bool replace_ = false, resume_ = false, defer_indexes_ = false, wait_ = false, detach_ = false;
  std::uint64_t rows_per_second_ = 0, threads_running_ = 0, lock_waits_ = 0;
  double mb_per_second_ = 0, latency_growth_ = 0;
  std::uint32_t parallel_ = 0;
  double interval_ = 0;  // seconds between two lines; 0: as the output is
};

}  // namespace crossfade::proxy
