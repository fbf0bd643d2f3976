#include "protocol/response_joiner.h"

#include <algorithm>

#include "protocol/first_byte.h"
#include "protocol/packet.h"

namespace crossfade::protocol {
namespace {

constexpr std::uint8_t kMoreResults = kStatusMoreResults;  // in the low byte of the flags

// How many bytes follow a length-encoded number's first.
std::uint8_t rest_of_number(std::uint8_t first) {
  switch (first) {
    case 0xfc:
      return 2;
    case 0xfd:
      return 3;
    case 0xfe:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

void ResponseJoiner::begin(Capabilities capabilities, std::uint8_t first_sequence) {
  active_ = true;
  capabilities_ = capabilities;
  sequence_ = first_sequence;
  next_response(Follows::nothing);
}

void ResponseJoiner::next_response(Follows follows) {
  follows_ = follows;
  tracker_.start(ResponseKind::query, capabilities_);
  place_ = Place::header;
  header_bytes_ = 0;
  continues_ = false;
}

absl::Status ResponseJoiner::feed(std::span<std::uint8_t> chunk) {
  // Packet by packet: whether one carries flags depends on what the tracker makes of those before it.
  while (!chunk.empty()) {
    if (place_ == Place::header && header_bytes_ == 0 && tracker_.result_ended()) {
      if (tracker_.done()) return absl::InvalidArgumentError("more bytes than one response has");
      tracker_.next_result();
    }
    // The tracker sees the server's own bytes: its flags say whether more of this response comes.
    absl::StatusOr<std::size_t> used = 0;
    if (place_ == Place::past) {
      const std::size_t count = std::min<std::size_t>(payload_left_, chunk.size());
      payload_left_ -= static_cast<std::uint32_t>(count);
      used = tracker_.feed(chunk.first(count));
      chunk = chunk.subspan(count);
    } else {
      const std::uint8_t original[] = {chunk[0]};
      step(chunk[0]);
      used = tracker_.feed(original);
      chunk = chunk.subspan(1);
    }
    if (!used.ok()) return used.status();
    if (place_ != Place::header && payload_left_ == 0) {
      place_ = Place::header;
      header_bytes_ = 0;
    }
  }
  return absl::OkStatus();
}

// One byte of a header, or of a payload's beginning up to its flags.
void ResponseJoiner::step(std::uint8_t& byte) {
  if (place_ == Place::header) {
    header_[header_bytes_++] = byte;
    if (header_bytes_ < kHeaderBytes) return;
    byte = sequence_++;
    payload_bytes_ = decode_header(Bytes(header_, kHeaderBytes)).payload_bytes;
    payload_left_ = payload_bytes_;
    place_ = continues_ ? Place::past : Place::first_byte;
    continues_ = payload_bytes_ == kPayloadBytesMax;
    return;
  }
  --payload_left_;
  switch (place_) {
    case Place::first_byte:
      on_first_byte(byte);
      break;
    case Place::number:
      on_number(byte);
      break;
    case Place::in_number:
      if (--skip_ == 0) place_ = numbers_ == 0 ? Place::status : Place::number;
      break;
    case Place::status:
      byte |= kMoreResults;
      place_ = Place::past;
      break;
    case Place::header:
    case Place::past:
      break;
  }
}

void ResponseJoiner::on_first_byte(std::uint8_t byte) {
  place_ = Place::past;
  if (follows_ == Follows::nothing || !tracker_.may_carry_status(byte, payload_bytes_)) return;
  if (byte == kEofByte && payload_bytes_ <= kEofBytes) {
    numbers_ = 0;
    skip_ = 2;  // warnings
    place_ = Place::in_number;
    return;
  }
  numbers_ = 2;
  place_ = Place::number;
}

void ResponseJoiner::on_number(std::uint8_t byte) {
  --numbers_;
  skip_ = rest_of_number(byte);
  if (skip_ > 0) {
    place_ = Place::in_number;
  } else if (numbers_ == 0) {
    place_ = Place::status;
  }
}

}  // namespace crossfade::protocol
