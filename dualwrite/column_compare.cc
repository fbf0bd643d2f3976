#include "dualwrite/column_compare.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/character_set.h"
#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {
namespace {

enum class TypeKin {
  integer,
  decimal,
  floating,
  bit,
  text,
  bytes,
  fixed_text,
  fixed_bytes,
  large_text,
  large_bytes,
  list,
  json,
  other
};

constexpr std::array<std::pair<std::string_view, int>, 5> kIntegers = {
    {{"tinyint", 8}, {"smallint", 16}, {"mediumint", 24}, {"int", 32}, {"bigint", 64}}};

int bits_of(const std::string& type) {
  for (const auto& [name, bits] : kIntegers) {
    if (type == name) return bits;
  }
  return 0;
}

TypeKin family(const DefinedColumn& column) {
  const std::string& type = column.data_type;
  if (column.json) return TypeKin::json;
  if (bits_of(type) != 0) return TypeKin::integer;
  if (type == "decimal") return TypeKin::decimal;
  if (type == "float" || type == "double") return TypeKin::floating;
  if (type == "bit") return TypeKin::bit;
  if (type == "varchar") return TypeKin::text;
  if (type == "varbinary") return TypeKin::bytes;
  if (type == "char") return TypeKin::fixed_text;
  if (type == "binary") return TypeKin::fixed_bytes;
  if (type.ends_with("text")) return TypeKin::large_text;
  if (type.ends_with("blob")) return TypeKin::large_bytes;
  if (type == "enum" || type == "set") return TypeKin::list;
  return TypeKin::other;
}

bool is_compressed(const DefinedColumn& column) {
  const std::size_t at = column.column_type.find("COMPRESSED");
  return at != std::string::npos && family(column) != TypeKin::list;
}

// What a character takes at most; 0: not known.
unsigned bytes_max(std::string_view charset) {
  if (charset == "utf8mb4" || charset == "utf16" || charset == "utf16le" || charset == "utf32" || charset == "gb18030")
    return 4;
  if (charset == "utf8mb3" || charset == "utf8" || charset == "ujis" || charset == "eucjpms") return 3;
  if (charset == "ucs2" || charset == "gbk" || charset == "sjis" || charset == "cp932" || charset == "big5" ||
      charset == "euckr" || charset == "gb2312")
    return 2;
  return 1;
}

bool holds_all_of_unicode(std::string_view charset) {
  return charset == "utf8mb4" || charset == "utf16" || charset == "utf16le" || charset == "utf32";
}

bool same_charset(std::string_view a, std::string_view b) {
  return a == b || (a == "utf8" && b == "utf8mb3") || (a == "utf8mb3" && b == "utf8");
}

// Does the follower's character set have every character of the leader's?
bool holds(std::string_view follower, std::string_view leader) {
  if (same_charset(follower, leader) || holds_all_of_unicode(follower)) return true;
  if (follower == "utf8mb3" || follower == "utf8" || follower == "ucs2")
    return leader == "latin1" || leader == "ascii" || leader == "latin2" || leader == "ucs2" || leader == "utf8mb3";
  return leader == "ascii" && follower != "swe7";
}

TypeComparison say(TypeFit fit, std::string code, const DefinedColumn& leader, const DefinedColumn& follower) {
  const auto spelled = [](const DefinedColumn& column) {
    return (column.json ? "json" : column.column_type) +
           (column.charset.empty() || column.json ? "" : " " + column.charset);
  };
  return {.fit = fit,
          .code = std::move(code),
          .text = spelled(leader) + " on the leader, " + spelled(follower) + " on the follower"};
}

class Types {
 public:
  Types(const DefinedColumn& leader, const DefinedColumn& follower, ServerMakes makes)
      : leader_(leader), follower_(follower), makes_(makes) {}

  TypeComparison compare() const {
    if (const OwnType* own = own_type(leader_.data_type); own != nullptr && !makes_.follower_is_mariadb)
      return as_its_text(*own);
    if (is_compressed(leader_) || is_compressed(follower_)) return different("column_compressed");
    const TypeKin from = family(leader_), to = family(follower_);
    if (from == TypeKin::json || to == TypeKin::json) return json(from, to);
    if (from != to) return between(from, to);
    switch (from) {
      case TypeKin::integer:
        return integer();
      case TypeKin::decimal:
        return decimal();
      case TypeKin::floating:
        return floating();
      case TypeKin::bit:
        return by_number(leader_.precision.value_or(0), follower_.precision.value_or(0));
      case TypeKin::fixed_text:
      case TypeKin::text:
      case TypeKin::large_text:
        return text();
      case TypeKin::bytes:
      case TypeKin::large_bytes:
        return by_number(leader_.length.value_or(0), follower_.length.value_or(0));
      case TypeKin::fixed_bytes:
        // Another length pads every value to another one.
        return leader_.length == follower_.length ? TypeComparison{} : different("type_differs");
      case TypeKin::list:
        return list();
      case TypeKin::json:
      case TypeKin::other:
        break;
    }
    return other();
  }

 private:
  TypeComparison narrower(std::string code = "type_narrower") const {
    return say(TypeFit::narrower, std::move(code), leader_, follower_);
  }
  TypeComparison different(std::string code) const {
    return say(TypeFit::different, std::move(code), leader_, follower_);
  }
  TypeComparison converted(std::string code = "type_wider") const {
    return say(TypeFit::converted, std::move(code), leader_, follower_);
  }
  TypeComparison by_number(std::uint64_t leader, std::uint64_t follower) const {
    return leader == follower ? TypeComparison{} : leader < follower ? converted() : narrower();
  }

  TypeComparison integer() const {
    const int from = bits_of(leader_.data_type), to = bits_of(follower_.data_type);
    if (from == to && leader_.is_unsigned == follower_.is_unsigned) return {};
    if (leader_.is_unsigned == follower_.is_unsigned) return from < to ? converted() : narrower();
    return leader_.is_unsigned && from < to ? converted() : narrower("type_signedness");
  }

  TypeComparison decimal() const {
    if (!leader_.is_unsigned && follower_.is_unsigned) return narrower("type_signedness");
    const auto whole = [](const DefinedColumn& column) {
      return column.precision.value_or(0) - column.scale.value_or(0);
    };
    if (follower_.scale < leader_.scale) return narrower("type_scale");
    if (whole(follower_) < whole(leader_)) return narrower();
    const bool same = follower_.scale == leader_.scale && whole(follower_) == whole(leader_);
    return same ? TypeComparison{} : converted();
  }

  TypeComparison floating() const {
    if (!leader_.is_unsigned && follower_.is_unsigned) return narrower("type_signedness");
    if (leader_.data_type == "double" && follower_.data_type == "float") return narrower();
    // FLOAT(7,3) rounds what is stored.
    if (follower_.scale && (follower_.scale != leader_.scale || follower_.precision != leader_.precision))
      return narrower("type_scale");
    return leader_.data_type == follower_.data_type ? TypeComparison{} : converted();
  }

  TypeComparison text() const {
    const std::uint64_t from = leader_.length.value_or(0), to = follower_.length.value_or(0);
    if (!holds(follower_.charset, leader_.charset)) return narrower("charset_narrower");
    if (same_charset(follower_.charset, leader_.charset)) {
      return from == to && family(leader_) != family(follower_) ? converted() : by_number(from, to);
    }
    // The length of a TEXT is of bytes.
    const bool large = family(leader_) == TypeKin::large_text;
    const std::uint64_t needed =
        large ? from / std::max(1u, bytes_max(leader_.charset)) * bytes_max(follower_.charset) : from;
    if (to < needed && to < 4294967295u) return narrower();
    return converted("charset_differs");
  }

  TypeComparison list() const {
    if (leader_.data_type != follower_.data_type) return different("type_differs");
    if (!holds(follower_.charset, leader_.charset)) return narrower("charset_narrower");
    if (hides_members(follower_, makes_.follower_is_mariadb)) return different("members_unreadable");
    // The leader's are in its log: map_table() compares them.
    if (hides_members(leader_, makes_.leader_is_mariadb)) return {};
    const std::vector<std::string> from = members_of(leader_.column_type), to = members_of(follower_.column_type);
    if (from.size() > to.size() || !std::equal(from.begin(), from.end(), to.begin()))
      return different("members_differ");
    if (from.size() < to.size()) return converted();
    return same_charset(follower_.charset, leader_.charset) ? TypeComparison{} : converted("charset_differs");
  }

  TypeComparison as_its_text(const OwnType& own) const {
    const TypeKin to = family(follower_);
    if (to != TypeKin::text && to != TypeKin::fixed_text && to != TypeKin::large_text) return different("type_differs");
    return follower_.length.value_or(0) < own.characters || !has_ascii(follower_.charset) ? narrower()
                                                                                          : converted("type_as_text");
  }

  // Text into JSON can be refused; JSON into a text that holds it is only no JSON any more.
  TypeComparison json(TypeKin from, TypeKin to) const {
    if (from == to) return makes_.leader_is_mariadb == makes_.follower_is_mariadb ? TypeComparison{} : converted("");
    if (from == TypeKin::json && follower_.data_type == "longtext" && holds_all_of_unicode(follower_.charset))
      return converted("json_as_text");
    return different("type_differs");
  }

  // As fit_column() carries them: what is of a fixed length has no end that could be lost, but must not get one.
  TypeComparison between(TypeKin from, TypeKin to) const {
    if (from == TypeKin::fixed_text && to == TypeKin::text) return text();
    if (from == TypeKin::fixed_bytes && to == TypeKin::bytes) {
      return follower_.length.value_or(0) < leader_.length.value_or(0) ? narrower() : converted();
    }
    if ((from == TypeKin::text || from == TypeKin::fixed_text) && to == TypeKin::large_text) {
      const std::uint64_t needed = leader_.length.value_or(0) * bytes_max(follower_.charset);
      if (!holds(follower_.charset, leader_.charset)) return narrower("charset_narrower");
      return follower_.length.value_or(0) < needed ? narrower() : converted();
    }
    if ((from == TypeKin::bytes || from == TypeKin::fixed_bytes) && to == TypeKin::large_bytes)
      return follower_.length.value_or(0) < leader_.length.value_or(0) ? narrower() : converted();
    if ((from == TypeKin::large_text && to == TypeKin::text) || (from == TypeKin::large_bytes && to == TypeKin::bytes))
      return narrower();
    return different("type_differs");
  }

  // Temporal types, geometries, and what only one make has.
  TypeComparison other() const {
    const auto common = [](const std::string& type) { return type == "geomcollection" ? "geometrycollection" : type; };
    const std::string from = common(leader_.data_type), to = common(follower_.data_type);
    const bool one_make = makes_.leader_is_mariadb == makes_.follower_is_mariadb;
    if (from != to) return different("type_differs");
    if (from == "vector")
      return one_make && leader_.length == follower_.length ? TypeComparison{} : different("type_differs");
    const std::uint32_t digits = leader_.fraction.value_or(0), kept = follower_.fraction.value_or(0);
    if (digits == kept) return {};
    return digits < kept ? converted() : narrower("type_fraction");
  }

  const DefinedColumn& leader_;
  const DefinedColumn& follower_;
  ServerMakes makes_;
};

}  // namespace

TypeComparison compare_types(const DefinedColumn& leader, const DefinedColumn& follower, ServerMakes makes) {
  return Types(leader, follower, makes).compare();
}

}  // namespace crossfade::dualwrite
