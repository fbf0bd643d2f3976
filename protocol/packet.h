// Packet framing (manual page "MySQL Packets"): 3 bytes length, 1 byte sequence, payload. A payload
// of 2^24-1 bytes says that another packet of the same message follows, possibly an empty one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

inline constexpr std::size_t kHeaderBytes = 4;
inline constexpr std::size_t kPayloadBytesMax = 0xffffff;

struct PacketHeader {
  std::uint32_t payload_bytes = 0;
  std::uint8_t sequence = 0;
};
// `bytes` has at least kHeaderBytes.
PacketHeader decode_header(Bytes bytes);

// Appends one logical message, split at 16 MiB; `sequence` is the number of the first packet and
// becomes the number after the last.
void append_message(Buffer& out, Bytes payload, std::uint8_t& sequence);
// Appends one message that starts a new exchange at sequence 0.
void append_command(Buffer& out, Bytes payload);

// Numbers the packets of a stream through, in place: bytes in pieces of any size. A compressing server
// numbers them in its own way (after each flush a packet has the number of its frame), and a command that
// took another number of packets on its way to the server is answered from another number on.
class PacketNumbering {
 public:
  explicit PacketNumbering(std::uint8_t first) : next_(first) {}
  void apply(std::span<std::uint8_t> bytes);
  std::uint8_t next() const { return next_; }

 private:
  std::uint8_t next_;
  std::size_t header_bytes_ = 0;
  std::uint32_t payload_left_ = 0;
};

struct Message {
  Bytes payload;  // valid until the next call of feed() and while its input lives
  Bytes wire;     // the packets as they arrived, when unsplit and whole in the input; else empty
  std::uint8_t first_sequence = 0;
  std::uint8_t last_sequence = 0;
};

// Joins packets to messages. Flow: call feed() with what arrived; it removes what it used from the
// front of `input` and gives a message, or nullopt for "feed me more". A message that lies whole in
// the input is returned as a view, without a copy; only what is cut is kept here.
// Fails (InvalidArgument) on a wrong sequence number and (ResourceExhausted) when a message grows
// past `message_bytes_max`, before memory for it is taken. After a failure the stream is dead.
class MessageReader {
 public:
  explicit MessageReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  absl::StatusOr<std::optional<Message>> feed(Bytes& input);

  // Memory held for a message that was cut; a large one is given back by the next feed().
  std::size_t buffered_bytes() const { return partial_.capacity(); }
  // The number that the next packet must carry; a command starts at 0.
  void expect_sequence(std::uint8_t sequence) { next_sequence_ = sequence; }
  std::uint8_t next_sequence() const { return next_sequence_; }
  // Under compression packets carry any number (libmariadb sends 0 always), and the servers do not look: the
  // frames have numbers of their own. Messages are numbered as they should be, and have no `wire` where it is not.
  void ignore_sequence() { ignores_sequence_ = true; }
  // True in the middle of a message.
  bool pending() const { return header_bytes_ != 0 || in_packet_ || more_follows_; }

 private:
  std::optional<Message> whole_message(Bytes& input);
  absl::Status begin_packet(PacketHeader header);
  void forget_partial();

  std::size_t message_bytes_max_;
  Buffer partial_;  // payload of the unfinished message, or of the one returned last
  std::uint8_t header_[kHeaderBytes] = {};
  std::size_t header_bytes_ = 0;
  std::size_t packet_left_ = 0;  // payload bytes still missing of the current packet
  bool in_packet_ = false;
  bool more_follows_ = false;
  bool returned_partial_ = false;
  bool ignores_sequence_ = false;
  std::uint8_t first_sequence_ = 0;
  std::uint8_t next_sequence_ = 0;
};

}  // namespace crossfade::protocol
