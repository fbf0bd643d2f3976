#include "proxy/settings/flags_watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "config/load.h"
#include "proxy/settings/secrets.h"
#include "spdlog/spdlog.h"

namespace crossfade::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollInterval = 5000ms;
constexpr auto kQuietTime = 50ms;       // a writer's burst of events counts as one
constexpr auto kQuietTimeMax = 1000ms;  // a directory that is never quiet is read all the same

std::string directory_of(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  return directory.empty() ? std::string(".") : directory.string();
}

// Has anybody the file open for writing? False where the system does not say: of others' files, and on some file
// systems. A lease to read is not given then; should somebody open the file while it is held, SIGURG is ignored, unlike
// SIGIO.
bool is_being_written(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool refused = fcntl(file, F_SETSIG, SIGURG) == 0 && fcntl(file, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
  close(file);  // and with it goes the lease
  return refused;
}

class FileFlagsWatcher final : public FlagsWatcher {
 public:
  FileFlagsWatcher(std::string path, OnChange on_change)
      : path_(std::move(path)),
        directory_(directory_of(path_)),
        on_change_(std::move(on_change)),
        inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  FileFlagsWatcher(const FileFlagsWatcher&) = delete;
  FileFlagsWatcher& operator=(const FileFlagsWatcher&) = delete;

  ~FileFlagsWatcher() override {
    stopping_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
    if (inotify_ >= 0) close(inotify_);
    if (wake_ >= 0) close(wake_);
  }

  absl::Status begin() {
    if (wake_ < 0) return absl::InternalError(std::string("eventfd: ") + std::strerror(errno));
    watch_directory();
    if (!reload(Reason::asked)) return absl::InvalidArgumentError(last_error());
    thread_ = std::thread([this] { run(); });
    return absl::OkStatus();
  }

  std::shared_ptr<const config::Flags> current() const override {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void reload_now() override {
    asked_ = true;
    wake();
  }
  bool last_reload_ok() const override {
    const std::lock_guard lock(mutex_);
    return error_.empty();
  }
  std::string last_error() const override {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  enum class Reason : std::uint8_t { noticed, asked };

  void wake() const {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the thread is being woken anyway.
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  }

  // Also again later: the directory may have been replaced by another one of the same name. Without
  // inotify (too many watches) the poll still finds every change, only later.
  void watch_directory() {
    const int watch = inotify_add_watch(inotify_, directory_.c_str(),
                                        IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB);
    if (watch_ >= 0 && watch >= 0 && watch != watch_) inotify_rm_watch(inotify_, watch_);
    if (watch < 0 && (watch_ >= 0 || !warned_)) {
      warned_ = true;
      spdlog::warn("cannot watch {} ({}): flags are read every {} s only", directory_, std::strerror(errno),
                   std::chrono::duration_cast<std::chrono::seconds>(kPollInterval).count());
    }
    watch_ = watch;
  }

  void run() {
    while (!stopping_) {
      if (wait(kPollInterval) && !stopping_ && !asked_) let_it_settle();
      if (stopping_) return;
      watch_directory();
      reload(asked_.exchange(false) ? Reason::asked : Reason::noticed);
    }
  }

  void let_it_settle() {
    const auto latest = std::chrono::steady_clock::now() + kQuietTimeMax;
    while (!stopping_ && !asked_ && std::chrono::steady_clock::now() < latest && wait(kQuietTime)) {
    }
  }

  // True when something happened; empties both queues. What the events say is not looked at: a lost or
  // odd one must not hide a change, and the file's content decides anyway.
  bool wait(std::chrono::milliseconds timeout) {
    pollfd sources[2] = {{.fd = wake_, .events = POLLIN, .revents = 0},
                         {.fd = inotify_, .events = POLLIN, .revents = 0}};
    if (poll(sources, 2, static_cast<int>(timeout.count())) <= 0) return false;
    alignas(inotify_event) char drain[4096];
    for (const pollfd& source : sources) {
      while (source.fd >= 0 && read(source.fd, drain, sizeof drain) > 0) {
      }
    }
    return true;
  }

  // Half of a file that is written in place is good flags, too, and what it does not name would fall back to defaults:
  // what is new is taken when two readings agree, and nobody has the file open for writing. Until then the last reading
  // counts.
  absl::StatusOr<std::string> read_settled() {
    const auto latest = std::chrono::steady_clock::now() + kQuietTimeMax;
    absl::StatusOr<std::string> text = read_file(path_);
    while (text.ok() && content_ != *text && !stopping_) {
      if (std::chrono::steady_clock::now() >= latest) return content_.value_or(*text);
      std::this_thread::sleep_for(kQuietTime);
      const bool written = is_being_written(path_);
      absl::StatusOr<std::string> again = read_file(path_);
      const bool settled = !written && again.ok() && *again == *text;
      text = std::move(again);
      if (settled) break;
    }
    return text;
  }

  // False when the file is bad; the flags in force stay.
  bool reload(Reason reason) {
    absl::StatusOr<std::string> text = reason == Reason::asked ? read_file(path_) : read_settled();
    if (!text.ok()) {
      content_.reset();
      return refuse(std::string(text.status().message()), reason);
    }
    if (reason == Reason::noticed && content_ == *text) return last_reload_ok();
    content_ = *std::move(text);
    config::Loaded<config::Flags> loaded = config::load_flags(*content_);
    if (!loaded.value.has_value()) return refuse(config::describe(loaded.problems, path_), reason);
    apply(std::make_shared<const config::Flags>(*std::move(loaded.value)));
    return true;
  }

  bool refuse(const std::string& error, Reason reason) {
    std::shared_ptr<const config::Flags> kept;
    {
      const std::lock_guard lock(mutex_);
      if (reason == Reason::noticed && error_ == error) return false;  // said before
      error_ = error;
      kept = current_;
    }
    if (kept != nullptr) {
      spdlog::error("flags refused, version {} stays in force", kept->version);
      std::istringstream lines(error);
      for (std::string line; std::getline(lines, line);) spdlog::error("flags refused: {}", line);
    }
    return false;
  }

  void apply(std::shared_ptr<const config::Flags> flags) {
    std::shared_ptr<const config::Flags> before;
    bool recovered = false;
    {
      const std::lock_guard lock(mutex_);
      recovered = !error_.empty();
      error_.clear();
      before = current_;
      if (before == nullptr || *before != *flags) current_ = flags;
    }
    if (recovered) spdlog::info("flags file {} is good again", path_);
    if (before != nullptr && *before == *flags) return;
    if (before == nullptr) {
      spdlog::info("flags version {} in force, from {}", flags->version, path_);
      return;
    }
    spdlog::info("flags changed: version {} -> {}, from {}", before->version, flags->version, path_);
    for (const std::string& change : config::describe_changes(*before, *flags))
      spdlog::info("flags changed: {}", change);
    if (on_change_) on_change_(std::move(flags));
  }

  const std::string path_;
  const std::string directory_;
  const OnChange on_change_;
  const int inotify_;
  const int wake_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> asked_{false};
  // The watcher's thread alone, after begin():
  int watch_ = -1;
  bool warned_ = false;
  std::optional<std::string> content_;
  // Anybody, under the mutex:
  mutable std::mutex mutex_;
  std::shared_ptr<const config::Flags> current_;
  std::string error_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FlagsWatcher>> FlagsWatcher::start(std::string path, OnChange on_change) {
  auto watcher = std::make_unique<FileFlagsWatcher>(std::move(path), std::move(on_change));
  if (absl::Status begun = watcher->begin(); !begun.ok()) return begun;
  return std::unique_ptr<FlagsWatcher>(std::move(watcher));
}

}  // namespace crossfade::proxy
