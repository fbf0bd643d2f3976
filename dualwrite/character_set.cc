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
    {"macce", 1, 1, other},
    {"keybcs2", 1, 1, other},
    {"cp1256", 1, 1, other},
    {"cp1257", 1, 1, other},
    {"dec8", 1, 1, other},
    {"hp8", 1, 1, other},
    {"swe7", 1, 1, other},
    {"hebrew", 1, 1, other},
    {"tis620", 1, 1, other},
    {"greek", 1, 1, other},
    {"armscii8", 1, 1, other},
    {"geostd8", 1, 1, other},
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
