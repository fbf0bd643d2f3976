// The compressed protocol (manual page "Compressed Packet"): the stream of packets in frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/compression.h"
#include "protocol/packet.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

inline constexpr std::size_t kFrameHeaderBytes = 7;
// Shorter pieces travel as they are: what all servers and clients do.
inline constexpr std::size_t kCompressedFromBytes = 50;
// Of one frame that is written. Frames of up to 2^24-1 bytes are read.
inline constexpr std::size_t kFramePlainBytesMax = std::size_t{256} << 10;
// Of an answer. A packet that is not longer lies in one frame, as the servers send it, or in two:
// mysql-connector-python puts no packet together from more.
inline constexpr std::size_t kAnswerFramePlainBytesMax = std::size_t{4} << 20;

// One connection's frames in both directions, without sockets.
//   read() gives plain bytes, or 0 for "more is needed"; only then put() what arrived. write() appends
//   frames to what is to be sent. The last packet of what is written may wait in here for its rest.
// A frame ends anywhere in a packet, and a packet anywhere in a frame. read() never gives bytes of two
// frames at once, so that once a command was read whole, the number of the answer's first frame is known.
// Frames are numbered apart from packets, from 0 with each command. The server's side takes a frame with the
// next number or 0. The client's side starts at 0 with each packet that begins a command; it does not
// look at the numbers that come, since the answers to several commands sent at once start over in their midst.
// Memory: one frame as it arrives, and one decompressed (each at most 16 MiB), and one packet of an answer (at most
// kAnswerFramePlainBytesMax and one write), given back when large.
// A failure is for good.
class CompressedStream {
 public:
  enum class Role : std::uint8_t { server, client };
  CompressedStream(Role role, Compression compression) : role_(role), compression_(compression) {}

  void put(Bytes wire);
  absl::StatusOr<std::size_t> read(Codec& codec, std::span<std::uint8_t> into);
  void write(Codec& codec, Bytes plain, Buffer& out);

  std::size_t buffered_bytes() const { return wire_.capacity() + decompressed_.capacity() + held_.capacity(); }

 private:
  // False: it is not there whole.
  absl::StatusOr<bool> next_frame(Codec& codec);
  void append_frames(Codec& codec, Bytes plain, std::size_t frame_max, Buffer& out);
  void write_answers(Codec& codec, Bytes plain, Buffer& out);
  void write_commands(Codec& codec, Bytes plain, Buffer& out);
  bool begins_command(PacketHeader header) const;

  Role role_;
  Compression compression_;
  std::uint8_t sequence_ = 0;  // of the next frame, in either direction

  Buffer wire_;  // received, from wire_at_ on not yet taken apart
  std::size_t wire_at_ = 0;
  Buffer decompressed_;
  Bytes plain_;  // of the present frame, not yet read; in wire_ or decompressed_

  // Both sides look for the packets in what they send.
  std::size_t packet_left_ = 0;  // to come, of one whose beginning has been framed
  Buffer held_;                  // the server's side: the beginning of one that has not
  // The client's side.
  Buffer cut_header_;
  std::uint8_t last_packet_ = 0;  // its sequence number
  bool read_since_ = true;        // something came after the last packet was sent
};

}  // namespace crossfade::protocol
