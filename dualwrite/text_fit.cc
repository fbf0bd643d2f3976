#include "dualwrite/text_fit.h"

#include "dualwrite/character_set.h"

namespace crossfade::dualwrite {

namespace {

// The length of the longest text fits the follower's column.
bool holds_longest(const StoredForm& from, const StoredForm& to) {
  const std::uint64_t longest_to = longest_character(to.charset);
  if (to.kind == StoredKind::char_) return from.kind == StoredKind::char_ && to.characters >= from.characters;
  const std::uint64_t characters =
      from.kind == StoredKind::text ? large_bytes_max(from) / shortest_character(from.charset) : from.characters;
  if (to.kind == StoredKind::varchar) return to.characters >= characters;
  const bool bytes_stay =
      from.charset == to.charset || from.charset == "ascii" || (from.charset == "utf8mb3" && to.charset == "utf8mb4");
  if (from.kind != StoredKind::text) {
    return (bytes_stay ? std::uint64_t{from.size} : characters * longest_to) <= large_bytes_max(to);
  }
  if (bytes_stay) return to.size >= from.size;
  // No value comes near LONGTEXT's limit: max_allowed_packet is at most 1 GiB, and a conversion at most triples it.
  return to.size == 4 || large_bytes_max(from) * 3 <= large_bytes_max(to);
}

}  // namespace

bool is_text(StoredKind kind) {
  return kind == StoredKind::char_ || kind == StoredKind::varchar || kind == StoredKind::text;
}

bool is_bytes(StoredKind kind) {
  return kind == StoredKind::binary || kind == StoredKind::varbinary || kind == StoredKind::blob;
}

TextFit text_fit(const StoredForm& from, const StoredForm& to) {
  if (!charset_carries(from.charset, to.charset)) return TextFit::charset;
  if (to.kind == StoredKind::char_ && from.kind != StoredKind::char_) return TextFit::pads;
  if (from.type == to.type && from.metadata == to.metadata && from.charset == to.charset) return TextFit::same;
  return holds_longest(from, to) ? TextFit::converts : TextFit::narrow;
}

TextFit bytes_fit(const StoredForm& from, const StoredForm& to) {
  if (from.type == to.type && from.metadata == to.metadata) return TextFit::same;
  if (to.kind == StoredKind::binary) return TextFit::pads;
  const std::uint64_t most = from.kind == StoredKind::blob ? large_bytes_max(from) : from.size;
  const std::uint64_t room = to.kind == StoredKind::blob ? large_bytes_max(to) : to.size;
  return most <= room ? TextFit::converts : TextFit::narrow;
}

std::uint64_t large_bytes_max(const StoredForm& large) { return (1ull << (8 * large.size)) - 1; }

}  // namespace crossfade::dualwrite
