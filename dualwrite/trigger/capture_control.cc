#include "dualwrite/trigger/capture_control.h"

#include <array>
#include <charconv>

#include "absl/strings/ascii.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

const std::string kCaptureEngine = ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

std::string control_table(std::string_view schema, std::string_view name) {
  return quote_name(schema) + ".`" + std::string(name) + "`";
}

std::string_view name(CaptureState state) {
  switch (state) {
    case CaptureState::making:
      return "making";
    case CaptureState::live:
      return "live";
    case CaptureState::retired:
      return "retired";
  }
  return "";
}

std::string upper_cell(const protocol::ResultSet& result, std::size_t column) {
  if (result.rows.empty() || column >= result.rows.front().size()) return "";
  return absl::AsciiStrToUpper(result.rows.front()[column].value_or(""));
}

// Fields one after another, each as "bytes:text".
class FieldWriter {
 public:
  void text(std::string_view value) {
    out_ += std::to_string(value.size());
    out_ += ':';
    out_ += value;
  }
  void number(std::uint64_t value) { text(std::to_string(value)); }
  template <typename T>
  void optional(const std::optional<T>& value) {
    text(value ? std::to_string(*value) : std::string());
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// After a wrong field everything is empty, and ok() says so.
class StoredFields {
 public:
  explicit StoredFields(std::string_view text) : rest_(text) {}
  std::string_view text() {
    std::size_t bytes = 0;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), bytes);
    const std::size_t head = static_cast<std::size_t>(stop - rest_.data());
    if (error != std::errc() || head >= rest_.size() || rest_[head] != ':' || rest_.size() - head - 1 < bytes) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view value = rest_.substr(head + 1, bytes);
    rest_.remove_prefix(head + 1 + bytes);
    return value;
  }
  std::uint64_t number() {
    const std::string_view digits = text();
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || stop != digits.data() + digits.size()) ok_ = false;
    return value;
  }
  bool flag() { return number() != 0; }
  template <typename T>
  void optional(std::optional<T>& out) {
    const std::string_view digits = text();
    if (digits.empty()) return;
    T value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || stop != digits.data() + digits.size()) ok_ = false;
    out = value;
  }
  // Of a list; every item has a byte at least.
  std::size_t count() {
    const std::uint64_t value = number();
    if (value > rest_.size()) ok_ = false;
    return ok_ ? static_cast<std::size_t>(value) : 0;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

constexpr std::string_view kRecordVersion = "3";

void write_column(FieldWriter& out, const DefinedColumn& column) {
  out.text(column.name);
  out.text(column.data_type);
  out.text(column.column_type);
  out.text(column.charset);
  out.text(column.collation);
  out.number(column.nullable ? 1 : 0);
  out.number(column.is_unsigned ? 1 : 0);
  out.number(column.json ? 1 : 0);
  out.optional(column.length);
  out.optional(column.precision);
  out.optional(column.scale);
  out.optional(column.fraction);
  out.number(column.auto_increment ? 1 : 0);
  out.number(static_cast<std::uint64_t>(column.generated));
  out.number(column.invisible ? 1 : 0);
  out.number(column.on_update_now ? 1 : 0);
}

DefinedColumn read_column(StoredFields& in) {
  DefinedColumn column;
  column.name = in.text();
  column.data_type = in.text();
  column.column_type = in.text();
  column.charset = in.text();
  column.collation = in.text();
  column.nullable = in.flag();
  column.is_unsigned = in.flag();
  column.json = in.flag();
  in.optional(column.length);
  in.optional(column.precision);
  in.optional(column.scale);
  in.optional(column.fraction);
  column.auto_increment = in.flag();
  column.generated = static_cast<DefinedColumn::Generated>(in.number() % 3);
  column.invisible = in.flag();
  column.on_update_now = in.flag();
  return column;
}

void write_key(FieldWriter& out, const DefinedKey& key) {
  out.text(key.name);
  out.number(key.unique ? 1 : 0);
  out.text(key.type);
  out.number(key.parts.size());
  for (const DefinedKey::Part& part : key.parts) {
    out.text(part.column);
    out.optional(part.prefix);
    out.number(part.descending ? 1 : 0);
    out.text(part.expression);
  }
}

DefinedKey read_key(StoredFields& in) {
  DefinedKey key;
  key.name = in.text();
  key.unique = in.flag();
  key.type = in.text();
  for (std::size_t i = in.count(); i > 0; --i) {
    DefinedKey::Part part;
    part.column = in.text();
    in.optional(part.prefix);
    part.descending = in.flag();
    part.expression = in.text();
    key.parts.push_back(std::move(part));
  }
  return key;
}

}  // namespace

std::string capture_settings_query(bool mariadb) {
  return std::string(
             "SELECT @@GLOBAL.log_bin,@@GLOBAL.binlog_format,@@GLOBAL.innodb_autoinc_lock_mode,"
             "@@GLOBAL.innodb_flush_log_at_trx_commit,") +
         (mariadb ? "NULL"
                  : "(SELECT VARIABLE_VALUE FROM performance_schema.global_variables WHERE "
                    "VARIABLE_NAME='innodb_native_foreign_keys')");
}

// Why each: under STATEMENT every captured write warns the client (1592); under lock mode 0 writers wait for each
// other's statements; unflushed commits may be on the follower after a power failure took them from the leader.
absl::StatusOr<std::vector<SettingProblem>> judge_capture(const protocol::ResultSet& settings) {
  if (settings.rows.size() != 1) return absl::InternalError("the leader did not tell its settings in one row");
  std::vector<SettingProblem> problems;
  const std::string log = upper_cell(settings, 0);
  if ((log == "1" || log == "ON") && upper_cell(settings, 1) == "STATEMENT") {
    problems.push_back({.setting = "binlog_format",
                        .found = "STATEMENT",
                        .advice = "SET GLOBAL binlog_format='ROW'; then reconnect all clients"});
  }
  if (upper_cell(settings, 2) == "0") {
    problems.push_back({.setting = "innodb_autoinc_lock_mode",
                        .found = "0",
                        .advice = "start the server with --innodb-autoinc-lock-mode=1",
                        .restart = true});
  }
  if (upper_cell(settings, 3) != "1") {
    problems.push_back({.setting = "innodb_flush_log_at_trx_commit",
                        .found = upper_cell(settings, 3),
                        .advice = "SET GLOBAL innodb_flush_log_at_trx_commit=1"});
  }
  return problems;
}

bool enforces_keys_above_innodb(const protocol::ResultSet& settings) {
  const std::string native = upper_cell(settings, 4);
  return native == "OFF" || native == "0";
}

std::string unseen_cascade(const TableDefinition& table) {
  for (const DefinedForeignKey& key : table.foreign_keys) {
    const auto changes = [](const std::string& action) { return action.starts_with("SET ") || action == "CASCADE"; };
    const bool on_delete = changes(key.on_delete);
    if (!on_delete && !changes(key.on_update)) continue;
    return "its foreign key " + key.name +
           (on_delete ? " is ON DELETE " + key.on_delete : " is ON UPDATE " + key.on_update) +
           ", which this leader carries out above InnoDB (innodb_native_foreign_keys=OFF): what a REPLACE or an UPDATE "
           "IGNORE of " +
           key.parent.schema + "." + key.parent.table +
           " does here no trigger tells. Start the leader with --innodb-native-foreign-keys=ON, or feed by its row "
           "log; "
           "then copy the table anew and run crossfade tables release " +
           table.name.schema + "." + table.name.table;
  }
  return {};
}

std::string captured_setup_statement(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + control_table(schema, "captured") +
         "(`number` INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,`table_schema` VARCHAR(64) NOT NULL,"
         "`table_name` VARCHAR(64) NOT NULL,`state` VARCHAR(8) NOT NULL,`definition` LONGTEXT NOT NULL,"
         "`at` TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)" +
         kCaptureEngine;
}

std::string select_captured_states(std::string_view schema) {
  return "SELECT `number`,`state` FROM " + control_table(schema, "captured");
}

std::string select_captured(std::string_view schema, std::string_view numbers) {
  return "SELECT `number`,`state`,`definition` FROM " + control_table(schema, "captured") + " WHERE `number` IN (" +
         std::string(numbers) + ") ORDER BY `number`";
}

CaptureState captured_state(std::string_view state) {
  if (state == name(CaptureState::live)) return CaptureState::live;
  return state == name(CaptureState::retired) ? CaptureState::retired : CaptureState::making;
}

absl::StatusOr<std::vector<CaptureRecord>> captured_from(const protocol::ResultSet& result) {
  std::vector<CaptureRecord> out;
  for (const auto& row : result.rows) {
    if (row.size() != 3) return absl::InternalError("the control table `captured` is not as this version makes it");
    auto record = parse_definition_record(row[2].value_or(""));
    if (!record.ok()) return record.status();
    const std::string digits = row[0].value_or("");
    std::from_chars(digits.data(), digits.data() + digits.size(), record->number);
    record->state = captured_state(row[1].value_or(""));
    out.push_back(*std::move(record));
  }
  return out;
}

std::string insert_captured(std::string_view schema, const CaptureRecord& record) {
  return "INSERT INTO " + control_table(schema, "captured") +
         "(`table_schema`,`table_name`,`state`,`definition`) VALUES(" + quote_text(record.definition.name.schema) +
         "," + quote_text(record.definition.name.table) + "," + quote_text(name(record.state)) + "," +
         quote_text(definition_record(record)) + ")";
}

std::string update_captured(std::string_view schema, std::uint32_t number, CaptureState state) {
  return "UPDATE " + control_table(schema, "captured") + " SET `state`=" + quote_text(name(state)) +
         " WHERE `number`=" + std::to_string(number);
}

std::string delete_captured(std::string_view schema, std::string_view numbers) {
  return "DELETE FROM " + control_table(schema, "captured") + " WHERE `number` IN (" + std::string(numbers) +
         ") AND `state`=" + quote_text(name(CaptureState::retired));
}

std::string retire_captured(std::string_view schema, const TableRef& of, std::uint32_t but) {
  return "UPDATE " + control_table(schema, "captured") + " SET `state`=" + quote_text(name(CaptureState::retired)) +
         " WHERE `table_schema`=" + quote_text(of.schema) + " AND `table_name`=" + quote_text(of.table) +
         " AND `number`<>" + std::to_string(but);
}

std::string but_of_tables(std::string_view schema, const std::set<TableRef>& names) {
  if (names.empty()) return {};
  std::string list;
  for (const TableRef& name : names) {
    list += (list.empty() ? "(" : ",(") + quote_text(name.schema) + "," + quote_text(name.table) + ")";
  }
  return " AND tbl NOT IN (SELECT `number` FROM " + control_table(schema, "captured") +
         " WHERE (`table_schema`,`table_name`) IN (" + list + "))";
}

std::string flushed_setup_statement(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + control_table(schema, "flushed") +
         "(`id` TINYINT NOT NULL PRIMARY KEY,`times` BIGINT UNSIGNED NOT NULL" + kCaptureEngine;
}

std::string raise_flushed(std::string_view schema) {
  return "INSERT INTO " + control_table(schema, "flushed") +
         "(`id`,`times`) VALUES(1,1) ON DUPLICATE KEY UPDATE `times`=`times`+1";
}

std::string drop_flushed(std::string_view schema) { return "DROP TABLE IF EXISTS " + control_table(schema, "flushed"); }

std::string taken_setup_statement(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + control_table(schema, "taken") +
         "(`leader` VARCHAR(3) NOT NULL PRIMARY KEY,`ids` LONGTEXT NOT NULL" + kCaptureEngine;
}

std::string store_taken(std::string_view schema, std::string_view leader, std::string_view ids) {
  return "REPLACE INTO " + control_table(schema, "taken") + "(`leader`,`ids`) VALUES(" + quote_text(leader) + ",'" +
         std::string(ids) + "')";
}

std::string select_taken(std::string_view schema, std::string_view leader) {
  return "SELECT `ids` FROM " + control_table(schema, "taken") + " WHERE `leader`=" + quote_text(leader);
}

std::string definition_record(const CaptureRecord& record) {
  const TableDefinition& definition = record.definition;
  FieldWriter out;
  out.text(kRecordVersion);
  out.text(definition.name.schema);
  out.text(definition.name.table);
  out.number(static_cast<std::uint64_t>(definition.kind));
  out.text(definition.engine);
  out.text(definition.charset);
  out.text(definition.collation);
  out.number(definition.partitioned ? 1 : 0);
  out.number(definition.columns.size());
  for (const DefinedColumn& column : definition.columns) write_column(out, column);
  out.number(definition.keys.size());
  for (const DefinedKey& key : definition.keys) write_key(out, key);
  out.number(record.referenced.size());
  for (const std::vector<std::string>& columns : record.referenced) {
    out.number(columns.size());
    for (const std::string& column : columns) out.text(column);
  }
  out.text(record.ids);
  return out.take();
}

absl::StatusOr<CaptureRecord> parse_definition_record(std::string_view text) {
  StoredFields in(text);
  CaptureRecord record;
  if (in.text() != kRecordVersion) return absl::InternalError("a definition in `captured` is of another version");
  TableDefinition& definition = record.definition;
  definition.name.schema = in.text();
  definition.name.table = in.text();
  definition.kind = static_cast<TableDefinition::Kind>(in.number() % 4);
  definition.engine = in.text();
  definition.charset = in.text();
  definition.collation = in.text();
  definition.partitioned = in.flag();
  for (std::size_t i = in.count(); i > 0 && in.ok(); --i) definition.columns.push_back(read_column(in));
  for (std::size_t i = in.count(); i > 0 && in.ok(); --i) definition.keys.push_back(read_key(in));
  for (std::size_t i = in.count(); i > 0 && in.ok(); --i) {
    std::vector<std::string> columns;
    for (std::size_t k = in.count(); k > 0 && in.ok(); --k) columns.emplace_back(in.text());
    record.referenced.push_back(std::move(columns));
  }
  record.ids = in.text();
  if (!in.ok() || !in.at_end()) return absl::InternalError("a definition in `captured` cannot be read");
  return record;
}

}  // namespace crossfade::dualwrite
