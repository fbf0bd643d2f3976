#include "dualwrite/log_control.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dualwrite/sql_text.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {
namespace {

const std::string kEngine = ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const std::string kNameColumns = "`table_schema` VARCHAR(64) NOT NULL,`table_name` VARCHAR(64) NOT NULL,";
const std::string kAtColumn = "`at` TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)";
constexpr std::size_t kReasonCharactersMax = 1000;
constexpr std::size_t kWhatCharactersMax = 255;
constexpr std::size_t kKeyCharactersMax = 255;

std::string table(std::string_view schema, std::string_view name) {
  return quote_name(schema) + ".`" + std::string(name) + "`";
}

std::string create_schema(std::string_view schema) {
  return "CREATE SCHEMA IF NOT EXISTS " + quote_name(schema) + " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
}

std::string binary_literal(std::string_view bytes) {
  return bytes.empty() ? std::string("''") : "0x" + hex(protocol::as_bytes(bytes));
}

// Cut between characters. Names may be in any character set, and the row must be written in any case: what is not
// ASCII becomes '?'.
std::string shortened(std::string_view text, std::size_t characters_max) {
  std::string out(text.substr(0, characters_max));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7e; }, '?');
  return out;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

std::uint64_t to_number(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

std::string text_in(const protocol::Cell& cell) { return cell.value_or(""); }

absl::Status wrong_shape(std::string_view what) {
  return absl::InternalError("the control table `" + std::string(what) + "` is not as this version makes it");
}

// Two rows where one is wanted: an error unless the row is the owner's.
std::string owned_by(std::string_view owner) {
  return "`owner`=IF(`owner`=" + binary_literal(owner) + ",`owner`,(SELECT 1 UNION SELECT 2))";
}

std::string_view cause_text(StopCause cause) {
  switch (cause) {
    case StopCause::definition:
      return "definition";
    case StopCause::divergence:
      return "divergence";
    case StopCause::parent:
      return "parent";
    case StopCause::copy:
      return "copy";
  }
  return "divergence";
}

StopCause cause_from(std::string_view text) {
  if (text == "definition") return StopCause::definition;
  if (text == "copy") return StopCause::copy;
  return text == "parent" ? StopCause::parent : StopCause::divergence;
}

std::string of_table(const TableRef& name) {
  return " WHERE `table_schema`=" + quote_text(name.schema) + " AND `table_name`=" + quote_text(name.table);
}

std::string place(const LogPosition& position) { return quote_text(position.file) + "," + number(position.offset); }

// Of the table `anchor`: NULL while the feed does not change.
constexpr std::array<std::pair<std::string_view, std::string_view>, kAnchorChangeColumns> kChangeColumns{
    {{"change", "VARCHAR(16)"},
     {"next_file", "VARCHAR(255)"},
     {"next_offset", "BIGINT UNSIGNED"},
     {"fence_file", "VARCHAR(255)"},
     {"fence_offset", "BIGINT UNSIGNED"}}};
constexpr std::array<std::string_view, 3> kPhases{"preparing", "announced", "fenced"};  // as FeedChange::Phase

std::string change_columns(std::string_view before) {
  std::string out;
  for (const auto& [name, type] : kChangeColumns) {
    out += std::string(before) + "`" + std::string(name) + "` " + std::string(type) + " NULL";
  }
  return out;
}

std::string change_names(char quote) {
  std::string out;
  for (const auto& [name, type] : kChangeColumns) out += (out.empty() ? "" : ",") + (quote + std::string(name) + quote);
  return out;
}

std::array<std::string, kAnchorChangeColumns> change_values(const FeedChange& change) {
  const std::string phase(kPhases.at(static_cast<std::size_t>(change.phase)));
  return {quote_text(phase), quote_text(change.next.file), number(change.next.offset), quote_text(change.fence.file),
          number(change.fence.offset)};
}

std::string into_stopped(std::string_view schema, const StoppedTable& stopped) {
  return "INTO " + table(schema, "stopped") +
         "(`table_schema`,`table_name`,`cause`,`file`,`offset`,`reason`,`released`) VALUES(" +
         quote_text(stopped.table.schema) + "," + quote_text(stopped.table.table) + "," +
         quote_text(cause_text(stopped.cause)) + "," + place(stopped.since) + "," +
         quote_text(shortened(stopped.reason, kReasonCharactersMax)) + "," +
         number(static_cast<std::uint8_t>(stopped.catch_up)) + ")";
}

}  // namespace

std::vector<std::string> anchor_setup_statements(std::string_view schema) {
  return {
      create_schema(schema),
      "CREATE TABLE IF NOT EXISTS " + table(schema, "anchor") +
          "(`id` TINYINT UNSIGNED NOT NULL PRIMARY KEY,`server` VARCHAR(255) NOT NULL,"
          "`file` VARCHAR(255) NOT NULL,`offset` BIGINT UNSIGNED NOT NULL," +
          kAtColumn + change_columns(",") + kEngine,
  };
}

std::string count_anchor_change_columns(std::string_view schema) {
  return "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=" + quote_text(schema) +
         " AND TABLE_NAME='anchor' AND COLUMN_NAME IN (" + change_names('\'') + ")";
}

std::string add_anchor_change_columns(std::string_view schema) {
  return "ALTER TABLE " + table(schema, "anchor") + " " + change_columns(",ADD COLUMN ").substr(1);
}

std::string select_anchor(std::string_view schema) {
  return "SELECT `server`,`file`,`offset` FROM " + table(schema, "anchor");
}

std::string select_anchor_with_change(std::string_view schema) {
  return "SELECT `server`,`file`,`offset`," + change_names('`') + " FROM " + table(schema, "anchor");
}

std::string update_anchor(std::string_view schema, const Anchor& anchor) {
  std::string values;
  for (std::size_t i = 0; i < kChangeColumns.size(); ++i) {
    const auto& [name, type] = kChangeColumns[i];
    values += ",`" + std::string(name) + "`=" + (anchor.change ? change_values(*anchor.change)[i] : "NULL");
  }
  return "UPDATE " + table(schema, "anchor") + " SET `file`=" + quote_text(anchor.at.file) +
         ",`offset`=" + number(anchor.at.offset) + values;
}

std::string applier_lock(std::string_view schema) { return quote_text("crossfade_applier_" + std::string(schema)); }

std::string insert_anchor(std::string_view schema, std::string_view server, const LogPosition& at) {
  return "INSERT IGNORE INTO " + table(schema, "anchor") + "(`id`,`server`,`file`,`offset`) VALUES(1," +
         quote_text(server) + "," + place(at) + ")";
}

absl::StatusOr<std::optional<Anchor>> anchor_from(const protocol::ResultSet& result) {
  if (result.rows.empty()) return std::nullopt;
  const auto& row = result.rows.front();
  if (row.size() != 3 && row.size() != 3 + kAnchorChangeColumns) return wrong_shape("anchor");
  Anchor anchor{.server = text_in(row[0]), .at = {.file = text_in(row[1]), .offset = to_number(row[2])}};
  if (row.size() == 3 || !row[3]) return anchor;
  const auto phase = std::find(kPhases.begin(), kPhases.end(), *row[3]);
  if (phase == kPhases.end()) return wrong_shape("anchor");
  anchor.change = FeedChange{.phase = static_cast<FeedChange::Phase>(phase - kPhases.begin()),
                             .next = {.file = text_in(row[4]), .offset = to_number(row[5])},
                             .fence = {.file = text_in(row[6]), .offset = to_number(row[7])}};
  return anchor;
}

std::string ledger_table(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + table(schema, "ledger") +
         "(`id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY," + kNameColumns +
         "`what` VARCHAR(255) NOT NULL,`row_key` VARCHAR(255) NULL,`before_hash` VARCHAR(16) NULL,"
         "`after_hash` VARCHAR(16) NULL,`position` VARCHAR(300) NULL,`entry_key` BINARY(16) NULL,"
         "`leader_affected` BIGINT NULL,`follower_affected` BIGINT NULL," +
         kAtColumn + ",`resolved` TINYINT UNSIGNED NOT NULL DEFAULT 0" + kEngine;
}

std::vector<std::string> log_setup_statements(std::string_view schema) {
  const std::string create = "CREATE TABLE IF NOT EXISTS ";
  return {
      create_schema(schema),
      create + table(schema, "position") +
          "(`leader` VARCHAR(3) NOT NULL PRIMARY KEY,`server` VARCHAR(255) NOT NULL,"
          "`file` VARCHAR(255) NOT NULL,`offset` BIGINT UNSIGNED NOT NULL,"
          "`resume_file` VARCHAR(255) NOT NULL,`resume_offset` BIGINT UNSIGNED NOT NULL,"
          "`gtid` VARCHAR(255) NOT NULL,`owner` BINARY(16) NOT NULL,`beats` BIGINT UNSIGNED NOT NULL DEFAULT 0,"
          "`file_time` INT UNSIGNED NOT NULL DEFAULT 0" +
          kEngine,
      create + table(schema, "stopped") + "(" + kNameColumns +
          "`cause` VARCHAR(16) NOT NULL,`file` VARCHAR(255) NOT NULL,`offset` BIGINT UNSIGNED NOT NULL,"
          "`reason` VARCHAR(1000) NOT NULL,`released` TINYINT UNSIGNED NOT NULL DEFAULT 0," +
          kAtColumn + ",PRIMARY KEY(`table_schema`,`table_name`)" + kEngine,
      create + table(schema, "ddl") +
          "(`leader` VARCHAR(3) NOT NULL PRIMARY KEY,`file` VARCHAR(255) NOT NULL,`offset` BIGINT UNSIGNED NOT NULL,"
          "`step` INT UNSIGNED NOT NULL,`fingerprint` VARCHAR(64) NOT NULL," +
          kAtColumn + kEngine,
      create + table(schema, "loading") + "(`slot` INT UNSIGNED NOT NULL PRIMARY KEY,`beats` BIGINT UNSIGNED NOT NULL" +
          kEngine,
      create + table(schema, "loader") + "(`leader` VARCHAR(3) NOT NULL PRIMARY KEY,`owner` BINARY(16) NOT NULL" +
          kEngine,
      ledger_table(schema),
  };
}

bool is_appliers_mark(std::string_view schema, const TableRef& table) {
  return table.schema == schema && (table.table == "position" || table.table == "loading");
}

std::string select_position(std::string_view schema, std::string_view leader) {
  return "SELECT `file`,`offset`,`resume_file`,`resume_offset`,`server`,`gtid`,`file_time` FROM " +
         table(schema, "position") + " WHERE `leader`=" + quote_text(leader);
}

absl::StatusOr<std::optional<StoredPosition>> position_from(const protocol::ResultSet& result) {
  if (result.rows.empty()) return std::nullopt;
  const auto& row = result.rows.front();
  if (row.size() != 7) return wrong_shape("position");
  return StoredPosition{.applied = {.file = text_in(row[0]), .offset = to_number(row[1])},
                        .resume = {.file = text_in(row[2]), .offset = to_number(row[3])},
                        .server = text_in(row[4]),
                        .gtid = text_in(row[5]),
                        .file_time = static_cast<std::uint32_t>(to_number(row[6]))};
}

std::string insert_position(std::string_view schema, std::string_view leader, const StoredPosition& position,
                            std::string_view owner) {
  return "INSERT IGNORE INTO " + table(schema, "position") +
         "(`leader`,`server`,`file`,`offset`,`resume_file`,`resume_offset`,`gtid`,`owner`) VALUES(" +
         quote_text(leader) + "," + quote_text(position.server) + "," + place(position.applied) + "," +
         place(position.resume) + "," + quote_text(position.gtid) + "," + binary_literal(owner) + ")";
}

std::string lock_position(std::string_view schema, std::string_view leader, std::string_view owner) {
  return "UPDATE " + table(schema, "position") + " SET `beats`=`beats`+1," + owned_by(owner) +
         " WHERE `leader`=" + quote_text(leader);
}

std::string claim_loader(std::string_view schema, std::string_view leader, std::string_view owner) {
  const std::string who = binary_literal(owner);
  return "INSERT INTO " + table(schema, "loader") + "(`leader`,`owner`) VALUES(" + quote_text(leader) + "," + who +
         ") ON DUPLICATE KEY UPDATE `owner`=" + who;
}

std::string share_loader(std::string_view schema, std::string_view leader, std::string_view owner) {
  return "SELECT COUNT(*) FROM " + table(schema, "loader") + " WHERE `leader`=" + quote_text(leader) +
         " AND `owner`=" + binary_literal(owner) + " LOCK IN SHARE MODE";
}

std::string mark_loading(std::string_view schema, std::uint32_t slot) {
  return "INSERT INTO " + table(schema, "loading") + "(`slot`,`beats`) VALUES(" + number(slot) +
         ",1) ON DUPLICATE KEY UPDATE `beats`=`beats`+1";
}

std::string claim_position(std::string_view schema, std::string_view leader, std::string_view owner) {
  return "UPDATE " + table(schema, "position") + " SET `owner`=" + binary_literal(owner) +
         " WHERE `leader`=" + quote_text(leader);
}

std::string update_position(std::string_view schema, std::string_view leader, const StoredPosition& position,
                            std::string_view owner) {
  return "UPDATE " + table(schema, "position") + " SET `file`=" + quote_text(position.applied.file) +
         ",`offset`=" + number(position.applied.offset) + ",`resume_file`=" + quote_text(position.resume.file) +
         ",`resume_offset`=" + number(position.resume.offset) + ",`gtid`=" + quote_text(position.gtid) +
         ",`file_time`=" + number(position.file_time) + "," + owned_by(owner) + " WHERE `leader`=" + quote_text(leader);
}

std::string select_stopped(std::string_view schema) {
  return "SELECT `table_schema`,`table_name`,`cause`,`file`,`offset`,`reason`,`released`,FLOOR(UNIX_TIMESTAMP(`at`)) "
         "FROM " +
         table(schema, "stopped");
}

absl::StatusOr<std::vector<StoppedTable>> stopped_from(const protocol::ResultSet& result) {
  std::vector<StoppedTable> out;
  for (const auto& row : result.rows) {
    if (row.size() != 8) return wrong_shape("stopped");
    const std::uint64_t released = to_number(row[6]);
    out.push_back({.table = {.schema = text_in(row[0]), .table = text_in(row[1])},
                   .cause = cause_from(text_in(row[2])),
                   .since = {.file = text_in(row[3]), .offset = to_number(row[4])},
                   .reason = text_in(row[5]),
                   .catch_up = released <= static_cast<std::uint64_t>(CatchUp::copying) ? static_cast<CatchUp>(released)
                                                                                        : CatchUp::none,
                   .stopped_at = static_cast<std::int64_t>(to_number(row[7]))});
  }
  return out;
}

std::string insert_stopped(std::string_view schema, const StoppedTable& stopped) {
  return "INSERT IGNORE " + into_stopped(schema, stopped);
}

std::string replace_stopped(std::string_view schema, const StoppedTable& stopped) {
  return "REPLACE " + into_stopped(schema, stopped);
}

std::string move_stopped(std::string_view schema, const TableRef& name, const LogPosition& since) {
  return "UPDATE " + table(schema, "stopped") + " SET `file`=" + quote_text(since.file) +
         ",`offset`=" + number(since.offset) + of_table(name);
}

std::string release_stopped(std::string_view schema, const TableRef& name, CatchUp how) {
  return "UPDATE " + table(schema, "stopped") + " SET `released`=" + number(static_cast<std::uint8_t>(how)) +
         of_table(name);
}

std::string delete_stopped(std::string_view schema, const TableRef& name) {
  return "DELETE FROM " + table(schema, "stopped") + of_table(name);
}

std::string write_ddl_intent(std::string_view schema, std::string_view leader, const DdlIntent& intent) {
  return "REPLACE INTO " + table(schema, "ddl") + "(`leader`,`file`,`offset`,`step`,`fingerprint`) VALUES(" +
         quote_text(leader) + "," + place(intent.at) + "," + number(intent.step) + "," +
         quote_text(intent.fingerprint) + ")";
}

std::string select_ddl_intent(std::string_view schema, std::string_view leader) {
  return "SELECT `file`,`offset`,`step`,`fingerprint` FROM " + table(schema, "ddl") +
         " WHERE `leader`=" + quote_text(leader);
}

absl::StatusOr<std::optional<DdlIntent>> ddl_intent_from(const protocol::ResultSet& result) {
  if (result.rows.empty()) return std::nullopt;
  const auto& row = result.rows.front();
  if (row.size() != 4) return wrong_shape("ddl");
  return DdlIntent{.at = {.file = text_in(row[0]), .offset = to_number(row[1])},
                   .step = static_cast<std::uint32_t>(to_number(row[2])),
                   .fingerprint = text_in(row[3])};
}

std::string delete_ddl_intent(std::string_view schema, std::string_view leader) {
  return "DELETE FROM " + table(schema, "ddl") + " WHERE `leader`=" + quote_text(leader);
}

std::string insert_divergence(std::string_view schema, const TableRef& name, std::string_view what,
                              const RowIdentity& row, const LogPosition& at, LedgerState state) {
  return "INSERT INTO " + table(schema, "ledger") +
         "(`table_schema`,`table_name`,`what`,`row_key`,`before_hash`,`after_hash`,`position`,`at`,`resolved`) "
         "VALUES(" +
         quote_text(shortened(name.schema, 64)) + "," + quote_text(shortened(name.table, 64)) + "," +
         quote_text(shortened(what, kWhatCharactersMax)) + "," + quote_text(shortened(row.key, kKeyCharactersMax)) +
         "," + quote_text(row.before_hash) + "," + quote_text(row.after_hash) + "," + quote_text(at.text()) +
         // Behind rows events MariaDB's other functions give the time of these.
         ",SYSDATE(6)," + (state == LedgerState::resolved ? "1" : "0") + ")";
}

std::string count_open_ledger(std::string_view schema) {
  return "SELECT COUNT(*) FROM " + table(schema, "ledger") + " WHERE `resolved`=0";
}

std::string select_open_ledger_tables(std::string_view schema) {
  return "SELECT DISTINCT `table_schema`,`table_name` FROM " + table(schema, "ledger") + " WHERE `resolved`=0";
}

std::string resolve_ledger(std::string_view schema, const TableRef& name) {
  return "UPDATE " + table(schema, "ledger") + " SET `resolved`=1" + of_table(name) + " AND `resolved`=0";
}

}  // namespace crossfade::dualwrite
