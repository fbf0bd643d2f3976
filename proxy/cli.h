// The command line: `crossfade <verb>`.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "absl/status/status.h"
#include "config/config.h"

namespace crossfade::proxy {

struct CliContext {
  std::string version;
  std::ostream& out;
  std::ostream& err;
  std::function<int(const config::Config&)> serve;  // the verb `serve`, given a configuration without problems
  std::function<absl::Status(const config::Config&)> remove_triggers = nullptr;  // of the verb `remove-triggers`
};

// Returns the exit code: 0 fine, 1 error, and from `report` 4 for differences, 8 for too few samples.
int run_cli(int argc, const char* const* argv, const CliContext& context);

}  // namespace crossfade::proxy
