#include "dualwrite/selected_row.h"

#include <algorithm>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_sql.h"
#include "dualwrite/trigger/captured_value.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::uint16_t kUtf8mb4Bin = 46;
constexpr std::uint16_t kBinaryCollation = 63;

// MySQL's JSON as its text, COMPRESSED as what it was compressed from.
StoredForm captured_form(StoredForm form) {
  if (form.kind == StoredKind::json) {
    return {.kind = StoredKind::text, .type = LogType::blob, .metadata = 4, .size = 4, .charset = "utf8mb4"};
  }
  if (form.type == LogType::mariadb_blob_compressed) form.type = LogType::blob;
  if (form.type == LogType::mariadb_varchar_compressed) form.type = LogType::varchar;
  return form;
}

std::uint16_t collation_of(const DefinedColumn& column, const StoredForm& form, bool mariadb) {
  if (column.json && !mariadb) return kUtf8mb4Bin;
  if (!column.collation.empty()) return collation_id(column.collation, mariadb);
  switch (form.kind) {
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
    case StoredKind::opaque:
    case StoredKind::vector:
      return kBinaryCollation;
    case StoredKind::geometry:
      return mariadb ? kBinaryCollation : std::uint16_t{0};
    default:
      return 0;
  }
}

// In the leader's bytes; where those are not the definition's, the definition itself tells them.
std::vector<std::string> logged_members(const DefinedColumn& column) {
  std::vector<std::string> members = members_of(column.column_type);
  const std::string charset = modern_name(column.charset);
  const bool utf8 = charset == "utf8mb4" || charset == "utf8mb3";
  const bool plain =
      shortest_character(charset) == 1 && std::all_of(members.begin(), members.end(), [](const std::string& member) {
        return std::all_of(member.begin(), member.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
      });
  return utf8 || plain ? members : std::vector<std::string>();
}

LogColumn log_column(const DefinedColumn& column, const StoredForm& form, const TableDefinition& leader, bool mariadb) {
  const DefinedKey* primary = leader.primary_key();
  LogColumn out{.name = column.name,
                .type = static_cast<std::uint8_t>(form.type),
                .metadata = form.metadata,
                .nullable = column.nullable,
                .is_unsigned = column.is_unsigned || form.kind == StoredKind::year,
                .collation = collation_of(column, form, mariadb)};
  out.in_primary_key = primary != nullptr &&
                       std::any_of(primary->parts.begin(), primary->parts.end(), [&](const DefinedKey::Part& part) {
                         return same_ignoring_case(part.column, column.name);
                       });
  if (form.kind == StoredKind::enum_ || form.kind == StoredKind::set) out.members = logged_members(column);
  return out;
}

// What the column is asked for as, so that its text has everything.
std::string selected_value(StoredKind kind, const std::string& name, bool mariadb) {
  switch (kind) {
    case StoredKind::float_:
    case StoredKind::double_:
      return floating_text(name, mariadb);
    case StoredKind::bit:
    case StoredKind::enum_:
    case StoredKind::set:
      return "CAST(" + name + " AS UNSIGNED)";
    case StoredKind::timestamp:
      return timestamp_seconds(name);
    case StoredKind::opaque:
      return "CAST(" + name + " AS BINARY)";
    default:
      return name;
  }
}

std::string selected_list(const SelectedTable& selected, bool mariadb) {
  std::string out;
  for (std::size_t i = 0; i < selected.columns.size(); ++i) {
    const std::string name = quote_name(selected.table->columns[i].name);
    out += (i == 0 ? "" : ",") + selected_value(selected.columns[i].form.kind, name, mariadb);
  }
  return out;
}

}  // namespace

absl::StatusOr<SelectedColumns> selected_columns(const TableDefinition& leader, bool mariadb) {
  SelectedColumns out;
  for (const DefinedColumn& column : leader.columns) {
    if (column.generated != DefinedColumn::Generated::no) continue;
    absl::StatusOr<StoredForm> defined = stored_form(column, mariadb);
    if (!defined.ok()) return absl::FailedPreconditionError(std::string(defined.status().message()));
    if (defined->kind == StoredKind::year && column.column_type == "year(2)") {
      return absl::FailedPreconditionError("column " + column.name +
                                           " is YEAR(2), whose century is not shown: ALTER TABLE .. MODIFY it YEAR(4)");
    }
    CapturedColumn captured{.form = captured_form(*defined)};
    if (captured.form.kind == StoredKind::enum_ || captured.form.kind == StoredKind::set) {
      captured.members = members_of(column.column_type).size();
    }
    out.logged.push_back(log_column(column, captured.form, leader, mariadb));
    out.captured.push_back(std::move(captured));
  }
  return out;
}

absl::StatusOr<SelectedTable> plan_select(const TableDefinition& leader, bool mariadb, bool by_triggers) {
  absl::StatusOr<SelectedColumns> columns = selected_columns(leader, mariadb);
  if (!columns.ok()) return columns.status();
  auto table = std::make_shared<LogTable>();
  table->schema = leader.name.schema;
  table->table = leader.name.table;
  table->described = true;
  table->by_triggers = by_triggers;
  table->columns = std::move(columns->logged);
  SelectedTable out{.table = std::move(table), .columns = std::move(columns->captured), .list = {}};
  out.list = selected_list(out, mariadb);
  return out;
}

SelectedTable select_columns(const SelectedTable& selected, const std::vector<std::size_t>& columns, bool mariadb) {
  auto table = std::make_shared<LogTable>(*selected.table);
  table->columns.clear();
  SelectedTable out;
  for (const std::size_t ordinal : columns) {
    table->columns.push_back(selected.table->columns[ordinal]);
    out.columns.push_back(selected.columns[ordinal]);
  }
  out.table = std::move(table);
  out.list = selected_list(out, mariadb);
  return out;
}

std::string select_session() {
  return "SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00', "
         "character_set_client=utf8mb4, collation_connection=utf8mb4_bin, character_set_results=NULL";
}

absl::Status append_selected_row(const SelectedTable& selected, const std::vector<protocol::Cell>& row,
                                 Buffer* images) {
  const std::vector<LogColumn>& columns = selected.table->columns;
  if (row.size() != columns.size()) return absl::InvalidArgumentError("another number of columns than was asked for");
  const std::size_t nulls_at = images->size();
  protocol::put_zeros(*images, (columns.size() + 7) / 8);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!row[i]) {
      if (!columns[i].nullable)
        return absl::InvalidArgumentError("column " + columns[i].name + ": NULL where none may be");
      (*images)[nulls_at + i / 8] = static_cast<std::uint8_t>((*images)[nulls_at + i / 8] | (1 << (i % 8)));
      continue;
    }
    absl::Status status = put_captured_value(*images, columns[i], selected.columns[i], *row[i]);
    if (!status.ok()) {
      return absl::InvalidArgumentError("column " + columns[i].name + ": " + std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace crossfade::dualwrite
