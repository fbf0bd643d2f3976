// A table's definition as a server's information_schema tells it: one model for both makes, for the mapping of rows,
// the comparison of both sides and the translation of DDL. Read by proxy/, which sends `definition_queries`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

struct DefinedColumn {
  std::string name;         // as the server spells it
  std::string data_type;    // information_schema.COLUMNS.DATA_TYPE, lower case: "varchar", "json"
  std::string column_type;  // COLUMN_TYPE: "varchar(20)", "int(11) unsigned", "enum('a','b')"
  std::string charset;      // empty: not a text
  std::string collation;
  bool nullable = true;
  bool is_unsigned = false;
  bool json = false;                       // of either make: MariaDB's is LONGTEXT utf8mb4_bin CHECK (json_valid(..))
  std::optional<std::uint64_t> length;     // characters of texts, bytes of binaries
  std::optional<std::uint32_t> precision;  // of numbers
  std::optional<std::uint32_t> scale;      // of DECIMAL
  std::optional<std::uint32_t> fraction;   // digits of seconds of temporal types
  // As the server prints it: MariaDB quotes texts, MySQL does not; nullopt: none, or NULL.
  std::optional<std::string> default_value;
  bool default_is_expression = false;  // CURRENT_TIMESTAMP is one too
  bool auto_increment = false;
  bool on_update_now = false;
  enum class Generated : std::uint8_t { no, virtual_, stored } generated = Generated::no;
  std::string generation_expression;
  bool invisible = false;
  std::string comment{};
  friend bool operator==(const DefinedColumn&, const DefinedColumn&) = default;
};

struct DefinedKey {
  std::string name;  // "PRIMARY"
  bool unique = false;
  struct Part {
    std::string column;  // empty: an expression
    std::optional<std::uint32_t> prefix;
    bool descending = false;
    std::string expression;
    friend bool operator==(const Part&, const Part&) = default;
  };
  std::vector<Part> parts;
  std::string type;  // "BTREE", "HASH", "FULLTEXT", "SPATIAL"
  friend bool operator==(const DefinedKey&, const DefinedKey&) = default;
};

struct DefinedForeignKey {
  std::string name;
  std::vector<std::string> columns;
  TableRef parent;
  std::vector<std::string> parent_columns;
  std::string on_update;  // "RESTRICT", "NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT"
  std::string on_delete;
  friend bool operator==(const DefinedForeignKey&, const DefinedForeignKey&) = default;
};

struct DefinedCheck {
  std::string name;
  std::string clause;
  friend bool operator==(const DefinedCheck&, const DefinedCheck&) = default;
};

struct TableDefinition {
  TableRef name;
  enum class Kind : std::uint8_t { table, view, sequence, system_versioned } kind = Kind::table;
  std::string engine;  // "InnoDB"
  std::string charset;
  std::string collation;
  bool partitioned = false;
  std::string comment{};
  std::vector<DefinedColumn> columns;  // in ordinal order, invisible ones too
  std::vector<DefinedKey> keys;        // PRIMARY first if there is one
  std::vector<DefinedForeignKey> foreign_keys;
  std::vector<DefinedCheck> checks;   // without MariaDB's json_valid of JSON columns
  std::vector<std::string> triggers;  // names
  std::uint64_t rows_estimate = 0;    // TABLE_ROWS; not part of a comparison
  std::uint64_t bytes_estimate = 0;   // DATA_LENGTH; not part of a comparison
  // Names compare without case.
  const DefinedColumn* column(std::string_view column_name) const;
  const DefinedKey* primary_key() const;
  friend bool operator==(const TableDefinition&, const TableDefinition&) = default;
};

// Which tables to read.
struct DefinitionScope {
  std::vector<TableRef> tables;  // empty: all but the servers' own schemas and `excluded`
  std::vector<std::string> excluded_schemas;
};
// The queries, in order, whose results `definitions_from` takes; the same for every table of the scope, so that a
// whole server costs a handful of queries. They force binary comparison of names and do not depend on sql_mode. The
// connection's character set should be utf8mb4.
std::vector<std::string> definition_queries(const DefinitionScope& scope, bool mariadb);
absl::StatusOr<std::map<TableRef, TableDefinition>> definitions_from(const std::vector<protocol::ResultSet>& results,
                                                                     bool mariadb);

}  // namespace crossfade::dualwrite
