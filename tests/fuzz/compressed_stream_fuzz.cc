// A stream of frames gives the same bytes, and the same failure, whole and cut into pieces; what is
// written is read back.
#include <algorithm>
#include <cstdlib>

#include "protocol/compressed_stream.h"

namespace {

using namespace crossfade::protocol;
using Role = CompressedStream::Role;

constexpr std::size_t kReadBytesMax = std::size_t{4} << 20;  // of what small input may expand to

Codec& codec() {
  static Codec instance;
  return instance;
}

struct Outcome {
  Buffer plain;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read_in_pieces(CompressedStream stream, Bytes wire, std::size_t piece) {
  Outcome outcome;
  std::uint8_t into[4096];
  while (outcome.plain.size() < kReadBytesMax) {
    const auto count = stream.read(codec(), into);
    outcome.failed = !count.ok();
    if (outcome.failed) return outcome;
    put_bytes(outcome.plain, Bytes(into, *count));
    if (*count > 0) continue;
    if (wire.empty()) return outcome;
    const Bytes part = wire.first(std::min(piece, wire.size()));
    wire = wire.subspan(part.size());
    stream.put(part);
  }
  return outcome;
}

}  // namespace

// The first byte picks role and algorithm, the second the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Role role = (data[0] & 1) != 0 ? Role::server : Role::client;
  const Compression how = {.algorithm = (data[0] & 2) != 0 ? CompressionAlgorithm::zlib : CompressionAlgorithm::zstd,
                           .zstd_level = 1};
  const std::size_t piece = std::max<std::size_t>(data[1], 1);
  const Bytes bytes = Bytes(data, size).subspan(2);
  const Outcome whole = read_in_pieces(CompressedStream(role, how), bytes, std::max<std::size_t>(bytes.size(), 1));
  if (!(whole == read_in_pieces(CompressedStream(role, how), bytes, piece))) std::abort();

  // The same bytes as packets to be sent, cut anywhere: all of them arrive, but for the beginning of a header (of a
  // packet, on the server's side) that is still to be completed.
  CompressedStream writer(role, how);
  Buffer wire;
  for (Bytes rest = bytes; !rest.empty();) {
    const Bytes part = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(part.size());
    writer.write(codec(), part, wire);
  }
  const Outcome back = read_in_pieces(CompressedStream(Role::client, how), wire, 1000);
  const Bytes missing = bytes.subspan(back.plain.size());
  if (back.failed) std::abort();
  if (missing.size() >= kHeaderBytes &&
      (role == Role::client || missing.size() - kHeaderBytes >= decode_header(missing).payload_bytes)) {
    std::abort();
  }
  if (!std::equal(back.plain.begin(), back.plain.end(), bytes.begin())) std::abort();
  return 0;
}
