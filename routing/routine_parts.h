// The text of a stored procedure, taken apart into what runs: its structure is understood here, what each
// piece does is classify()'s to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "routing/tokenizer.h"

namespace crossfade::routing {

// A view into the text.
struct RoutinePiece {
  enum class Kind : std::uint8_t {
    statement,   // a statement that has no statements inside
    expression,  // of IF, WHILE, SET, DEFAULT, ...: is computed
    cursor,      // a query that OPEN runs
  };
  Kind kind = Kind::statement;
  std::string_view text;
  std::size_t line = 1;     // of the text, where it begins
  bool in_handler = false;  // runs when a condition was raised by something before it
  bool certain = true;      // runs before all that follow it, whatever the data: in no branch or loop
};

struct RoutineParts {
  std::vector<RoutinePiece> pieces;    // in the order of the text
  bool assigns_user_variable = false;  // by SET or FETCH
  bool catches_errors = false;         // a handler for more than NOT FOUND and SQLWARNING
  // What is not understood to its last token, or changes what is not its own: in words, and where. Empty: all is
  // understood.
  std::string problem;
  std::size_t problem_line = 0;
};

// `create`: as SHOW CREATE PROCEDURE gives it; `mode` is that of the sql_mode the procedure runs under.
// Every token of the body is part of a piece or of structure that changes nothing. What is accepted is what the
// servers' grammar can only read one way: names that could be taken for structure are a problem.
RoutineParts take_routine_apart(std::string_view create, const LexerMode& mode);

}  // namespace crossfade::routing
