#include "dualwrite/trigger/packed_fields.h"

#include <charconv>

namespace crossfade::dualwrite {

void put_field(std::string& out, std::optional<std::string_view> field) {
  if (!field) {
    out += 'n';
    return;
  }
  out += std::to_string(field->size()) + ":";
  out += *field;
}

std::optional<std::string_view> FieldReader::next() {
  if (failed_ || rest_.empty()) return fail();
  if (rest_.front() == 'n') {
    rest_.remove_prefix(1);
    return std::nullopt;
  }
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), bytes);
  const auto digits = static_cast<std::size_t>(end - rest_.data());
  if (error != std::errc() || digits == rest_.size() || *end != ':') return fail();
  rest_.remove_prefix(digits + 1);
  if (bytes > rest_.size()) return fail();
  const std::string_view field = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return field;
}

}  // namespace crossfade::dualwrite
