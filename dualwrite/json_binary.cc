#include "dualwrite/json_binary.h"

namespace crossfade::dualwrite {

using protocol::Bytes;
using protocol::Reader;

namespace {

bool is_inline(JsonType type, std::size_t width) {
  switch (type) {
    case JsonType::literal:
    case JsonType::int16:
    case JsonType::uint16:
      return true;
    case JsonType::int32:
    case JsonType::uint32:
      return width == 4;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<JsonContainer> JsonContainer::open(JsonValue value) {
  JsonContainer container;
  container.object_ = value.type == JsonType::small_object || value.type == JsonType::large_object;
  container.width_ = value.type == JsonType::large_object || value.type == JsonType::large_array ? 4 : 2;
  container.bytes_ = value.bytes;
  if (value.bytes.size() < 2 * container.width_) return malformed_json("a container is cut off");
  container.count_ = container.number_at(0);
  const std::size_t bytes = container.number_at(container.width_);
  if (bytes > value.bytes.size()) return malformed_json("a container is longer than its place");
  container.bytes_ = value.bytes.first(bytes);
  const std::size_t key_entry = container.object_ ? container.width_ + 2 : 0;
  container.values_at_ = 2 * container.width_ + container.count_ * key_entry;
  if (container.own_bytes() > bytes) return malformed_json("a container has more entries than bytes");
  return container;
}

std::uint32_t JsonContainer::number_at(std::size_t at) const {
  Reader reader(bytes_.subspan(at));
  return width_ == 4 ? reader.u32() : reader.u16();
}

absl::StatusOr<std::string_view> JsonContainer::key(std::size_t index) const {
  const std::size_t entry = 2 * width_ + index * (width_ + 2);
  const std::size_t at = number_at(entry);
  const std::size_t size = Reader(bytes_.subspan(entry + width_)).u16();
  if (at > bytes_.size() || size > bytes_.size() - at) return malformed_json("a key lies outside");
  return protocol::as_text(bytes_.subspan(at, size));
}

absl::StatusOr<JsonValue> JsonContainer::value(std::size_t index) const {
  const std::size_t entry = values_at_ + index * (1 + width_);
  const auto type = static_cast<JsonType>(bytes_[entry]);
  if (is_inline(type, width_)) return JsonValue{.type = type, .bytes = bytes_.subspan(entry + 1, width_)};
  const std::size_t at = number_at(entry + 1);
  if (at < own_bytes() || at > bytes_.size()) return malformed_json("a value lies outside");
  return JsonValue{.type = type, .bytes = bytes_.subspan(at)};
}

absl::StatusOr<std::uint32_t> read_json_length(Reader& reader) {
  std::uint64_t length = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const std::uint8_t byte = reader.u8();
    length |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      if (reader.failed() || length > 0xffffffff) break;
      return static_cast<std::uint32_t>(length);
    }
  }
  return malformed_json("a length");
}

}  // namespace crossfade::dualwrite
