// The file that a client sends when a response asks for one (manual pages "LOCAL INFILE Request",
// "LOCAL INFILE Data"): packets numbered on from the request's, ended by an empty one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "protocol/packet.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

// The first byte of the request; the file's name follows.
inline constexpr std::uint8_t kLocalInfileByte = 0xfb;

// Takes the packets apart, fed in pieces of any size, and keeps none of their content. A packet of
// 2^24-1 bytes is continued by the next one: an empty continuation ends that message, not the file.
// Fails (InvalidArgument) on a wrong sequence number, as the servers do.
class FilePackets {
 public:
  // `sequence`: of the first packet, one past the request's.
  explicit FilePackets(std::uint8_t sequence) : next_sequence_(sequence) {}

  // Removes what it used from the front of `input` and gives the next bytes of the file, a view into
  // it; none when a header took all of it, or at the end. Never uses more than the file's own packets.
  absl::StatusOr<Bytes> feed(Bytes& input);

  bool ended() const { return ended_; }
  // Of the packet that comes next; after the end, of the server's answer.
  std::uint8_t next_sequence() const { return next_sequence_; }

 private:
  absl::Status begin_packet();

  std::uint8_t header_[kHeaderBytes] = {};
  std::size_t header_bytes_ = 0;
  std::size_t packet_left_ = 0;
  bool continued_ = false;  // the last packet was full
  bool ended_ = false;
  std::uint8_t next_sequence_;
};

}  // namespace crossfade::protocol
