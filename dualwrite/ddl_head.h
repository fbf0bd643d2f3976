// How a statement begins: what it does to what, up to the name, and the clauses on the way.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "dualwrite/ddl_text.h"
#include "dualwrite/log_event.h"
#include "dualwrite/table_ref.h"

namespace crossfade::dualwrite {

// Tokens [first, second); equal: there is no such clause.
using TokenRange = std::pair<std::size_t, std::size_t>;

struct DdlHead {
  std::string verb;    // "CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", or the first word of anything else
  std::string object;  // "TABLE", "INDEX", "VIEW", "DATABASE" (SCHEMA as well), ...; empty: none that is known
  std::size_t at = 0;  // of the first token behind
  bool temporary = false;
  TokenRange or_replace, if_exists;  // IF EXISTS or IF NOT EXISTS
  TokenRange modifiers;              // ONLINE, OFFLINE, IGNORE
  bool ignore = false;               // ALTER IGNORE TABLE
};
DdlHead read_head(const DdlText& text);

struct NamedTable {
  TableRef table;
  std::size_t end = 0;  // behind the name; 0: there is none
};
// `schema` is for names without one of their own.
NamedTable read_table_name(const DdlText& text, std::size_t at, const std::string& schema);

// How the text of a logged statement is cut into tokens.
routing::LexerMode lexer_mode(const LoggedStatement& statement, bool leader_is_mariadb);
// Without MariaDB's SET STATEMENT .. FOR.
std::string_view statement_itself(const LoggedStatement& statement, bool leader_is_mariadb);

}  // namespace crossfade::dualwrite
