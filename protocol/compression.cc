#include "protocol/compression.h"

#include <zlib.h>
#include <zstd.h>

namespace crossfade::protocol {
namespace {

absl::Status malformed_frame() {
  return absl::InvalidArgumentError("a compressed packet does not hold what it announces");
}

// zlib takes no const input, and does not change it.
Bytef* input_of(Bytes bytes) { return const_cast<Bytef*>(bytes.data()); }

}  // namespace

struct Codec::Contexts {
  z_stream deflating{};
  z_stream inflating{};
  bool can_deflate = false;
  bool can_inflate = false;
  ZSTD_CCtx* zstd_out = nullptr;
  ZSTD_DCtx* zstd_in = nullptr;

  ~Contexts() {
    if (can_deflate) deflateEnd(&deflating);
    if (can_inflate) inflateEnd(&inflating);
    ZSTD_freeCCtx(zstd_out);
    ZSTD_freeDCtx(zstd_in);
  }
};

CompressionAlgorithm compression_of(Capabilities capabilities) {
  if ((capabilities & kCompress) != 0) return CompressionAlgorithm::zlib;
  if ((capabilities & kZstdCompression) != 0) return CompressionAlgorithm::zstd;
  return CompressionAlgorithm::none;
}

Codec::Codec() : contexts_(std::make_unique<Contexts>()) {}
Codec::~Codec() = default;

bool Codec::compress(const Compression& how, Bytes plain, Buffer& out) {
  if (plain.empty()) return false;
  const std::size_t before = out.size();
  // One byte less than the plain form: what does not get smaller is not worth the other side's work.
  const std::size_t room = plain.size() - 1;
  Contexts& contexts = *contexts_;
  switch (how.algorithm) {
    case CompressionAlgorithm::none:
      return false;
    case CompressionAlgorithm::zlib: {
      z_stream& stream = contexts.deflating;
      if (!contexts.can_deflate) {
        contexts.can_deflate = deflateInit(&stream, Z_DEFAULT_COMPRESSION) == Z_OK;
      } else if (deflateReset(&stream) != Z_OK) {
        return false;
      }
      if (!contexts.can_deflate) return false;
      out.resize(before + room);
      stream.next_in = input_of(plain);
      stream.avail_in = static_cast<uInt>(plain.size());
      stream.next_out = out.data() + before;
      stream.avail_out = static_cast<uInt>(room);
      const bool good = deflate(&stream, Z_FINISH) == Z_STREAM_END;
      out.resize(good ? before + room - stream.avail_out : before);
      return good;
    }
    case CompressionAlgorithm::zstd: {
      if (contexts.zstd_out == nullptr) contexts.zstd_out = ZSTD_createCCtx();
      if (contexts.zstd_out == nullptr) return false;
      out.resize(before + room);
      const std::size_t size = ZSTD_compressCCtx(contexts.zstd_out, out.data() + before, room, plain.data(),
                                                 plain.size(), static_cast<int>(how.zstd_level));
      const bool good = ZSTD_isError(size) == 0;
      out.resize(good ? before + size : before);
      return good;
    }
  }
  return false;
}

absl::Status Codec::decompress(CompressionAlgorithm algorithm, Bytes packed, std::span<std::uint8_t> into) {
  Contexts& contexts = *contexts_;
  switch (algorithm) {
    case CompressionAlgorithm::none:
      return malformed_frame();
    case CompressionAlgorithm::zlib: {
      z_stream& stream = contexts.inflating;
      if (!contexts.can_inflate) {
        contexts.can_inflate = inflateInit(&stream) == Z_OK;
      } else if (inflateReset(&stream) != Z_OK) {
        contexts.can_inflate = false;
      }
      if (!contexts.can_inflate) return absl::ResourceExhaustedError("no memory for zlib");
      stream.next_in = input_of(packed);
      stream.avail_in = static_cast<uInt>(packed.size());
      stream.next_out = into.data();
      stream.avail_out = static_cast<uInt>(into.size());
      // Z_STREAM_END comes only once the checksum was read, and it was right.
      if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.avail_out != 0 || stream.avail_in != 0) {
        return malformed_frame();
      }
      return absl::OkStatus();
    }
    case CompressionAlgorithm::zstd: {
      if (contexts.zstd_in == nullptr) contexts.zstd_in = ZSTD_createDCtx();
      if (contexts.zstd_in == nullptr) return absl::ResourceExhaustedError("no memory for zstd");
      const std::size_t size =
          ZSTD_decompressDCtx(contexts.zstd_in, into.data(), into.size(), packed.data(), packed.size());
      if (ZSTD_isError(size) != 0 || size != into.size()) return malformed_frame();
      return absl::OkStatus();
    }
  }
  return malformed_frame();
}

}  // namespace crossfade::protocol
