#include "protocol/compressed_stream.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace crossfade::protocol {
namespace {

// A buffer of up to this size is kept for the next frame.
constexpr std::size_t kKeptBufferBytesMax = std::size_t{64} << 10;

void shrink(Buffer& buffer) {
  if (buffer.capacity() > kKeptBufferBytesMax) {
    Buffer().swap(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

void CompressedStream::put(Bytes wire) {
  assert(plain_.empty());
  wire_.erase(wire_.begin(), wire_.begin() + static_cast<std::ptrdiff_t>(wire_at_));
  wire_at_ = 0;
  put_bytes(wire_, wire);
}

absl::StatusOr<std::size_t> CompressedStream::read(Codec& codec, std::span<std::uint8_t> into) {
  while (plain_.empty()) {
    const absl::StatusOr<bool> found = next_frame(codec);
    if (!found.ok()) return found.status();
    if (!*found) return std::size_t{0};
  }
  const std::size_t count = std::min(into.size(), plain_.size());
  std::copy_n(plain_.begin(), count, into.begin());
  plain_ = plain_.subspan(count);
  return count;
}

// u24 bytes of the payload | u8 sequence | u24 bytes before compression; 0: not compressed | payload
absl::StatusOr<bool> CompressedStream::next_frame(Codec& codec) {
  shrink(decompressed_);
  if (wire_at_ == wire_.size()) {
    shrink(wire_);
    wire_at_ = 0;
  }
  const Bytes rest = Bytes(wire_).subspan(wire_at_);
  if (rest.size() < kFrameHeaderBytes) return false;
  Reader reader(rest);
  const std::size_t payload_bytes = reader.u24();
  const std::uint8_t sequence = reader.u8();
  const std::size_t plain_bytes = reader.u24();
  if (role_ == Role::server && sequence != sequence_ && sequence != 0) {
    return absl::InvalidArgumentError("compressed packet out of order: its sequence number is " +
                                      std::to_string(sequence) + ", expected " + std::to_string(sequence_));
  }
  if (reader.remaining() < payload_bytes) return false;
  const Bytes payload = reader.take(payload_bytes);
  if (plain_bytes == 0) {
    plain_ = payload;
  } else {
    decompressed_.resize(plain_bytes);
    if (absl::Status status = codec.decompress(compression_.algorithm, payload, decompressed_); !status.ok()) {
      return status;
    }
    plain_ = decompressed_;
  }
  wire_at_ += kFrameHeaderBytes + payload_bytes;
  sequence_ = static_cast<std::uint8_t>(sequence + 1);
  read_since_ = true;
  return true;
}

void CompressedStream::write(Codec& codec, Bytes plain, Buffer& out) {
  switch (role_) {
    case Role::server:
      return write_answers(codec, plain, out);
    case Role::client:
      return write_commands(codec, plain, out);
  }
}

void CompressedStream::append_frames(Codec& codec, Bytes plain, std::size_t frame_max, Buffer& out) {
  while (!plain.empty()) {
    const Bytes part = plain.first(std::min(plain.size(), frame_max));
    plain = plain.subspan(part.size());
    const std::size_t header_at = out.size();
    put_zeros(out, kFrameHeaderBytes);
    const bool compressed = part.size() >= kCompressedFromBytes && codec.compress(compression_, part, out);
    if (!compressed) put_bytes(out, part);
    Buffer header;
    put_u24(header, static_cast<std::uint32_t>(out.size() - header_at - kFrameHeaderBytes));
    put_u8(header, sequence_++);
    put_u24(header, compressed ? static_cast<std::uint32_t>(part.size()) : 0);
    std::copy(header.begin(), header.end(), out.begin() + static_cast<std::ptrdiff_t>(header_at));
  }
}

// Whole packets, and of one that is too long to wait for what there is.
void CompressedStream::write_answers(Codec& codec, Bytes plain, Buffer& out) {
  Buffer joined;
  if (!held_.empty()) {
    joined = std::exchange(held_, {});
    put_bytes(joined, plain);
    plain = joined;
  }
  std::size_t at = std::min(packet_left_, plain.size());
  packet_left_ -= at;
  while (packet_left_ == 0 && plain.size() - at >= kHeaderBytes) {
    const std::size_t packet = kHeaderBytes + decode_header(plain.subspan(at)).payload_bytes;
    const std::size_t there = plain.size() - at;
    if (there >= packet) {
      at += packet;
    } else if (packet > kAnswerFramePlainBytesMax) {
      packet_left_ = packet - there;
      at = plain.size();
    } else {
      break;
    }
  }
  append_frames(codec, plain.first(at), kAnswerFramePlainBytesMax, out);
  if (at == plain.size()) return;
  if (at == 0 && !joined.empty()) {
    held_ = std::move(joined);
  } else {
    held_.assign(plain.begin() + static_cast<std::ptrdiff_t>(at), plain.end());
  }
}

// A command starts with packet 0. In the rows of LOAD DATA LOCAL, which are one long answer of the
// client's, the numbers pass 255 and come to 0 again.
bool CompressedStream::begins_command(PacketHeader header) const {
  return header.sequence == 0 && !(last_packet_ == 0xff && !read_since_);
}

// Each command starts a frame. A header that is cut waits for its rest, which is sure to come.
void CompressedStream::write_commands(Codec& codec, Bytes plain, Buffer& out) {
  Buffer joined;
  if (!cut_header_.empty()) {
    joined = std::exchange(cut_header_, {});
    put_bytes(joined, plain);
    plain = joined;
  }
  std::size_t begin = 0;  // of what is to be framed
  std::size_t at = 0;
  while (at < plain.size()) {
    if (packet_left_ > 0) {
      const std::size_t skipped = std::min(packet_left_, plain.size() - at);
      packet_left_ -= skipped;
      at += skipped;
      continue;
    }
    if (plain.size() - at < kHeaderBytes) {
      cut_header_.assign(plain.begin() + static_cast<std::ptrdiff_t>(at), plain.end());
      break;
    }
    const PacketHeader header = decode_header(plain.subspan(at));
    if (begins_command(header)) {
      append_frames(codec, plain.subspan(begin, at - begin), kFramePlainBytesMax, out);
      begin = at;
      sequence_ = 0;
    }
    last_packet_ = header.sequence;
    read_since_ = false;
    packet_left_ = header.payload_bytes;
    at += kHeaderBytes;
  }
  append_frames(codec, plain.subspan(begin, at - begin), kFramePlainBytesMax, out);
}

}  // namespace crossfade::protocol
