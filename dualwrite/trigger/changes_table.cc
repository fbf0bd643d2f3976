#include "dualwrite/trigger/changes_table.h"

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/packed_fields.h"

namespace crossfade::dualwrite {

namespace {

std::string packed_literal(std::string_view text) { return "x'" + hex(protocol::as_bytes(text)) + "'"; }

// "ob3 LONGBLOB, nb3 LONGBLOB", each behind `before`.
std::string pair_columns(std::size_t from, std::size_t to, std::string_view before) {
  std::string out;
  for (std::size_t pair = from + 1; pair <= to; ++pair) {
    for (const char* side : {"ob", "nb"}) {
      out += ", " + std::string(before) + side + std::to_string(pair) + " LONGBLOB";
    }
  }
  return out;
}

// What captured_statement() reads, in its order.
std::string packed_statement(const LoggedStatement& statement) {
  std::string out;
  put_field(out, statement.schema);
  put_field(out, statement.sql);
  for (const std::uint64_t number :
       {statement.sql_mode, std::uint64_t{statement.client_collation}, std::uint64_t{statement.connection_collation},
        std::uint64_t{statement.server_collation}, std::uint64_t{statement.utf8mb4_collation},
        std::uint64_t{statement.database_collation}, std::uint64_t{statement.no_foreign_key_checks},
        std::uint64_t{statement.explicit_defaults_for_timestamp}, std::uint64_t{statement.timestamp},
        std::uint64_t{statement.auto_increment_increment}, std::uint64_t{statement.auto_increment_offset}}) {
    put_field(out, std::to_string(number));
  }
  put_field(out, statement.time_zone);
  return out;
}

std::string packed_note(const IntentNote& note) {
  std::string out;
  put_field(out, std::to_string(note.client));
  put_field(out, note.state);
  put_field(out, note.error);
  return packed_literal(out);
}

std::string insert_note(std::string_view schema, char op, const LoggedStatement& statement, const std::string& intent,
                        const std::string& foreign_keys) {
  return "INSERT INTO " + changes_table(schema) + "(tbl,op,cid,fk,st,oi,ni) VALUES(0,'" + op + "',CONNECTION_ID()," +
         foreign_keys + ",UNIX_TIMESTAMP(NOW(6))*1000000," + intent + "," +
         packed_literal(packed_statement(statement)) + ")";
}

}  // namespace

std::string changes_table(std::string_view schema) { return quote_name(schema) + "." + quote_name("changes"); }

std::string create_changes(std::string_view schema, std::size_t pairs, std::uint64_t first_id) {
  return "CREATE TABLE IF NOT EXISTS " + changes_table(schema) +
         "(id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, tbl INT UNSIGNED NOT NULL, op CHAR(1) CHARACTER SET "
         "ascii NOT NULL, cid BIGINT UNSIGNED NOT NULL, fk TINYINT NOT NULL, st BIGINT NOT NULL, oi LONGBLOB, ni "
         "LONGBLOB" +
         pair_columns(0, pairs, "") + ") ENGINE=InnoDB ROW_FORMAT=DYNAMIC AUTO_INCREMENT=" + std::to_string(first_id);
}

std::string count_pairs_query(std::string_view schema) {
  return "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=" + packed_literal(schema) +
         " AND TABLE_NAME='changes' AND COLUMN_NAME LIKE 'ob%'";
}

std::string widen_changes(std::string_view schema, std::size_t from, std::size_t to) {
  return "ALTER TABLE " + changes_table(schema) + pair_columns(from, to, "ADD COLUMN ").substr(1);
}

bool is_changes_place(const LogPosition& place) {
  return place.file.starts_with(kChangesPlace) &&
         place.file.find_first_not_of("0123456789", kChangesPlace.size()) == std::string::npos;
}

std::string drop_changes(std::string_view schema) { return "DROP TABLE IF EXISTS " + changes_table(schema); }

std::string select_changes(std::string_view schema, std::size_t pairs) {
  std::string out = "SELECT id,tbl,op,cid,fk,st,oi,ni";
  for (std::size_t pair = 1; pair <= pairs; ++pair) {
    out += ",ob" + std::to_string(pair) + ",nb" + std::to_string(pair);
  }
  return out + " FROM " + changes_table(schema);
}

std::string from_changes(std::string_view schema, bool mariadb) {
  return " FROM " + changes_table(schema) + " WHERE " + every_change(schema, mariadb);
}

std::string every_change(std::string_view schema, bool mariadb) {
  return mariadb ? quote_name(schema) + "." + quote_name("every") + "()=1" : "TRUE";
}

std::string create_every_change(std::string_view schema, bool mariadb) {
  if (!mariadb) return {};
  return "CREATE FUNCTION IF NOT EXISTS " + quote_name(schema) + "." + quote_name("every") +
         "() RETURNS INT DETERMINISTIC NO SQL RETURN 1";
}

std::string drop_every_change(std::string_view schema) {
  return "DROP FUNCTION IF EXISTS " + quote_name(schema) + "." + quote_name("every");
}

std::string delete_change(std::string_view schema, std::uint64_t id, bool mariadb) {
  return "DELETE FROM " + changes_table(schema) + " WHERE id=" + std::to_string(id) +
         (mariadb ? " AND " + every_change(schema, mariadb) : "");
}

std::string insert_intent(std::string_view schema, const LoggedStatement& statement, const IntentNote& note,
                          bool mariadb) {
  return insert_note(schema, 'P', statement, packed_note(note), every_change(schema, mariadb));
}

std::string update_intent(std::string_view schema, std::uint64_t intent, const IntentNote& note, bool mariadb) {
  return "UPDATE " + changes_table(schema) + " SET oi=" + packed_note(note) + " WHERE id=" + std::to_string(intent) +
         " AND " + every_change(schema, mariadb);
}

std::string follow_identity(std::string_view schema, std::uint64_t id, std::uint32_t table,
                            const RepackedIdentity& images) {
  const auto image = [](const std::optional<std::string>& packed) { return packed ? packed_literal(*packed) : "NULL"; };
  return "UPDATE " + changes_table(schema) + " SET op='F',tbl=" + std::to_string(table) +
         ",oi=" + image(images.before) + ",ni=" + image(images.after) + " WHERE id=" + std::to_string(id);
}

std::string insert_gone(std::string_view schema, std::size_t pairs, const ChangeImage& image, const TableRef& table) {
  const char* side = image.side == ImageSide::before ? "o" : "n";
  std::string into;
  std::string from;
  for (std::size_t pair = 1; pair <= pairs; ++pair) {
    into += ",ob" + std::to_string(pair);
    from += std::string(",") + side + "b" + std::to_string(pair);
  }
  return "INSERT INTO " + changes_table(schema) + "(tbl,op,cid,fk,st,oi" + into + ") SELECT tbl,'O',cid,1,st," + side +
         "i" + from + " FROM " + changes_table(schema) + " AS " + std::string(kMoving) +
         " WHERE id=" + std::to_string(image.id) + " AND NOT EXISTS(SELECT 1 FROM " + quote_name(table.schema) + "." +
         quote_name(table.table) + " WHERE " + image.condition + ")";
}

std::vector<std::string> move_changes(std::string_view schema, std::size_t pairs, const MovedChanges& which) {
  std::string big;
  for (std::size_t pair = 1; pair <= pairs; ++pair) {
    big += ",ob" + std::to_string(pair) + ",nb" + std::to_string(pair);
  }
  const std::string op = "IF(tbl IN (" + which.numbers + "," + which.dependents + ") AND op IN ('I','U','D'),'O',op)";
  const std::string rows = " WHERE id>=" + std::to_string(which.first) + " AND id<=" + std::to_string(which.last) +
                           " AND op<>'P' AND NOT (op='S' AND oi='" + std::to_string(which.intent) + "')";
  const std::string forgotten = std::string(" AND NOT (op") + (which.rows_are_anew ? " IN ('K','I','U')" : "='K'") +
                                " AND tbl IN (" + which.numbers + "))";
  return {"INSERT INTO " + changes_table(schema) + "(tbl,op,cid,fk,st,oi,ni" + big + ") SELECT tbl," + op +
              ",cid,fk,st,oi,ni" + big + " FROM " + changes_table(schema) + " AS " + std::string(kMoving) + rows +
              forgotten + " ORDER BY id",
          "DELETE FROM " + changes_table(schema) + rows};
}

std::string insert_done(std::string_view schema, const LoggedStatement& statement, std::uint64_t intent, bool mariadb) {
  return insert_note(schema, 'S', statement, "'" + std::to_string(intent) + "'", every_change(schema, mariadb));
}

std::string select_done(std::string_view schema, std::uint64_t intent, bool mariadb) {
  return "SELECT COUNT(*),MIN(id) FROM " + changes_table(schema) + " WHERE op='S' AND id>" + std::to_string(intent) +
         " AND oi='" + std::to_string(intent) + "' AND " + every_change(schema, mariadb);
}

std::string renumber_changes(std::string_view schema, std::uint64_t after, std::uint32_t from, std::uint32_t to) {
  return "UPDATE " + changes_table(schema) + " SET tbl=" + std::to_string(to) + " WHERE id>" + std::to_string(after) +
         " AND tbl=" + std::to_string(from) + " AND op IN ('I','U','D')";
}

std::string reduce_changes(std::string_view schema, std::uint64_t after, std::string_view numbers) {
  return "UPDATE " + changes_table(schema) + " SET op='K' WHERE id>" + std::to_string(after) + " AND tbl IN (" +
         std::string(numbers) + ") AND op IN ('I','U','D')";
}

std::string insert_unknown(std::string_view schema, std::uint32_t number, std::string_view why, bool mariadb) {
  return "INSERT INTO " + changes_table(schema) + "(tbl,op,cid,fk,st,ob1) VALUES(" + std::to_string(number) +
         ",'K',CONNECTION_ID()," + every_change(schema, mariadb) + ",0," + packed_literal(why) + ")";
}

std::string reason_of_identity(const std::vector<protocol::Cell>& row) {
  constexpr std::size_t kReason = 8;
  if (row.size() > kReason && row[kReason]) return *row[kReason];
  return "a column of it was dropped past the proxy, or a proxy died while its triggers were made anew";
}

std::string select_identity(std::string_view schema, std::string_view numbers, bool mariadb) {
  return "SELECT id FROM " + changes_table(schema) + " WHERE op='K' AND tbl IN (" + std::string(numbers) + ") AND " +
         every_change(schema, mariadb) + " LIMIT 1";
}

}  // namespace crossfade::dualwrite
