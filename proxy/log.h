// Where the log goes and what a line looks like. Code logs through spdlog's default logger; it never
// passes SQL literals, cell values or secrets.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "spdlog/formatter.h"
#include "spdlog/spdlog.h"

namespace crossfade::proxy {

// Sends the default logger to stderr: flushed at once from `warn` on, else every second.
//   text: time=2026-01-31T12:00:00.000Z level=info msg="client refused"
//   json: {"time":"2026-01-31T12:00:00.000Z","level":"info","msg":"client refused"}
// A message is quoted and escaped in both, so that no input can forge a line or break the terminal.
void set_up_logging(config::Config::LogFormat format);

// The formatter of those lines.
std::unique_ptr<spdlog::formatter> make_log_formatter(config::Config::LogFormat format);

}  // namespace crossfade::proxy
