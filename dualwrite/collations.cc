#include "dualwrite/collations.h"

#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// MySQL's tailorings of UCA 9.0 and MariaDB's of UCA 14.0 for the same language.
constexpr std::array<std::pair<std::string_view, std::string_view>, 21> kLanguages = {
    {{"cs", "czech"},         {"da", "danish"},     {"de_pb", "german2"}, {"eo", "esperanto"}, {"es", "spanish"},
     {"es_trad", "spanish2"}, {"et", "estonian"},   {"hr", "croatian"},   {"hu", "hungarian"}, {"is", "icelandic"},
     {"la", "roman"},         {"lt", "lithuanian"}, {"lv", "latvian"},    {"pl", "polish"},    {"ro", "romanian"},
     {"sk", "slovak"},        {"sl", "slovenian"},  {"sv", "swedish"},    {"tr", "turkish"},   {"vi", "vietnamese"},
     {"nb", "danish"}}};

// MySQL has languages of its own that UCA itself sorts well enough.
bool is_root_0900(std::string_view collation) {
  for (const std::string_view root : {"utf8mb4_0900_ai_ci", "utf8mb4_ru_0900_ai_ci", "utf8mb4_bg_0900_ai_ci",
                                      "utf8mb4_gl_0900_ai_ci", "utf8mb4_mn_cyrl_0900_ai_ci"}) {
    if (collation == root) return true;
  }
  return false;
}

bool is_unicode(std::string_view charset) {
  return charset == "utf8mb3" || charset == "utf8mb4" || charset == "ucs2" || charset == "utf16" || charset == "utf32";
}

// Each make has its own Croatian order for Unicode; latin2's and cp1250's are one.
bool is_own_croatian(const std::string& collation) {
  return collation.ends_with("_croatian_ci") && is_unicode(charset_of(collation));
}

std::string canonical(const std::string& name) {
  std::string out = ascii_lower(name);
  if (out.starts_with("utf8_")) return "utf8mb3_" + out.substr(5);
  if (out.starts_with("uca1400_")) return "utf8mb4_" + out;  // MariaDB's short names: of any set, mostly this one
  return out;
}

bool pads(std::string_view collation) {
  return !has(collation, "_0900_") && !has(collation, "nopad") && collation != "binary" &&
         !collation.starts_with("gb18030_unicode");
}

// "utf8mb4_uca1400_german2_nopad_as_ci" -> "german2"; empty: of no language.
std::string uca1400_language(const std::string& collation) {
  const std::size_t from = collation.find("_uca1400_") + 9;
  const std::size_t to = collation.find('_', from);
  const std::string word = collation.substr(from, to - from);
  return word == "ai" || word == "as" || word == "nopad" ? "" : word;
}

// Of texts that are converted, exactly, from one character set to the other.
Folding across_charsets(const std::string& from, const std::string& to) {
  if (!charset_carries(charset_of(from), charset_of(to))) return Folding::more;
  if (to.ends_with("_bin")) return Folding::less;
  // The same rules for the same characters.
  if (from.starts_with("utf8mb3_") && to.starts_with("utf8mb4_") && from.substr(8) == to.substr(8))
    return has(from, "croatian") ? Folding::more : Folding::same;
  // Of ASCII's characters these fold the letters' case and nothing else.
  const bool folds_case = to == "latin1_swedish_ci" || to == "latin1_general_ci" || to == "utf8mb3_general_ci" ||
                          to == "utf8mb4_general_ci";
  return from == "ascii_general_ci" && folds_case ? Folding::same : Folding::more;
}

std::string on_mysql(const std::string& leader) {
  const std::string charset = charset_of(leader);
  // The same under another name, number and all.
  if (leader.ends_with("_croatian_mysql561_ci")) return charset + "_croatian_ci";
  if (is_own_croatian(leader) || leader.ends_with("_myanmar_ci") || leader.ends_with("_thai_520_w2"))
    return charset + "_unicode_520_ci";
  const bool uca1400 = has(leader, "_uca1400_");
  if (!uca1400 && !has(leader, "nopad")) return leader;
  if (charset != "utf8mb4") {
    if (uca1400) return charset + "_unicode_520_ci";
    const std::size_t at = leader.find("_nopad");
    return leader.substr(0, at) + leader.substr(at + 6);
  }
  if (leader.ends_with("_bin")) return "utf8mb4_0900_bin";
  if (!uca1400) return "utf8mb4_0900_ai_ci";
  const bool folds_all = leader.ends_with("_ai_ci");
  const std::string language = uca1400_language(leader);
  for (const auto& [mysql, mariadb] : kLanguages) {
    if (language == mariadb) return "utf8mb4_" + std::string(mysql) + (folds_all ? "_0900_ai_ci" : "_0900_as_cs");
  }
  if (folds_all) return "utf8mb4_0900_ai_ci";
  return leader.ends_with("_as_ci") ? "utf8mb4_0900_as_ci" : "utf8mb4_0900_as_cs";
}

std::string on_mariadb(const std::string& leader) {
  if (leader == "utf8mb3_tolower_ci") return "utf8mb3_general_ci";
  if (is_own_croatian(leader)) return charset_of(leader) + "_croatian_mysql561_ci";
  if (!has(leader, "_0900_")) return leader;
  // MariaDB has no older Unicode that tells case or accents apart: bytes are the nearest.
  if (!leader.ends_with("_ai_ci")) return "utf8mb4_nopad_bin";
  for (const auto& [mysql, mariadb] : kLanguages) {
    if (leader == "utf8mb4_" + std::string(mysql) + "_0900_ai_ci")
      return "utf8mb4_uca1400_" + std::string(mariadb) + "_nopad_ai_ci";
  }
  return "utf8mb4_unicode_520_nopad_ci";
}

}  // namespace

std::string nearest_collation(const std::string& leader, ServerMakes makes) {
  std::string name = canonical(leader);
  if (makes.leader_is_mariadb == makes.follower_is_mariadb) return name;
  return makes.follower_is_mariadb ? on_mariadb(name) : on_mysql(name);
}

std::string key_collation(const std::string& leader, ServerMakes makes) {
  std::string nearest = nearest_collation(leader, makes);
  if (folding(leader, nearest, makes) != Folding::more) return nearest;
  const std::string charset = charset_of(nearest);
  if (charset != "utf8mb4" || pads(canonical(leader))) return charset + "_bin";
  return makes.follower_is_mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
}

std::string default_collation(const std::string& charset, bool mariadb) {
  const std::string name = ascii_lower(charset);
  if (name == "utf8mb4") return mariadb ? "utf8mb4_general_ci" : "utf8mb4_0900_ai_ci";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kOthers = {
      {{"utf8", "utf8mb3_general_ci"},
       {"latin1", "latin1_swedish_ci"},
       {"latin5", "latin5_turkish_ci"},
       {"big5", "big5_chinese_ci"},
       {"cp932", "cp932_japanese_ci"},
       {"dec8", "dec8_swedish_ci"},
       {"eucjpms", "eucjpms_japanese_ci"},
       {"euckr", "euckr_korean_ci"},
       {"gb18030", "gb18030_chinese_ci"},
       {"gb2312", "gb2312_chinese_ci"},
       {"gbk", "gbk_chinese_ci"},
       {"hp8", "hp8_english_ci"},
       {"sjis", "sjis_japanese_ci"},
       {"swe7", "swe7_swedish_ci"},
       {"tis620", "tis620_thai_ci"},
       {"ujis", "ujis_japanese_ci"},
       {"binary", "binary"}}};
  for (const auto& [set, collation] : kOthers) {
    if (name == set) return std::string(collation);
  }
  return name + "_general_ci";
}

std::string comparing_collation(const DefinedColumn& column) {
  return own_type(column.data_type) != nullptr ? "ascii_general_ci" : column.collation;
}

Folding folding(const std::string& leader, const std::string& follower, ServerMakes makes) {
  const std::string from = canonical(leader), to = canonical(follower);
  const bool same_make = makes.leader_is_mariadb == makes.follower_is_mariadb;
  const bool croatian = !same_make && (is_own_croatian(from) || is_own_croatian(to));
  if (from == to && !croatian) return Folding::same;
  if (!same_make && (makes.follower_is_mariadb ? on_mariadb(from) : on_mysql(from)) == to && croatian)
    return has(from, "mysql561") || has(to, "mysql561") ? Folding::same : Folding::more;
  if (pads(to) && !pads(from)) return Folding::more;
  if (charset_of(from) != charset_of(to)) return across_charsets(from, to);
  if (to.ends_with("_bin")) return Folding::less;
  if (charset_of(from) != "utf8mb4") return Folding::more;
  const bool from_uca1400 = has(from, "_uca1400_") && uca1400_language(from).empty();
  if (from_uca1400 && to == "utf8mb4_0900_ai_ci") return from.ends_with("_ai_ci") ? Folding::nearly : Folding::more;
  if (from_uca1400 && to == "utf8mb4_0900_as_cs") return has(from, "_ai_") ? Folding::less : Folding::nearly;
  if (from_uca1400 && to == "utf8mb4_0900_as_ci") return from.ends_with("_ci") ? Folding::nearly : Folding::more;
  if (to == "utf8mb4_unicode_520_nopad_ci" && is_root_0900(from)) return Folding::nearly;
  return Folding::more;
}

}  // namespace crossfade::dualwrite
