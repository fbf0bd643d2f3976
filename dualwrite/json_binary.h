// The layout of MySQL's binary JSON. Source: sql-common/json_binary.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

enum class JsonType : std::uint8_t {
  small_object = 0x00,
  large_object = 0x01,
  small_array = 0x02,
  large_array = 0x03,
  literal = 0x04,
  int16 = 0x05,
  uint16 = 0x06,
  int32 = 0x07,
  uint32 = 0x08,
  int64 = 0x09,
  uint64 = 0x0a,
  double_ = 0x0b,
  string = 0x0c,
  opaque = 0x0f
};

// A value and the bytes it may lie in; what an offset points to begins at them.
struct JsonValue {
  JsonType type = JsonType::literal;
  protocol::Bytes bytes;
};

// An object or array: (u16 or u32 count | bytes) | object: (offset | u16 bytes of key)* | (u8 type | offset, or the
// value where it is short enough)* | keys and values. Offsets count from the container's start.
class JsonContainer {
 public:
  // InvalidArgument where it does not fit its bytes.
  static absl::StatusOr<JsonContainer> open(JsonValue value);
  bool is_object() const { return object_; }
  std::size_t size() const { return count_; }
  // How many bytes the entries take, and the keys; no two containers of a document share any.
  std::size_t own_bytes() const { return values_at_ + count_ * (1 + width_); }
  absl::StatusOr<std::string_view> key(std::size_t index) const;
  absl::StatusOr<JsonValue> value(std::size_t index) const;

 private:
  std::uint32_t number_at(std::size_t at) const;

  protocol::Bytes bytes_;
  std::size_t width_ = 2;
  std::size_t count_ = 0;
  std::size_t values_at_ = 0;
  bool object_ = false;
};

inline absl::Status malformed_json(const char* what) {
  return absl::InvalidArgumentError(std::string("malformed JSON: ") + what);
}

// u8 of seven bits each, the lowest first, the highest bit says that more follow; at most five.
absl::StatusOr<std::uint32_t> read_json_length(protocol::Reader& reader);

// Opaque values: a type of a column and its bytes.
absl::Status append_opaque(std::uint8_t type, protocol::Bytes value, std::string& out);
// In quotes, with the escapes that MySQL writes.
void append_json_string(std::string_view text, std::string& out);
// As MySQL writes a DOUBLE within JSON: the shortest digits that give the same double, always with a point or exponent.
void append_json_double(double value, std::string& out);

}  // namespace crossfade::dualwrite
