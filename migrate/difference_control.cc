#include "migrate/difference_control.h"

#include <charconv>

#include "dualwrite/sql_text.h"

namespace crossfade::migrate {

using dualwrite::quote_name;
using dualwrite::quote_text;
using dualwrite::TableRef;

namespace {

constexpr std::size_t kStatementRowsMax = 100;
constexpr std::size_t kRowTextMax = 1000;

std::string name_in(std::string_view schema) { return quote_name(schema) + ".`difference`"; }

std::string of_job_table(std::uint64_t job, const TableRef& table) {
  return "`job`=" + std::to_string(job) + " AND `table_schema`=" + quote_text(table.schema) +
         " AND `table_name`=" + quote_text(table.table);
}

std::string blob(std::string_view bytes) {
  return bytes.empty() ? std::string("''") : "x'" + dualwrite::hex(protocol::as_bytes(bytes)) + "'";
}

std::uint64_t count_in(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

absl::Status other_shape() {
  return absl::InternalError("the control table `difference` is not as this version makes it");
}

// What a look has found is of no row.
constexpr std::string_view kIsOpenRow = "`repaired_by`=0 AND `place`<>''";
constexpr std::string_view kShownColumns = "`table_schema`,`table_name`,`kind`,`row_key`,`columns`,`repaired_by`";

std::string columns_json(const Difference& difference) {
  nlohmann::json out = nlohmann::json::array();
  for (const Difference::Column& each : difference.columns) {
    out.push_back({{"column", each.name}, {"old", each.leader}, {"new", each.follower}});
  }
  return out.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string difference_setup_statement(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + name_in(schema) +
         "(`id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,`job` BIGINT UNSIGNED NOT NULL,"
         "`table_schema` VARCHAR(64) NOT NULL,`table_name` VARCHAR(64) NOT NULL,`kind` VARCHAR(16) NOT NULL,"
         "`row_key` TEXT NOT NULL,`place` LONGBLOB NOT NULL,`columns` MEDIUMTEXT NOT NULL,"
         "`at` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,`repaired_by` BIGINT UNSIGNED NOT NULL DEFAULT 0,"
         "KEY(`job`,`table_schema`,`table_name`)) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
}

std::vector<std::string> insert_differences(std::string_view schema, std::uint64_t job, const TableRef& table,
                                            const std::vector<Difference>& differences) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    const Difference& each = differences[i];
    if (i % kStatementRowsMax == 0) {
      out.push_back("INSERT INTO " + name_in(schema) +
                    "(`job`,`table_schema`,`table_name`,`kind`,`row_key`,`place`,`columns`) VALUES");
    }
    out.back() += (i % kStatementRowsMax == 0 ? "(" : ",(") + std::to_string(job) + "," + quote_text(table.schema) +
                  "," + quote_text(table.table) + "," + quote_text(name(each.kind)) + "," +
                  quote_text(each.row.substr(0, kRowTextMax)) + "," + blob(pack_place(each.key)) + "," +
                  quote_text(columns_json(each)) + ")";
  }
  return out;
}

std::string delete_differences(std::string_view schema, std::uint64_t job, const TableRef& table) {
  return "DELETE FROM " + name_in(schema) + " WHERE " + of_job_table(job, table);
}

std::string count_differences(std::string_view schema, std::uint64_t job) {
  return "SELECT `table_schema`,`table_name`,COUNT(*),SUM(`repaired_by`<>0),SUM(" + std::string(kIsOpenRow) +
         ") FROM " + name_in(schema) + " WHERE `job`=" + std::to_string(job) + " GROUP BY `table_schema`,`table_name`";
}

std::string show_differences(std::string_view schema, std::uint64_t job, std::size_t most) {
  return "SELECT " + std::string(kShownColumns) + " FROM " + name_in(schema) + " WHERE `job`=" + std::to_string(job) +
         " ORDER BY `repaired_by`<>0,`id` LIMIT " + std::to_string(most);
}

absl::StatusOr<nlohmann::json> shown_differences(const protocol::ResultSet& result) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& row : result.rows) {
    if (row.size() < 6) return other_shape();
    nlohmann::json columns = nlohmann::json::parse(row[4].value_or(""), nullptr, false);
    out.push_back({{"table", row[0].value_or("") + "." + row[1].value_or("")},
                   {"kind", row[2].value_or("")},
                   {"row", row[3].value_or("")},
                   {"columns", columns.is_array() ? std::move(columns) : nlohmann::json::array()},
                   {"repaired", count_in(row[5]) != 0}});
  }
  return out;
}

std::string list_open_differences(std::string_view schema, std::uint64_t job, std::uint64_t behind, std::size_t most) {
  return "SELECT " + std::string(kShownColumns) + ",`id` FROM " + name_in(schema) +
         " WHERE `job`=" + std::to_string(job) + " AND " + std::string(kIsOpenRow) + " AND `id`>" +
         std::to_string(behind) + " ORDER BY `id` LIMIT " + std::to_string(most);
}

std::string select_open_differences(std::string_view schema, std::uint64_t job, const TableRef& table,
                                    std::uint64_t behind, std::size_t most) {
  return "SELECT `id`,`place` FROM " + name_in(schema) + " WHERE " + of_job_table(job, table) + " AND " +
         std::string(kIsOpenRow) + " AND `id`>" + std::to_string(behind) + " ORDER BY `id` LIMIT " +
         std::to_string(most);
}

absl::StatusOr<std::vector<OpenDifference>> open_differences_from(const protocol::ResultSet& result,
                                                                  const ChunkKey& key) {
  std::vector<OpenDifference> out;
  for (const auto& row : result.rows) {
    if (row.size() != 2) return other_shape();
    absl::StatusOr<KeyPlace> place = parse_place(key, row[1].value_or(""));
    if (!place.ok()) return absl::FailedPreconditionError("its key is another one now: compare it again");
    out.push_back({.id = count_in(row[0]), .key = *std::move(place)});
  }
  return out;
}

std::string close_differences(std::string_view schema, const std::vector<OpenDifference>& which, std::uint64_t repair) {
  std::string ids;
  for (const OpenDifference& each : which) ids += (ids.empty() ? "" : ",") + std::to_string(each.id);
  return "UPDATE " + name_in(schema) + " SET `repaired_by`=" + std::to_string(repair) + " WHERE `id` IN (" + ids + ")";
}

}  // namespace crossfade::migrate
