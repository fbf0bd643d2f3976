#include "migrate/job_control.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "dualwrite/sql_text.h"

namespace crossfade::migrate {

using dualwrite::quote_name;
using dualwrite::quote_text;

namespace {

constexpr std::array<std::string_view, 6> kJobStates = {"running", "paused", "done", "failed", "cancelled", "orphans"};
constexpr std::array<std::string_view, 6> kTableStates = {"waiting", "copying", "done",
                                                          "partial", "failed",  "indexing"};
constexpr std::size_t kReasonMax = 1000;

std::string table(std::string_view schema, std::string_view name) {
  return quote_name(schema) + "." + quote_name(name);
}

std::string number(std::uint64_t value) { return std::to_string(value); }

std::uint64_t to_number(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

// As in log_control: cut between characters, and in plain ones.
std::string shortened(std::string_view text) {
  std::string out(text.substr(0, kReasonMax));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7e; }, '?');
  return quote_text(out);
}

std::string bytes_literal(std::string_view bytes) {
  return bytes.empty() ? std::string("''") : "0x" + dualwrite::hex(protocol::as_bytes(bytes));
}

template <typename State, std::size_t N>
std::optional<State> state_of(const std::array<std::string_view, N>& names, const protocol::Cell& cell) {
  const auto found = std::find(names.begin(), names.end(), cell.value_or(""));
  if (found == names.end()) return std::nullopt;
  return static_cast<State>(found - names.begin());
}

absl::Status wrong_shape(std::string_view what) {
  return absl::InternalError("the control table `" + std::string(what) + "` is not as this version makes it");
}

std::string of_table(std::uint64_t job, const TableRef& name) {
  return " WHERE `job`=" + number(job) + " AND `table_schema`=" + quote_text(name.schema) +
         " AND `table_name`=" + quote_text(name.table);
}

std::string select_last(std::string_view schema, std::string_view kind, std::string_view condition) {
  return "SELECT `id`,`kind`,`state`,`options`,`why`,FLOOR(UNIX_TIMESTAMP(`started`)),"
         "FLOOR(IFNULL(UNIX_TIMESTAMP(`ended`),0)) FROM " +
         table(schema, "job") + " WHERE `kind`=" + quote_text(kind) + std::string(condition) +
         " ORDER BY `id` DESC LIMIT 1";
}

std::string assigned(const TableRecord& record) {
  return "`state`=" + quote_text(name(record.state)) + ",`place`=" + bytes_literal(record.place) +
         ",`key_name`=" + quote_text(record.key) + ",`rows`=" + number(record.rows) +
         ",`bytes`=" + number(record.bytes) + ",`chunks`=" + number(record.chunks) +
         ",`rows_estimate`=" + number(record.rows_estimate) + ",`bytes_estimate`=" + number(record.bytes_estimate) +
         ",`reason`=" + shortened(record.reason) + ",`indexes`=" + quote_text(record.indexes);
}

}  // namespace

std::string_view name(JobState state) { return kJobStates[static_cast<std::size_t>(state)]; }
std::string_view name(TableState state) { return kTableStates[static_cast<std::size_t>(state)]; }

std::vector<std::string> job_setup_statements(std::string_view schema) {
  const std::string engine = ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
  return {
      "CREATE TABLE IF NOT EXISTS " + table(schema, "job") +
          "(`id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,`kind` VARCHAR(16) NOT NULL,"
          "`state` VARCHAR(16) NOT NULL,`options` MEDIUMTEXT NOT NULL,`why` VARCHAR(1000) NOT NULL,"
          "`started` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,`ended` TIMESTAMP NULL DEFAULT NULL" +
          engine,
      "CREATE TABLE IF NOT EXISTS " + table(schema, "job_table") +
          "(`job` BIGINT UNSIGNED NOT NULL,`table_schema` VARCHAR(64) NOT NULL,`table_name` VARCHAR(64) NOT NULL,"
          "`state` VARCHAR(16) NOT NULL,`place` LONGBLOB NOT NULL,`key_name` TEXT NOT NULL,"
          "`rows` BIGINT UNSIGNED NOT NULL,`bytes` BIGINT UNSIGNED NOT NULL,`chunks` BIGINT UNSIGNED NOT NULL,"
          "`rows_estimate` BIGINT UNSIGNED NOT NULL,`bytes_estimate` BIGINT UNSIGNED NOT NULL,"
          "`reason` VARCHAR(1000) NOT NULL,`indexes` LONGTEXT NOT NULL,PRIMARY KEY(`job`,`table_schema`,`table_name`)" +
          engine,
  };
}

std::string insert_job(std::string_view schema, const JobRecord& job) {
  return "INSERT INTO " + table(schema, "job") + "(`kind`,`state`,`options`,`why`) VALUES(" + quote_text(job.kind) +
         "," + quote_text(name(job.state)) + "," + quote_text(job.options) + ",'')";
}

std::string update_job(std::string_view schema, std::uint64_t id, JobState state, std::string_view why) {
  return "UPDATE " + table(schema, "job") + " SET `state`=" + quote_text(name(state)) + ",`why`=" + shortened(why) +
         ",`ended`=" + (is_over(state) ? "CURRENT_TIMESTAMP" : "NULL") + " WHERE `id`=" + number(id);
}

std::string select_job(std::string_view schema, std::string_view kind) { return select_last(schema, kind, ""); }

std::string select_job_that_is_over(std::string_view schema, std::string_view kind) {
  return select_last(schema, kind, " AND `state` NOT IN ('running','paused','cancelled')");
}

absl::StatusOr<std::optional<JobRecord>> job_from(const protocol::ResultSet& result) {
  if (result.rows.empty()) return std::nullopt;
  const auto& row = result.rows.front();
  const auto state = row.size() == 7 ? state_of<JobState>(kJobStates, row[2]) : std::nullopt;
  if (!state) return wrong_shape("job");
  return JobRecord{.id = to_number(row[0]),
                   .kind = row[1].value_or(""),
                   .state = *state,
                   .options = row[3].value_or(""),
                   .why = row[4].value_or(""),
                   .started_at = static_cast<std::int64_t>(to_number(row[5])),
                   .ended_at = static_cast<std::int64_t>(to_number(row[6]))};
}

std::vector<std::string> forget_rounds(std::string_view schema, std::uint64_t before) {
  const std::string jobs = table(schema, "job"), tables = table(schema, "job_table");
  const std::string which = " WHERE " + jobs + ".`kind`='verify' AND " + jobs + ".`state`='done' AND " + jobs +
                            ".`id`<" + number(before) + " AND " + jobs +
                            ".`options` LIKE '%\"continuous\":true%' AND NOT EXISTS (SELECT 1 FROM " +
                            table(schema, "difference") + " d WHERE d.`job`=" + jobs + ".`id`)";
  return {"DELETE FROM " + tables + " WHERE `job` IN (SELECT `id` FROM " + jobs + which + ")",
          "DELETE FROM " + jobs + which};
}

std::string insert_job_table(std::string_view schema, std::uint64_t job, const TableRecord& record) {
  return "INSERT INTO " + table(schema, "job_table") + " SET `job`=" + number(job) +
         ",`table_schema`=" + quote_text(record.table.schema) + ",`table_name`=" + quote_text(record.table.table) +
         "," + assigned(record);
}

std::string update_job_table(std::string_view schema, std::uint64_t job, const TableRecord& record) {
  return "UPDATE " + table(schema, "job_table") + " SET " + assigned(record) + of_table(job, record.table);
}

std::string select_job_tables(std::string_view schema, std::uint64_t job) {
  return "SELECT `table_schema`,`table_name`,`state`,`place`,`key_name`,`rows`,`bytes`,`chunks`,`rows_estimate`,"
         "`bytes_estimate`,`reason`,`indexes` FROM " +
         table(schema, "job_table") + " WHERE `job`=" + number(job) + " ORDER BY `table_schema`,`table_name`";
}

absl::StatusOr<std::vector<TableRecord>> job_tables_from(const protocol::ResultSet& result) {
  std::vector<TableRecord> out;
  for (const auto& row : result.rows) {
    const auto state = row.size() == 12 ? state_of<TableState>(kTableStates, row[2]) : std::nullopt;
    if (!state) return wrong_shape("job_table");
    out.push_back({.table = {.schema = row[0].value_or(""), .table = row[1].value_or("")},
                   .state = *state,
                   .place = row[3].value_or(""),
                   .key = row[4].value_or(""),
                   .rows = to_number(row[5]),
                   .bytes = to_number(row[6]),
                   .chunks = to_number(row[7]),
                   .rows_estimate = to_number(row[8]),
                   .bytes_estimate = to_number(row[9]),
                   .reason = row[10].value_or(""),
                   .indexes = row[11].value_or("")});
  }
  return out;
}

}  // namespace crossfade::migrate
