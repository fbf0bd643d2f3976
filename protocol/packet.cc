#include "protocol/packet.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"

namespace crossfade::protocol {
namespace {

// A message buffer of up to this size is kept for the next message; a larger one is given back, so
// that ten thousand idle sessions do not each hold the largest message they ever saw.
constexpr std::size_t kKeptBytesMax = std::size_t{64} << 10;

}  // namespace

PacketHeader decode_header(Bytes bytes) {
  Reader reader(bytes);
  PacketHeader header;
  header.payload_bytes = reader.u24();
  header.sequence = reader.u8();
  return header;
}

void append_message(Buffer& out, Bytes payload, std::uint8_t& sequence) {
  std::size_t count = 0;
  do {
    count = std::min(payload.size(), kPayloadBytesMax);
    put_u24(out, static_cast<std::uint32_t>(count));
    put_u8(out, sequence++);
    put_bytes(out, payload.first(count));
    payload = payload.subspan(count);
  } while (count == kPayloadBytesMax);
}

void append_command(Buffer& out, Bytes payload) {
  std::uint8_t sequence = 0;
  append_message(out, payload, sequence);
}

void PacketNumbering::apply(std::span<std::uint8_t> bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (header_bytes_ < kHeaderBytes) {
      if (header_bytes_ < 3) {
        payload_left_ |= static_cast<std::uint32_t>(bytes[at]) << (8 * header_bytes_);
      } else {
        bytes[at] = next_++;
      }
      ++header_bytes_;
      ++at;
    }
    if (header_bytes_ < kHeaderBytes) continue;
    const std::size_t skipped = std::min<std::size_t>(payload_left_, bytes.size() - at);
    payload_left_ -= static_cast<std::uint32_t>(skipped);
    at += skipped;
    if (payload_left_ == 0) header_bytes_ = 0;
  }
}

absl::StatusOr<std::optional<Message>> MessageReader::feed(Bytes& input) {
  if (returned_partial_) forget_partial();
  if (!pending()) {
    if (std::optional<Message> message = whole_message(input)) return message;
  }
  while (true) {
    if (!in_packet_) {
      while (header_bytes_ < kHeaderBytes && !input.empty()) {
        header_[header_bytes_++] = input.front();
        input = input.subspan(1);
      }
      if (header_bytes_ < kHeaderBytes) return std::nullopt;
      if (absl::Status status = begin_packet(decode_header(header_)); !status.ok()) return status;
    }
    // The buffer grows with what arrives, not with what is announced: a header alone takes no memory.
    const Bytes part = input.first(std::min(input.size(), packet_left_));
    put_bytes(partial_, part);
    input = input.subspan(part.size());
    packet_left_ -= part.size();
    if (packet_left_ != 0) return std::nullopt;
    in_packet_ = false;
    header_bytes_ = 0;
    if (more_follows_) continue;
    returned_partial_ = true;
    Message message;
    message.payload = partial_;
    message.first_sequence = first_sequence_;
    message.last_sequence = static_cast<std::uint8_t>(next_sequence_ - 1);
    return message;
  }
}

// A faulty header is left to begin_packet(), which says what is wrong.
std::optional<Message> MessageReader::whole_message(Bytes& input) {
  if (input.size() < kHeaderBytes) return std::nullopt;
  const PacketHeader header = decode_header(input);
  const std::size_t wire_bytes = kHeaderBytes + header.payload_bytes;
  if (header.payload_bytes == kPayloadBytesMax || input.size() < wire_bytes || header.sequence != next_sequence_ ||
      header.payload_bytes > message_bytes_max_) {
    return std::nullopt;
  }
  Message message;
  message.wire = input.first(wire_bytes);
  message.payload = message.wire.subspan(kHeaderBytes);
  message.first_sequence = message.last_sequence = next_sequence_++;
  input = input.subspan(wire_bytes);
  return message;
}

// On failure the header stays where it is, so that every later feed() fails in the same way.
absl::Status MessageReader::begin_packet(PacketHeader header) {
  if (header.sequence != next_sequence_ && !ignores_sequence_) {
    return absl::InvalidArgumentError("packet out of order: its sequence number is " + std::to_string(header.sequence) +
                                      ", expected " + std::to_string(next_sequence_));
  }
  const std::size_t message_bytes = partial_.size() + header.payload_bytes;
  if (message_bytes > message_bytes_max_) {
    return absl::ResourceExhaustedError("a message of at least " + std::to_string(message_bytes) +
                                        " bytes is over the limit of " + std::to_string(message_bytes_max_));
  }
  if (!more_follows_) first_sequence_ = next_sequence_;
  ++next_sequence_;
  in_packet_ = true;
  packet_left_ = header.payload_bytes;
  more_follows_ = header.payload_bytes == kPayloadBytesMax;
  return absl::OkStatus();
}

void MessageReader::forget_partial() {
  if (partial_.capacity() > kKeptBytesMax) {
    Buffer().swap(partial_);
  } else {
    partial_.clear();
  }
  returned_partial_ = false;
}

}  // namespace crossfade::protocol
