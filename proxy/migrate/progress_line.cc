#include "proxy/migrate/progress_line.h"

namespace crossfade::proxy {

void ProgressLine::show(const std::string& text) {
  constexpr std::size_t kWidth = 100;
  constexpr auto kPause = std::chrono::seconds(5);
  const auto now = std::chrono::steady_clock::now();
  if (is_terminal_) {
    const std::string line = text.substr(0, kWidth);
    out_ << '\r' << line << std::string(shown_ > line.size() ? shown_ - line.size() : 0, ' ') << std::flush;
    shown_ = line.size();
    return;
  }
  if (last_ != std::chrono::steady_clock::time_point() && now - last_ < kPause) return;
  last_ = now;
  out_ << text << std::endl;
}

void ProgressLine::clear() {
  if (shown_ != 0) out_ << '\r' << std::string(shown_, ' ') << '\r' << std::flush;
  shown_ = 0;
}

}  // namespace crossfade::proxy
