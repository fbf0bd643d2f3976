// Makes spdlog's registry before any test starts a thread. Its library is not instrumented: made by one
// of two threads, the lock that guards it is invisible to ThreadSanitizer, which then reports a race.

#include <spdlog/spdlog.h>

namespace {
[[maybe_unused]] const auto logger = spdlog::default_logger();
}  // namespace
