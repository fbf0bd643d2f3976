#include "migrate/chunk_key.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/sql_literal.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/packed_fields.h"

namespace crossfade::migrate {

using dualwrite::DefinedColumn;
using dualwrite::DefinedKey;
using dualwrite::LogColumn;
using dualwrite::quote_name;
using dualwrite::SelectedTable;
using dualwrite::TableDefinition;

namespace {

absl::Status refused(const TableDefinition& table, const std::string& why) {
  return absl::FailedPreconditionError("table " + table.name.schema + "." + table.name.table + " " + why);
}

std::optional<std::size_t> ordinal(const SelectedTable& selected, std::string_view name) {
  const std::vector<LogColumn>& columns = selected.table->columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (dualwrite::same_ignoring_case(columns[i].name, name)) return i;
  }
  return std::nullopt;
}

// nullopt: a row need not have a place in it.
std::optional<ChunkKey> usable(const DefinedKey& key, const SelectedTable& selected) {
  if (!key.unique || key.type == "HASH" || key.parts.empty()) return std::nullopt;
  ChunkKey out{.index = key.name, .parts = {}};
  for (const DefinedKey::Part& part : key.parts) {
    const std::optional<std::size_t> at = ordinal(selected, part.column);
    if (!at || part.prefix || selected.table->columns[*at].nullable) return std::nullopt;
    out.parts.push_back({.column = *at, .name = quote_name(part.column), .descending = part.descending});
    const LogColumn& column = selected.table->columns[*at];
    out.signature += (out.signature.empty() ? "" : ",") + column.name + " " +
                     std::to_string(static_cast<int>(selected.columns[*at].form.kind)) + "/" +
                     std::to_string(column.collation) + (part.descending ? " desc" : "");
  }
  return out;
}

// The places in front of which, or behind which, a row lies: one term for each part that is the first to differ.
std::string rows_beside(const ChunkKey& key, const KeyPlace& place, bool behind) {
  std::string out;
  std::string equal;
  for (std::size_t i = 0; i < key.parts.size(); ++i) {
    const ChunkKey::Part& part = key.parts[i];
    const bool greater = behind != part.descending;
    const std::string term = equal + part.name + (greater ? ">" : "<") + place[i];
    out += (i == 0 ? "" : " OR ") + (i == 0 ? term : "(" + term + ")");
    equal += part.name + "=" + place[i] + " AND ";
  }
  return out;
}

std::string from_table(const SelectedTable& selected, const ChunkKey& key) {
  const std::string index = key.parts.empty() ? "" : " FORCE INDEX (" + quote_name(key.index) + ")";
  return " FROM " + quote_name(selected.table->schema) + "." + quote_name(selected.table->table) + index + " WHERE ";
}

absl::Status check_rows_can_be_locked(const TableDefinition& leader) {
  if (leader.kind == TableDefinition::Kind::view) return refused(leader, "is a view: it has no rows of its own");
  if (leader.kind == TableDefinition::Kind::sequence) {
    return refused(leader, "is a sequence: set it by SETVAL() when the follower takes over");
  }
  if (leader.kind == TableDefinition::Kind::system_versioned) {
    return refused(leader,
                   "is system versioned, and its history cannot be written: ALTER TABLE .. DROP SYSTEM VERSIONING");
  }
  if (!dualwrite::same_ignoring_case(leader.engine, "InnoDB")) {
    return refused(leader, "has the engine " + leader.engine +
                               ", whose rows cannot be locked while they are read: ALTER TABLE .. ENGINE=InnoDB");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChunkKey> choose_key(const TableDefinition& leader, const SelectedTable& selected) {
  if (absl::Status status = check_rows_can_be_locked(leader); !status.ok()) return status;
  for (const DefinedKey& key : leader.keys) {
    if (std::optional<ChunkKey> found = usable(key, selected)) return *std::move(found);
  }
  return refused(
      leader,
      "has no primary key, and no unique key over whole columns that are NOT NULL and not generated, by which "
      "its rows could be gone through: ADD PRIMARY KEY");
}

absl::StatusOr<ChunkKey> choose_copy_key(const TableDefinition& leader, const SelectedTable& selected,
                                         bool by_triggers) {
  absl::StatusOr<ChunkKey> key = choose_key(leader, selected);
  const bool is_followed = !by_triggers || leader.primary_key() != nullptr;
  if (key.ok() || !is_followed || !check_rows_can_be_locked(leader).ok()) return key;
  return ChunkKey{};
}

absl::StatusOr<KeyPlace> place_behind(const ChunkKey& key, const SelectedTable& selected, dualwrite::Bytes last_image,
                                      bool mariadb) {
  absl::StatusOr<dualwrite::RowImage> row = dualwrite::take_row(*selected.table, &last_image);
  if (!row.ok()) return row.status();
  KeyPlace place;
  for (const ChunkKey::Part& part : key.parts) {
    const LogColumn& column = selected.table->columns[part.column];
    DefinedColumn named;
    named.name = column.name;
    const dualwrite::StoredForm& form = selected.columns[part.column].form;
    const dualwrite::ColumnRoute route{.column = &column,
                                       .from = form,
                                       .follower = &named,
                                       .to = form,
                                       .makes = {.leader_is_mariadb = mariadb, .follower_is_mariadb = mariadb}};
    absl::StatusOr<std::string> literal = dualwrite::sql_literal(route, (*row)[part.column]);
    if (!literal.ok()) return literal.status();
    place.push_back(*std::move(literal));
  }
  return place;
}

std::string pack_place(const KeyPlace& place) {
  std::string out;
  for (const std::string& value : place) dualwrite::put_field(out, value);
  return out;
}

absl::StatusOr<KeyPlace> parse_place(const ChunkKey& key, std::string_view text) {
  KeyPlace place;
  if (text.empty()) return place;
  dualwrite::FieldReader fields(text);
  while (!fields.at_end() && !fields.failed()) place.emplace_back(fields.next().value_or(""));
  if (fields.failed() || place.size() != key.parts.size()) {
    return absl::InvalidArgumentError("the checkpoint is of another key");
  }
  return place;
}

std::string rows_behind(const ChunkKey& key, const KeyPlace& place) {
  return place.empty() ? "TRUE" : rows_beside(key, place, true);
}

std::string rows_through(const ChunkKey& key, const KeyPlace& place) {
  if (place.empty()) return "FALSE";
  std::string equal;
  for (std::size_t i = 0; i < key.parts.size(); ++i) {
    equal += (i == 0 ? "" : " AND ") + key.parts[i].name + "=" + place[i];
  }
  return rows_beside(key, place, false) + " OR (" + equal + ")";
}

std::string key_order(const ChunkKey& key) {
  std::string out;
  for (const ChunkKey::Part& part : key.parts) {
    out += (out.empty() ? "" : ",") + part.name + (part.descending ? " DESC" : "");
  }
  return out;
}

std::string select_chunk(const SelectedTable& selected, const ChunkKey& key, const KeyRange& range,
                         std::string_view condition, std::size_t rows_max) {
  std::string where = "(" + rows_behind(key, range.behind) + ")";
  if (!range.through.empty()) where += " AND (" + rows_through(key, range.through) + ")";
  if (!condition.empty()) where += " AND (" + std::string(condition) + ")";
  const std::string order = key.parts.empty() ? "" : " ORDER BY " + key_order(key);
  return "SELECT " + selected.list + from_table(selected, key) + where + order + " LIMIT " + std::to_string(rows_max) +
         " LOCK IN SHARE MODE";
}

SelectedKey select_key(const SelectedTable& selected, const ChunkKey& key, bool mariadb) {
  SelectedKey out{.selected = {}, .key = key};
  std::vector<std::size_t> columns;
  for (ChunkKey::Part& part : out.key.parts) columns.push_back(std::exchange(part.column, columns.size()));
  out.selected = dualwrite::select_columns(selected, columns, mariadb);
  return out;
}

std::string select_border(const SelectedKey& key, const KeyPlace& behind, std::size_t rows) {
  return "SELECT " + key.selected.list + from_table(key.selected, key.key) + rows_behind(key.key, behind) +
         " ORDER BY " + key_order(key.key) + " LIMIT 1 OFFSET " + std::to_string(rows - 1);
}

absl::StatusOr<KeyPlace> border_from(const SelectedKey& key, const std::vector<protocol::Cell>& row, bool mariadb) {
  dualwrite::Buffer image;
  const absl::Status added = dualwrite::append_selected_row(key.selected, row, &image);
  if (!added.ok()) return added;
  return place_behind(key.key, key.selected, image, mariadb);
}

}  // namespace crossfade::migrate
