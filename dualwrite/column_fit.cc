#include "dualwrite/column_fit.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "dualwrite/character_set.h"
#include "dualwrite/text_fit.h"

namespace crossfade::dualwrite {

namespace {

using How = ColumnFit::How;

constexpr std::uint16_t kUtf8mb4BinId = 46;

// Everything that is known of the pair.
struct Pair {
  const LogColumn& column;
  const DefinedColumn* leader;  // may be nullptr
  const DefinedColumn& follower;
  StoredForm from;
  StoredForm to;
  ServerMakes makes;
};

ColumnFit same() { return {.how = How::same}; }
ColumnFit same_by_events(std::string why_not_sql) { return {.how = How::same, .events_only = std::move(why_not_sql)}; }
ColumnFit converts(const Pair& pair, const std::string& what) {
  return {.how = How::converts, .reason = "column " + pair.follower.name + ": " + what};
}
ColumnFit cannot(const Pair& pair, const std::string& what) {
  return {.reason = "column " + pair.follower.name + ": " + what};
}
// The follower's column is to be made like the leader's.
ColumnFit too_narrow(const Pair& pair) {
  const std::string like = pair.leader == nullptr ? "that of the leader" : pair.leader->column_type;
  return cannot(pair, "its type on the follower, " + pair.follower.column_type +
                          ", does not hold every value of the leader's" +
                          (pair.leader == nullptr ? "" : ", " + pair.leader->column_type) +
                          ": ALTER TABLE .. MODIFY it on the follower to " + like);
}

ColumnFit fit_integer(const Pair& pair) {
  const StoredForm& from = pair.from;
  const StoredForm& to = pair.to;
  if (from.size == to.size && from.is_unsigned == to.is_unsigned) return same();
  const bool holds = from.is_unsigned == to.is_unsigned ? to.size > from.size : from.is_unsigned && to.size > from.size;
  return holds ? converts(pair, "a wider integer") : too_narrow(pair);
}

ColumnFit fit_decimal(const Pair& pair) {
  const StoredForm& from = pair.from;
  const StoredForm& to = pair.to;
  if (to.is_unsigned && !from.is_unsigned) return too_narrow(pair);
  if (from.metadata == to.metadata) return same();
  const bool holds = to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale;
  return holds ? converts(pair, "a wider DECIMAL") : too_narrow(pair);
}

// FLOAT(7,3): the server rounds what SQL gives it; sql_literal() sees to it that there is nothing to round.
bool rounds(const DefinedColumn& column) { return column.column_type.find('(') != std::string::npos; }

ColumnFit fit_floating(const Pair& pair) {
  if (pair.to.is_unsigned && !pair.from.is_unsigned) return too_narrow(pair);
  if (pair.from.kind == pair.to.kind) {
    if (!rounds(pair.follower)) return same();
    if (pair.leader == nullptr || pair.leader->column_type.substr(0, pair.leader->column_type.find(')')) !=
                                      pair.follower.column_type.substr(0, pair.follower.column_type.find(')'))) {
      return too_narrow(pair);
    }
    return same();
  }
  if (pair.from.kind == StoredKind::double_ || rounds(pair.follower)) return too_narrow(pair);
  return converts(pair, "FLOAT into DOUBLE");
}

ColumnFit fit_fraction(const Pair& pair) {
  if (pair.from.fraction == pair.to.fraction) return same();
  return pair.to.fraction > pair.from.fraction ? converts(pair, "more digits of seconds") : too_narrow(pair);
}

ColumnFit fit_bit(const Pair& pair) {
  if (pair.from.size == pair.to.size) return same();
  return pair.to.size > pair.from.size ? converts(pair, "a longer BIT") : too_narrow(pair);
}

// The leader's texts of an ENUM or SET in UTF-8; nullopt: they cannot be told.
std::optional<std::vector<std::string>> leader_members(const Pair& pair) {
  const std::vector<std::string>& logged = pair.column.members;
  const std::string& charset = pair.from.charset;
  const bool wide = !has_ascii(charset);
  // What is no text is compared byte by byte.
  const bool utf8 = charset == "utf8mb4" || charset == "utf8mb3" || charset == "binary";
  const bool plain = !wide && std::all_of(logged.begin(), logged.end(), [&](const std::string& member) {
    return utf8 ||
           std::all_of(member.begin(), member.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  });
  if (!logged.empty() && plain) return logged;
  if (pair.leader == nullptr || hides_members(*pair.leader, pair.makes.leader_is_mariadb)) return std::nullopt;
  std::vector<std::string> defined = members_of(pair.leader->column_type);
  if (defined.empty() || (!logged.empty() && logged.size() != defined.size())) return std::nullopt;
  return defined;
}

ColumnFit fit_members(const Pair& pair) {
  const std::optional<std::vector<std::string>> leader = leader_members(pair);
  if (!leader) {
    return cannot(pair, "the leader's members of its ENUM or SET are not known: SET GLOBAL binlog_row_metadata=FULL");
  }
  if (hides_members(pair.follower, pair.makes.follower_is_mariadb)) {
    return cannot(pair, "members of its ENUM or SET that are not UTF-8 cannot be compared: ALTER TABLE .. MODIFY it " +
                            std::string("on both sides in the character set of its texts"));
  }
  const std::vector<std::string> follower = members_of(pair.follower.column_type);
  if (follower.size() < leader->size() || !std::equal(leader->begin(), leader->end(), follower.begin())) {
    return cannot(pair, "its members differ in order or text: ALTER TABLE .. MODIFY it on the follower so that they " +
                            std::string("begin with the leader's, in the leader's order"));
  }
  if (pair.from.metadata == pair.to.metadata) return same();
  return converts(pair, "an ENUM or SET with more members");
}

ColumnFit fit_text(const Pair& pair) {
  const StoredForm& from = pair.from;
  const StoredForm& to = pair.to;
  const TextFit found = text_fit(from, to);
  // MariaDB stores bytes above ASCII in such a column; of a rows event MySQL cuts the text off there, without a word.
  const bool cuts = from.charset == "ascii" && to.kind == StoredKind::text && pair.makes.leader_is_mariadb &&
                    !pair.makes.follower_is_mariadb;
  switch (found) {
    case TextFit::charset:
      return cannot(pair, "the follower's character set " + to.charset + " does not surely hold every text of the " +
                              "leader's, " + from.charset + ": ALTER TABLE .. MODIFY it .. CHARACTER SET " +
                              from.charset + " on the follower");
    case TextFit::pads:
      return cannot(pair, "CHAR on the follower loses trailing spaces: ALTER TABLE .. MODIFY it to a VARCHAR there");
    case TextFit::narrow:
      return too_narrow(pair);
    case TextFit::same:
      if (!cuts) return same();
      break;
    case TextFit::converts:
      break;
  }
  if (cuts) return converts(pair, "a text in ASCII, whose bytes are looked at one by one");
  return converts(pair, from.charset == to.charset ? "a longer or other kind of text"
                                                   : "character set " + from.charset + " into " + to.charset);
}

ColumnFit fit_bytes(const Pair& pair) {
  const StoredForm& from = pair.from;
  if (from.kind == StoredKind::binary && pair.leader == nullptr && pair.makes.leader_is_mariadb &&
      (from.size == 16 || from.size == 4)) {
    return cannot(pair, "the log does not tell BINARY from UUID and INET, and the leader's definition is not known");
  }
  switch (bytes_fit(from, pair.to)) {
    case TextFit::same:
      return same();
    case TextFit::converts:
      return converts(pair, "a longer or other kind of bytes");
    case TextFit::pads:
      return cannot(pair, "BINARY on the follower pads values with zeros: ALTER TABLE .. MODIFY it there to " +
                              (pair.leader == nullptr ? "the leader's type" : pair.leader->column_type));
    case TextFit::charset:
    case TextFit::narrow:
      break;
  }
  return too_narrow(pair);
}

// The leader's column is JSON: MySQL's own type (a text where triggers captured it), or MariaDB's LONGTEXT that is
// checked.
bool leader_is_json(const Pair& pair) {
  if (pair.from.kind == StoredKind::json) return true;
  if (pair.from.kind != StoredKind::text) return false;
  if (pair.leader != nullptr) return pair.leader->json;
  return pair.makes.leader_is_mariadb && pair.from.size == 4 && pair.column.collation == kUtf8mb4BinId;
}

ColumnFit fit_json(const Pair& pair) {
  if (pair.from.kind == StoredKind::json) {
    if (pair.to.kind == StoredKind::json) return same();
    if (pair.follower.json) return converts(pair, "MySQL's JSON into MariaDB's");
    return cannot(pair, "JSON on the leader only: ALTER TABLE .. MODIFY it JSON on the follower");
  }
  if (!leader_is_json(pair)) {
    return cannot(pair, "JSON on the follower only: ALTER TABLE .. MODIFY it LONGTEXT on the follower");
  }
  if (pair.to.kind != StoredKind::json) {
    return pair.makes.leader_is_mariadb ? fit_text(pair) : converts(pair, "MySQL's JSON into MariaDB's");
  }
  if (pair.from.charset != "utf8mb4" && pair.from.charset != "utf8mb3" && pair.from.charset != "ascii") {
    return cannot(pair,
                  "JSON in the character set " + pair.from.charset + ": ALTER TABLE .. MODIFY it JSON on the leader");
  }
  return converts(pair, "JSON as text into MySQL's");
}

ColumnFit fit_geometry(const Pair& pair) {
  const std::string& to = pair.follower.data_type;
  if (to == "geometry") return same();
  if (pair.leader == nullptr) return cannot(pair, "which geometries the leader's column holds is not known");
  const auto modern = [](const std::string& type) {
    return type == "geomcollection" ? std::string("geometrycollection") : type;
  };
  return modern(pair.leader->data_type) == modern(to) ? same() : too_narrow(pair);
}

// MariaDB's UUID, INET6 and INET4 in a text of MySQL's, which has functions that say them in the same words.
ColumnFit fit_own_type(const Pair& pair) {
  const OwnType* own = pair.leader == nullptr ? nullptr : own_type(pair.leader->data_type);
  if (own == nullptr || pair.makes.follower_is_mariadb || !has_ascii(pair.to.charset)) return too_narrow(pair);
  const std::uint64_t room = pair.to.kind == StoredKind::text ? large_bytes_max(pair.to) : pair.to.characters;
  if (room < own->characters) return too_narrow(pair);
  ColumnFit out = converts(pair, pair.leader->data_type + " as its text");
  out.text_by = own->text_by;
  return out;
}

ColumnFit fit_same_make_only(const Pair& pair) {
  if (pair.makes.leader_is_mariadb != pair.makes.follower_is_mariadb || pair.leader == nullptr ||
      pair.leader->column_type != pair.follower.column_type) {
    return cannot(pair, "the type " + pair.follower.column_type +
                            " is carried only between servers of one make, where both columns are defined alike");
  }
  return same_by_events("column " + pair.follower.name + ": values of " + pair.follower.column_type +
                        " are carried by rows events only");
}

ColumnFit fit_same_kind(const Pair& pair) {
  switch (pair.from.kind) {
    case StoredKind::integer:
      return fit_integer(pair);
    case StoredKind::decimal:
      return fit_decimal(pair);
    case StoredKind::float_:
    case StoredKind::double_:
      return fit_floating(pair);
    case StoredKind::bit:
      return fit_bit(pair);
    case StoredKind::year:
    case StoredKind::date:
      return same();
    case StoredKind::time:
    case StoredKind::datetime:
    case StoredKind::timestamp:
      return fit_fraction(pair);
    case StoredKind::enum_:
    case StoredKind::set:
      return fit_members(pair);
    case StoredKind::geometry:
      return fit_geometry(pair);
    case StoredKind::opaque:
    case StoredKind::vector:
      return fit_same_make_only(pair);
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
      return fit_text(pair);
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
      return fit_bytes(pair);
    case StoredKind::json:
      return fit_json(pair);
  }
  return {};
}

ColumnFit fit_pair(const Pair& pair) {
  const StoredKind from = pair.from.kind;
  const StoredKind to = pair.to.kind;
  // A leader's plain LONGTEXT whose follower checks that it is JSON, and the other way round.
  const bool json = from == StoredKind::json || to == StoredKind::json;
  if (json || (pair.follower.json && is_text(from))) return fit_json(pair);
  if (from == to) return fit_same_kind(pair);
  if (is_text(from) && is_text(to)) return fit_text(pair);
  if (from == StoredKind::opaque && is_text(to)) return fit_own_type(pair);
  if (is_bytes(from) && is_bytes(to)) return fit_bytes(pair);
  if (from == StoredKind::float_ && to == StoredKind::double_) return fit_floating(pair);
  return too_narrow(pair);
}

}  // namespace

ColumnFit fit_column(const LogColumn& leader, const DefinedColumn* leader_definition, const DefinedColumn& follower,
                     ServerMakes makes) {
  absl::StatusOr<StoredForm> from = stored_form(leader, makes.leader_is_mariadb);
  if (!from.ok()) return {.reason = std::string(from.status().message())};
  absl::StatusOr<StoredForm> to = stored_form(follower, makes.follower_is_mariadb);
  if (!to.ok()) return {.reason = std::string(to.status().message())};
  if (leader_definition != nullptr) {
    // What the log shows as BINARY may be a type of its own.
    absl::StatusOr<StoredForm> defined = stored_form(*leader_definition, makes.leader_is_mariadb);
    if (defined.ok() && defined->kind == StoredKind::opaque) from->kind = StoredKind::opaque;
  }
  return fit_pair(Pair{.column = leader,
                       .leader = leader_definition,
                       .follower = follower,
                       .from = *std::move(from),
                       .to = *std::move(to),
                       .makes = makes});
}

}  // namespace crossfade::dualwrite
