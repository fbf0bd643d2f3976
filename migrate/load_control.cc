#include "migrate/load_control.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "dualwrite/sql_text.h"

namespace crossfade::migrate {

using dualwrite::quote_name;
using dualwrite::quote_text;
using dualwrite::TableRef;

namespace {

constexpr std::array<std::string_view, 4> kLoadStates = {"loading", "keys", "swapping", "done"};

std::string control_table(std::string_view schema, std::string_view name) {
  return quote_name(schema) + "." + quote_name(name);
}

std::string digits(std::uint64_t value) { return std::to_string(value); }

std::uint64_t whole_number_in(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

std::string state_text(LoadState state) { return quote_text(kLoadStates[static_cast<std::size_t>(state)]); }

}  // namespace

std::vector<std::string> load_setup_statements(std::string_view schema) {
  const std::string engine = ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
  return {"CREATE DATABASE IF NOT EXISTS " + quote_name(schema),
          "CREATE TABLE IF NOT EXISTS " + control_table(schema, "load") +
              "(`id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,`table_schema` VARCHAR(64) NOT NULL,"
              "`table_name` VARCHAR(64) NOT NULL,`options` MEDIUMTEXT NOT NULL,`state` VARCHAR(16) NOT NULL,"
              "`started` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP" +
              engine,
          "CREATE TABLE IF NOT EXISTS " + control_table(schema, "load_file") +
              "(`load` BIGINT UNSIGNED NOT NULL,`number` INT UNSIGNED NOT NULL,`name` TEXT NOT NULL,"
              "`size` BIGINT UNSIGNED NOT NULL,`tag` VARCHAR(255) NOT NULL,`offset` BIGINT UNSIGNED NOT NULL,"
              "`line` BIGINT UNSIGNED NOT NULL,`rows` BIGINT UNSIGNED NOT NULL,`done` TINYINT UNSIGNED NOT NULL,"
              "`epoch` BIGINT UNSIGNED NOT NULL DEFAULT 0,"
              "PRIMARY KEY(`load`,`number`)" +
              engine};
}

std::string insert_load(std::string_view schema, const LoadRecord& load) {
  return "INSERT INTO " + control_table(schema, "load") + "(`table_schema`,`table_name`,`options`,`state`) VALUES(" +
         quote_text(load.table.schema) + "," + quote_text(load.table.table) + "," + quote_text(load.options) + "," +
         state_text(load.state) + ")";
}

std::string select_load(std::string_view schema, const TableRef& table) {
  return "SELECT `id`,`options`,`state` FROM " + control_table(schema, "load") +
         " WHERE `table_schema`=" + quote_text(table.schema) + " AND `table_name`=" + quote_text(table.table) +
         " ORDER BY `id` DESC LIMIT 1";
}

absl::StatusOr<std::optional<LoadRecord>> load_from(const protocol::ResultSet& result, const TableRef& table) {
  if (result.rows.empty()) return std::nullopt;
  const auto& row = result.rows.front();
  const auto state =
      row.size() == 3 ? std::find(kLoadStates.begin(), kLoadStates.end(), row[2].value_or("")) : kLoadStates.end();
  if (state == kLoadStates.end())
    return absl::InternalError("the control table `load` is not as this version makes it");
  return LoadRecord{.id = whole_number_in(row[0]),
                    .table = table,
                    .options = row[1].value_or(""),
                    .state = static_cast<LoadState>(state - kLoadStates.begin())};
}

std::string update_load(std::string_view schema, std::uint64_t id, LoadState state) {
  return "UPDATE " + control_table(schema, "load") + " SET `state`=" + state_text(state) + " WHERE `id`=" + digits(id);
}

std::string take_over_load(std::string_view schema, std::uint64_t id) {
  return "UPDATE " + control_table(schema, "load_file") + " SET `epoch`=`epoch`+1 WHERE `load`=" + digits(id);
}

std::string insert_loaded_file(std::string_view schema, std::uint64_t load, const LoadedFile& file) {
  return "INSERT INTO " + control_table(schema, "load_file") + " VALUES(" + digits(load) + "," + digits(file.number) +
         "," + quote_text(file.name) + "," + digits(file.size) + "," + quote_text(file.tag) + "," +
         digits(file.offset) + "," + digits(file.line) + "," + digits(file.rows) + "," + (file.done ? "1" : "0") + "," +
         digits(file.epoch) + ")";
}

std::string select_loaded_files(std::string_view schema, std::uint64_t load) {
  return "SELECT `number`,`name`,`size`,`tag`,`offset`,`line`,`rows`,`done`,`epoch` FROM " +
         control_table(schema, "load_file") + " WHERE `load`=" + digits(load) + " ORDER BY `number`";
}

absl::StatusOr<std::vector<LoadedFile>> loaded_files_from(const protocol::ResultSet& result) {
  std::vector<LoadedFile> out;
  for (const auto& row : result.rows) {
    if (row.size() != 9) return absl::InternalError("the control table `load_file` is not as this version makes it");
    out.push_back({.number = static_cast<std::uint32_t>(whole_number_in(row[0])),
                   .name = row[1].value_or(""),
                   .size = whole_number_in(row[2]),
                   .tag = row[3].value_or(""),
                   .offset = whole_number_in(row[4]),
                   .line = whole_number_in(row[5]),
                   .rows = whole_number_in(row[6]),
                   .done = whole_number_in(row[7]) != 0,
                   .epoch = whole_number_in(row[8])});
  }
  return out;
}

std::string move_loaded_file(std::string_view schema, std::uint64_t load, const LoadedFile& from,
                             const LoadedFile& to) {
  return "UPDATE " + control_table(schema, "load_file") + " SET `offset`=" + digits(to.offset) +
         ",`line`=" + digits(to.line) + ",`rows`=" + digits(to.rows) + ",`done`=" + (to.done ? "1" : "0") +
         " WHERE `load`=" + digits(load) + " AND `number`=" + digits(from.number) +
         " AND `offset`=" + digits(from.offset) + " AND `done`=0 AND `epoch`=" + digits(from.epoch);
}

}  // namespace crossfade::migrate
