#include "dualwrite/character_set.h"

#include <algorithm>
#include <array>
#include <span>

namespace crossfade::dualwrite {

namespace {

struct Run {
  std::uint16_t first;
  std::uint16_t last;
  std::string_view charset;
};

// The ids below 256 mean the same on both makes, but for 248 to 250 and 255, which MariaDB has not.
constexpr Run kRuns[] = {
    {1, 1, "big5"},       {2, 2, "latin2"},    {3, 3, "dec8"},       {4, 4, "cp850"},      {5, 5, "latin1"},
    {6, 6, "hp8"},        {7, 7, "koi8r"},     {8, 8, "latin1"},     {9, 9, "latin2"},     {10, 10, "swe7"},
    {11, 11, "ascii"},    {12, 12, "ujis"},    {13, 13, "sjis"},     {14, 14, "cp1251"},   {15, 15, "latin1"},
    {16, 16, "hebrew"},   {18, 18, "tis620"},  {19, 19, "euckr"},    {20, 20, "latin7"},   {21, 21, "latin2"},
    {22, 22, "koi8u"},    {23, 23, "cp1251"},  {24, 24, "gb2312"},   {25, 25, "greek"},    {26, 26, "cp1250"},
    {27, 27, "latin2"},   {28, 28, "gbk"},     {29, 29, "cp1257"},   {30, 30, "latin5"},   {31, 31, "latin1"},
    {32, 32, "armscii8"}, {33, 33, "utf8mb3"}, {34, 34, "cp1250"},   {35, 35, "ucs2"},     {36, 36, "cp866"},
    {37, 37, "keybcs2"},  {38, 38, "macce"},   {39, 39, "macroman"}, {40, 40, "cp852"},    {41, 42, "latin7"},
    {43, 43, "macce"},    {44, 44, "cp1250"},  {45, 46, "utf8mb4"},  {47, 49, "latin1"},   {50, 52, "cp1251"},
    {53, 53, "macroman"}, {54, 55, "utf16"},   {56, 56, "utf16le"},  {57, 57, "cp1256"},   {58, 59, "cp1257"},
    {60, 61, "utf32"},    {62, 62, "utf16le"}, {63, 63, "binary"},   {64, 64, "armscii8"}, {65, 65, "ascii"},
    {66, 66, "cp1250"},   {67, 67, "cp1256"},  {68, 68, "cp866"},    {69, 69, "dec8"},     {70, 70, "greek"},
    {71, 71, "hebrew"},   {72, 72, "hp8"},     {73, 73, "keybcs2"},  {74, 74, "koi8r"},    {75, 75, "koi8u"},
    {76, 76, "utf8mb3"},  {77, 77, "latin2"},  {78, 78, "latin5"},   {79, 79, "latin7"},   {80, 80, "cp850"},
    {81, 81, "cp852"},    {82, 82, "swe7"},    {83, 83, "utf8mb3"},  {84, 84, "big5"},     {85, 85, "euckr"},
    {86, 86, "gb2312"},   {87, 87, "gbk"},     {88, 88, "sjis"},     {89, 89, "tis620"},   {90, 90, "ucs2"},
    {91, 91, "ujis"},     {92, 93, "geostd8"}, {94, 94, "latin1"},   {95, 96, "cp932"},    {97, 98, "eucjpms"},
    {99, 99, "cp1250"},   {101, 124, "utf16"}, {128, 159, "ucs2"},   {160, 183, "utf32"},  {192, 223, "utf8mb3"},
    {224, 247, "utf8mb4"}};
constexpr Run kMysqlRuns[] = {{248, 250, "gb18030"}, {255, 323, "utf8mb4"}};
// 576 and up; the NO PAD twins of the ids below 256 are found by subtraction.
constexpr Run kMariadbRuns[] = {{576, 578, "utf8mb3"},   {608, 610, "utf8mb4"}, {640, 642, "ucs2"},
                                {672, 674, "utf16"},     {736, 738, "utf32"},   {2048, 2247, "utf8mb3"},
                                {2304, 2503, "utf8mb4"}, {2560, 2759, "ucs2"},  {2816, 3015, "utf16"},
                                {3072, 3271, "utf32"}};
constexpr std::uint16_t kMariadbNoPad = 1024;

std::string_view find_run(std::span<const Run> runs, std::uint16_t id) {
  for (const Run& run : runs) {
    if (id >= run.first && id <= run.last) return run.charset;
  }
  return {};
}

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

bool ends_with(std::string_view text, std::string_view end) { return text.ends_with(end); }

// "utf8mb4_general_ci" is charset and the rest.
std::pair<std::string_view, std::string_view> split_collation(std::string_view collation) {
  const std::size_t at = collation.find('_');
  if (at == std::string_view::npos) return {collation, {}};
  return {collation.substr(0, at), collation.substr(at + 1)};
}

// Trailing spaces tell texts apart.
bool is_no_pad(std::string_view collation) {
  return collation == "binary" || collation.find("_nopad") != std::string_view::npos ||
         collation.find("_0900_") != std::string_view::npos || collation == "utf8mb4_0900_bin";
}

bool is_binary_order(std::string_view collation) { return collation == "binary" || ends_with(collation, "_bin"); }

}  // namespace

std::string_view charset_of_collation(std::uint16_t id, bool mariadb) {
  if (const std::string_view common = find_run(kRuns, id); !common.empty()) return common;
  if (!mariadb) return find_run(kMysqlRuns, id);
  if (const std::string_view own = find_run(kMariadbRuns, id); !own.empty()) return own;
  if (id > kMariadbNoPad && id < 2048) return find_run(kRuns, static_cast<std::uint16_t>(id - kMariadbNoPad));
  return {};
}

std::string_view name_of_collation(std::uint16_t id, bool mariadb) {
  switch (id) {
    case 8:
      return "latin1_swedish_ci";
    case 11:
      return "ascii_general_ci";
    case 33:
      return "utf8mb3_general_ci";
    case 45:
      return "utf8mb4_general_ci";
    case 46:
      return "utf8mb4_bin";
    case 47:
      return "latin1_bin";
    case 48:
      return "latin1_general_ci";
    case 49:
      return "latin1_general_cs";
    case 63:
      return "binary";
    case 65:
      return "ascii_bin";
    case 83:
      return "utf8mb3_bin";
    case 192:
      return "utf8mb3_unicode_ci";
    case 214:
      return "utf8mb3_unicode_520_ci";
    case 224:
      return "utf8mb4_unicode_ci";
    case 246:
      return "utf8mb4_unicode_520_ci";
    case 255:
      return mariadb ? std::string_view() : "utf8mb4_0900_ai_ci";
    case 278:
      return mariadb ? std::string_view() : "utf8mb4_0900_as_cs";
    case 305:
      return mariadb ? std::string_view() : "utf8mb4_0900_as_ci";
    case 309:
      return mariadb ? std::string_view() : "utf8mb4_0900_bin";
    default:
      return {};
  }
}

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

bool folds_no_more(std::string_view leader_collation, std::string_view follower_collation) {
  const std::string leader = modern_name(leader_collation);
  const std::string follower = modern_name(follower_collation);
  if (leader.empty() || follower.empty()) return false;
  if (leader == follower) return true;
  // The bytes decide on the follower; but there trailing spaces may count for nothing.
  if (is_binary_order(follower)) return is_no_pad(follower) || !is_no_pad(leader);
  const auto [leader_set, leader_rest] = split_collation(leader);
  const auto [follower_set, follower_rest] = split_collation(follower);
  // The same rules for the same characters.
  if (leader_set == "utf8mb3" && follower_set == "utf8mb4") return leader_rest == follower_rest;
  // Of ASCII's characters these fold the letters' case and nothing else.
  if (leader == "ascii_general_ci") {
    return follower == "latin1_swedish_ci" || follower == "latin1_general_ci" || follower == "utf8mb3_general_ci" ||
           follower == "utf8mb4_general_ci";
  }
  return false;
}

}  // namespace crossfade::dualwrite
