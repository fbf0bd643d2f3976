#include "protocol/wire.h"

#include <cstring>

namespace crossfade::protocol {
namespace {

void put_fixed(Buffer& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace

std::uint64_t Reader::fixed(std::size_t width) {
  const Bytes bytes = take(width);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

Bytes Reader::take(std::size_t count) { return take_checked(count); }

Bytes Reader::take_checked(std::uint64_t count) {
  if (count > remaining()) {
    // Moving to the end makes every later read fail too.
    failed_ = true;
    position_ = bytes_.size();
    return {};
  }
  if (failed_) return {};
  const Bytes taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += taken.size();
  return taken;
}

std::uint64_t Reader::lenenc() {
  const std::uint8_t first = u8();
  switch (first) {
    case 0xfb:
    case 0xff:
      failed_ = true;
      position_ = bytes_.size();
      return 0;
    case 0xfc:
      return fixed(2);
    case 0xfd:
      return fixed(3);
    case 0xfe:
      return fixed(8);
    default:
      return first;
  }
}

std::string_view Reader::nul_text() {
  const Bytes tail = bytes_.subspan(position_);
  const void* end = tail.empty() ? nullptr : std::memchr(tail.data(), 0, tail.size());
  if (end == nullptr) {
    failed_ = true;
    position_ = bytes_.size();
    return {};
  }
  const Bytes text = take(static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - tail.data()));
  skip(1);
  return as_text(text);
}

void put_u8(Buffer& out, std::uint8_t value) { out.push_back(value); }
void put_u16(Buffer& out, std::uint16_t value) { put_fixed(out, value, 2); }
void put_u24(Buffer& out, std::uint32_t value) { put_fixed(out, value, 3); }
void put_u32(Buffer& out, std::uint32_t value) { put_fixed(out, value, 4); }

void put_lenenc(Buffer& out, std::uint64_t value) {
  if (value < 0xfb) {
    put_fixed(out, value, 1);
  } else if (value <= 0xffff) {
    put_u8(out, 0xfc);
    put_fixed(out, value, 2);
  } else if (value <= 0xffffff) {
    put_u8(out, 0xfd);
    put_fixed(out, value, 3);
  } else {
    put_u8(out, 0xfe);
    put_fixed(out, value, 8);
  }
}

void put_bytes(Buffer& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void put_text(Buffer& out, std::string_view text) { put_bytes(out, as_bytes(text)); }

void put_lenenc_text(Buffer& out, std::string_view text) { put_lenenc_bytes(out, as_bytes(text)); }

void put_lenenc_bytes(Buffer& out, Bytes bytes) {
  put_lenenc(out, bytes.size());
  put_bytes(out, bytes);
}

void put_nul_text(Buffer& out, std::string_view text) {
  put_text(out, text);
  put_u8(out, 0);
}

void put_zeros(Buffer& out, std::size_t count) { out.resize(out.size() + count); }

}  // namespace crossfade::protocol
