// The command line: `crossfade <verb>`.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "absl/status/status.h"
#include "config/config.h"
#include "proxy/migrate/load.h"
#include "proxy/migrate/preflight.h"

namespace crossfade::proxy {

struct CliContext {
  std::string version;
  std::ostream& out;
  std::ostream& err;
  std::function<int(const config::Config&)> serve;  // the verb `serve`, given a configuration without problems
  std::function<absl::Status(const config::Config&)> remove_triggers = nullptr;  // of the verb `remove-triggers`
  std::function<int(const config::Config&, const PreflightOrder&, std::ostream& out, std::ostream& err)> preflight =
      nullptr;  // of that verb; the exit code
  std::function<int(const config::Config&, const LoadOrder&, std::ostream& out, std::ostream& err)> load =
      nullptr;  // of that verb; the exit code
};

// Returns the exit code: 0 fine, 1 error; from the verbs that compare 4 for differences, 8 for what is not whole; from
// `preflight` and `migrate` 4 for blockers, too.
int run_cli(int argc, const char* const* argv, const CliContext& context);

}  // namespace crossfade::proxy
