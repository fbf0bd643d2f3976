#include "dualwrite/column_compare.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/character_set.h"
#include "dualwrite/stored_form.h"
#include "dualwrite/text_fit.h"

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

bool same_charset(const DefinedColumn& a, const DefinedColumn& b) {
  return modern_name(a.charset) == modern_name(b.charset);
}

bool is_geometry(std::string_view type) {
  constexpr std::array<std::string_view, 8> kGeometries = {
      "geometry",   "point",           "linestring",   "polygon",
      "multipoint", "multilinestring", "multipolygon", "geometrycollection"};
  return std::find(kGeometries.begin(), kGeometries.end(), type) != kGeometries.end();
}

bool is_of_characters(TypeKin kin) {
  return kin == TypeKin::text || kin == TypeKin::fixed_text || kin == TypeKin::large_text;
}
bool is_of_bytes(TypeKin kin) {
  return kin == TypeKin::bytes || kin == TypeKin::fixed_bytes || kin == TypeKin::large_bytes;
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
    if ((is_of_characters(from) && is_of_characters(to)) || (is_of_bytes(from) && is_of_bytes(to))) return text();
    if (from != to) return different("type_differs");
    switch (from) {
      case TypeKin::integer:
        return integer();
      case TypeKin::decimal:
        return decimal();
      case TypeKin::floating:
        return floating();
      case TypeKin::bit:
        return by_number(leader_.precision.value_or(0), follower_.precision.value_or(0));
      case TypeKin::list:
        return list();
      case TypeKin::fixed_text:
      case TypeKin::text:
      case TypeKin::large_text:
      case TypeKin::fixed_bytes:
      case TypeKin::bytes:
      case TypeKin::large_bytes:
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
  TypeComparison held_as(std::string code) const { return say(TypeFit::same, std::move(code), leader_, follower_); }
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

  // Texts, and bytes.
  TypeComparison text() const {
    const absl::StatusOr<StoredForm> from = stored_form(leader_, makes_.leader_is_mariadb);
    const absl::StatusOr<StoredForm> to = stored_form(follower_, makes_.follower_is_mariadb);
    if (!from.ok() || !to.ok()) return different("type_differs");
    switch (is_text(from->kind) ? text_fit(*from, *to) : bytes_fit(*from, *to)) {
      case TextFit::same:
        return {};
      case TextFit::converts:
        return converted(same_charset(leader_, follower_) ? "type_wider" : "charset_differs");
      case TextFit::charset:
        return narrower("charset_narrower");
      case TextFit::pads:
        return different("type_differs");
      case TextFit::narrow:
        break;
    }
    return narrower();
  }

  TypeComparison list() const {
    if (leader_.data_type != follower_.data_type) return different("type_differs");
    if (hides_members(follower_, makes_.follower_is_mariadb)) return different("members_unreadable");
    // The leader's are in its log: map_table() compares them.
    if (hides_members(leader_, makes_.leader_is_mariadb)) return {};
    const std::vector<std::string> from = members_of(leader_.column_type), to = members_of(follower_.column_type);
    if (from.size() > to.size() || !std::equal(from.begin(), from.end(), to.begin()))
      return different("members_differ");
    if (from.size() < to.size()) return converted();
    return same_charset(follower_, leader_) ? TypeComparison{} : converted("charset_differs");
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
    // MariaDB's is a text; MySQL's is carried as JSON only.
    if (from != TypeKin::json || !is_of_characters(to) || !makes_.leader_is_mariadb) return different("type_differs");
    const TypeComparison as_text = text();
    return as_text.fit == TypeFit::same || as_text.fit == TypeFit::converted ? converted("json_as_text") : as_text;
  }

  // Temporal types, geometries, and what only one make has.
  TypeComparison other() const {
    const auto common = [](const std::string& type) { return type == "geomcollection" ? "geometrycollection" : type; };
    const std::string from = common(leader_.data_type), to = common(follower_.data_type);
    const bool one_make = makes_.leader_is_mariadb == makes_.follower_is_mariadb;
    if (to == "geometry" && is_geometry(from)) return from == to ? TypeComparison{} : held_as("type_wider");
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
