// The verb `crossfade migrate --plan|--big-bang`.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/cli_job.h"

namespace crossfade::proxy {

// Lives as long as the command line is parsed and carried out.
class MigrateVerb {
 public:
  MigrateVerb(CLI::App& app, AdminOptions& admin);
  bool parsed() const { return migrate_->parsed(); }
  // The exit code: 0 what was asked for, and with --big-bang `new` leads; 1 an error; 4 blockers, or rows differ; 8 not
  // all was copied or compared.
  int run(const CliContext& context) const;

 private:
  int plan(const CliContext& context) const;
  int big_bang(const CliContext& context) const;

  AdminOptions& admin_;
  CLI::App* migrate_ = nullptr;
  JobFlags flags_;
  std::string hold_, freeze_timeout_;
  bool plan_ = false, big_bang_ = false, copied_ = false, replace_ = false, defer_indexes_ = false,
       objects_later_ = false;
};

}  // namespace crossfade::proxy
