#include "dualwrite/json_opaque.h"

#include <vector>

#include "dualwrite/json_binary.h"

namespace crossfade::dualwrite {

absl::StatusOr<bool> json_has_opaque(protocol::Bytes binary) {
  if (binary.empty()) return false;
  std::vector<JsonValue> open{{.type = static_cast<JsonType>(binary[0]), .bytes = binary.subspan(1)}};
  // Containers share no bytes, so that a whole document has no more of them than bytes.
  std::size_t seen = 0;
  while (!open.empty()) {
    const JsonValue value = open.back();
    open.pop_back();
    if (value.type == JsonType::opaque) return true;
    if (value.type > JsonType::large_array) continue;
    absl::StatusOr<JsonContainer> container = JsonContainer::open(value);
    if (!container.ok()) return container.status();
    seen += container->own_bytes();
    if (seen > binary.size()) return absl::InvalidArgumentError("a JSON document whose containers overlap");
    for (std::size_t i = 0; i < container->size(); ++i) {
      absl::StatusOr<JsonValue> inner = container->value(i);
      if (!inner.ok()) return inner.status();
      open.push_back(*inner);
    }
  }
  return false;
}

}  // namespace crossfade::dualwrite
