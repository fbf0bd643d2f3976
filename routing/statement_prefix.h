// MariaDB's `SET STATEMENT variable = value, ... FOR statement`: variables that hold for one statement.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

struct StatementPrefix {
  std::vector<std::string> variables;  // lower case
  std::size_t bytes = 0;               // what comes before the statement, FOR and the blanks behind it included
  std::string_view first_comment;      // of the prefix
};
// nullopt: none, or one whose values are more than literals. To MySQL there is no such thing.
std::optional<StatementPrefix> statement_prefix(std::string_view sql, const LexerMode& mode);

// The statement itself.
std::string_view without_prefix(std::string_view sql, const LexerMode& mode);

// Can a statement of this kind have one here? What has a state of its own to leave in the session cannot.
bool may_have_prefix(StatementKind kind);

}  // namespace crossfade::routing
