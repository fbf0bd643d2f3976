#include "dualwrite/character_set.h"

namespace crossfade::dualwrite {

namespace {

struct Set {
  std::string_view name;
  std::uint8_t shortest;
  std::uint8_t longest;
  // How much of Unicode it covers, for conversions; by_bytes: each byte a character of the Basic Multilingual Plane.
  enum class Covers : std::uint8_t { ascii, by_bytes, plane, all, other } covers;
  std::string_view unmapped{};
};
using enum Set::Covers;

// `by_bytes` and the unmapped bytes were asked of both makes (CONVERT there and back), which agree.
constexpr Set kSets[] = {
    {"ascii", 1, 1, ascii},
    {"utf8mb4", 1, 4, all},
    {"utf8mb3", 1, 3, plane},
    {"utf16", 2, 4, all},
    {"utf16le", 2, 4, all},
    {"utf32", 4, 4, all},
    {"ucs2", 2, 2, other},
    {"latin1", 1, 1, by_bytes},
    {"latin2", 1, 1, by_bytes},
    {"latin5", 1, 1, by_bytes},
    {"latin7", 1, 1, by_bytes},
    {"cp850", 1, 1, by_bytes},
    {"cp852", 1, 1, by_bytes},
    {"cp866", 1, 1, by_bytes},
    {"koi8r", 1, 1, by_bytes},
    {"koi8u", 1, 1, by_bytes},
    {"macroman", 1, 1, by_bytes},
    {"cp1251", 1, 1, by_bytes, "\x98"},
    {"cp1250", 1, 1, by_bytes, "\x81\x83\x88\x90\x98"},
    {"macce", 1, 1, by_bytes},
    {"keybcs2", 1, 1, by_bytes},
    {"cp1256", 1, 1, by_bytes, "\x8a\x8f\x98\x9a\x9f\xaa\xc0\xff"},
    {"cp1257", 1, 1, by_bytes, "\x81\x83\x88\x8a\x8c\x90\x98\x9a\x9c\x9f\xa1\xa5"},
    {"dec8", 1, 1, by_bytes, "\xa4\xa6\xac\xad\xae\xaf\xb4\xb8\xbe\xd0\xde\xf0\xfe\xff"},
    {"hp8", 1, 1, by_bytes, "\xff"},
    {"swe7", 1, 1, other},
    {"hebrew", 1, 1, by_bytes,
     "\xa1\xbf\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf\xd0\xd1"
     "\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xdb\xdc\xdd\xde\xfb\xfc\xff"},
    {"tis620", 1, 1, by_bytes, "\xa0\xdb\xdc\xdd\xde\xfc\xfd\xfe"},
    {"greek", 1, 1, by_bytes, "\xa4\xa5\xaa\xae\xd2\xff"},
    {"armscii8", 1, 1, by_bytes, "\xa4\xa5\xa9\xab\xac\xff"},
    {"geostd8", 1, 1, by_bytes,
     "\x81\x83\x88\x8a\x8c\x8d\x8e\x8f\x90\x98\x99\x9a\x9c\x9d\x9e\x9f\xe6\xe7\xe8\xe9"
     "\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfe"
     "\xff"},
    {"binary", 1, 1, other},
    {"big5", 1, 2, other},
    {"gb2312", 1, 2, other},
    {"gbk", 1, 2, other},
    {"sjis", 1, 2, other},
    {"cp932", 1, 2, other},
    {"euckr", 1, 2, other},
    {"ujis", 1, 3, other},
    {"eucjpms", 1, 3, other},
    {"gb18030", 1, 4, other},
};

const Set* find_set(std::string_view name) {
  for (const Set& set : kSets) {
    if (set.name == name) return &set;
  }
  return nullptr;
}

}  // namespace

std::string modern_name(std::string_view name) {
  if (name == "utf8") return "utf8mb3";
  if (name.starts_with("utf8_")) return "utf8mb3" + std::string(name.substr(4));
  return std::string(name);
}

std::size_t longest_character(std::string_view charset) {
  const Set* set = find_set(charset);
  return set == nullptr ? 0 : set->longest;
}

std::size_t shortest_character(std::string_view charset) {
  const Set* set = find_set(charset);
  return set == nullptr ? 0 : set->shortest;
}

bool has_ascii(std::string_view charset) { return shortest_character(charset) == 1 && charset != "swe7"; }

bool charset_carries(std::string_view from, std::string_view to) {
  const Set* source = find_set(from);
  const Set* target = find_set(to);
  if (source == nullptr || target == nullptr) return false;
  if (source == target) return true;
  switch (source->covers) {
    case ascii:
      return target->covers == by_bytes || target->covers == plane || target->covers == all;
    case by_bytes:
    case plane:
      return target->covers == plane || target->covers == all;
    case all:
      return target->covers == all;
    case other:
      return false;
  }
  return false;
}

bool is_unmapped(std::string_view charset, std::uint8_t byte) {
  if (byte < 0x80) return false;
  const Set* set = find_set(charset);
  return set == nullptr || set->covers == ascii ||
         set->unmapped.find(static_cast<char>(byte)) != std::string_view::npos;
}

}  // namespace crossfade::dualwrite
