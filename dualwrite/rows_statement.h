// Row changes as what a follower executes: BINLOG statements, or SQL by key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

// Builds `BINLOG '<base64>\n<base64>...'` of groups, each a statement to the follower: first the TABLE_MAP of each of
// its tables, then its rows events in the order they were added, of which the last has STMT_END (a rows event whose map
// comes after other rows is skipped by both makes without a word). A server opens the tables of a group once. All of
// its events have the same flags about checks: servers look at the first one's. Version 2 rows events. Rows events of
// more than one row are split where the statement would pass `statement_bytes_max`; a single row that is larger goes
// alone, and the caller sees statement.size().
class BinlogStatement {
 public:
  explicit BinlogStatement(std::size_t statement_bytes_max) : bytes_max_(statement_bytes_max) {}
  // mapping.by is `events`. The foreign-key rule: kRowsSqlLayerForeignKeys on the leader's event sets
  // kRowsNoForeignKeyChecks; otherwise the event's own flags 2 and 4 are kept.
  absl::Status add(const RowsChange& change, const TableMapping& mapping);
  bool empty() const { return open_.empty() && last_.empty() && done_.empty(); }
  // Statements that are complete; more than one only where the limit was passed. Begins anew.
  std::vector<std::string> take();

 private:
  absl::Status add_rows(const RowsChange& change, Bytes images, const TableMapping& mapping);
  std::uint64_t table_id(const TableMapping& mapping);
  void end_event();
  void end_group();
  void close();

  std::size_t bytes_max_;
  std::string open_;  // groups that are complete, of a statement that is not
  // The group being built: events in base64, and the last one, whose flags are not settled.
  std::map<Buffer, std::uint64_t> table_ids_;  // by TABLE_MAP
  std::string maps_;
  std::string rows_;
  Buffer last_;
  std::uint16_t flags_ = 0;
  std::vector<std::string> done_;
};

// `BINLOG '<format description>'`, once per connection before anything else: from the follower's own
// FORMAT_DESCRIPTION event as its dump shows it (lab: length kept, checksum algorithm set to 0, flags to 0).
absl::StatusOr<std::string> binlog_preamble(Bytes format_description_event);

// For RowStatement::affected: nothing is expected.
inline constexpr std::uint64_t kAnyAffected = ~std::uint64_t{0};

// One statement per row change. Its session is set up by sql_session(): not strict about dates and zeros, UTC.
struct RowStatement {
  std::string sql;
  std::uint64_t affected = 1;  // with CLIENT_FOUND_ROWS; anything else is a divergence, but for kAnyAffected
  bool no_foreign_key_checks = false;
};
std::string sql_session(bool follower_is_mariadb);
// Of update and delete the WHERE names the key and compares every column's before image, so that a row which is not as
// it was on the leader is not found. Text as bytes in the column's own character set, FLOAT and DOUBLE with all digits,
// JSON by value. A value the follower cannot hold exactly (a JSON number past a double, duplicate keys of a JSON
// object, ...) is an error (OutOfRange) that names the column and the reason, never the value. LIMIT 1 where there is
// no key.
absl::StatusOr<std::vector<RowStatement>> row_statements(const RowsChange& change, const TableMapping& mapping);
// The follower's row is made what the leader's is, whatever it was: for `on_divergence: overwrite`. Rows that hold a
// unique key of the after image are removed first, without what hangs on them.
absl::StatusOr<std::vector<RowStatement>> overwriting_statements(const RowsChange& change, const TableMapping& mapping);
// Rows that are to be there: images before of updates and deletes, images after of inserts. Many rows a statement, of
// at most `bytes_max` unless a single row is larger. `keep`: a row of the follower that has a key of such a row is that
// row and stays as it is; `overwrite`: it becomes that row.
enum class PutRows : std::uint8_t { keep, overwrite };
absl::StatusOr<std::vector<RowStatement>> put_statements(const RowsChange& change, const TableMapping& mapping,
                                                         PutRows how, std::size_t bytes_max);
// `SELECT COUNT(*) ..` that gives 1 where the follower's row is the before image of row `index`: the sample that is
// read back in front of BINLOG. An insert has none: "". To be run under sql_session(): MySQL
// refuses to compare zero dates otherwise.
absl::StatusOr<std::string> check_statement(const RowsChange& change, std::size_t index, const TableMapping& mapping);

// What the ledger and logs say of a row: its key as text ("id=42", or a hash if values may not be shown) and a hash
// of its image.
struct RowIdentity {
  std::string key;
  std::string before_hash;  // 16 hex digits of XXH3-64; empty: there is none
  std::string after_hash;
};
enum class ShowValues : std::uint8_t { hashed, plaintext };
absl::StatusOr<RowIdentity> identify_row(const RowsChange& change, std::size_t index, const TableMapping& mapping,
                                         ShowValues values);
// How many rows a change has; an update's two images are one.
absl::StatusOr<std::size_t> count_rows(const RowsChange& change);
// The change with that one row only.
absl::StatusOr<RowsChange> single_row(const RowsChange& change, std::size_t index);

}  // namespace crossfade::dualwrite
