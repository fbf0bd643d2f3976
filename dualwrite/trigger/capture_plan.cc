#include "dualwrite/trigger/capture_plan.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "dualwrite/ascii_case.h"
#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/sql_literal.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_sql.h"
#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::string_view kTriggerPrefix = "crossfade_";

absl::Status refused(const TableRef& table, const std::string& why) {
  return absl::FailedPreconditionError(table.schema + "." + table.table + ": " + why);
}

std::string kind_complaint(const TableDefinition& leader) {
  switch (leader.kind) {
    case TableDefinition::Kind::table:
      break;
    case TableDefinition::Kind::view:
      return "it is a view: rows are captured of tables only";
    case TableDefinition::Kind::sequence:
      return "it is a sequence, whose steps fire no trigger: set it by SETVAL() when the follower takes over";
    case TableDefinition::Kind::system_versioned:
      return "it is system versioned, and its history cannot be written: ALTER TABLE .. DROP SYSTEM VERSIONING";
  }
  if (!same_ignoring_case(leader.engine, "InnoDB")) {
    return "its engine is " + leader.engine +
           ", which keeps rows that a transaction rolls back, while what was captured of them goes: ALTER TABLE .. "
           "ENGINE=InnoDB";
  }
  return {};
}

std::string key_complaint(const TableDefinition& leader) {
  const DefinedKey* primary = leader.primary_key();
  if (primary == nullptr) return "it has no primary key, by which its rows could be told apart: ADD PRIMARY KEY";
  for (const DefinedKey::Part& part : primary->parts) {
    const DefinedColumn* column = leader.column(part.column);
    if (column == nullptr || column->generated != DefinedColumn::Generated::no) {
      return "its primary key has the generated column " + part.column +
             ", which triggers do not capture: give it a primary key of other columns";
    }
  }
  return {};
}

bool is_big(const StoredForm& form) {
  switch (form.kind) {
    case StoredKind::text:
    case StoredKind::blob:
      return form.size > 1;
    case StoredKind::json:
    case StoredKind::geometry:
    case StoredKind::vector:
      return true;
    default:
      return false;
  }
}

// The columns into table, columns and source; a complaint.
std::string plan_columns(const CaptureRequest& request, LogTable& table, Capture& capture, CaptureSource& source) {
  absl::StatusOr<SelectedColumns> columns = selected_columns(request.leader, request.mariadb);
  if (!columns.ok()) return std::string(columns.status().message());
  table.columns = std::move(columns->logged);
  capture.columns = std::move(columns->captured);
  for (std::size_t i = 0; i < capture.columns.size(); ++i) {
    CapturedColumn& captured = capture.columns[i];
    if (is_big(captured.form)) captured.big = ++capture.pairs;
    source.columns.push_back({.name = table.columns[i].name, .kind = captured.form.kind, .big = captured.big});
  }
  if (capture.pairs <= kBigPairsMax) return {};
  return "it has " + std::to_string(capture.pairs) +
         " columns of the TEXT, BLOB, JSON and GEOMETRY kind, and `changes` " + "holds " +
         std::to_string(kBigPairsMax) + ": feed this leader by its row log";
}

std::optional<std::size_t> place_of(const LogTable& table, std::string_view name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (same_ignoring_case(table.columns[i].name, name)) return i;
  }
  return std::nullopt;
}

std::set<std::size_t> identity_of(const CaptureRequest& request, const LogTable& table) {
  std::set<std::size_t> out;
  const auto add = [&](const std::string& name) {
    if (const std::optional<std::size_t> at = place_of(table, name)) out.insert(*at);
  };
  for (const DefinedKey::Part& part : request.leader.primary_key()->parts) add(part.column);
  for (const std::vector<std::string>& names : request.referenced) {
    for (const std::string& name : names) add(name);
  }
  return out;
}

// UUID and INET take their bytes for what they say.
absl::StatusOr<std::string> opaque_finds(const ColumnRoute& route, const LogValue& value) {
  absl::StatusOr<Buffer> bytes = bare_value(route, value);
  if (!bytes.ok()) return bytes.status();
  return quote_name(route.follower->name) + " = x'" + hex(*bytes) + "'";
}

void put_text(std::string& out, std::string_view text) { out += std::to_string(text.size()) + ":" + std::string(text); }

}  // namespace

std::string after_triggers_query(const TableRef& table) {
  const auto is = [](const std::string& column, const std::string& name) {
    return "CAST(" + column + " AS BINARY)=x'" + hex(protocol::as_bytes(name)) + "'";
  };
  return "SELECT EVENT_MANIPULATION,TRIGGER_NAME FROM information_schema.TRIGGERS WHERE ACTION_TIMING='AFTER' AND " +
         is("EVENT_OBJECT_SCHEMA", table.schema) + " AND " + is("EVENT_OBJECT_TABLE", table.table) +
         " ORDER BY ACTION_ORDER";
}

absl::StatusOr<FirstTriggers> first_triggers(const std::vector<std::vector<protocol::Cell>>& rows) {
  FirstTriggers out;
  for (const std::vector<protocol::Cell>& row : rows) {
    if (row.size() != 2 || !row[0] || !row[1]) return absl::InternalError("a trigger's row has another shape");
    if (is_capture_trigger(*row[1])) continue;
    std::string& first = *row[0] == "INSERT" ? out.insert : *row[0] == "UPDATE" ? out.update : out.delete_;
    if (first.empty()) first = *row[1];
  }
  return out;
}

bool is_capture_trigger(std::string_view name) {
  if (!name.starts_with(kTriggerPrefix)) return false;
  name.remove_prefix(kTriggerPrefix.size());
  if (!name.starts_with("i_") && !name.starts_with("u_") && !name.starts_with("d_")) return false;
  name.remove_prefix(2);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::uint32_t capture_number(std::string_view trigger) {
  std::uint32_t number = 0;
  if (!is_capture_trigger(trigger)) return number;
  trigger.remove_prefix(kTriggerPrefix.size() + 2);
  std::from_chars(trigger.data(), trigger.data() + trigger.size(), number);
  return number;
}

std::string capture_triggers_query() {
  return "SELECT EVENT_OBJECT_SCHEMA,EVENT_OBJECT_TABLE,TRIGGER_NAME,ACTION_STATEMENT FROM information_schema.TRIGGERS "
         "WHERE LEFT(TRIGGER_NAME,10)='crossfade_'";
}

std::vector<std::vector<std::string>> referenced_columns(const std::map<TableRef, TableDefinition>& leader,
                                                         const TableRef& table) {
  std::vector<std::vector<std::string>> out;
  for (const auto& [name, definition] : leader) {
    for (const DefinedForeignKey& key : definition.foreign_keys) {
      if (same_ignoring_case(key.parent.schema, table.schema) && same_ignoring_case(key.parent.table, table.table)) {
        out.push_back(key.parent_columns);
      }
    }
  }
  return out;
}

absl::StatusOr<Capture> plan_capture(const CaptureRequest& request) {
  const TableDefinition& leader = request.leader;
  if (std::string why = kind_complaint(leader); !why.empty()) return refused(leader.name, why);
  if (std::string why = key_complaint(leader); !why.empty()) return refused(leader.name, why);
  Capture capture{.number = request.number, .name = leader.name, .mariadb = request.mariadb};
  auto table = std::make_shared<LogTable>();
  table->schema = leader.name.schema;
  table->table = leader.name.table;
  table->described = true;
  table->by_triggers = true;
  CaptureSource source{.table = leader.name,
                       .mariadb = request.mariadb,
                       .number = request.number,
                       .control_schema = request.control_schema,
                       .first = request.first};
  if (std::string why = plan_columns(request, *table, capture, source); !why.empty()) return refused(leader.name, why);
  for (const DefinedKey::Part& part : leader.primary_key()->parts) {
    capture.key.push_back(*place_of(*table, part.column));
  }
  for (const std::size_t at : identity_of(request, *table)) {
    capture.columns[at].identifies = true;
    source.identity.push_back(table->columns[at].name);
  }
  if (request.mariadb) {
    for (const DefinedKey::Part& part : leader.primary_key()->parts) source.key.push_back(part.column);
    source.doubtful = doubtful_columns(leader);
  }
  capture.table = std::move(table);
  capture.fingerprint = capture_fingerprint(leader);
  capture.create = create_triggers(source);
  capture.drop = drop_triggers(leader.name, request.number);
  capture.refresh_lock = refresh_lock(leader.name);
  capture.refresh_insert = refresh_insert(source);
  return capture;
}

std::string capture_fingerprint(const TableDefinition& leader) {
  std::string all;
  put_text(all, ascii_lower(leader.engine));
  put_text(all, std::to_string(static_cast<int>(leader.kind)));
  for (const DefinedColumn& column : leader.columns) {
    put_text(all, column.name);
    put_text(all, column.column_type);
    put_text(all, modern_name(column.collation));
    put_text(all, column.nullable ? "null" : "not null");
    put_text(all, std::to_string(static_cast<int>(column.generated)));
    put_text(all, column.json ? "json" : "");
  }
  if (const DefinedKey* primary = leader.primary_key()) {
    for (const DefinedKey::Part& part : primary->parts) {
      put_text(all, part.column);
      put_text(all, std::to_string(part.prefix.value_or(0)));
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(XXH3_64bits(all.data(), all.size())));
  return text;
}

// Foreign keys have indexes on both of their sides, and every unique key has the columns that partitions go by. Of an
// index on something that is computed every column may be the source.
std::vector<std::string> doubtful_columns(const TableDefinition& leader) {
  std::set<std::string> names;
  bool computed = false;
  for (const DefinedKey& key : leader.keys) {
    if (key.type == "FULLTEXT" || key.type == "SPATIAL") continue;
    for (const DefinedKey::Part& part : key.parts) {
      const DefinedColumn* column = leader.column(part.column);
      computed = computed || column == nullptr || column->generated != DefinedColumn::Generated::no;
      if (column != nullptr) names.insert(column->name);
    }
  }
  std::vector<std::string> out;
  for (const DefinedColumn& column : leader.columns) {
    if (column.generated != DefinedColumn::Generated::no) continue;
    if (!computed && !column.on_update_now && !names.contains(column.name)) continue;
    const auto& parts = leader.primary_key()->parts;
    if (std::none_of(parts.begin(), parts.end(),
                     [&](const DefinedKey::Part& part) { return same_ignoring_case(part.column, column.name); })) {
      out.push_back(column.name);
    }
  }
  return out;
}

std::string capture_session() {
  return "SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00', "
         "character_set_client=utf8mb4, character_set_results=utf8mb4, collation_connection=utf8mb4_general_ci";
}

absl::StatusOr<std::string> key_condition(const Capture& capture, const RowImage& row) {
  if (row.size() != capture.columns.size()) return absl::InvalidArgumentError("the row is not of this table");
  std::string out;
  for (const std::size_t at : capture.key) {
    const LogColumn& column = capture.table->columns[at];
    DefinedColumn named;
    named.name = column.name;
    const StoredForm& form = capture.columns[at].form;
    const ColumnRoute route{.column = &column,
                            .from = form,
                            .follower = &named,
                            .to = form,
                            .makes = {.leader_is_mariadb = capture.mariadb, .follower_is_mariadb = capture.mariadb}};
    absl::StatusOr<std::string> finds =
        form.kind == StoredKind::opaque ? opaque_finds(route, row[at]) : sql_finds(route, row[at]);
    if (!finds.ok()) return finds;
    out += (out.empty() ? "" : " AND ") + *finds;
  }
  return out;
}

}  // namespace crossfade::dualwrite
