#include <bit>

#include "dualwrite/json_binary.h"
#include "dualwrite/json_log.h"

namespace crossfade::dualwrite {

using protocol::Bytes;
using protocol::Reader;

namespace {

constexpr int kJsonDepthMax = 100;  // MySQL's own

// Invariant: budget_ + the bytes of what was written so far = the document's. A document whose values overlap, which
// could be written out at any length, comes to its end.
class JsonWriter {
 public:
  explicit JsonWriter(std::size_t bytes) : budget_(bytes) {}
  absl::Status write(JsonValue value, int depth);
  std::string take() { return std::move(out_); }

 private:
  absl::Status write_container(JsonValue value, int depth);
  absl::Status write_literal(std::uint8_t literal);
  absl::Status write_string(Bytes bytes);
  absl::Status write_opaque(Bytes bytes);
  absl::Status spend(std::size_t bytes);

  std::size_t budget_;
  std::string out_;
};

absl::Status JsonWriter::spend(std::size_t bytes) {
  if (bytes > budget_) return malformed_json("values overlap");
  budget_ -= bytes;
  return absl::OkStatus();
}

absl::Status JsonWriter::write(JsonValue value, int depth) {
  Reader reader(value.bytes);
  switch (value.type) {
    case JsonType::small_object:
    case JsonType::large_object:
    case JsonType::small_array:
    case JsonType::large_array:
      return write_container(value, depth);
    case JsonType::literal:
      return value.bytes.empty() ? malformed_json("a literal") : write_literal(reader.u8());
    case JsonType::int16:
      out_ += std::to_string(static_cast<std::int16_t>(reader.u16()));
      break;
    case JsonType::uint16:
      out_ += std::to_string(reader.u16());
      break;
    case JsonType::int32:
      out_ += std::to_string(static_cast<std::int32_t>(reader.u32()));
      break;
    case JsonType::uint32:
      out_ += std::to_string(reader.u32());
      break;
    case JsonType::int64:
      out_ += std::to_string(static_cast<std::int64_t>(reader.u64()));
      break;
    case JsonType::uint64:
      out_ += std::to_string(reader.u64());
      break;
    case JsonType::double_: {
      const auto number = std::bit_cast<double>(reader.u64());
      if (!(number - number == 0)) return malformed_json("a number that is none");
      append_json_double(number, out_);
      break;
    }
    case JsonType::string:
      return write_string(value.bytes);
    case JsonType::opaque:
      return write_opaque(value.bytes);
    default:
      return malformed_json("a type that is not known");
  }
  return reader.failed() ? malformed_json("a number is cut off") : absl::OkStatus();
}

absl::Status JsonWriter::write_literal(std::uint8_t literal) {
  switch (literal) {
    case 0:
      out_ += "null";
      return absl::OkStatus();
    case 1:
      out_ += "true";
      return absl::OkStatus();
    case 2:
      out_ += "false";
      return absl::OkStatus();
    default:
      return malformed_json("a literal");
  }
}

absl::Status JsonWriter::write_string(Bytes bytes) {
  Reader reader(bytes);
  const absl::StatusOr<std::uint32_t> length = read_json_length(reader);
  if (!length.ok()) return length.status();
  const Bytes text = reader.take(*length);
  if (reader.failed()) return malformed_json("a text is cut off");
  if (absl::Status status = spend(text.size()); !status.ok()) return status;
  append_json_string(protocol::as_text(text), out_);
  return absl::OkStatus();
}

// u8 type of a column | length | bytes
absl::Status JsonWriter::write_opaque(Bytes bytes) {
  Reader reader(bytes);
  const std::uint8_t type = reader.u8();
  const absl::StatusOr<std::uint32_t> length = read_json_length(reader);
  if (!length.ok()) return length.status();
  const Bytes value = reader.take(*length);
  if (reader.failed()) return malformed_json("a value is cut off");
  if (absl::Status status = spend(value.size()); !status.ok()) return status;
  return append_opaque(type, value, out_);
}

absl::Status JsonWriter::write_container(JsonValue value, int depth) {
  if (depth >= kJsonDepthMax) return malformed_json("nested too deep");
  const absl::StatusOr<JsonContainer> container = JsonContainer::open(value);
  if (!container.ok()) return container.status();
  if (absl::Status status = spend(container->own_bytes()); !status.ok()) return status;
  out_ += container->is_object() ? '{' : '[';
  for (std::size_t i = 0; i < container->size(); ++i) {
    if (i != 0) out_ += ", ";
    if (container->is_object()) {
      const absl::StatusOr<std::string_view> key = container->key(i);
      if (!key.ok()) return key.status();
      if (absl::Status status = spend(key->size()); !status.ok()) return status;
      append_json_string(*key, out_);
      out_ += ": ";
    }
    const absl::StatusOr<JsonValue> child = container->value(i);
    if (!child.ok()) return child.status();
    if (absl::Status status = write(*child, depth + 1); !status.ok()) return status;
  }
  out_ += container->is_object() ? '}' : ']';
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> json_text(Bytes binary) {
  if (binary.empty()) return std::string("null");  // what a column that is not NULL has without a value
  JsonWriter writer(binary.size());
  const absl::Status status = writer.write({.type = static_cast<JsonType>(binary[0]), .bytes = binary.subspan(1)}, 0);
  if (!status.ok()) return status;
  return writer.take();
}

}  // namespace crossfade::dualwrite
