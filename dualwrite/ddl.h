// Statements that a leader's log has as text: what they are, what they touch, and how the follower says the same.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/log_event.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

enum class LoggedKind : std::uint8_t {
  definition,  // CREATE, ALTER, DROP, RENAME, TRUNCATE of tables, schemas, indexes, views, routines, sequences
  harmless,    // changes nothing that travels: ANALYZE, OPTIMIZE, FLUSH, comments, temporary tables
  people,      // accounts, roles, SET GLOBAL / PASSWORD, servers, plugins: left to people, and said
  trigger,     // CREATE or DROP TRIGGER, EVENT: not made on the follower
  data,        // INSERT, UPDATE, DELETE, ...: logged as a statement, which cannot be followed; the feed stops
  unknown      // not understood: the feed stops
};

struct DdlAnalysis {
  LoggedKind kind = LoggedKind::unknown;
  std::string verb;  // "ALTER TABLE", for logs: never literals
  // Created, altered, dropped, renamed from and to; with the default schema filled in. Of what is harmless those that
  // are rebuilt.
  std::vector<TableRef> tables;
  std::vector<TableRef> depends_on{};  // LIKE, REFERENCES: what these tables are like decides what the statement does
  std::vector<std::string> schemas;    // CREATE / DROP / ALTER DATABASE
  bool whole_schema = false;           // DROP DATABASE: every table of `schemas`
  std::string routine_schema{};        // CREATE / ALTER / DROP PROCEDURE, FUNCTION, PACKAGE: where it is
  bool replaces_rows = false;          // TRUNCATE, DROP: rows of `tables` are gone
  // Whoever sees the definitions only, afterwards, does not see what became of the rows: besides these RENAME, and
  // ALTER that adds, changes or converts columns or exchanges partitions.
  bool changes_rows = false;
  // Its text is too long, or cannot be cut into words from some place on. What is said here is what stands before that:
  // a definition is then of these tables, and what it does to them is not known.
  bool is_broken = false;
  bool swaps_names = false;  // RENAME: the same names may be there before and after it
  // Whatever had stopped of `tables`, views and sequences too, is gone.
  bool drops_tables() const { return verb == "DROP TABLE" || verb == "DROP VIEW" || verb == "DROP SEQUENCE"; }
};
DdlAnalysis analyze_ddl(const LoggedStatement& statement, bool leader_is_mariadb);

// What the text does not say and its meaning depends on.
struct DdlContext {
  // The leader's default collation of the schema that a table is made in. Empty: not known; the follower's schema must
  // then have the counterpart of the leader's.
  std::string schema_collation;
  // The follower's definitions before the statement. They decide what MariaDB's IF [NOT] EXISTS of columns and keys
  // comes to, which MySQL does not have; nullptr: such a clause is refused.
  const std::map<TableRef, TableDefinition>* follower = nullptr;
  // Columns, in lower case, that later statements make unique: their collations must not fold more than the leader's.
  std::set<std::string> unique_columns{};
};

// The statements to run on the follower, in order, in the statement's own default schema and under the session that
// follower_session() gives; none where the follower has nothing to do. Between makes types, collations, character
// sets, JSON, defaults, options (ROW_FORMAT, PAGE_COMPRESSED, ENGINE=Aria, ALGORITHM, LOCK, WAIT, ONLINE), IF EXISTS
// forms and executable comments are translated; what has no counterpart is an error (Unimplemented) that says what,
// why and what to do, and has no literal of the statement in it. Within one make the text is kept as it is but for
// what the follower must not repeat (CREATE TABLE .. SELECT becomes the CREATE alone: its rows travel as rows).
// A DEFINER is kept as written: without it the object would run with the rights of the applier's own account. If the
// follower does not have that account, or the applier may not name it, the follower refuses the statement.
absl::StatusOr<std::vector<std::string>> translate_ddl(const LoggedStatement& statement, ServerMakes makes,
                                                       const DdlContext& context = {});
// SET statements so that the text means on the follower what it meant on the leader (sql_mode, character sets,
// foreign_key_checks, explicit_defaults_for_timestamp, default collations), and gives rows the same values (clock, time
// zone, steps of AUTO_INCREMENT). A zone of the name SYSTEM is each server's own: the caller says what the leader's is.
std::vector<std::string> follower_session(const LoggedStatement& statement, ServerMakes makes);
// The names of a logged sql_mode's bits, of the make that logged it.
std::string sql_mode_text(std::uint64_t bits, bool mariadb);
// The inverse; names of combinations add nothing, since the server spells out their parts, too.
std::uint64_t sql_mode_bits(std::string_view text, bool mariadb);

// CREATE statements for a table as `definition` says, for a server of the other or the same make: for a table that is
// missing on the follower. Secondary indexes and foreign keys apart, so that they can come after a load.
struct NamedStatement {
  std::string name;  // the key's
  std::string sql;
};
struct CreateStatements {
  std::string table;                         // CREATE TABLE with columns, primary key and checks
  std::vector<NamedStatement> indexes;       // ALTER TABLE .. ADD KEY ..
  std::vector<NamedStatement> foreign_keys;  // ALTER TABLE .. ADD CONSTRAINT ..
};
absl::StatusOr<CreateStatements> create_statements(const TableDefinition& definition, ServerMakes makes);
// For one column that a table of the follower lacks, in the leader's place: ALTER TABLE .. ADD COLUMN ..
absl::StatusOr<std::string> add_column_statement(const TableDefinition& definition, const DefinedColumn& column,
                                                 ServerMakes makes);

}  // namespace crossfade::dualwrite
