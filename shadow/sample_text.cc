#include "shadow/sample_text.h"

#include <xxhash.h>

#include <cstdio>

namespace crossfade::shadow {

namespace {

constexpr std::size_t kPlaintextBytesMax = 256;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The length of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) {
      return 0;
    }
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool too_high = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_high ? 0 : length;
}

// C0 and DEL; and C1, which terminals obey as well ("\xc2\x80" to "\xc2\x9f").
bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  return first < 0x20 || first == 0x7f || (first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0);
}

std::string escaped(char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  return text;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const bool shown = length != 0 && !is_control(text.substr(0, length));
    const std::string next = shown ? std::string(text.substr(0, length)) : escaped(text[0]);
    if (out.size() + next.size() > bytes_max) {
      return out + "...";
    }
    text.remove_prefix(shown ? length : 1);
    out += next;
  }
  return out;
}

std::string sample_text(const std::optional<std::string>& value, const SampleText& options) {
  if (!value) {
    return "NULL";
  }
  if (options.plaintext) {
    return "'" + printable(*value, kPlaintextBytesMax) + "'";
  }
  const std::uint64_t hash = XXH3_64bits_withSeed(value->data(), value->size(), options.salt);
  char text[64];
  std::snprintf(text, sizeof text, "#%08x (%zu bytes)", static_cast<unsigned>(hash & 0xffffffff), value->size());
  return text;
}

}  // namespace crossfade::shadow
