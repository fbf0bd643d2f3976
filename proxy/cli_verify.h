// The verbs `crossfade verify start|status|pause|resume|cancel` and `crossfade repair [status|pause|resume|cancel]`.
#pragma once

#include <string>

#include "proxy/cli_job.h"

namespace crossfade::proxy {

// Lives as long as the command line is parsed and carried out.
class VerifyVerbs {
 public:
  VerifyVerbs(CLI::App& app, AdminOptions& admin);
  bool parsed() const;
  // The exit code: 0 no row differs, or what was asked for; 4 rows differ; 8 not all was compared; 1 an error.
  int run(const CliContext& context) const;

 private:
  void add_start(CLI::App& verify);
  void add_looks();
  void add_rounds();
  int start(const CliContext& context) const;
  absl::StatusOr<nlohmann::json> options() const;

  AdminOptions& admin_;
  JobVerb job_;
  CLI::Option* full_ = nullptr;
  CLI::App* start_ = nullptr;
  CLI::App* status_ = nullptr;
  JobControls controls_;
  JobFlags flags_;
  struct Given {
    std::string sample, by, since, pause, busy;
    bool show_values = false, aggregates = false, lengths = false, foreign_keys = false, continuous = false,
         full = false;
  };
  Given given_;
  bool wait_ = false;
};

class RepairVerb {
 public:
  RepairVerb(CLI::App& app, AdminOptions& admin);
  bool parsed() const { return repair_->parsed(); }
  // The exit code: 0 the rows are as on the leader; 1 an error, or rows that could not be repaired; 8 not whole.
  int run(const CliContext& context) const;

 private:
  int dry_run(nlohmann::json options, const CliContext& context) const;
  int compare_ledger(const CliContext& context) const;

  AdminOptions& admin_;
  JobVerb job_;
  CLI::App* repair_ = nullptr;
  CLI::App* status_ = nullptr;
  JobControls controls_;
  JobFlags flags_;
  std::string from_ = "verify";
  bool dry_run_ = false, print_ = false;
};

}  // namespace crossfade::proxy
