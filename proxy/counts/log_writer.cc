#include "proxy/counts/log_writer.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

namespace crossfade::proxy {
namespace {

// Of a pipe that can be written at all, so much is taken without waiting.
constexpr std::size_t kPieceBytes = PIPE_BUF;
constexpr int kLookMilliseconds = 50;  // how soon a standing reader lets the thread end

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

LogWriter::LogWriter(int fd, std::size_t bytes_max) : fd_(fd), bytes_max_(bytes_max) {
  // The process's signals are for other threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool LogWriter::put(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + bytes_writing_ + line.size() > bytes_max_) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    waiting_ += line;
  }
  changed_.notify_all();
  return true;
}

bool LogWriter::flush(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, [this] { return waiting_.empty() && bytes_writing_ == 0; });
}

void LogWriter::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      bytes_writing_ = 0;
      changed_.notify_all();
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      writing_.clear();
      writing_.swap(waiting_);
      bytes_writing_ = writing_.size();
    }
    write_out();
  }
}

bool LogWriter::wait_writable() const {
  while (!stopping_) {
    pollfd wanted{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (poll(&wanted, 1, kLookMilliseconds) > 0) return true;
  }
  return false;
}

void LogWriter::write_out() {
  std::string_view left = writing_;
  while (!left.empty()) {
    if (!wait_writable()) break;
    const ssize_t wrote = write(fd_, left.data(), std::min(left.size(), kPieceBytes));
    if (wrote >= 0) {
      left.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno != EINTR && errno != EAGAIN) {
      break;  // nobody reads any more, or the disk is full: later lines are tried anew
    }
  }
  dropped_.fetch_add(lines_in(left), std::memory_order_relaxed);
}

}  // namespace crossfade::proxy
