// Statements that hold statements: routines, triggers, events, and MariaDB's BEGIN NOT ATOMIC, IF, LOOP and the like.
#pragma once

#include <cstdint>
#include <vector>

#include "routing/tokenizer.h"

namespace crossfade::routing {

// Of a compound statement, which semicolons are its own. Fed with each token of one statement, from its first on, and
// the one behind it. BEGIN, END, IF and the like are names wherever the grammar of both makes wants no statement: what
// is counted here and is none would hide the statement that follows. Other statements have no semicolons of their own.
class CompoundStatement {
 public:
  void note(const Token& token, const Token& ahead);
  // A semicolon here does not end the statement.
  bool inside() const { return !open_.empty(); }

 private:
  enum class Stage : std::uint8_t {
    first,      // nothing has been read
    defines,    // CREATE or ALTER: of what?
    package,    // up to AS or IS
    signature,  // of a procedure or a function: what is not its body
    timing,     // of a trigger or an event
    body,
    none,  // no statements within
  };
  enum class Block : std::uint8_t {
    begin,
    declarations,  // Oracle's mode: in front of BEGIN
    exceptions,    // Oracle's mode: behind BEGIN
    package,
    if_,
    case_,
    case_value,  // the expression
    loop,
    counted,  // WHILE, FOR: up to DO or LOOP
    repeat,
  };
  // Of the statement that is read.
  enum class Clause : std::uint8_t {
    none,
    declares,  // a DECLARE
    handles,   // a handler's conditions, and then its statement
    heads,     // Oracle's mode: a routine among declarations
  };
  void note_first(const Token& token, const Token& ahead);
  void note_definition(const Token& token, const Token& ahead);
  void note_signature(const Token& token, const Token& ahead);
  void note_timing(const Token& token, const Token& ahead);
  void note_body(const Token& token, const Token& ahead);
  void begin_statement(const Token& token, const Token& ahead);
  bool open_block(const Token& token, const Token& ahead);
  void note_within(const Token& token, const Token& ahead);
  void end_block(const Token& ahead);
  void enter(Block block) { open_.push_back(block); }
  bool is_in(Block block) const { return !open_.empty() && open_.back() == block; }

  Stage stage_ = Stage::first;
  std::vector<Block> open_;
  Token before_{};
  bool behind_dot_ = false;  // before_ is: a name, whatever word it is
  int words_ = 0;            // in front of what a CREATE creates
  int parentheses_ = 0;      // that are open in a signature
  bool has_parameters_ = false;
  bool returns_ = false;  // RETURNS was read
  bool begins_ = true;    // a statement begins at the next token
  int skips_ = 0;         // tokens in front of it: the IF of END IF, the colon of a label
  Clause clause_ = Clause::none;
};

}  // namespace crossfade::routing
