#include "proxy/feed/log_reader.h"

#include "dualwrite/leader_settings.h"
#include "protocol/binlog_dump.h"
#include "protocol/first_byte.h"
#include "protocol/response.h"
#include "proxy/context/session_context.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::LogItem;
using dualwrite::LogPosition;

namespace {

constexpr std::size_t kBufferBytes = 128 * 1024;
// Servers cap a packet at 1 GiB; an event is a packet with one byte in front.
constexpr std::size_t kEventBytesMax = (std::size_t{1} << 30) + 64;
constexpr std::uint16_t kErrMasterFatal = 1236;  // ER_MASTER_FATAL_ERROR_READING_BINLOG

// Each make takes its own names and lets the others be user variables.
constexpr std::string_view kBeforeDump =
    "SET @master_binlog_checksum='CRC32',@source_binlog_checksum='CRC32',@mariadb_slave_capability=4,"
    "@master_heartbeat_period=1000000000,@source_heartbeat_period=1000000000";

}  // namespace

Task<absl::StatusOr<LogPosition>> ask_log_end(BackendLink& leader) {
  const std::string sql =
      dualwrite::log_end_query(leader.is_mariadb(), version_number(leader.greeting().server_version));
  auto end = co_await leader.query(sql, Clock::now() + kAnswerMax);
  if (!end.ok()) co_return end.status();
  std::string file = first_cell(end->front());
  if (file.empty()) co_return absl::FailedPreconditionError("the leader keeps no log");
  co_return LogPosition{.file = std::move(file), .offset = to_number(first_cell(end->front(), 1))};
}

void LogQueue::push(LogItem item) {
  bytes += dualwrite::item_bytes(item);
  ends += std::holds_alternative<dualwrite::TransactionEnd>(item) ? 1 : 0;
  items.push_back(std::move(item));
}

LogItem LogQueue::pop() {
  LogItem item = std::move(items.front());
  items.pop_front();
  bytes -= std::min(bytes, dualwrite::item_bytes(item));
  ends -= std::holds_alternative<dualwrite::TransactionEnd>(item) ? 1 : 0;
  return item;
}

bool LogQueue::forget_open() {
  for (std::size_t i = items.size(); i > 0; --i) {
    const LogItem& item = items[i - 1];
    if (std::holds_alternative<dualwrite::TransactionEnd>(item)) return false;
    if (!std::holds_alternative<dualwrite::TransactionBegin>(item)) continue;
    while (items.size() >= i) drop_last();
    return true;
  }
  return false;
}

void LogQueue::drop_last() {
  bytes -= std::min(bytes, dualwrite::item_bytes(items.back()));
  ends -= std::holds_alternative<dualwrite::TransactionEnd>(items.back()) ? 1 : 0;
  items.pop_back();
}

bool LogQueue::cut(const LogPosition& at) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::optional<std::size_t> kept;
    const LogItem& item = items[i];
    if (const auto* begin = std::get_if<dualwrite::TransactionBegin>(&item); begin && begin->at >= at) kept = i;
    if (const auto* advance = std::get_if<dualwrite::LogAdvance>(&item); advance && advance->next >= at) kept = i;
    if (const auto* end = std::get_if<dualwrite::TransactionEnd>(&item); end && end->next >= at) kept = i + 1;
    if (!kept) continue;
    while (items.size() > *kept) drop_last();
    return true;
  }
  return false;
}

LogReader::LogReader(std::unique_ptr<BackendLink> link, LogStart start)
    : link_(std::move(link)),
      decoder_(dualwrite::LogDecoderOptions{.start = std::move(start.at),
                                            .known_from = std::move(start.known_from),
                                            .earlier = std::move(start.earlier),
                                            .start_file_time = start.file_time}),
      messages_(kEventBytesMax),
      buffer_(kBufferBytes) {
  messages_.expect_sequence(1);
  if (link_->stream().is_compressed()) messages_.ignore_sequence();
}

Task<absl::StatusOr<std::unique_ptr<LogReader>>> LogReader::open(Reactor& reactor, LinkOptions options,
                                                                 Counters& counters, LogStart start,
                                                                 std::uint32_t server_id) {
  if (start.at.offset > UINT32_MAX) co_return absl::OutOfRangeError("log files past 4 GiB cannot be resumed in");
  const TimePoint deadline = Clock::now() + kAnswerMax;
  auto opened = co_await BackendLink::open(reactor, std::move(options), counters, deadline);
  if (!opened.ok()) co_return opened.status();
  std::unique_ptr<BackendLink> link = *std::move(opened);
  auto prepared = co_await link->query(std::string(kBeforeDump), deadline);
  if (!prepared.ok()) co_return prepared.status();
  protocol::Buffer wire;
  protocol::append_command(
      wire, protocol::encode_binlog_dump(start.at.file, static_cast<std::uint32_t>(start.at.offset), server_id));
  const absl::Status sent = co_await link->send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return std::unique_ptr<LogReader>(new LogReader(std::move(link), std::move(start)));
}

Task<absl::Status> LogReader::read(LogQueue& queue, std::size_t bytes_max, TimePoint deadline) {
  Stream& stream = link_->stream();
  bool came = false;
  while (queue.bytes < bytes_max) {
    if (has_kept()) {
      const absl::Status taken = take_more(queue);
      if (!taken.ok()) co_return taken;
      came = true;
      continue;
    }
    const Stream::Io got = stream.try_read(buffer_);
    if (got.kind == Stream::Io::Kind::would_block) {
      if (came || queue.ends > 0) break;
      const WaitResult waited = co_await stream.readable(deadline);
      if (waited == WaitResult::timed_out) co_return absl::DeadlineExceededError("the leader's log is silent");
      if (waited == WaitResult::cancelled) co_return absl::CancelledError("stopping");
      continue;
    }
    if (got.kind != Stream::Io::Kind::ok) co_return absl::UnavailableError("the leader closed the log connection");
    const absl::Status taken = take(protocol::Bytes(buffer_.data(), got.bytes), queue);
    if (!taken.ok()) co_return taken;
    came = came || !queue.items.empty();
  }
  co_return absl::OkStatus();
}

absl::Status LogReader::read_ahead(LogQueue& queue) {
  if (has_kept()) return take_more(queue);
  const Stream::Io got = link_->stream().try_read(buffer_);
  if (got.kind == Stream::Io::Kind::would_block) return absl::OkStatus();
  if (got.kind != Stream::Io::Kind::ok) return absl::UnavailableError("the leader closed the log connection");
  return take(protocol::Bytes(buffer_.data(), got.bytes), queue);
}

absl::Status LogReader::take(protocol::Bytes input, LogQueue& queue) {
  while (!input.empty() && !decoder_.has_more()) {
    auto message = messages_.feed(input);
    if (!message.ok()) return message.status();
    if (!*message) break;
    absl::Status taken = take_message((*message)->payload, queue);
    if (!taken.ok()) return taken;
  }
  kept_.assign(input.begin(), input.end());
  return absl::OkStatus();
}

absl::Status LogReader::take_more(LogQueue& queue) {
  if (!decoder_.has_more()) return take(std::exchange(kept_, {}), queue);
  absl::Status given = decoder_.more(&decoded_);
  for (LogItem& item : decoded_) queue.push(std::move(item));
  decoded_.clear();
  return given;
}

absl::Status LogReader::take_message(protocol::Bytes payload, LogQueue& queue) {
  if (payload.empty()) return absl::UnavailableError("an empty packet in the leader's log");
  if (payload[0] == protocol::kErrByte) {
    auto err = protocol::decode_err(payload);
    if (!err.ok()) return err.status();
    const std::string text = "the leader does not give its log: " + err_text(*err);
    return err->code == kErrMasterFatal ? absl::OutOfRangeError(text) : absl::UnavailableError(text);
  }
  if (payload[0] != protocol::kBinlogEvent) return absl::UnavailableError("the leader ended its log");
  const absl::Status fed = decoder_.feed(payload.subspan(1), &decoded_);
  // A transaction that never happened.
  const bool cut = absl::IsAborted(fed);
  const bool forgotten = cut && queue.forget_open();
  for (LogItem& item : decoded_) queue.push(std::move(item));
  decoded_.clear();
  return forgotten ? absl::OkStatus() : fed;
}

}  // namespace crossfade::proxy
