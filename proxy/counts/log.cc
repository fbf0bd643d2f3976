#include "proxy/counts/log.h"

#include <unistd.h>

#include <mutex>
#include <string_view>
#include <utility>

#include "nlohmann/json.hpp"
#include "proxy/counts/log_limit.h"
#include "proxy/counts/log_writer.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/base_sink.h"

namespace crossfade::proxy {
namespace {

// The message as a JSON string; one with broken UTF-8 keeps the rest of its text.
class QuotedMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const nlohmann::json text = std::string(message.payload.data(), message.payload.size());
    const std::string quoted = text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<QuotedMessage>(); }
};

constexpr std::size_t kWaitingBytesMax = 4u << 20;

class WriterSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(std::shared_ptr<LogWriter> writer) : writer_(std::move(writer)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    const std::uint64_t dropped = writer_->dropped();
    if (dropped != told_) {  // with the line that fits again, so that there is one for each gap
      const std::string told = fmt::format("log_dropped={}", dropped - told_);
      formatter_->format({message.time, {}, message.logger_name, spdlog::level::warn, told}, text);
    }
    formatter_->format(message, text);
    if (writer_->put({text.data(), text.size()})) told_ = dropped;
  }
  void flush_() override {}  // the writer writes as soon as it can

  std::shared_ptr<LogWriter> writer_;
  std::uint64_t told_ = 0;  // of writer_->dropped()
};

// What the default logger writes through, while it lives.
struct Current {
  std::mutex mutex;
  std::weak_ptr<LogWriter> writer;
};
Current& current() {
  static auto& instance = *new Current();
  return instance;
}
std::shared_ptr<LogWriter> current_writer() {
  const std::lock_guard lock(current().mutex);
  return current().writer.lock();
}

}  // namespace

std::unique_ptr<spdlog::formatter> make_log_formatter(config::Config::LogFormat format) {
  const char* pattern = format == config::Config::LogFormat::json
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","msg":%Q})"
                            : "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l msg=%Q";
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<QuotedMessage>('Q').set_pattern(pattern);
  return formatter;
}

void set_up_logging(config::Config::LogFormat format) {
  auto writer = std::make_shared<LogWriter>(STDERR_FILENO, kWaitingBytesMax);
  {
    const std::lock_guard lock(current().mutex);
    current().writer = writer;
  }
  auto logger = std::make_shared<spdlog::logger>("crossfade", std::make_shared<WriterSink>(std::move(writer)));
  logger->set_formatter(make_log_formatter(format));
  spdlog::set_default_logger(std::move(logger));
}

void finish_logging(std::chrono::milliseconds at_most) {
  limited_log().finish();
  if (const auto writer = current_writer()) writer->flush(at_most);
}

std::uint64_t log_lines_dropped() {
  const auto writer = current_writer();
  return writer ? writer->dropped() : 0;
}

}  // namespace crossfade::proxy
