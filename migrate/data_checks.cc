#include "migrate/data_checks.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/sql_text.h"
#include "migrate/truncation.h"

namespace crossfade::migrate {
namespace {

using dualwrite::DefinedColumn;
using dualwrite::DefinedForeignKey;
using dualwrite::DefinedKey;
using dualwrite::TableDefinition;
using What = DataCheck::What;

constexpr std::string_view kColumn = "column ", kKey = "key ";
// Codes of findings that rows can be counted for.
constexpr std::array<std::string_view, 7> kNarrower = {"type_narrower", "type_signedness",  "type_scale",
                                                       "type_fraction", "charset_narrower", "not_null",
                                                       "members_differ"};
constexpr std::array<std::string_view, 3> kKeysThatFold = {"unique_key_extra", "primary_key_differs",
                                                           "key_collation_folds_more"};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::uint64_t cell_number(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

const TableDefinition* find_table(const Definitions& tables, const TableRef& name) {
  const auto found = tables.find(name);
  return found == tables.end() ? nullptr : &found->second;
}

bool varies_in_length(const DefinedColumn& column) {
  const std::string& type = column.data_type;
  return type.ends_with("text") || type.ends_with("blob") || type.ends_with("binary") || type.ends_with("char") ||
         column.json;
}

// Numbers and moments are not worth a look: so many bytes each.
constexpr std::uint64_t kFixedBytes = 8;

std::string row_bytes(const TableDefinition& table) {
  std::uint64_t fixed = 0;
  std::string out;
  for (const DefinedColumn& column : table.columns) {
    if (varies_in_length(column)) {
      out += "COALESCE(LENGTH(" + dualwrite::quote_name(column.name) + "),0)+";
    } else {
      fixed += kFixedBytes;
    }
  }
  return out.empty() ? std::to_string(fixed) : "COALESCE(MAX(" + out + std::to_string(fixed) + "),0)";
}

DataCheck rows_check(const TableDefinition& table, const TableDefinition* there, const Findings& found) {
  DataCheck out{.what = What::rows, .table = table.name};
  out.sql = "SELECT COUNT(*)," + row_bytes(table);
  for (const Finding& finding : found) {
    if (finding.table != table.name || there == nullptr || !finding.object.starts_with(kColumn)) continue;
    const bool into_char = finding.code == "type_differs";
    if (!contains(kNarrower, finding.code) && !into_char) continue;
    const std::string name = finding.object.substr(kColumn.size());
    const DefinedColumn* here = table.column(name);
    const DefinedColumn* other = there->column(name);
    if (here == nullptr || other == nullptr || (into_char && other->data_type != "char")) continue;
    const std::optional<Truncation> lost = truncation(*here, *other, finding.code);
    if (!lost) continue;
    out.sql += ",COALESCE(SUM(" + lost->condition + "),0)," +
               (lost->length.empty() ? "0" : "COALESCE(MAX(" + lost->length + "),0)");
    out.columns.push_back({.object = finding.object, .code = finding.code, .unit = lost->unit});
  }
  out.sql += " FROM " + dualwrite::quote_name(table.name);
  out.width = 2 + 2 * out.columns.size();
  return out;
}

DataCheck orphans_check(const TableDefinition& table, const DefinedForeignKey& key) {
  const std::string from = from_orphans(table.name, key);
  return {.what = What::orphans,
          .table = table.name,
          .object = "foreign key " + key.name,
          .sql = "SELECT COUNT(*)" + from,
          .width = 1,
          .detail = "SELECT *" + from};
}

// By the collation that the leader has in the place of the follower's.
std::string part_on_leader(const DefinedKey::Part& part, const DefinedColumn& here, const DefinedColumn& there,
                           dualwrite::ServerMakes makes) {
  std::string out = dualwrite::quote_name(here.name);
  if (!there.collation.empty() && !here.collation.empty()) {
    const std::string collation = dualwrite::nearest_collation(
        there.collation,
        {.leader_is_mariadb = makes.follower_is_mariadb, .follower_is_mariadb = makes.leader_is_mariadb});
    out = "CONVERT(" + out + " USING " + dualwrite::charset_of(collation) + ") COLLATE " + collation;
  }
  return part.prefix ? "LEFT(" + out + "," + std::to_string(*part.prefix) + ")" : out;
}

std::optional<DataCheck> duplicates_check(const TableDefinition& table, const TableDefinition& there,
                                          const DefinedKey& key, dualwrite::ServerMakes makes) {
  DataCheck out{.what = What::duplicates, .table = table.name, .object = "key " + key.name, .width = 2};
  std::string parts, given;
  for (const DefinedKey::Part& part : key.parts) {
    const DefinedColumn* here = table.column(part.column);
    const DefinedColumn* other = there.column(part.column);
    if (here == nullptr || other == nullptr) return std::nullopt;
    parts += (parts.empty() ? "" : ",") + part_on_leader(part, *here, *other, makes);
    given += (given.empty() ? " WHERE " : " AND ") + dualwrite::quote_name(here->name) + " IS NOT NULL";
  }
  const std::string grouped =
      " FROM " + dualwrite::quote_name(table.name) + given + " GROUP BY " + parts + " HAVING COUNT(*)>1";
  out.sql = "SELECT COUNT(*),COALESCE(SUM(n),0) FROM (SELECT COUNT(*) AS n" + grouped + ") AS d";
  out.detail = "SELECT " + parts + ",COUNT(*)" + grouped;
  return out;
}

void add_duplicates(const TableDefinition& table, const TableDefinition& there, const Findings& found,
                    dualwrite::ServerMakes makes, std::vector<DataCheck>& out) {
  for (const DefinedKey& key : there.keys) {
    const bool doubtful = std::any_of(found.begin(), found.end(), [&](const Finding& finding) {
      return finding.table == table.name && contains(kKeysThatFold, finding.code) &&
             finding.object == std::string(kKey) + key.name;
    });
    if (!key.unique || !doubtful) continue;
    if (auto check = duplicates_check(table, there, key, makes)) out.push_back(*std::move(check));
  }
}

void add_orphans(const TableDefinition& table, const TableDefinition* there, const Definitions& tables,
                 std::vector<DataCheck>& out) {
  std::vector<const DefinedForeignKey*> keys;
  for (const DefinedForeignKey& key : table.foreign_keys) keys.push_back(&key);
  // One that only the follower has is asked of the leader's rows, too.
  for (std::size_t i = 0; there != nullptr && i < there->foreign_keys.size(); ++i) {
    const DefinedForeignKey& key = there->foreign_keys[i];
    const bool known = std::any_of(
        table.foreign_keys.begin(), table.foreign_keys.end(),
        [&key](const DefinedForeignKey& each) { return each.columns == key.columns && each.parent == key.parent; });
    if (!known) keys.push_back(&key);
  }
  for (const DefinedForeignKey* key : keys) {
    const TableDefinition* parent = find_table(tables, key->parent);
    const bool has_all = parent != nullptr &&
                         std::all_of(key->columns.begin(), key->columns.end(),
                                     [&table](const std::string& name) { return table.column(name) != nullptr; }) &&
                         std::all_of(key->parent_columns.begin(), key->parent_columns.end(),
                                     [parent](const std::string& name) { return parent->column(name) != nullptr; });
    if (has_all) out.push_back(orphans_check(table, *key));
  }
}

Finding* find_finding(Findings& findings, const TableRef& table, const std::string& object, const std::string& code) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& each) {
    return each.table == table && each.object == object && each.code == code;
  });
  return found == findings.end() ? nullptr : &*found;
}

void not_counted(const DataCheck& check, const DataAnswer& answer, Findings& findings) {
  const std::string why = answer.timed_out ? "the time limit was hit" : answer.failure;
  for (const DataCheck::Column& column : check.columns) {
    if (Finding* finding = find_finding(findings, check.table, column.object, column.code))
      finding->reason += "; how many rows that concerns was not counted: " + why;
  }
  const char* what = check.what == What::rows      ? "its rows were not counted: "
                     : check.what == What::orphans ? "rows that refer to none were not looked for: "
                                                   : "keys that are equal on new were not looked for: ";
  findings.push_back({.severity = answer.timed_out ? Severity::note : Severity::warning,
                      .table = check.table,
                      .object = check.object.empty() ? "table" : check.object,
                      .code = answer.timed_out ? "count_timed_out" : "count_failed",
                      .reason = what + why,
                      .advice = answer.timed_out ? "allow more by --count-time, or ask a replica" : ""});
}

// An update travels with both images, in base64.
constexpr std::uint64_t kPacketShare = 3, kPacketWhole = 8;

CountedTable apply_rows(const DataCheck& check, const DataAnswer& answer, std::uint64_t packet_bytes_max,
                        Findings& findings) {
  const CountedTable counted{.rows = cell_number(answer.cells[0]), .largest_row_bytes = cell_number(answer.cells[1])};
  for (std::size_t i = 0; i < check.columns.size(); ++i) {
    const DataCheck::Column& column = check.columns[i];
    Finding* finding = find_finding(findings, check.table, column.object, column.code);
    if (finding == nullptr) continue;
    finding->rows = cell_number(answer.cells[2 + 2 * i]);
    finding->reason += "; " + std::to_string(*finding->rows) + " of " + std::to_string(counted.rows) +
                       " rows would be truncated or refused";
    if (column.unit.empty()) continue;
    finding->longest = cell_number(answer.cells[3 + 2 * i]);
    finding->reason += ", the longest value has " + std::to_string(*finding->longest) + " " + column.unit;
  }
  if (packet_bytes_max != 0 && counted.largest_row_bytes > packet_bytes_max / kPacketWhole * kPacketShare)
    findings.push_back({.severity = Severity::blocker,
                        .table = check.table,
                        .object = "table",
                        .code = "row_too_large",
                        .reason = "its largest row has " + std::to_string(counted.largest_row_bytes) +
                                  " bytes: more than three eighths of new's max_allowed_packet, so that a change of it "
                                  "cannot be applied",
                        .advice = "on new: SET GLOBAL max_allowed_packet=1073741824",
                        .longest = counted.largest_row_bytes});
  return counted;
}

}  // namespace

std::string from_orphans(const TableRef& child, const DefinedForeignKey& key) {
  const std::string name = dualwrite::quote_name(child);
  std::string given, joined;
  for (std::size_t i = 0; i < key.columns.size() && i < key.parent_columns.size(); ++i) {
    const std::string value = name + "." + dualwrite::quote_name(key.columns[i]);
    given += value + " IS NOT NULL AND ";
    // A name that no table has: `schema`.`alias` would be found, too.
    joined += (i == 0 ? "crossfade_parent." : " AND crossfade_parent.") + dualwrite::quote_name(key.parent_columns[i]) +
              "=" + value;
  }
  return " FROM " + name + " WHERE " + given + "NOT EXISTS (SELECT 1 FROM " + dualwrite::quote_name(key.parent) +
         " crossfade_parent WHERE " + joined + ")";
}

std::vector<DataCheck> plan_orphan_checks(const TableDefinition& table, const Definitions& tables) {
  std::vector<DataCheck> out;
  add_orphans(table, nullptr, tables, out);
  return out;
}

std::vector<DataCheck> plan_data_checks(const TablesToJudge& sides, const Findings& found) {
  std::vector<DataCheck> out;
  for (const auto& [name, table] : sides.leader.tables) {
    if (table.kind != TableDefinition::Kind::table) continue;
    const TableDefinition* there = find_table(sides.follower.tables, name);
    out.push_back(rows_check(table, there, found));
    add_orphans(table, there, sides.leader.tables, out);
    if (there != nullptr) add_duplicates(table, *there, found, makes_of(sides), out);
  }
  return out;
}

std::optional<CountedTable> apply_answer(const DataCheck& check, const DataAnswer& answer,
                                         std::uint64_t packet_bytes_max, Findings& findings) {
  if (answer.timed_out || !answer.failure.empty() || answer.cells.size() != check.width) {
    not_counted(check, answer, findings);
    return std::nullopt;
  }
  const std::uint64_t count = cell_number(answer.cells[0]);
  switch (check.what) {
    case What::rows:
      return apply_rows(check, answer, packet_bytes_max, findings);
    case What::orphans:
      if (count > 0)
        findings.push_back(
            {.severity = Severity::blocker,
             .table = check.table,
             .object = check.object,
             .code = "orphans",
             .reason = std::to_string(count) + " rows refer to a row that is not there: new refuses them",
             .advice = "mend or delete them on old: " + check.detail,
             .rows = count});
      break;
    case What::duplicates:
      if (count > 0)
        findings.push_back({.severity = Severity::blocker,
                            .table = check.table,
                            .object = check.object,
                            .code = "duplicate_keys",
                            .reason = std::to_string(count) + " keys are not unique on new, in " +
                                      std::to_string(cell_number(answer.cells[1])) + " rows: the copy would fail",
                            .advice = "change them on old, or the key on new; they are: " + check.detail,
                            .rows = cell_number(answer.cells[1])});
      break;
  }
  return std::nullopt;
}

}  // namespace crossfade::migrate
