// The verb `crossfade load`.
#pragma once

#include "CLI/CLI.hpp"
#include "proxy/migrate/load.h"

namespace crossfade::proxy {

// Its options, without --config, go into `order` as the command line is parsed.
void add_load_options(CLI::App& verb, LoadOrder& order);

}  // namespace crossfade::proxy
