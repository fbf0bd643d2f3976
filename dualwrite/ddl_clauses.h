// What an ALTER TABLE, or CREATE and DROP INDEX, does piece by piece.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dualwrite/ddl_text.h"
#include "dualwrite/log_event.h"

namespace crossfade::dualwrite {

enum class ClauseKind : std::uint8_t {
  add_column,
  drop_column,
  change_column,  // MODIFY; CHANGE with its new name in `name`
  rename_column,
  add_key,  // a constraint, too
  drop_key,
  alter,  // of a column's default, of a key's visibility
  hint,   // ALGORITHM, LOCK
  other
};

struct AlterClause {
  ClauseKind kind = ClauseKind::other;
  std::size_t from = 0, to = 0;  // its tokens; of ADD (a .., b ..) each column's own
  std::string name{};            // of the column or key that it makes, changes or drops; empty: none is said
  std::string old_name{};        // of CHANGE and RENAME COLUMN
  bool if_not_exists = false;
  bool in_list = false;  // ADD (a .., b ..)
};
// Of ALTER TABLE; nothing of anything else.
std::vector<AlterClause> alter_clauses(const DdlText& text);

// One that can be run by itself, and again after a crash: it then says that what it makes is there, or gone.
struct SingleChange {
  std::string sql;
  std::string object{};  // what is there behind it, as findings call it: "column c", "key i"; empty: nothing by name
};
// The statements that together do what `sql` does; nullopt: it is none of these, or its clauses hang on each other.
std::optional<std::vector<SingleChange>> single_changes(std::string_view sql, const routing::LexerMode& mode);

}  // namespace crossfade::dualwrite
