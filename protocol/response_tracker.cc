#include "protocol/response_tracker.h"

#include <algorithm>
#include <string>

#include "protocol/file_packets.h"
#include "protocol/first_byte.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"

namespace crossfade::protocol {
namespace {

constexpr std::size_t kKeptAnswerBytesMax = 64 * 1024;
constexpr std::size_t kKeptBytesIdle = 4 * 1024;  // a larger buffer is given back after its message
constexpr std::uint64_t kEofBytesMax = 8;         // a row that starts with 0xfe is longer

std::uint32_t little_endian_24(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16;
}

absl::Status violation(const std::string& what) {
  return absl::InvalidArgumentError("protocol violation in a response: " + what);
}

// An OK without its info and session state, for one that was too large to keep.
Bytes without_tail(Bytes ok) {
  Reader reader(ok);
  reader.skip(1);
  reader.lenenc();
  reader.lenenc();
  reader.skip(4);
  return ok.first(reader.position());
}

}  // namespace

void ResponseTracker::start(ResponseKind kind, Capabilities capabilities) {
  kind_ = kind;
  capabilities_ = capabilities;
  header_bytes_ = 0;
  in_packet_ = false;
  continued_ = false;
  message_bytes_ = 0;
  left_columns_ = 0;
  last_sequence_ = 0;
  ending_bytes_ = 0;
  release_kept();
  end_ = ResultEnd{};
  switch (kind) {
    case ResponseKind::fetch:
      state_ = State::rows;
      break;
    case ResponseKind::field_list:
      state_ = State::list;
      break;
    case ResponseKind::ok_or_err:
    case ResponseKind::eof_or_err:
    case ResponseKind::query:
    case ResponseKind::execute:
    case ResponseKind::prepare:
    case ResponseKind::text:
      state_ = State::first;
      break;
  }
}

void ResponseTracker::next_result() {
  start(kind_ == ResponseKind::execute ? ResponseKind::execute : ResponseKind::query, capabilities_);
}

bool ResponseTracker::may_carry_status(std::uint8_t first_byte, std::uint32_t payload_bytes) const {
  switch (state_) {
    case State::first:
      return first_byte == kOkByte || (kind_ == ResponseKind::eof_or_err && first_byte == kEofByte);
    case State::columns_eof:
      return first_byte == kEofByte;
    case State::rows:
    case State::list:
      return first_byte == kEofByte &&
             (deprecate_eof() ? payload_bytes < kPayloadBytesMax : payload_bytes <= kEofBytesMax);
    case State::columns:
    case State::parameters:
    case State::parameters_eof:
    case State::prepare_columns:
    case State::prepare_columns_eof:
    case State::ended:
      return false;
  }
  return false;
}

std::size_t ResponseTracker::unsettled_bytes() const {
  if (continued_ || (state_ != State::first && state_ != State::rows && state_ != State::list)) return 0;
  if (!in_packet_) return header_bytes_;
  const std::size_t seen = packet_bytes_ - packet_left_;
  return seen == 0 || may_carry_status(first_byte_, packet_bytes_) ? kHeaderBytes + seen : 0;
}

absl::StatusOr<std::size_t> ResponseTracker::feed(Bytes chunk) {
  std::size_t position = 0;
  while (state_ != State::ended) {
    if (state_ == State::rows && !in_packet_ && !continued_ && header_bytes_ == 0) {
      position += skip_rows(chunk.subspan(position));
    }
    if (!in_packet_ && !take_header(chunk, position)) {
      break;
    }
    if (!take_payload(chunk, position)) {
      break;
    }
    in_packet_ = false;
    continued_ = packet_bytes_ == kPayloadBytesMax;
    if (continued_) {
      continue;
    }
    if (absl::Status status = on_message(); !status.ok()) {
      return status;
    }
    message_bytes_ = 0;
    release_kept();
  }
  return position;
}

// The hot path: passes over the rows that lie whole in `bytes` and returns their size. Whatever needs
// a second look (a cut packet, one that may be a terminator, one that is continued) is left for the
// general path.
std::size_t ResponseTracker::skip_rows(Bytes bytes) {
  const std::uint8_t* const begin = bytes.data();
  const std::size_t size = bytes.size();
  std::size_t position = 0;
  std::uint64_t rows = 0;
  std::uint8_t sequence = last_sequence_;
  while (size - position > kHeaderBytes) {
    const std::uint8_t* const packet = begin + position;
    const std::size_t payload_bytes = little_endian_24(packet);
    const std::size_t after = position + kHeaderBytes + payload_bytes;
    if (packet[kHeaderBytes] >= kEofByte || after > size || payload_bytes == 0 || payload_bytes == kPayloadBytesMax) {
      break;
    }
    position = after;
    ++rows;
    sequence = packet[3];
  }
  end_.rows += rows;
  last_sequence_ = sequence;
  return position;
}

// False: the header is not complete yet.
bool ResponseTracker::take_header(Bytes bytes, std::size_t& position) {
  while (header_bytes_ < kHeaderBytes) {
    if (position == bytes.size()) {
      return false;
    }
    header_[header_bytes_++] = bytes[position++];
  }
  header_bytes_ = 0;
  packet_bytes_ = little_endian_24(header_);
  packet_left_ = packet_bytes_;
  last_sequence_ = header_[3];
  in_packet_ = true;
  if (!continued_) {
    message_bytes_ = 0;
    first_byte_ = 0;
    keeps_ = false;
  }
  return true;
}

// False: the packet is not complete yet.
bool ResponseTracker::take_payload(Bytes bytes, std::size_t& position) {
  const Bytes payload = bytes.subspan(position, std::min<std::size_t>(packet_left_, bytes.size() - position));
  if (!payload.empty() && message_bytes_ == 0) {
    first_byte_ = payload[0];
    keeps_ = want_payload();
  }
  if (keeps_) {
    const Bytes kept = payload.first(std::min(payload.size(), kKeptAnswerBytesMax - kept_.size()));
    kept_.insert(kept_.end(), kept.begin(), kept.end());
  }
  position += payload.size();
  message_bytes_ += payload.size();
  packet_left_ -= static_cast<std::uint32_t>(payload.size());
  return packet_left_ == 0;
}

// Decided at the first byte of a message, when packet_bytes_ is the size of its first packet.
bool ResponseTracker::want_payload() const {
  switch (state_) {
    case State::first:
    case State::columns_eof:
    case State::parameters_eof:
    case State::prepare_columns_eof:
      return true;
    case State::columns:
    case State::parameters:
    case State::prepare_columns:
      return first_byte_ == kErrByte;
    case State::rows:
    case State::list:
      return first_byte_ == kErrByte || (first_byte_ == kEofByte && packet_bytes_ != kPayloadBytesMax);
    case State::ended:
      return false;
  }
  return false;
}

// A row may start with 0xfe too, as the prefix of a string of 2^24 bytes or more: its first packet is full.
bool ResponseTracker::is_terminator() const {
  return first_byte_ == kEofByte &&
         (deprecate_eof() ? message_bytes_ < kPayloadBytesMax : message_bytes_ <= kEofBytesMax);
}

absl::Status ResponseTracker::on_message() {
  if (message_bytes_ == 0 && kind_ != ResponseKind::text) {
    return violation("an empty packet");
  }
  if (first_byte_ == kErrByte && message_bytes_ > 0) {
    return end_with_err();
  }
  switch (state_) {
    case State::first:
      return on_first();
    case State::columns:
    case State::parameters:
    case State::prepare_columns:
      return on_column();
    case State::columns_eof:
      return on_columns_eof();
    case State::parameters_eof:
    case State::prepare_columns_eof:
      return on_prepare_eof();
    case State::rows:
      if (is_terminator()) {
        return end_with_ok(ResultEnd::Kind::rows);
      }
      ++end_.rows;
      return absl::OkStatus();
    case State::list:
      if (is_terminator()) {
        return end_with_ok(ResultEnd::Kind::rows);
      }
      ++end_.columns;
      return absl::OkStatus();
    case State::ended:
      break;
  }
  return absl::OkStatus();
}

absl::Status ResponseTracker::on_first() {
  switch (kind_) {
    case ResponseKind::ok_or_err:
      if (first_byte_ != kOkByte) {
        return violation("neither OK nor ERR");
      }
      return end_with_ok(ResultEnd::Kind::ok);
    case ResponseKind::eof_or_err:
      if (first_byte_ != kOkByte && first_byte_ != kEofByte) {
        return violation("neither EOF nor OK nor ERR");
      }
      return end_with_ok(ResultEnd::Kind::ok);
    case ResponseKind::text:
      end_.kind = ResultEnd::Kind::text;
      state_ = State::ended;
      return absl::OkStatus();
    case ResponseKind::prepare:
      return on_prepare_ok();
    case ResponseKind::query:
    case ResponseKind::execute:
      return on_first_of_query();
    case ResponseKind::fetch:
    case ResponseKind::field_list:
      break;
  }
  return violation("unexpected first packet");
}

absl::Status ResponseTracker::on_first_of_query() {
  if (first_byte_ == kOkByte) {
    return end_with_ok(ResultEnd::Kind::ok);
  }
  if (first_byte_ == kLocalInfileByte) {
    end_.kind = ResultEnd::Kind::local_infile;
    state_ = State::ended;
    return absl::OkStatus();
  }
  Reader reader(kept_);
  left_columns_ = reader.lenenc();
  if (reader.failed() || !reader.at_end() || left_columns_ == 0) {
    return violation("malformed column count");
  }
  end_.columns = left_columns_;
  state_ = State::columns;
  return absl::OkStatus();
}

absl::Status ResponseTracker::on_prepare_ok() {
  const absl::StatusOr<PrepareOk> ok = decode_prepare_ok(kept_);
  if (!ok.ok()) {
    return ok.status();
  }
  end_.columns = ok->columns;
  end_.ok.warnings = ok->warnings;
  if (ok->parameters == 0) {
    begin_prepare_columns();
  } else {
    left_columns_ = ok->parameters;
    state_ = State::parameters;
  }
  return absl::OkStatus();
}

void ResponseTracker::begin_prepare_columns() {
  left_columns_ = end_.columns;
  if (left_columns_ == 0) {
    end_.kind = ResultEnd::Kind::prepared;
    state_ = State::ended;
  } else {
    state_ = State::prepare_columns;
  }
}

// One definition of a column or parameter; after the last one follows an EOF, or what comes after it.
absl::Status ResponseTracker::on_column() {
  if (--left_columns_ != 0) {
    return absl::OkStatus();
  }
  if (state_ == State::columns) {
    state_ = deprecate_eof() ? State::rows : State::columns_eof;
    return absl::OkStatus();
  }
  state_ = state_ == State::parameters ? State::parameters_eof : State::prepare_columns_eof;
  if (!deprecate_eof()) {
    return absl::OkStatus();
  }
  after_definitions();
  return absl::OkStatus();
}

absl::Status ResponseTracker::on_columns_eof() {
  const absl::StatusOr<Eof> eof = decode_eof(kept_);
  if (!eof.ok()) {
    return eof.status();
  }
  constexpr std::uint16_t kOutParametersAndMore = kStatusPsOutParameters | kStatusMoreResults;
  end_.out_parameters =
      kind_ == ResponseKind::execute && (eof->status & kOutParametersAndMore) == kOutParametersAndMore;
  // A cursor's is the only result. Where more are to come the flag is that of a cursor inside a procedure, which
  // MariaDB 10.11 lets show through; the rows follow.
  constexpr std::uint16_t kBoth = kStatusCursorExists | kStatusMoreResults;
  if (kind_ == ResponseKind::execute && (eof->status & kBoth) == kStatusCursorExists) {
    return end_with_ok(ResultEnd::Kind::rows);  // the rows come with COM_STMT_FETCH
  }
  state_ = State::rows;
  return absl::OkStatus();
}

absl::Status ResponseTracker::on_prepare_eof() {
  const absl::StatusOr<Eof> eof = decode_eof(kept_);
  if (!eof.ok()) {
    return eof.status();
  }
  after_definitions();
  return absl::OkStatus();
}

// Behind the parameters or the columns of a prepared statement, and their EOF if there is one.
void ResponseTracker::after_definitions() {
  if (state_ == State::parameters_eof) {
    begin_prepare_columns();
  } else {
    end_.kind = ResultEnd::Kind::prepared;
    state_ = State::ended;
  }
}

// Ends with the OK or EOF in kept_. The two are told apart by size: the shortest OK has seven bytes.
absl::Status ResponseTracker::end_with_ok(ResultEnd::Kind kind) {
  if (first_byte_ == kEofByte && message_bytes_ <= kEofBytes) {
    const absl::StatusOr<Eof> eof = decode_eof(kept_);
    if (!eof.ok()) {
      return eof.status();
    }
    end_.ok.status = eof->status;
    end_.ok.warnings = eof->warnings;
  } else {
    const bool cut = kept_.size() < message_bytes_;
    absl::StatusOr<Ok> ok = decode_ok(cut ? without_tail(kept_) : Bytes(kept_), capabilities_);
    if (!ok.ok()) {
      return ok.status();
    }
    end_.ok = *std::move(ok);
  }
  end_.kind = kind;
  state_ = State::ended;
  ending_bytes_ = message_bytes_ == packet_bytes_ ? kHeaderBytes + packet_bytes_ : 0;
  return absl::OkStatus();
}

absl::Status ResponseTracker::end_with_err() {
  absl::StatusOr<Err> err = decode_err(kept_);
  if (!err.ok()) {
    return err.status();
  }
  end_.err = *std::move(err);
  end_.kind = ResultEnd::Kind::err;
  state_ = State::ended;
  return absl::OkStatus();
}

void ResponseTracker::release_kept() {
  if (kept_.capacity() > kKeptBytesIdle) {
    Buffer().swap(kept_);
  } else {
    kept_.clear();
  }
}

}  // namespace crossfade::protocol
