// zlib and zstd as the compressed protocol uses them: one whole, independent piece at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "protocol/capabilities.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

enum class CompressionAlgorithm : std::uint8_t { none, zlib, zstd };
struct Compression {
  CompressionAlgorithm algorithm = CompressionAlgorithm::none;
  std::uint8_t zstd_level = 3;
};
// What two sides that agreed on `capabilities` speak; zlib where both flags are set, as MySQL decides.
CompressionAlgorithm compression_of(Capabilities capabilities);
inline bool is_zstd_level(std::uint8_t level) { return level >= 1 && level <= 22; }

// The working memory of both libraries (about 300 KB, taken when first needed). It keeps nothing from one
// call to the next, so that one per thread serves all its connections.
class Codec {
 public:
  Codec();
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // Appends the compressed form, unless it is not smaller than `plain` or the library fails: false then,
  // and nothing is appended. `plain` has at most 2^24-1 bytes.
  bool compress(const Compression& how, Bytes plain, Buffer& out);
  // Fills `into` exactly, or fails: more or fewer bytes than were announced are an error.
  absl::Status decompress(CompressionAlgorithm algorithm, Bytes packed, std::span<std::uint8_t> into);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace crossfade::protocol
