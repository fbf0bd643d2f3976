#include "dualwrite/inline/outbox.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "absl/status/status.h"
#include "dualwrite/log_control.h"
#include "dualwrite/session_text.h"

namespace crossfade::dualwrite {
namespace {

using protocol::as_bytes;

std::string table(std::string_view schema, std::string_view name) {
  return quote_name(schema) + ".`" + std::string(name) + "`";
}

std::string literal(Bytes bytes) { return bytes.empty() ? std::string("''") : "0x" + hex(bytes); }
std::string literal(const EntryKey& key) { return "0x" + hex(key.bytes); }

std::string key_list(const std::vector<EntryKey>& keys) {
  std::string out;
  for (const EntryKey& key : keys) out += (out.empty() ? "" : ",") + literal(key);
  return out;
}

std::string outbox_insert(std::string_view schema, std::string_view values) {
  return "INSERT INTO " + table(schema, "outbox") +
         "(`epoch`,`entry_key`,`part`,`parts`,`affected`,`insert_id`,`at`,`payload`) VALUES(" + std::string(values) +
         ")";
}

// The tail of a client's statement that would make an empty statement in a packet of several.
std::string_view without_tail(std::string_view statement) {
  const std::size_t last = statement.find_last_not_of("; \t\r\n\f\v");
  return last == std::string_view::npos ? std::string_view{} : statement.substr(0, last + 1);
}

constexpr std::string_view kOutboxColumns =
    "SELECT `id`,`epoch`,HEX(`entry_key`),`part`,`parts`,`affected`,`insert_id`,`at`,`payload` FROM ";

template <typename Number>
bool parse_number(const std::optional<std::string>& cell, Number& out) {
  if (!cell || cell->empty()) return false;
  const char* end = cell->data() + cell->size();
  const auto result = std::from_chars(cell->data(), end, out);
  return result.ec == std::errc{} && result.ptr == end;
}

template <typename Number>
bool parse_number(const std::optional<std::string>& cell, std::optional<Number>& out) {
  if (!cell) return true;
  Number number = 0;
  if (!parse_number(cell, number)) return false;
  out = number;
  return true;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A name for a utf8mb4 column of `characters_max`: what is not ASCII becomes '?', because it may be
// in any character set and the row must be written in any case.
std::string ledger_text(std::string_view text, std::size_t characters_max) {
  std::string out(text.substr(0, characters_max));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7e; }, '?');
  return out;
}

}  // namespace

std::optional<EntryKey> parse_key(std::string_view text) {
  EntryKey key;
  if (text.size() != key.bytes.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    const int high = nibble(text[2 * i]);
    const int low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return key;
}

std::vector<std::string> setup_statements(std::string_view schema) {
  const std::string engine = ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
  const std::string create = "CREATE TABLE IF NOT EXISTS ";
  return {
      "CREATE SCHEMA IF NOT EXISTS " + quote_name(schema) + " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
      create + table(schema, "fence") +
          "(`epoch` BIGINT UNSIGNED NOT NULL PRIMARY KEY,"
          "`leader` VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL" +
          engine,
      create + table(schema, "outbox") +
          "(`id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,`epoch` BIGINT UNSIGNED NOT NULL,"
          "`entry_key` BINARY(16) NOT NULL,`part` SMALLINT UNSIGNED NOT NULL,`parts` SMALLINT UNSIGNED NOT NULL,"
          "`affected` BIGINT NULL,`insert_id` BIGINT UNSIGNED NULL,`at` DECIMAL(20,6) NULL,"
          "`payload` LONGBLOB NOT NULL,KEY `epoch`(`epoch`),FOREIGN KEY(`epoch`) REFERENCES " +
          table(schema, "fence") + "(`epoch`) ON DELETE RESTRICT ON UPDATE RESTRICT" + engine,
      create + table(schema, "applied") +
          "(`entry_key` BINARY(16) NOT NULL PRIMARY KEY,`id` BIGINT UNSIGNED NOT NULL,"
          "`applied_at` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,KEY `applied_at`(`applied_at`)" +
          engine,
      create + table(schema, "applier") +
          "(`id` TINYINT UNSIGNED NOT NULL PRIMARY KEY,`owner` BINARY(16) NOT NULL,"
          "`claimed_at` TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),`beats` BIGINT UNSIGNED NOT NULL" +
          engine,
      ledger_table(schema),
      "INSERT IGNORE INTO " + table(schema, "fence") +
          "(`epoch`,`leader`) SELECT 1,0x6f6c64 FROM (SELECT COUNT(*) AS `rows_now` FROM " + table(schema, "fence") +
          ") AS `seen` WHERE `seen`.`rows_now`=0",
  };
}

std::string grant_statement(std::string_view schema, std::string_view user, std::string_view host) {
  return "GRANT INSERT ON " + table(schema, "outbox") + " TO " + quote_name(user) + "@" + quote_name(host);
}

std::size_t row_payload_max(std::uint64_t packet_bytes_max) {
  // A byte is two digits. Around them: names, key and time, and what is sent in the same packet.
  constexpr std::uint64_t kAroundBytes = 640;
  constexpr std::uint64_t kLeastBytes = 64;
  const std::uint64_t most = std::max(packet_bytes_max, kAroundBytes + 2 * kLeastBytes) - kAroundBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(most / 2, kRowPayloadBytesMax));
}

std::vector<std::string> record_statements(std::string_view schema, std::uint64_t epoch, const EntryKey& key,
                                           Bytes payload, std::size_t row_bytes_max) {
  const std::size_t parts = std::max<std::size_t>(1, (payload.size() + row_bytes_max - 1) / row_bytes_max);
  if (parts > std::numeric_limits<std::uint16_t>::max()) return {};
  std::vector<std::string> out;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * row_bytes_max;
    const Bytes piece = payload.subspan(begin, std::min(row_bytes_max, payload.size() - begin));
    out.push_back(outbox_insert(schema, std::to_string(epoch) + "," + literal(key) + "," + std::to_string(part) + "," +
                                            std::to_string(parts) + ",NULL,NULL,@@timestamp," + literal(piece)));
  }
  return out;
}

std::string set_timestamp_and_seeds(bool freeze_time, const std::optional<RandSeeds>& seeds) {
  if (!freeze_time && !seeds) return "";
  std::string out = "SET ";
  if (freeze_time) out += "timestamp=@@timestamp";
  if (seeds) {
    out += freeze_time ? "," : "";
    out += "rand_seed1=" + std::to_string(seeds->seed1) + ",rand_seed2=" + std::to_string(seeds->seed2);
  }
  return out;
}

std::optional<WrappedWrite> wrap_autocommit(std::string_view statement, Bytes payload, const WrapOptions& options) {
  statement = without_tail(statement);
  if (statement.empty() || payload.size() > kRowPayloadBytesMax) return std::nullopt;
  WrappedWrite out;
  const std::string prefix = set_timestamp_and_seeds(options.freeze_time, options.seeds);
  out.sql.reserve(statement.size() + 2 * payload.size() + 400);
  if (!prefix.empty()) out.sql += prefix + ";";
  out.results_before = prefix.empty() ? 1 : 2;
  out.sql += "START TRANSACTION;";
  out.sql += statement;
  // The line break ends a comment that the statement may end with. SHOW WARNINGS sets ROW_COUNT() to
  // -1, GET DIAGNOSTICS leaves the warnings alone: hence this order.
  out.sql += "\n;GET DIAGNOSTICS @crossfade_rows=ROW_COUNT;SHOW WARNINGS;";
  out.sql += outbox_insert(options.schema, std::to_string(options.epoch) + "," + literal(options.key) +
                                               ",0,1,@crossfade_rows,LAST_INSERT_ID(),@@timestamp," + literal(payload));
  out.sql += ";" + std::string(kCommit);
  out.results_after = 4;
  if (options.freeze_time) {
    out.sql += ";" + std::string(kResetTimestamp);
    out.results_after_commit = 1;
    out.results_after += 1;
  }
  return out;
}

std::string read_outbox(std::string_view schema, std::uint32_t limit) {
  return std::string(kOutboxColumns) + table(schema, "outbox") + " ORDER BY `id` LIMIT " + std::to_string(limit);
}

std::string read_outbox_of(std::string_view schema, const std::vector<EntryKey>& keys) {
  return std::string(kOutboxColumns) + table(schema, "outbox") + " WHERE " +
         (keys.empty() ? std::string("FALSE") : "`entry_key` IN (" + key_list(keys) + ")") + " ORDER BY `id`";
}

absl::StatusOr<OutboxRow> decode_outbox_row(const std::vector<std::optional<std::string>>& cells) {
  if (cells.size() != 9) return absl::InvalidArgumentError("outbox row: not 9 columns");
  OutboxRow row;
  if (!parse_number(cells[0], row.id)) return absl::InvalidArgumentError("outbox row: bad id");
  const std::string prefix = "outbox row " + std::to_string(row.id) + ": ";
  if (!parse_number(cells[1], row.epoch)) return absl::InvalidArgumentError(prefix + "bad epoch");
  const std::optional<EntryKey> key = cells[2] ? parse_key(*cells[2]) : std::nullopt;
  if (!key) return absl::InvalidArgumentError(prefix + "bad entry key");
  row.key = *key;
  if (!parse_number(cells[3], row.part) || !parse_number(cells[4], row.parts) || row.part >= row.parts) {
    return absl::InvalidArgumentError(prefix + "bad part");
  }
  if (!parse_number(cells[5], row.affected) || !parse_number(cells[6], row.insert_id)) {
    return absl::InvalidArgumentError(prefix + "bad outcome");
  }
  if (cells[7] && !is_number_text(*cells[7])) return absl::InvalidArgumentError(prefix + "bad time");
  row.at = cells[7];
  if (!cells[8]) return absl::InvalidArgumentError(prefix + "no payload");
  const Bytes payload = as_bytes(*cells[8]);
  row.payload.assign(payload.begin(), payload.end());
  return row;
}

std::string lag_query(std::string_view schema) {
  const std::string outbox = table(schema, "outbox");
  return "SELECT COUNT(*),COALESCE(SUM(LENGTH(`payload`)),0),GREATEST(0,UNIX_TIMESTAMP(SYSDATE(6))-(SELECT `at` FROM " +
         outbox + " ORDER BY `id` LIMIT 1)) FROM " + outbox;
}

std::string insert_applied(std::string_view schema, const std::vector<std::pair<std::uint64_t, EntryKey>>& entries) {
  std::string out = "INSERT INTO " + table(schema, "applied") + "(`entry_key`,`id`) VALUES";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    out += (i == 0 ? "(" : ",(") + literal(entries[i].second) + "," + std::to_string(entries[i].first) + ")";
  }
  return out;
}

std::string select_applied(std::string_view schema, const std::vector<EntryKey>& keys) {
  return "SELECT HEX(`entry_key`) FROM " + table(schema, "applied") + " WHERE " +
         (keys.empty() ? std::string("FALSE") : "`entry_key` IN (" + key_list(keys) + ")");
}

std::string delete_entry(std::string_view schema, const EntryKey& key) {
  return "DELETE FROM " + table(schema, "outbox") + " WHERE `entry_key`=" + literal(key);
}

std::string delete_outbox(std::string_view schema, const std::vector<std::uint64_t>& ids) {
  std::string out = "DELETE FROM " + table(schema, "outbox") + " WHERE ";
  if (ids.empty()) return out + "FALSE";
  out += "`id` IN (";
  for (std::size_t i = 0; i < ids.size(); ++i) out += (i == 0 ? "" : ",") + std::to_string(ids[i]);
  return out + ")";
}

std::string prune_applied(std::string_view schema, std::uint32_t seconds, std::uint32_t limit) {
  return "DELETE FROM " + table(schema, "applied") + " WHERE `applied_at`<CURRENT_TIMESTAMP-INTERVAL " +
         std::to_string(seconds) + " SECOND ORDER BY `applied_at` LIMIT " + std::to_string(limit);
}

std::string claim_applier(std::string_view schema, const EntryKey& owner) {
  const std::string key = literal(owner);
  return "INSERT INTO " + table(schema, "applier") + "(`id`,`owner`,`claimed_at`,`beats`) VALUES(1," + key +
         ",CURRENT_TIMESTAMP(6),0) ON DUPLICATE KEY UPDATE `owner`=" + key +
         ",`claimed_at`=CURRENT_TIMESTAMP(6),`beats`=`beats`+1";
}

std::string touch_applier(std::string_view schema, const EntryKey& owner) {
  return "UPDATE " + table(schema, "applier") + " SET `beats`=`beats`+1 WHERE `id`=1 AND `owner`=" + literal(owner);
}

std::string insert_ledger(std::string_view schema, const EntryKey& key, const TableRef& table_ref,
                          std::string_view what, std::int64_t leader_affected, std::int64_t follower_affected) {
  const auto text = [](std::string_view value, std::size_t characters_max) {
    return literal(as_bytes(ledger_text(value, characters_max)));
  };
  return "INSERT INTO " + table(schema, "ledger") +
         "(`entry_key`,`table_schema`,`table_name`,`what`,`leader_affected`,`follower_affected`) VALUES(" +
         literal(key) + "," + text(table_ref.schema, 64) + "," + text(table_ref.table, 64) + "," + text(what, 255) +
         "," + std::to_string(leader_affected) + "," + std::to_string(follower_affected) + ")";
}

}  // namespace crossfade::dualwrite
