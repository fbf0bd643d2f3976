#include "dualwrite/inline/text_conversion.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dualwrite/utf8.h"
#include "protocol/ascii.h"
#include "routing/multi_byte.h"

namespace crossfade::dualwrite {

using protocol::is_ascii;
namespace {

constexpr std::string_view kMalformed = "its text is not well-formed in its character set";
constexpr std::string_view kNoPlace = "its text has characters that the column's character set lacks";
constexpr std::string_view kUnsure =
    "its character set may be converted to the column's in another way on the other server";

constexpr std::string_view kTwoCharsets =
    "its text is not ASCII, and character_set_client is not the character set of collation_connection";

constexpr std::string_view kSwe7 = "swe7";
constexpr std::string_view kBytes = "binary";

enum class Family : std::uint8_t { utf8mb4, utf8mb3, wide, latin1, single_byte, ascii, binary, other };

// A byte is a character: whatever is not ASCII is mapped by a table that all servers have alike.
constexpr std::array<std::string_view, 22> kSingleByte = {
    "armscii8", "cp1250", "cp1251",  "cp1256", "cp1257", "cp850",  "cp852",  "cp866",  "dec8",  "geostd8",  "greek",
    "hebrew",   "hp8",    "keybcs2", "koi8r",  "koi8u",  "latin2", "latin5", "latin7", "macce", "macroman", "tis620"};

Family family(std::string_view charset) {
  if (charset == "utf8mb4") return Family::utf8mb4;
  if (charset == "utf8mb3" || charset == "utf8") return Family::utf8mb3;
  if (charset == "utf16" || charset == "utf16le" || charset == "utf32") return Family::wide;
  if (charset == "latin1") return Family::latin1;
  if (charset == "ascii") return Family::ascii;
  if (charset.empty() || charset == kBytes) return Family::binary;
  const bool single = std::find(kSingleByte.begin(), kSingleByte.end(), charset) != kSingleByte.end();
  return single ? Family::single_byte : Family::other;
}

// The servers' latin1 is Windows-1252: these, and U+00A0 to U+00FF.
constexpr std::array<char32_t, 27> kWindows1252 = {
    0x0152, 0x0153, 0x0160, 0x0161, 0x0178, 0x017d, 0x017e, 0x0192, 0x02c6, 0x02dc, 0x2013, 0x2014, 0x2018, 0x2019,
    0x201a, 0x201c, 0x201d, 0x201e, 0x2020, 0x2021, 0x2022, 0x2026, 0x2030, 0x2039, 0x203a, 0x20ac, 0x2122};

bool is_in_latin1(char32_t c) {
  return c < 0x80 || (c >= 0xa0 && c <= 0xff) || std::binary_search(kWindows1252.begin(), kWindows1252.end(), c);
}

// `text` is well-formed UTF-8.
bool fits_latin1(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<char32_t>(static_cast<unsigned char>(text[i + k])); };
    const char32_t first = byte(0);
    const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size == 4) return false;
    const char32_t c = size == 1   ? first
                       : size == 2 ? ((first & 0x1f) << 6 | (byte(1) & 0x3f))
                                   : ((first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f));
    if (!is_in_latin1(c)) return false;
    i += size;
  }
  return true;
}

std::string_view from_utf8(std::string_view text, Family from, Family to, bool strict) {
  if (from == Family::utf8mb3 ? !is_utf8mb3(text) : !is_utf8mb4(text)) return kMalformed;
  if (to == Family::utf8mb4 || to == Family::wide) return {};
  if (to == Family::utf8mb3) return is_utf8mb3(text) ? std::string_view() : kNoPlace;
  if (to == Family::latin1) return fits_latin1(text) ? std::string_view() : kNoPlace;
  if (to == Family::ascii) return kNoPlace;
  return strict ? std::string_view() : kUnsure;
}

// Bytes that become a text are not converted: they must be one.
std::string_view from_bytes(std::string_view text, Family to, bool strict) {
  if (to == Family::utf8mb4) return is_utf8mb4(text) ? std::string_view() : kMalformed;
  if (to == Family::utf8mb3) return is_utf8mb3(text) ? std::string_view() : kMalformed;
  if (to == Family::latin1 || to == Family::single_byte) return {};
  return strict && to == Family::other ? std::string_view() : kUnsure;
}

}  // namespace

std::string_view conversion_problem(std::string_view text, std::string_view from, std::string_view to, bool strict) {
  const Family target = family(to);
  if (target == Family::binary) return {};
  const Family source = family(from);
  // swe7 has other letters in the place of some signs; the wide ones take the bytes of a text for larger units.
  const bool other_ascii =
      from == kSwe7 || to == kSwe7 || source == Family::wide || (source == Family::binary && target == Family::wide);
  if (!other_ascii && is_ascii(text)) return {};
  const bool unicode = target == Family::utf8mb4 || target == Family::utf8mb3 || target == Family::wide;
  switch (source) {
    case Family::utf8mb4:
    case Family::utf8mb3:
      return from_utf8(text, source, target, strict);
    case Family::binary:
      return from_bytes(text, target, strict);
    case Family::ascii:
      return kMalformed;
    case Family::latin1:
    case Family::single_byte:
      if (unicode || from == to) return {};
      break;
    case Family::other: {
      const routing::MultiByte bytes = routing::multi_byte(from);
      if (!routing::is_well_formed(bytes, text)) return kMalformed;
      if (from == to && bytes != routing::MultiByte::none) return {};
      break;
    }
    case Family::wide:
      break;
  }
  return strict ? std::string_view() : kUnsure;
}

std::string_view conversion_problem(std::string_view text, const TextPath& path, std::string_view to) {
  // Two conversions, or none: which, hangs on the kind of value and on the make.
  if (path.client != path.connection && !is_ascii(text)) return kTwoCharsets;
  return conversion_problem(text, path.connection, to, path.strict);
}

}  // namespace crossfade::dualwrite
