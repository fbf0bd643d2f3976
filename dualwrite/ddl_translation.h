// One statement on its way from one make to the other: its tokens, what is known besides, and why it cannot be said.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "dualwrite/ddl.h"
#include "dualwrite/ddl_head.h"
#include "dualwrite/ddl_text.h"
#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

struct Translation {
  DdlText& text;
  ServerMakes makes;
  const DdlContext& context;
  bool utf8mb4_connection = false;
  absl::Status refused = absl::OkStatus();  // the first reason counts
  TableRef in_hand{};                       // that is made or altered
  // Towards MariaDB: the names that MySQL gives to checks without one, which a later statement may name.
  struct GivenNames {
    std::string table;
    std::size_t last = 0;
  } given{};

  bool to_mysql() const { return makes.leader_is_mariadb; }
  // Unimplemented: `what` has no counterpart, and what to do.
  void refuse(const std::string& what);
  void quote(std::size_t at);  // a name that may be reserved on the other side
  void quote_table(std::size_t at);
  std::string next_given_name();  // "`orders_chk_1`"
  // The follower's table before this statement; nullptr: not known.
  const TableDefinition* follower(const TableRef& table) const;
};

// What the clauses of a table share.
struct TableInHand {
  TableRef name;
  std::string collation;                 // the leader's of columns that name none; empty: not known
  std::set<std::string> unique_columns;  // lower case: of the unique keys that this statement makes
  std::string_view another = ", ";       // what stands between a column and a constraint: of ALTER ", ADD "
};

// A column's definition: [from, to), the name first. `position`: FIRST or AFTER may follow.
void translate_column(Translation& on, const TableInHand& table, std::size_t from, std::size_t to);
// Is [from, to) of CREATE or ADD a key or a constraint, and no column?
bool is_key(const DdlText& text, std::size_t from);
// [CONSTRAINT [name]] PRIMARY KEY | UNIQUE | KEY | INDEX | FULLTEXT | SPATIAL | FOREIGN KEY | CHECK ..
void translate_key(Translation& on, std::size_t from, std::size_t to);
// Has this key a part that is an expression, and is the follower's make without them? It is left out there: what rows
// are is the same, and a comparison of definitions tells of it.
bool is_left_out(const Translation& on, std::size_t from, std::size_t to);
// The parenthesis of the columns at `open`, and the options behind it.
void translate_key_parts(Translation& on, std::size_t open, std::size_t to);
// The columns of a key, lower case, if it is unique.
void collect_unique(const DdlText& text, std::size_t from, std::size_t to, std::set<std::string>& into);

// ENGINE, CHARSET, ROW_FORMAT, ...: [from, to), of CREATE TABLE or of one item of ALTER TABLE.
void translate_options(Translation& on, std::size_t from, std::size_t to);
// The collation that the options say, as the leader means it: DEFAULT is the character set's own; empty: they say none.
std::string option_collation(const DdlText& text, std::size_t from, std::size_t to, const Translation& on);

// Behind the name.
void translate_create_table(Translation& on, TableInHand table, std::size_t at);
void translate_alter_table(Translation& on, TableInHand table, std::size_t at);

// COLLATE, CHARACTER SET and introducers, wherever they stand. CHARSET may be a name as well, of a column or a
// variable.
void translate_character_sets(Translation& on, const DdlHead& head);
// MySQL's document -> '$.path' and ->>, which MariaDB does not know.
void translate_json_arrows(Translation& on);

// CURRENT_TIMESTAMP and the like, which are called without parentheses.
bool is_bare_function(const DdlText& text, std::size_t at);

}  // namespace crossfade::dualwrite
