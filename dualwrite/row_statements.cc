#include <algorithm>
#include <optional>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/sql_literal.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {

namespace {

// What every statement for the table needs.
struct Writer {
  const TableMapping& mapping;
  std::string table;
  // One for each column that is written: those that the follower generates are left out.
  std::vector<ColumnRoute> routes;
  std::vector<std::size_t> from;  // beside `routes`: the ordinal in the leader's image
};

struct ImagePair {
  RowImage before;  // empty: there is none
  RowImage after;
};

absl::StatusOr<Writer> writer_for(const RowsChange& change, const TableMapping& mapping) {
  if (!change.complete) return absl::FailedPreconditionError("an incomplete row image: binlog_row_image is not FULL");
  if (!describes(mapping, change)) return absl::FailedPreconditionError("the mapping is of another definition");
  if (mapping.by == ApplyBy::nothing) return absl::FailedPreconditionError(mapping.reason);
  Writer writer{.mapping = mapping,
                .table = quote_name(mapping.target.schema) + "." + quote_name(mapping.target.table),
                .routes = {},
                .from = {}};
  for (const MappedColumn& column : mapping.columns) {
    if (column.generated || column.from >= mapping.source->columns.size()) continue;
    absl::StatusOr<ColumnRoute> route = column_route(mapping, column);
    if (!route.ok()) return route.status();
    writer.routes.push_back(*std::move(route));
    writer.from.push_back(column.from);
  }
  return writer;
}

// SQL would fire them; rows events do not.
absl::Status refuse_triggers(const TableMapping& mapping) {
  if (mapping.follower.triggers.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError("the follower's triggers would change what SQL writes");
}

absl::StatusOr<ImagePair> take_pair(const RowsChange& change, Bytes* images) {
  ImagePair pair;
  if (change.kind != RowsKind::insert) {
    absl::StatusOr<RowImage> row = take_row(*change.table, images);
    if (!row.ok()) return row.status();
    pair.before = *std::move(row);
  }
  if (change.kind != RowsKind::delete_) {
    absl::StatusOr<RowImage> row = take_row(*change.table, images);
    if (!row.ok()) return row.status();
    pair.after = *std::move(row);
  }
  return pair;
}

bool is_key(const Writer& writer, std::size_t from) {
  const std::vector<std::size_t>& key = writer.mapping.key;
  return std::find(key.begin(), key.end(), from) != key.end();
}

// "(`a`, `b`)"
std::string names_clause(const Writer& writer) {
  std::string names;
  for (const ColumnRoute& route : writer.routes) {
    names += (names.empty() ? "(" : ", ") + quote_name(route.follower->name);
  }
  return names + ")";
}

// "(1, 2)"
absl::StatusOr<std::string> row_values(const Writer& writer, const RowImage& row) {
  std::string values = "(";
  for (std::size_t i = 0; i < writer.routes.size(); ++i) {
    absl::StatusOr<std::string> literal = sql_literal(writer.routes[i], row[writer.from[i]]);
    if (!literal.ok()) return literal;
    if (i != 0) values += ", ";
    values += *literal;
  }
  return values + ")";
}

// "(`a`, `b`) VALUES (1, 2)"
absl::StatusOr<std::string> values_clause(const Writer& writer, const RowImage& row) {
  absl::StatusOr<std::string> values = row_values(writer, row);
  if (!values.ok()) return values;
  return names_clause(writer) + " VALUES " + *values;
}

// Nothing is hidden by it but the duplicate, unlike by INSERT IGNORE.
std::string on_duplicate(const Writer& writer, PutRows how) {
  std::string out;
  for (const ColumnRoute& route : writer.routes) {
    const std::string name = quote_name(route.follower->name);
    out += (out.empty() ? " ON DUPLICATE KEY UPDATE " : ", ") + name + " = ";
    if (how == PutRows::keep) return out + writer.table + "." + name;
    out += "VALUES(" + name + ")";
  }
  return out;
}

// "`a` = 1, `b` = 2"
absl::StatusOr<std::string> assignments(const Writer& writer, const RowImage& row) {
  std::string out;
  for (std::size_t i = 0; i < writer.routes.size(); ++i) {
    absl::StatusOr<std::string> literal = sql_literal(writer.routes[i], row[writer.from[i]]);
    if (!literal.ok()) return literal;
    out += (i == 0 ? "" : ", ") + quote_name(writer.routes[i].follower->name) + " = " + *literal;
  }
  return out;
}

// " WHERE .." over the key alone.
absl::StatusOr<std::string> key_condition(const Writer& writer, const RowImage& row) {
  std::string out;
  for (std::size_t i = 0; i < writer.routes.size(); ++i) {
    if (!is_key(writer, writer.from[i])) continue;
    absl::StatusOr<std::string> finds = sql_finds(writer.routes[i], row[writer.from[i]]);
    if (!finds.ok()) return finds;
    out += (out.empty() ? "" : " AND ") + *finds;
  }
  return out;
}

// The whole image: the key so that an index serves, then every column exactly.
absl::StatusOr<std::string> image_condition(const Writer& writer, const RowImage& row) {
  absl::StatusOr<std::string> out = key_condition(writer, row);
  if (!out.ok()) return out;
  for (std::size_t i = 0; i < writer.routes.size(); ++i) {
    absl::StatusOr<std::string> holds = sql_holds(writer.routes[i], row[writer.from[i]]);
    if (!holds.ok()) return holds;
    *out += (out->empty() ? "" : " AND ") + *holds;
  }
  return out;
}

bool without_foreign_keys(const RowsChange& change) {
  return (change.flags & (kRowsSqlLayerForeignKeys | kRowsNoForeignKeyChecks)) != 0;
}

absl::StatusOr<std::string> row_sql(const Writer& writer, RowsKind kind, const ImagePair& pair) {
  absl::StatusOr<std::string> set = std::string();
  if (kind == RowsKind::insert) set = values_clause(writer, pair.after);
  if (kind == RowsKind::update) set = assignments(writer, pair.after);
  if (!set.ok()) return set;
  if (kind == RowsKind::insert) return "INSERT INTO " + writer.table + " " + *set;
  absl::StatusOr<std::string> where = image_condition(writer, pair.before);
  if (!where.ok()) return where;
  const std::string verb =
      kind == RowsKind::update ? "UPDATE " + writer.table + " SET " + *set : "DELETE FROM " + writer.table;
  return verb + " WHERE " + *where + (writer.mapping.key.empty() ? " LIMIT 1" : "");
}

// The columns of a unique key as `name` = value, joined; nullopt: one is NULL, an expression or generated, so that
// nothing can be said by values.
absl::StatusOr<std::optional<std::string>> unique_condition(const Writer& writer, const DefinedKey& key,
                                                            const RowImage& row) {
  std::string out;
  for (const DefinedKey::Part& part : key.parts) {
    const auto route = std::find_if(writer.routes.begin(), writer.routes.end(), [&](const ColumnRoute& candidate) {
      return same_ignoring_case(candidate.follower->name, part.column);
    });
    if (route == writer.routes.end()) {
      return absl::FailedPreconditionError("key " + key.name +
                                           " of the follower is over an expression or a generated " +
                                           "column: its rows are not found by values");
    }
    const LogValue& value = row[writer.from[static_cast<std::size_t>(route - writer.routes.begin())]];
    if (value.is_null) return std::nullopt;
    absl::StatusOr<std::string> finds =
        part.prefix ? sql_finds_prefix(*route, value, *part.prefix) : sql_finds(*route, value);
    if (!finds.ok()) return finds.status();
    out += (out.empty() ? "" : " AND ") + *finds;
  }
  return out;
}

// DELETEs of the rows, other than that with the key `self`, which hold a unique key of `row`.
absl::Status remove_holders(const Writer& writer, const RowImage& row, const std::string& self,
                            std::vector<RowStatement>* out) {
  for (const DefinedKey& key : writer.mapping.follower.keys) {
    if (!key.unique) continue;
    absl::StatusOr<std::optional<std::string>> holder = unique_condition(writer, key, row);
    if (!holder.ok()) return holder.status();
    if (!holder->has_value() || **holder == self) continue;
    out->push_back(
        {.sql = "DELETE FROM " + writer.table + " WHERE " + **holder + (self.empty() ? "" : " AND NOT (" + self + ")"),
         .affected = kAnyAffected,
         .no_foreign_key_checks = true});
  }
  return absl::OkStatus();
}

// The row with the key of `row` becomes `row`, or is made.
absl::Status put_row(const Writer& writer, const RowImage& row, std::vector<RowStatement>* out) {
  absl::StatusOr<std::string> values = values_clause(writer, row);
  if (!values.ok()) return values.status();
  absl::StatusOr<std::string> set = assignments(writer, row);
  if (!set.ok()) return set.status();
  const bool keyed = !writer.mapping.key.empty();
  out->push_back(
      {.sql = "INSERT INTO " + writer.table + " " + *values + (keyed ? " ON DUPLICATE KEY UPDATE " + *set : ""),
       .affected = keyed ? kAnyAffected : 1,
       .no_foreign_key_checks = true});
  return absl::OkStatus();
}

// The row with the before image's key goes, or becomes the after image with what hangs on it.
absl::Status leave_before(const Writer& writer, const RowsChange& change, const ImagePair& pair,
                          std::vector<RowStatement>* out) {
  const bool keyed = !writer.mapping.key.empty();
  absl::StatusOr<std::string> where = keyed ? key_condition(writer, pair.before) : image_condition(writer, pair.before);
  if (!where.ok()) return where.status();
  std::string sql = "DELETE FROM " + writer.table;
  if (change.kind == RowsKind::update && keyed) {
    absl::StatusOr<std::string> set = assignments(writer, pair.after);
    if (!set.ok()) return set.status();
    sql = "UPDATE " + writer.table + " SET " + *set;
  }
  out->push_back({.sql = sql + " WHERE " + *where + (keyed ? "" : " LIMIT 1"),
                  .affected = kAnyAffected,
                  .no_foreign_key_checks = without_foreign_keys(change)});
  return absl::OkStatus();
}

absl::Status overwrite_row(const Writer& writer, const RowsChange& change, const ImagePair& pair,
                           std::vector<RowStatement>* out) {
  if (change.kind != RowsKind::delete_) {
    const RowImage& self = change.kind == RowsKind::update ? pair.before : pair.after;
    absl::StatusOr<std::string> key = key_condition(writer, self);
    if (!key.ok()) return key.status();
    if (absl::Status status = remove_holders(writer, pair.after, *key, out); !status.ok()) return status;
  }
  if (change.kind != RowsKind::insert) {
    if (absl::Status status = leave_before(writer, change, pair, out); !status.ok()) return status;
  }
  return change.kind == RowsKind::delete_ ? absl::OkStatus() : put_row(writer, pair.after, out);
}

}  // namespace

std::string sql_session(bool follower_is_mariadb) {
  // Not strict: ENUM's 0 and zero dates are values. Nothing is cut off silently by it: the mapping leaves no narrower
  // column to SQL.
  std::string sql =
      "SET SESSION time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', "
      "sql_auto_is_null = 0, character_set_connection = utf8mb4, collation_connection = utf8mb4_bin, "
      "character_set_client = utf8mb4, character_set_results = utf8mb4, sql_safe_updates = 0";
  if (follower_is_mariadb) sql += ", check_constraint_checks = 1";
  return sql;
}

absl::StatusOr<std::vector<RowStatement>> row_statements(const RowsChange& change, const TableMapping& mapping) {
  if (absl::Status status = refuse_triggers(mapping); !status.ok()) return status;
  absl::StatusOr<Writer> writer = writer_for(change, mapping);
  if (!writer.ok()) return writer.status();
  std::vector<RowStatement> out;
  Bytes images = change.images;
  while (!images.empty()) {
    absl::StatusOr<ImagePair> pair = take_pair(change, &images);
    if (!pair.ok()) return pair.status();
    absl::StatusOr<std::string> sql = row_sql(*writer, change.kind, *pair);
    if (!sql.ok()) return sql.status();
    out.push_back({.sql = *std::move(sql), .affected = 1, .no_foreign_key_checks = without_foreign_keys(change)});
  }
  return out;
}

absl::StatusOr<std::vector<RowStatement>> overwriting_statements(const RowsChange& change,
                                                                 const TableMapping& mapping) {
  if (absl::Status status = refuse_triggers(mapping); !status.ok()) return status;
  absl::StatusOr<Writer> writer = writer_for(change, mapping);
  if (!writer.ok()) return writer.status();
  std::vector<RowStatement> out;
  Bytes images = change.images;
  while (!images.empty()) {
    absl::StatusOr<ImagePair> pair = take_pair(change, &images);
    if (!pair.ok()) return pair.status();
    if (absl::Status status = overwrite_row(*writer, change, *pair, &out); !status.ok()) return status;
  }
  return out;
}

absl::StatusOr<std::vector<RowStatement>> put_statements(const RowsChange& change, const TableMapping& mapping,
                                                         PutRows how, std::size_t bytes_max) {
  if (absl::Status status = refuse_triggers(mapping); !status.ok()) return status;
  absl::StatusOr<Writer> writer = writer_for(change, mapping);
  if (!writer.ok()) return writer.status();
  const std::string head = "INSERT INTO " + writer->table + " " + names_clause(*writer) + " VALUES ";
  const std::string tail = on_duplicate(*writer, how);
  std::vector<RowStatement> out;
  std::string open;
  const auto close = [&] {
    if (open.empty()) return;
    out.push_back({.sql = std::move(open) + tail, .affected = kAnyAffected, .no_foreign_key_checks = true});
    open.clear();
  };
  Bytes images = change.images;
  while (!images.empty()) {
    absl::StatusOr<ImagePair> pair = take_pair(change, &images);
    if (!pair.ok()) return pair.status();
    absl::StatusOr<std::string> values =
        row_values(*writer, change.kind == RowsKind::insert ? pair->after : pair->before);
    if (!values.ok()) return values.status();
    if (!open.empty() && open.size() + values->size() + tail.size() + 1 > bytes_max) close();
    open += open.empty() ? head : ",";
    open += *values;
  }
  close();
  return out;
}

absl::StatusOr<std::string> check_statement(const RowsChange& change, std::size_t index, const TableMapping& mapping) {
  if (change.kind == RowsKind::insert) return "";
  absl::StatusOr<Writer> writer = writer_for(change, mapping);
  if (!writer.ok()) return writer.status();
  absl::StatusOr<RowsChange> row = single_row(change, index);
  if (!row.ok()) return row.status();
  Bytes images = row->images;
  absl::StatusOr<ImagePair> pair = take_pair(*row, &images);
  if (!pair.ok()) return pair.status();
  absl::StatusOr<std::string> where = image_condition(*writer, pair->before);
  if (!where.ok()) return where;
  return "SELECT COUNT(*) FROM (SELECT 1 FROM " + writer->table + " WHERE " + *where + " LIMIT 1) AS found";
}

}  // namespace crossfade::dualwrite
