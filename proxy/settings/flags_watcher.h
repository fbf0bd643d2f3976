// Watches the flags file and hands out every good version of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/flags.h"

namespace crossfade::proxy {

// A thread of its own: inotify on the *directory* (a ConfigMap's symlink swap kills a watch on the
// file), a poll every 5 s besides, contents compared, 50 ms debounce. Bad flags are logged with every error
// and refused; the last good ones stay. Every applied change is logged: version, before and after.
class FlagsWatcher {
 public:
  using OnChange = std::function<void(std::shared_ptr<const config::Flags>)>;
  // `on_change` runs on the watcher's thread, once for each version that differs from the one before; not
  // for the first, which is current() when this returns.
  // Reads once before it returns; fails when the first reading is bad (message: all problems).
  static absl::StatusOr<std::unique_ptr<FlagsWatcher>> start(std::string path, OnChange on_change);
  virtual ~FlagsWatcher() = default;
  virtual std::shared_ptr<const config::Flags> current() const = 0;
  virtual void reload_now() = 0;  // SIGHUP; any thread
  virtual bool last_reload_ok() const = 0;
  virtual std::string last_error() const = 0;  // empty when ok
};

}  // namespace crossfade::proxy
