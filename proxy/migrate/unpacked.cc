#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "proxy/migrate/byte_source.h"

namespace crossfade::proxy {
namespace {

constexpr std::size_t kPackedBytes = std::size_t{64} << 10;

// Unpacks what another one gives; a file is read from its beginning to come to a place in it.
class Unpacked : public ByteSource {
 public:
  explicit Unpacked(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)) {}

  absl::StatusOr<std::size_t> read(char* to, std::size_t size) final {
    for (;;) {
      if (used_ == given_ && !ended_) {
        absl::StatusOr<std::size_t> got = packed_->read(buffer_.data(), buffer_.size());
        if (!got.ok()) return got;
        used_ = 0;
        given_ = *got;
        ended_ = *got == 0;
      }
      absl::StatusOr<std::size_t> made = unpack(to, size);
      if (!made.ok() || *made > 0) {
        at_ += made.ok() ? *made : 0;
        return made;
      }
      if (!ended_ || used_ < given_) continue;
      if (is_whole()) return std::size_t{0};
      return absl::DataLossError("it is cut off: what is packed in it ends in its middle");
    }
  }

  absl::Status skip_to(std::uint64_t offset) final {
    std::array<char, 16 << 10> waste;
    while (at_ < offset) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(waste.size(), offset - at_));
      const absl::StatusOr<std::size_t> got = read(waste.data(), size);
      if (!got.ok()) return got.status();
      if (*got == 0) return absl::DataLossError("it is shorter than it was");
    }
    return absl::OkStatus();
  }

 protected:
  // Of the input that is not used; 0: more input is needed.
  virtual absl::StatusOr<std::size_t> unpack(char* to, std::size_t size) = 0;
  virtual bool is_whole() const = 0;  // nothing is missing where the input ends

  std::array<char, kPackedBytes> buffer_;
  std::size_t used_ = 0, given_ = 0;

 private:
  std::unique_ptr<ByteSource> packed_;
  bool ended_ = false;
  std::uint64_t at_ = 0;
};

class Gunzip : public Unpacked {
 public:
  explicit Gunzip(std::unique_ptr<ByteSource> packed) : Unpacked(std::move(packed)) {
    good_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

 protected:
  absl::StatusOr<std::size_t> unpack(char* to, std::size_t size) override {
    if (!good_) return absl::DataLossError("it is no gzip file, or broken");
    if (member_over_) {
      if (used_ == given_) return std::size_t{0};
      inflateReset(&stream_);
      member_over_ = false;
    }
    begun_ = begun_ || used_ < given_;
    stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data() + used_);
    stream_.avail_in = static_cast<uInt>(given_ - used_);
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    used_ = given_ - stream_.avail_in;
    good_ = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    member_over_ = result == Z_STREAM_END;
    if (!good_) return absl::DataLossError("it is no gzip file, or broken");
    return size - stream_.avail_out;
  }
  bool is_whole() const override { return member_over_ || !begun_; }

 private:
  z_stream stream_{};
  bool good_ = false, member_over_ = false, begun_ = false;
};

class Unzstd : public Unpacked {
 public:
  explicit Unzstd(std::unique_ptr<ByteSource> packed) : Unpacked(std::move(packed)), stream_(ZSTD_createDStream()) {}
  ~Unzstd() override { ZSTD_freeDStream(stream_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;

 protected:
  absl::StatusOr<std::size_t> unpack(char* to, std::size_t size) override {
    ZSTD_inBuffer in{buffer_.data(), given_, used_};
    ZSTD_outBuffer out{to, size, 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &out, &in);
    if (ZSTD_isError(result) != 0) return absl::DataLossError("it is no zstd file, or broken");
    const bool moved = in.pos > used_ || out.pos > 0;
    used_ = in.pos;
    if (moved) whole_ = result == 0;
    return out.pos;
  }
  bool is_whole() const override { return whole_; }

 private:
  ZSTD_DStream* stream_;
  bool whole_ = true;
};

}  // namespace

std::unique_ptr<ByteSource> unpacked(std::string_view name, std::unique_ptr<ByteSource> packed) {
  if (name.ends_with(".gz")) return std::make_unique<Gunzip>(std::move(packed));
  if (name.ends_with(".zst")) return std::make_unique<Unzstd>(std::move(packed));
  return packed;
}

}  // namespace crossfade::proxy
