// The only raw byte access of the project: a cursor that reads the MySQL protocol's basic data
// types, and append functions that write them (manual page "Protocol Data Types").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::protocol {

using Bytes = std::span<const std::uint8_t>;
using Buffer = std::vector<std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Reads basic types from a span. Failure is sticky: after the first read past the end every read
// gives zero or an empty span and `failed()` is true, so a decoder checks once, at its end.
// Views point into the span that was given; they live as long as it does.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(fixed(3)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  // Length-encoded integer (int<lenenc>). 0xfb and 0xff are failures here: a caller that expects
  // NULL peeks first.
  std::uint64_t lenenc();
  Bytes take(std::size_t count);
  Bytes lenenc_bytes() { return take_checked(lenenc()); }
  std::string_view lenenc_text() { return as_text(lenenc_bytes()); }
  // Text up to and without a NUL; fails when there is none.
  std::string_view nul_text();
  Bytes rest() { return take(remaining()); }
  std::string_view rest_text() { return as_text(rest()); }
  void skip(std::size_t count) { take(count); }
  // 0 at the end.
  std::uint8_t peek() const { return position_ < bytes_.size() ? bytes_[position_] : std::uint8_t{0}; }
  std::size_t remaining() const { return bytes_.size() - position_; }
  std::size_t position() const { return position_; }
  bool at_end() const { return remaining() == 0; }
  bool failed() const { return failed_; }

 private:
  std::uint64_t fixed(std::size_t width);
  Bytes take_checked(std::uint64_t count);

  Bytes bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

void put_u8(Buffer& out, std::uint8_t value);
void put_u16(Buffer& out, std::uint16_t value);
void put_u24(Buffer& out, std::uint32_t value);
void put_u32(Buffer& out, std::uint32_t value);
void put_lenenc(Buffer& out, std::uint64_t value);
void put_bytes(Buffer& out, Bytes bytes);
void put_text(Buffer& out, std::string_view text);
void put_lenenc_text(Buffer& out, std::string_view text);
void put_lenenc_bytes(Buffer& out, Bytes bytes);
void put_nul_text(Buffer& out, std::string_view text);
void put_zeros(Buffer& out, std::size_t count);

}  // namespace crossfade::protocol
