#include "dualwrite/lost_values.h"

#include "dualwrite/schema_compare.h"

namespace crossfade::dualwrite {

std::string lost_values(const TableDefinition& before, const TableDefinition* now, bool mariadb) {
  if (now == nullptr) return "the table was dropped";
  if (before.columns == now->columns) return "";
  const ServerMakes one_make{.leader_is_mariadb = mariadb, .follower_is_mariadb = mariadb};
  for (const SchemaFinding& finding : compare_schemas({{before.name, before}}, {{before.name, *now}}, one_make)) {
    const bool is_loss = finding.severity == Severity::blocker && finding.object.starts_with("column ");
    if (!is_loss || finding.code == "column_extra") continue;
    const DefinedColumn* column = before.column(finding.object.substr(std::string_view("column ").size()));
    if (column != nullptr && column->generated != DefinedColumn::Generated::no) continue;
    return finding.object + (finding.code == "column_missing" ? " was dropped" : " was changed: " + finding.text);
  }
  return "";
}

bool is_changed(const TableDefinition& before, const TableDefinition& now) {
  TableDefinition as_before = now;
  as_before.rows_estimate = before.rows_estimate;
  as_before.bytes_estimate = before.bytes_estimate;
  return !(as_before == before);
}

}  // namespace crossfade::dualwrite
