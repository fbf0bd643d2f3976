#include "protocol/file_packets.h"

#include <algorithm>

namespace crossfade::protocol {

absl::StatusOr<Bytes> FilePackets::feed(Bytes& input) {
  while (!ended_ && packet_left_ == 0 && !input.empty()) {
    const std::size_t wanted = std::min(kHeaderBytes - header_bytes_, input.size());
    std::copy_n(input.begin(), wanted, header_ + header_bytes_);
    header_bytes_ += wanted;
    input = input.subspan(wanted);
    if (header_bytes_ < kHeaderBytes) break;
    header_bytes_ = 0;
    if (absl::Status begun = begin_packet(); !begun.ok()) return begun;
  }
  const Bytes piece = input.first(std::min(packet_left_, input.size()));
  packet_left_ -= piece.size();
  input = input.subspan(piece.size());
  return piece;
}

absl::Status FilePackets::begin_packet() {
  const PacketHeader header = decode_header(header_);
  if (header.sequence != next_sequence_) return absl::InvalidArgumentError("packets out of order in a local file");
  ++next_sequence_;
  ended_ = header.payload_bytes == 0 && !continued_;
  continued_ = header.payload_bytes == kPayloadBytesMax;
  packet_left_ = header.payload_bytes;
  return absl::OkStatus();
}

}  // namespace crossfade::protocol
