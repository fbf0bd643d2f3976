#include "migrate/verify_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/character_set.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/stored_form.h"
#include "dualwrite/trigger/capture_sql.h"

namespace crossfade::migrate {

using dualwrite::DefinedColumn;
using dualwrite::DefinedKey;
using dualwrite::quote_name;
using dualwrite::StoredForm;
using dualwrite::StoredKind;
using dualwrite::TableDefinition;

namespace {

bool is_text(StoredKind kind) {
  return kind == StoredKind::char_ || kind == StoredKind::varchar || kind == StoredKind::text;
}

// MariaDB's JSON is a text; what kind a side has is not what it means.
bool is_json(const DefinedColumn& column, const StoredForm& form) {
  return column.json || form.kind == StoredKind::json;
}

ValueClass class_of(const StoredForm& from, const StoredForm& to) {
  switch (from.kind) {
    case StoredKind::integer:
    case StoredKind::decimal:
    case StoredKind::bit:
    case StoredKind::year:
    case StoredKind::enum_:
    case StoredKind::set:
      return ValueClass::number;
    case StoredKind::float_:
    case StoredKind::double_:
      return ValueClass::floating;
    case StoredKind::date:
    case StoredKind::time:
    case StoredKind::datetime:
    case StoredKind::timestamp:
      return ValueClass::temporal;
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
    case StoredKind::opaque:
      return ValueClass::text;
    case StoredKind::binary:
      return to.kind == StoredKind::binary ? ValueClass::bytes : ValueClass::padded;
    case StoredKind::varbinary:
    case StoredKind::blob:
    case StoredKind::geometry:
    case StoredKind::vector:
      return ValueClass::bytes;
    case StoredKind::json:
      return ValueClass::document;
  }
  return ValueClass::bytes;
}

std::string value_sql(const DefinedColumn& column, const StoredForm& form, bool converts, bool mariadb) {
  std::string name = quote_name(column.name);
  switch (form.kind) {
    case StoredKind::integer:
    case StoredKind::decimal:
      // Zeros in front are how it is shown.
      return column.column_type.find("zerofill") == std::string::npos ? name : "(" + name + "+0)";
    case StoredKind::bit:
    case StoredKind::enum_:
    case StoredKind::set:
      return "CAST(" + name + " AS UNSIGNED)";
    case StoredKind::float_:
    case StoredKind::double_:
      return dualwrite::floating_text(name, mariadb);
    case StoredKind::opaque:
      return "CAST(" + name + " AS CHAR CHARACTER SET utf8mb4)";
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
      return converts ? "CONVERT(" + name + " USING utf8mb4)" : name;
    default:
      return name;
  }
}

// A CRC of a large value stands for it: what is hashed as a whole may not pass max_allowed_packet.
std::string hashed_sql(const StoredForm& form, ValueClass how, const std::string& value) {
  switch (how) {
    case ValueClass::text:
    case ValueClass::bytes:
    case ValueClass::padded:
      if (form.kind == StoredKind::text || form.kind == StoredKind::blob) {
        return "CONCAT(LENGTH(" + value + "),':',CRC32(" + value + "))";
      }
      return "CAST(" + value + " AS BINARY)";
    case ValueClass::document:
      return "CONCAT(LENGTH(" + value + "),':',CRC32(" + value + "))";
    default:
      return value;
  }
}

bool same_charset(const StoredForm& a, const StoredForm& b) {
  return dualwrite::modern_name(a.charset) == dualwrite::modern_name(b.charset);
}

bool texts_are_equal(const StoredForm& from, const StoredForm& to, ValueClass how, dualwrite::ServerMakes makes) {
  const bool one_make = makes.leader_is_mariadb == makes.follower_is_mariadb;
  switch (how) {
    case ValueClass::number:
      return from.kind != StoredKind::decimal || from.scale == to.scale;
    case ValueClass::floating:
      return one_make;
    case ValueClass::temporal:
      return from.fraction == to.fraction;
    case ValueClass::text:
      return true;
    case ValueClass::bytes:
      return from.kind != StoredKind::geometry && from.kind != StoredKind::vector;
    case ValueClass::padded:
      return false;
    case ValueClass::document:
      return one_make && from.kind == to.kind;
  }
  return false;
}

bool orders_are_equal(const DefinedColumn& leader, const DefinedColumn& follower, const StoredForm& from,
                      const StoredForm& to) {
  if (from.kind == StoredKind::opaque) return to.kind == StoredKind::opaque;
  if (from.kind == StoredKind::binary) return to.kind == StoredKind::binary;
  if (!is_text(from.kind)) return true;
  return same_charset(from, to) &&
         dualwrite::modern_name(leader.collation) == dualwrite::modern_name(follower.collation);
}

std::string literal(const VerifiedColumn& column, const std::string& text) {
  switch (column.how) {
    case ValueClass::number:
      return text;
    case ValueClass::floating:
      return text.find_first_of("eE") == std::string::npos ? text + "e0" : text;
    case ValueClass::temporal:
      return "'" + text + "'";
    case ValueClass::text:
    case ValueClass::document:
      return "_" + column.charset + " x'" + dualwrite::hex(protocol::as_bytes(text)) + "'";
    case ValueClass::bytes:
    case ValueClass::padded:
      return "x'" + dualwrite::hex(protocol::as_bytes(text)) + "'";
  }
  return text;
}

std::string list_of(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : std::string(between)) + part;
  return out;
}

// The index over the same columns in the same order.
std::string index_of(const TableDefinition& table, const std::vector<VerifiedColumn>& columns, std::size_t parts) {
  for (const DefinedKey& key : table.keys) {
    if (!key.unique || key.type == "HASH" || key.parts.size() != parts) continue;
    bool same = true;
    for (std::size_t i = 0; i < parts; ++i) {
      same = same && !key.parts[i].prefix && dualwrite::same_ignoring_case(key.parts[i].column, columns[i].name);
    }
    if (same) return " FORCE INDEX (" + quote_name(key.name) + ")";
  }
  return {};
}

// Lengths tell where a text ends, and a row of marks which values are NULL: different rows have different texts.
std::string hash_sql(const std::vector<VerifiedColumn>& columns, Side side) {
  std::vector<std::string> values, lengths, nulls;
  for (const VerifiedColumn& column : columns) {
    const std::string& value = side == Side::leader ? column.hashed_on_leader : column.hashed_on_follower;
    values.push_back(value);
    if (value.starts_with("CAST(") && value.ends_with(" AS BINARY)")) lengths.push_back("LENGTH(" + value + ")");
    if (column.nullable) nulls.push_back("ISNULL(" + quote_name(column.name) + ")");
  }
  std::string text = "CONCAT_WS('#'," + list_of(values, ",");
  if (!lengths.empty()) text += "," + list_of(lengths, ",");
  if (!nulls.empty()) text += ",CONCAT(" + list_of(nulls, ",") + ")";
  return "CRC32(CRC32(" + text + ")))";
}

VerifySide make_side(const TableDefinition& table, const VerifyPlan& plan, Side side) {
  std::vector<std::string> values;
  for (const VerifiedColumn& column : plan.columns) {
    values.push_back(side == Side::leader ? column.on_leader : column.on_follower);
  }
  const std::vector<std::string> keys(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(plan.key_parts));
  return {.table = quote_name(table.name),
          .index = index_of(table, plan.columns, plan.key_parts),
          .keys = list_of(keys, ","),
          .list = list_of(values, ","),
          .hash = hash_sql(plan.columns, side)};
}

std::string parts_list(const VerifySide& side, RowParts parts) {
  switch (parts) {
    case RowParts::keys:
      return side.keys;
    case RowParts::hash:
      return side.keys + "," + side.hash;
    case RowParts::values:
      return side.list;
  }
  return side.list;
}

}  // namespace

absl::StatusOr<VerifiedColumn> verified_column(const DefinedColumn& leader, const DefinedColumn& follower,
                                               dualwrite::ServerMakes makes) {
  absl::StatusOr<StoredForm> from = dualwrite::stored_form(leader, makes.leader_is_mariadb);
  if (!from.ok()) return from.status();
  absl::StatusOr<StoredForm> to = dualwrite::stored_form(follower, makes.follower_is_mariadb);
  if (!to.ok()) return to.status();
  VerifiedColumn out{.name = leader.name, .nullable = leader.nullable || follower.nullable};
  const bool is_document = is_json(leader, *from) || is_json(follower, *to);
  out.how = is_document ? ValueClass::document : class_of(*from, *to);
  const bool converts = is_document || from->kind == StoredKind::opaque || !same_charset(*from, *to);
  out.on_leader = value_sql(leader, *from, converts, makes.leader_is_mariadb);
  out.on_follower = value_sql(follower, *to, converts, makes.follower_is_mariadb);
  out.hashed_on_leader = hashed_sql(*from, out.how, out.on_leader);
  // Both in the same way, whatever each side's type is.
  out.hashed_on_follower = hashed_sql(*from, out.how, out.on_follower);
  out.charset = converts || from->charset.empty() ? "utf8mb4" : from->charset;
  out.same_text = texts_are_equal(*from, *to, out.how, makes);
  out.same_order = orders_are_equal(leader, follower, *from, *to);
  return out;
}

absl::StatusOr<std::vector<VerifiedColumn>> verified_columns(const TableDefinition& leader,
                                                             const TableDefinition& follower,
                                                             const std::vector<std::string>& names,
                                                             dualwrite::ServerMakes makes) {
  const std::string table = "table " + leader.name.schema + "." + leader.name.table;
  std::vector<VerifiedColumn> out;
  for (const std::string& name : names) {
    const DefinedColumn* theirs = follower.column(name);
    if (theirs == nullptr) return absl::OutOfRangeError(table + ": the follower has no column " + name);
    absl::StatusOr<VerifiedColumn> column = verified_column(*leader.column(name), *theirs, makes);
    if (!column.ok()) return absl::FailedPreconditionError(table + ": " + std::string(column.status().message()));
    out.push_back(*std::move(column));
  }
  return out;
}

absl::StatusOr<VerifyPlan> plan_verify(const TableDefinition& leader, const TableDefinition& follower,
                                       dualwrite::ServerMakes makes) {
  const std::string name = "table " + leader.name.schema + "." + leader.name.table;
  absl::StatusOr<dualwrite::SelectedTable> selected = dualwrite::plan_select(leader, makes.leader_is_mariadb, false);
  if (!selected.ok()) {
    return absl::FailedPreconditionError(name + ": " + std::string(selected.status().message()));
  }
  absl::StatusOr<ChunkKey> key = choose_key(leader, *selected);
  if (!key.ok()) return key.status();
  VerifyPlan out{.table = leader.name, .key = *std::move(key)};
  std::vector<std::string> names;
  for (const ChunkKey::Part& part : out.key.parts) names.push_back(selected->table->columns[part.column].name);
  out.key_parts = names.size();
  for (const DefinedColumn& column : leader.columns) {
    const bool is_key = std::find(names.begin(), names.end(), column.name) != names.end();
    if (column.generated == DefinedColumn::Generated::no && !is_key) names.push_back(column.name);
  }
  absl::StatusOr<std::vector<VerifiedColumn>> columns = verified_columns(leader, follower, names, makes);
  if (!columns.ok()) return columns.status();
  out.columns = *std::move(columns);
  const auto key_end = out.columns.begin() + static_cast<std::ptrdiff_t>(out.key_parts);
  out.by_checksum =
      std::all_of(out.columns.begin(), out.columns.end(), [](const auto& each) { return each.same_text; });
  out.same_order = std::all_of(out.columns.begin(), key_end, [](const auto& each) { return each.same_order; });
  out.leader = make_side(leader, out, Side::leader);
  out.follower = make_side(follower, out, Side::follower);
  return out;
}

absl::StatusOr<KeyPlace> key_literals(const VerifyPlan& plan, const std::vector<protocol::Cell>& row) {
  if (row.size() < plan.key_parts) return absl::InternalError("a row without its key");
  KeyPlace out;
  for (std::size_t i = 0; i < plan.key_parts; ++i) {
    if (!row[i]) return absl::InternalError("a key with NULL");
    out.push_back(literal(plan.columns[i], *row[i]));
  }
  return out;
}

std::string in_range(const VerifyPlan& plan, const KeyPlace& behind, const KeyPlace& through) {
  std::string out = "(" + rows_behind(plan.key, behind) + ")";
  if (!through.empty()) out += " AND (" + rows_through(plan.key, through) + ")";
  return out;
}

std::string with_keys(const VerifyPlan& plan, const std::vector<KeyPlace>& keys) {
  std::string out;
  if (plan.key_parts == 1) {
    for (const KeyPlace& key : keys) out += (out.empty() ? "" : ",") + key.front();
    return plan.key.parts.front().name + " IN (" + out + ")";
  }
  for (const KeyPlace& key : keys) {
    std::string one;
    for (std::size_t i = 0; i < key.size(); ++i) {
      one += (i == 0 ? "" : " AND ") + plan.key.parts[i].name + "=" + key[i];
    }
    out += (out.empty() ? "(" : " OR (") + one + ")";
  }
  return out;
}

std::string select_bound(const VerifyPlan& plan, Side side, const KeyPlace& behind, std::size_t rows) {
  const VerifySide& at = side_of(plan, side);
  return "SELECT " + at.keys + " FROM " + at.table + at.index + " WHERE " + rows_behind(plan.key, behind) +
         " ORDER BY " + key_order(plan.key) + " LIMIT " + std::to_string(rows - 1) + ",1";
}

std::string select_checksum(const VerifyPlan& plan, Side side, const std::string& condition) {
  const VerifySide& at = side_of(plan, side);
  return "SELECT COUNT(*),IFNULL(SUM(" + at.hash + "),0) FROM " + at.table + at.index + " WHERE " + condition;
}

std::string select_rows(const VerifyPlan& plan, Side side, const std::string& condition, RowParts parts) {
  const VerifySide& at = side_of(plan, side);
  return "SELECT " + parts_list(at, parts) + " FROM " + at.table + at.index + " WHERE " + condition;
}

}  // namespace crossfade::migrate
