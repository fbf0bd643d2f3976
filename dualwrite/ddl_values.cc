#include "dualwrite/ddl_values.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/ddl_clauses.h"
#include "dualwrite/ddl_head.h"
#include "dualwrite/ddl_text.h"
#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::array<std::string_view, 16> kOwnValues = {
    "uuid",          "uuid_short", "uuid_v4",      "uuid_v7", "sys_guid",  "rand",    "random_bytes", "sysdate",
    "connection_id", "user",       "current_user", "version", "row_count", "nextval", "load_file",    "database"};
// The follower has the leader's clock, but where triggers told of the statement: then it was read before that ran.
constexpr std::array<std::string_view, 10> kClock = {
    "now",     "current_timestamp", "localtime",    "localtimestamp", "curdate",
    "curtime", "current_date",      "current_time", "utc_timestamp",  "unix_timestamp"};

// As servers print an expression: names of functions in lower case or as written, with or without parentheses.
template <std::size_t size>
bool mentions(const std::string& expression, const std::array<std::string_view, size>& words) {
  std::string word;
  for (const char c : ascii_lower(expression) + " ") {
    const bool in_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (in_word) {
      word += c;
    } else if (contains(words, word)) {
      return true;
    } else {
      word.clear();
    }
  }
  return false;
}

// Why rows may have another value in a column that is new; empty: they have not.
std::string new_column_in_doubt(const DefinedColumn& column, bool ordered, bool clock_is_known) {
  if (column.auto_increment && !ordered) {
    return "column " + column.name + " numbers rows that no key puts into one order on both sides";
  }
  if (!column.default_is_expression || !column.default_value) return {};
  const bool own = mentions(*column.default_value, kOwnValues);
  if (own || (!clock_is_known && mentions(*column.default_value, kClock))) {
    return "the default of column " + column.name + " is " + (own ? "each server's own" : "of the moment it was added");
  }
  return {};
}

// By what InnoDB keeps the rows: the primary key, or the first key that could be one; which of several is the first is
// not known here. nullptr: none, or not known.
const DefinedKey* ordering_key(const TableDefinition& table) {
  if (table.primary_key() != nullptr) return table.primary_key();
  const DefinedKey* out = nullptr;
  for (const DefinedKey& key : table.keys) {
    const bool could_be = key.unique && std::all_of(key.parts.begin(), key.parts.end(), [&](const auto& part) {
                            const DefinedColumn* column = table.column(part.column);
                            return column != nullptr && !column->nullable && !part.prefix;
                          });
    if (could_be && out != nullptr) return nullptr;
    if (could_be) out = &key;
  }
  return out;
}

// The rows of both sides lie in one order, in which AUTO_INCREMENT numbers them.
bool is_ordered(const TableDefinition& follower, const TableDefinition* leader, ServerMakes makes) {
  const DefinedKey* key = ordering_key(follower);
  // Other engines than these number rows as they came.
  const auto keeps_by_key = [](const TableDefinition& table) {
    return same_ignoring_case(table.engine, "InnoDB") || same_ignoring_case(table.engine, "ROCKSDB");
  };
  if (key == nullptr || leader == nullptr || !keeps_by_key(*leader) || !keeps_by_key(follower) ||
      leader->partitioned != follower.partitioned)
    return false;
  const bool same_make = makes.leader_is_mariadb == makes.follower_is_mariadb;
  return std::all_of(key->parts.begin(), key->parts.end(), [&](const DefinedKey::Part& part) {
    const DefinedColumn* column = follower.column(part.column);
    if (column == nullptr || part.prefix) return false;
    if (column->charset.empty()) return true;
    // Texts are ordered by each make's collations. A column that the statement drops is there no more.
    const DefinedColumn* now = leader->column(part.column);
    return same_make && (now == nullptr || now->collation == column->collation);
  });
}

// What became of the columns that a table had.
struct ColumnChanges {
  std::set<std::string> added;                  // lower case
  std::map<std::string, std::string> old_name;  // of those that have another name now, in lower case

  // The column of before that `column` is now; nullptr: it is new.
  const DefinedColumn* before(const DefinedColumn& column, const TableDefinition& table) const {
    const std::string name = ascii_lower(column.name);
    if (const auto found = old_name.find(name); found != old_name.end()) return table.column(found->second);
    return added.contains(name) ? nullptr : table.column(column.name);
  }
};

ColumnChanges column_changes(const DdlText& text, const TableDefinition& before) {
  ColumnChanges out;
  for (const AlterClause& clause : alter_clauses(text)) {
    const std::string name = ascii_lower(clause.name);
    // IF NOT EXISTS leaves one that is there as it is.
    const bool adds =
        clause.kind == ClauseKind::add_column && !(clause.if_not_exists && before.column(clause.name) != nullptr);
    if (adds) out.added.insert(name);
    const bool renames = (clause.kind == ClauseKind::rename_column || clause.kind == ClauseKind::change_column) &&
                         before.column(clause.old_name) != nullptr;
    if (renames) out.old_name[name] = clause.old_name;
  }
  return out;
}

enum class Family : std::uint8_t { number, approximate, text, bytes, moment, list, json, other };

Family family_of(StoredKind kind) {
  switch (kind) {
    case StoredKind::integer:
    case StoredKind::decimal:
    case StoredKind::year:
      return Family::number;
    case StoredKind::float_:
    case StoredKind::double_:
      return Family::approximate;
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
      return Family::text;
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
      return Family::bytes;
    case StoredKind::date:
    case StoredKind::time:
    case StoredKind::datetime:
    case StoredKind::timestamp:
      return Family::moment;
    case StoredKind::enum_:
    case StoredKind::set:
      return Family::list;
    case StoredKind::json:
      return Family::json;
    default:
      return Family::other;
  }
}

Family family_of(const DefinedColumn& column, bool mariadb) {
  if (column.json) return Family::json;
  const absl::StatusOr<StoredForm> form = stored_form(column, mariadb);
  return form.ok() ? family_of(form->kind) : Family::other;
}

// Both makes convert alike: within a family, and what is exact or of one spelling.
bool converts_alike(Family from, Family to) {
  if (from == to) return from != Family::other;
  if (from == Family::number) return to == Family::approximate || to == Family::text;
  if (from == Family::approximate) return to == Family::number || to == Family::text;
  return (from == Family::moment || from == Family::list) && to == Family::text;
}

// All that could be of new columns. Whether a column became one of another kind the text does not tell.
std::string text_in_doubt(const DdlText& text, bool clock_is_known) {
  bool adds = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    adds = adds || text.is(at, "ADD");
    const std::string word = ascii_lower(text.upper(at));
    const bool own = contains(kOwnValues, word) || (!clock_is_known && contains(kClock, word));
    if (adds && (own || text.is(at, "AUTO_INCREMENT"))) {
      return "it was interrupted, and what its " + word + " did to rows is not known";
    }
  }
  return {};
}

}  // namespace

std::string values_in_doubt(const LoggedStatement& statement, const TableAround& table, ServerMakes makes) {
  const DdlText text(statement_itself(statement, makes.leader_is_mariadb),
                     lexer_mode(statement, makes.leader_is_mariadb));
  if (read_head(text).verb != "ALTER") return {};
  const bool same_make = makes.leader_is_mariadb == makes.follower_is_mariadb;
  if (table.before == nullptr) return text_in_doubt(text, !makes.by_triggers);
  const ColumnChanges changes = column_changes(text, *table.before);
  const bool ordered = is_ordered(*table.before, table.leader, makes);
  for (const DefinedColumn& column : table.after.columns) {
    if (column.generated != DefinedColumn::Generated::no) continue;
    const DefinedColumn* old = changes.before(column, *table.before);
    if (old == nullptr) {
      std::string why = new_column_in_doubt(column, ordered, !makes.by_triggers);
      if (!why.empty()) return why;
      continue;
    }
    const bool kept =
        old->column_type == column.column_type && old->charset == column.charset && old->json == column.json;
    const bool alike =
        same_make || kept ||
        converts_alike(family_of(*old, makes.follower_is_mariadb), family_of(column, makes.follower_is_mariadb));
    if (!alike) return "column " + column.name + " becomes one of another kind, and each make converts in its own way";
  }
  return {};
}

}  // namespace crossfade::dualwrite
