#include "dualwrite/log_compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "dualwrite/log_event_header.h"

namespace crossfade::dualwrite {

using protocol::Buffer;
using protocol::Bytes;
using protocol::Reader;

namespace {

constexpr std::size_t kZlibRatioMax = 1032;  // of deflate
constexpr int kWindowLogMax = 27;            // 128 MiB, what zstd itself takes at most unasked

absl::Status malformed_payload(const std::string& what) {
  return absl::InvalidArgumentError("malformed compression: " + what);
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

absl::StatusOr<Buffer> inflate_mariadb(Bytes packed) {
  Reader reader(packed);
  const std::uint8_t head = reader.u8();
  const std::size_t width = head & 0x07;
  const int algorithm = head >> 4 & 0x07;
  if ((head & 0x80) == 0 || width == 0 || width > 4) return malformed_payload("its head is not known");
  if (algorithm != 0) return absl::UnimplementedError("compression " + std::to_string(algorithm) + " is not known");
  std::size_t plain_bytes = 0;
  for (std::size_t i = 0; i < width; ++i) plain_bytes = plain_bytes << 8 | reader.u8();
  const Bytes data = reader.rest();
  if (reader.failed()) return malformed_payload("cut off");
  if (plain_bytes > kEventBytesMax || plain_bytes / kZlibRatioMax > data.size())
    return malformed_payload("its size cannot be");
  Buffer plain(plain_bytes);
  uLongf written = plain_bytes;
  uLong read = data.size();
  if (uncompress2(plain.data(), &written, data.data(), &read) != Z_OK || written != plain_bytes) {
    return malformed_payload("zlib cannot read it");
  }
  return plain;
}

struct TransactionPayload::Stream {
  std::unique_ptr<ZSTD_DCtx, FreeContext> context;  // none: the payload is not compressed
  Buffer packed;
  std::size_t packed_at = 0;
  Buffer plain;  // what is unpacked and not yet given
  std::size_t plain_at = 0;
  std::uint64_t plain_left = 0;  // as announced, less what is unpacked
  bool frame_complete = false;

  std::size_t readable() const { return plain.size() - plain_at; }
};

TransactionPayload::TransactionPayload(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
TransactionPayload::TransactionPayload(TransactionPayload&&) noexcept = default;
TransactionPayload& TransactionPayload::operator=(TransactionPayload&&) noexcept = default;
TransactionPayload::~TransactionPayload() = default;

absl::StatusOr<TransactionPayload> TransactionPayload::open(Bytes body) {
  constexpr std::uint64_t kZstd = 0;
  constexpr std::uint64_t kNone = 255;
  Reader reader(body);
  std::optional<std::uint64_t> payload_bytes, algorithm, plain_bytes;
  for (std::uint64_t field = reader.lenenc(); field != 0 && !reader.failed(); field = reader.lenenc()) {
    Reader value(reader.lenenc_bytes());
    if (field == 1) payload_bytes = value.lenenc();
    if (field == 2) algorithm = value.lenenc();
    if (field == 3) plain_bytes = value.lenenc();
    if (value.failed()) return malformed_payload("a field is cut off");
  }
  const Bytes payload = reader.rest();
  if (reader.failed() || !payload_bytes || !algorithm || *payload_bytes != payload.size()) {
    return malformed_payload("its fields do not fit");
  }
  auto stream = std::make_unique<Stream>();
  if (*algorithm == kNone) {
    stream->plain.assign(payload.begin(), payload.end());
    stream->frame_complete = true;
  } else if (*algorithm == kZstd) {
    if (!plain_bytes) return malformed_payload("its plain size is missing");
    stream->packed.assign(payload.begin(), payload.end());
    stream->plain_left = *plain_bytes;
    stream->context.reset(ZSTD_createDCtx());
    if (!stream->context ||
        ZSTD_isError(ZSTD_DCtx_setParameter(stream->context.get(), ZSTD_d_windowLogMax, kWindowLogMax)) != 0) {
      return absl::ResourceExhaustedError("zstd has no memory");
    }
  } else {
    return absl::UnimplementedError("compression " + std::to_string(*algorithm) + " is not known");
  }
  return TransactionPayload(std::move(stream));
}

absl::Status TransactionPayload::fill(std::size_t count) {
  Stream& s = *stream_;
  if (s.readable() >= count || !s.context) return absl::OkStatus();
  s.plain.erase(s.plain.begin(), s.plain.begin() + static_cast<std::ptrdiff_t>(s.plain_at));
  s.plain_at = 0;
  while (s.plain.size() < count) {
    const std::size_t had = s.plain.size();
    s.plain.resize(had + ZSTD_DStreamOutSize());
    ZSTD_outBuffer out{s.plain.data() + had, s.plain.size() - had, 0};
    ZSTD_inBuffer in{s.packed.data(), s.packed.size(), s.packed_at};
    const std::size_t result = ZSTD_decompressStream(s.context.get(), &out, &in);
    const bool stuck = out.pos == 0 && in.pos == s.packed_at;
    s.packed_at = in.pos;
    s.plain.resize(had + out.pos);
    if (ZSTD_isError(result) != 0) return malformed_payload(std::string("zstd: ") + ZSTD_getErrorName(result));
    if (stuck) break;  // and what zstd says now is of a frame that would begin
    s.frame_complete = result == 0;
    if (out.pos > s.plain_left) return malformed_payload("more than announced");
    s.plain_left -= out.pos;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Bytes>> TransactionPayload::next() {
  Stream& s = *stream_;
  if (absl::Status status = fill(kEventHeaderBytes); !status.ok()) return status;
  if (s.readable() == 0) {
    if (s.plain_left != 0 || !s.frame_complete) return malformed_payload("less than announced");
    return std::nullopt;
  }
  if (s.readable() < kEventHeaderBytes) return malformed_payload("an event is cut off");
  const std::size_t size = peek_header(Bytes(s.plain).subspan(s.plain_at)).size;
  if (size < kEventHeaderBytes || size > kEventBytesMax) return malformed_payload("an event's size cannot be");
  if (absl::Status status = fill(size); !status.ok()) return status;
  if (s.readable() < size) return malformed_payload("an event is cut off");
  const Bytes event = Bytes(s.plain).subspan(s.plain_at, size);
  s.plain_at += size;
  return event;
}

}  // namespace crossfade::dualwrite
