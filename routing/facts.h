// What a statement is: facts, never a decision. `classify` alone fills them, `make_plan` alone draws
// conclusions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::routing {

enum class StatementKind : std::uint8_t {
  empty,   // nothing but blanks and comments
  select,  // SELECT, TABLE t, VALUES ROW(), WITH ... SELECT, parenthesised selects
  insert,
  replace,
  update,
  delete_,
  show,
  describe,
  explain,
  set,  // SET variables, SET NAMES, SET CHARACTER SET
  set_transaction,
  use,
  begin,  // BEGIN [WORK], START TRANSACTION
  commit,
  rollback,
  savepoint,
  release_savepoint,
  rollback_to_savepoint,
  do_,
  ddl,      // CREATE, ALTER, DROP, TRUNCATE, RENAME
  account,  // GRANT, REVOKE, CREATE/ALTER/DROP USER, SET PASSWORD, SET ROLE
  call,
  load_data,
  lock_tables,
  unlock_tables,
  prepare,
  execute,
  deallocate,  // prepared statements by SQL
  xa,
  handler,
  kill,
  diagnostics,  // GET DIAGNOSTICS, SIGNAL, RESIGNAL
  admin,        // ANALYZE, CHECK, OPTIMIZE, REPAIR, CHECKSUM, FLUSH, RESET, CACHE INDEX, INSTALL, ...
  unknown,
};
std::string_view name(StatementKind kind);

enum class Fact : std::uint32_t {
  reads_only = 1u << 0,       // known to change nothing: not rows, not session, not locks
  locks_rows = 1u << 1,       // FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE
  multi_statement = 1u << 2,  // more than one statement in the text
  time_dependent = 1u << 3,  // NOW(), CURDATE(), CURRENT_TIMESTAMP, UTC_*(), UNIX_TIMESTAMP() ...: follow SET TIMESTAMP
  random = 1u << 4,          // RAND(): follows the seeds
  unrepeatable =
      1u << 5,  // UUID(), SYSDATE(), CONNECTION_ID(), USER(), VERSION(), NEXTVAL, SLEEP, ...: follows nothing
  user_variable = 1u << 6,          // mentions @x
  assigns_user_variable = 1u << 7,  // := or INTO @x or SET @x
  last_insert_id = 1u << 8,         // LAST_INSERT_ID(), @@last_insert_id, @@identity
  sets_last_insert_id = 1u << 9,    // LAST_INSERT_ID(expr), SET last_insert_id / identity
  row_count = 1u << 10,             // ROW_COUNT()
  found_rows = 1u << 11,            // FOUND_ROWS(), SQL_CALC_FOUND_ROWS
  warnings = 1u << 12,   // SHOW WARNINGS / ERRORS / COUNT(*) WARNINGS, @@warning_count, @@error_count, GET DIAGNOSTICS
  user_lock = 1u << 13,  // GET_LOCK(), RELEASE_LOCK(), IS_FREE_LOCK() ...
  into = 1u << 14,       // SELECT ... INTO OUTFILE / DUMPFILE / @x
  subquery = 1u << 15,   // a SELECT inside
  order_by = 1u << 16,   // at the top level
  limit = 1u << 17,
  session_status = 1u << 18,      // reads what only this session's server knows: @@variables, SHOW
                                  // STATUS/VARIABLES/PROCESSLIST, DATABASE(), CONNECTION_ID()...
  unknown_function = 1u << 19,    // calls a function that is not a known built-in: it could write
  placeholder = 1u << 20,         // has ?
  unparseable = 1u << 21,         // the tokenizer met an error
  temporary_table = 1u << 22,     // CREATE/DROP TEMPORARY TABLE
  executable_comment = 1u << 23,  // has /*! */ or /*M! */
  schema_change = 1u << 24,       // of several statements: at least one may change definitions, or rebuild tables
  hides_writes = 1u << 29,        // sets a variable that keeps writes, or parts of them, out of the row log
};

class Facts {
 public:
  constexpr bool has(Fact fact) const { return (bits_ & static_cast<std::uint32_t>(fact)) != 0; }
  constexpr void add(Fact fact) { bits_ |= static_cast<std::uint32_t>(fact); }
  constexpr void remove(Fact fact) { bits_ &= ~static_cast<std::uint32_t>(fact); }
  friend constexpr bool operator==(Facts, Facts) = default;

 private:
  std::uint32_t bits_ = 0;
};

// What a statement does to user locks for sure; RELEASE_LOCK() may leave others held.
enum class UserLocks : std::uint8_t { leaves, takes, releases_all };

struct TableName {
  std::string schema;  // empty: the session's
  std::string table;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

// What a statement does to tables themselves; `none` also for what is not understood to its last name.
enum class TableVerb : std::uint8_t {
  none,
  create_temporary,
  drop,
  drop_temporary,  // DROP TEMPORARY TABLE
  alter,
  truncate,
  index,   // CREATE or DROP INDEX
  rename,  // RENAME TABLE
  lock_read,
  lock_write,  // LOCK TABLES with at least one WRITE
  handler_open,
  handler_read,
  handler_close,
};

struct StatementFacts {
  StatementKind kind = StatementKind::unknown;
  Facts facts;
  std::vector<TableName> tables;  // named after FROM, JOIN, INTO, UPDATE; best effort for reads
  TableVerb verb = TableVerb::none;
  // What it is done to; of INSERT, REPLACE and of UPDATE and DELETE of one table: that table. Complete or
  // empty. Of HANDLER: the name it is known by. Of CALL: the procedure.
  std::vector<TableName> targets;
  std::vector<TableName> renamed;  // ALTER TABLE ... RENAME: the new name
  std::string name;                // of the savepoint; of the schema in USE; "recover" of XA RECOVER
  // COMMIT and ROLLBACK: AND [NO] CHAIN, [NO] RELEASE; nullopt where @@completion_type decides.
  std::optional<bool> chain;
  std::optional<bool> release;
  // SET: names as written, lower case, without scope ("sql_mode"); "names" for SET NAMES.
  std::vector<std::string> variables;
  bool sets_global = false;  // SET GLOBAL / PERSIST
  // SET STATEMENT .. FOR: the names, lower case. Everything else here is of the statement behind FOR.
  std::vector<std::string> prefix_variables;
  UserLocks user_locks = UserLocks::leaves;
  // From a comment `/* crossfade: tenant=42, canary=1 */` (first comment of the text).
  std::map<std::string, std::string> hints;
  std::uint64_t digest = 0;  // XXH3-64 of the statement without literals, see digest.h
};

}  // namespace crossfade::routing
