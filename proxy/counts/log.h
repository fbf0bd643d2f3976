// Where the log goes and what a line looks like. Code logs through spdlog's default logger, and what can be caused
// again and again through limited_log() (proxy/counts/log_limit.h); it never passes SQL literals, cell values or
// secrets.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "spdlog/formatter.h"
#include "spdlog/spdlog.h"

namespace crossfade::proxy {

// Sends the default logger to stderr, by a LogWriter: whoever logs never waits for the reader. Once there is room again
// after lines were dropped, a line says so: log_dropped=312.
//   text: time=2026-01-31T12:00:00.000Z level=info msg="client refused"
//   json: {"time":"2026-01-31T12:00:00.000Z","level":"info","msg":"client refused"}
// A message is quoted and escaped in both, so that no input can forge a line or break the terminal.
void set_up_logging(config::Config::LogFormat format);

// The end of the process, which the caller brings about next: what is still to be written gets so much time.
void finish_logging(std::chrono::milliseconds at_most);

// Lines dropped since set_up_logging() because nobody read them, or because they could not be written.
std::uint64_t log_lines_dropped();

// The formatter of those lines.
std::unique_ptr<spdlog::formatter> make_log_formatter(config::Config::LogFormat format);

}  // namespace crossfade::proxy
