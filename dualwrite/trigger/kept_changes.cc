#include "dualwrite/trigger/kept_changes.h"

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {

namespace {

std::string kept_table(std::string_view schema) { return quote_name(schema) + "." + quote_name("kept"); }

std::string move_row(const std::string& from, const std::string& to, std::size_t pairs, const std::string& which) {
  std::string columns = "id,tbl,op,cid,fk,st,oi,ni";
  for (std::size_t pair = 1; pair <= pairs; ++pair) {
    columns += ",ob" + std::to_string(pair) + ",nb" + std::to_string(pair);
  }
  return "INSERT INTO " + to + "(" + columns + ") SELECT " + columns + " FROM " + from + " WHERE " + which +
         ";DELETE FROM " + from + " WHERE " + which;
}

}  // namespace

std::string create_kept(std::string_view schema) {
  std::string pairs;
  for (std::size_t pair = 1; pair <= kBigPairsMax; ++pair) {
    pairs += ", ob" + std::to_string(pair) + " LONGBLOB, nb" + std::to_string(pair) + " LONGBLOB";
  }
  return "CREATE TABLE IF NOT EXISTS " + kept_table(schema) +
         "(id BIGINT UNSIGNED NOT NULL PRIMARY KEY, tbl INT UNSIGNED NOT NULL, op CHAR(1) CHARACTER SET ascii NOT "
         "NULL, "
         "cid BIGINT UNSIGNED NOT NULL, fk TINYINT NOT NULL, st BIGINT NOT NULL, oi LONGBLOB, ni LONGBLOB" +
         pairs + ", KEY (tbl)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC";
}

std::string drop_kept(std::string_view schema) { return "DROP TABLE IF EXISTS " + kept_table(schema); }

std::string keep_change(std::string_view schema, std::size_t pairs, std::uint64_t id, bool mariadb) {
  return move_row(changes_table(schema), kept_table(schema), pairs,
                  "id=" + std::to_string(id) + " AND " + every_change(schema, mariadb));
}

std::string bring_back_change(std::string_view schema, std::size_t pairs, std::uint64_t id, bool mariadb) {
  return move_row(kept_table(schema), changes_table(schema), pairs,
                  "id=" + std::to_string(id) + " AND " + every_change(schema, mariadb));
}

std::string select_kept_numbers(std::string_view schema) { return "SELECT DISTINCT tbl FROM " + kept_table(schema); }

std::string select_kept(std::string_view schema, std::string_view numbers, std::size_t rows_max) {
  return "SELECT id FROM " + kept_table(schema) + " WHERE tbl IN (" + std::string(numbers) + ") ORDER BY id LIMIT " +
         std::to_string(rows_max);
}

std::string select_kept_identity(std::string_view schema, std::string_view numbers) {
  return "SELECT id FROM " + kept_table(schema) + " WHERE tbl IN (" + std::string(numbers) + ") AND op='K' LIMIT 1";
}

std::string delete_kept(std::string_view schema, std::string_view numbers, std::size_t rows_max) {
  return "DELETE FROM " + kept_table(schema) + " WHERE tbl IN (" + std::string(numbers) + ") LIMIT " +
         std::to_string(rows_max);
}

std::string delete_all_kept(std::string_view schema) { return "DELETE FROM " + kept_table(schema); }

std::string select_kept_span(std::string_view schema) {
  return "SELECT COALESCE(MAX(id)-MIN(id)+1,0) FROM " + kept_table(schema);
}

}  // namespace crossfade::dualwrite
