#include "routing/compound.h"

#include <algorithm>
#include <array>
#include <utility>

namespace crossfade::routing {
namespace {

constexpr int kDefinitionWordsMax = 12;  // the words that may stand before are few

template <std::size_t size>
bool is_one_of(const Token& token, const std::array<std::string_view, size>& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return is_word(token, word); });
}

bool is_flow(const Token& token) {
  return is_one_of(token, std::to_array<std::string_view>({"IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"}));
}

bool is_as(const Token& token) { return is_word(token, "AS") || is_word(token, "IS"); }

bool is_name(const Token& token) { return token.kind == TokenKind::word || token.kind == TokenKind::quoted_name; }

// The first words of what may be a routine's whole body, none of which stands in its signature.
bool is_plain_verb(const Token& token) {
  return is_one_of(token, std::to_array<std::string_view>(
                              {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "CALL", "WITH", "VALUES"}));
}

// Behind these an expression goes on: an END is a column's name there.
bool wants_value(const Token& before) {
  if (before.kind == TokenKind::op) return before.text != ")";
  return is_one_of(
      before, std::to_array<std::string_view>({"CASE",    "WHEN",  "THEN",   "ELSE",    "AND",   "OR",       "XOR",
                                               "NOT",     "IN",    "IS",     "LIKE",    "RLIKE", "DIV",      "REGEXP",
                                               "BETWEEN", "MOD",   "BINARY", "COLLATE", "BY",    "INTERVAL", "ON",
                                               "SELECT",  "WHERE", "HAVING", "DISTINCT"}));
}

}  // namespace

void CompoundStatement::note(const Token& token, const Token& ahead) {
  if (stage_ == Stage::none) return;
  switch (stage_) {
    case Stage::first:
      note_first(token, ahead);
      break;
    case Stage::defines:
      note_definition(token, ahead);
      break;
    case Stage::package:
      if (is_as(token)) {
        stage_ = Stage::body;
        enter(Block::package);
        begins_ = true;
      }
      break;
    case Stage::signature:
      note_signature(token, ahead);
      break;
    case Stage::timing:
      note_timing(token, ahead);
      break;
    case Stage::body:
      note_body(token, ahead);
      break;
    case Stage::none:
      break;
  }
  behind_dot_ = is_op(before_, ".");
  before_ = token;
}

void CompoundStatement::note_first(const Token& token, const Token& ahead) {
  if (is_word(token, "CREATE") || is_word(token, "ALTER")) {
    stage_ = Stage::defines;
    return;
  }
  const bool compound = is_word(token, "BEGIN") ? is_word(ahead, "NOT") : is_flow(token) || is_op(ahead, ":");
  stage_ = compound ? Stage::body : Stage::none;
  if (compound) note_body(token, ahead);
}

void CompoundStatement::note_definition(const Token& token, const Token& ahead) {
  if (++words_ > kDefinitionWordsMax || is_word(token, "TABLE") || is_word(token, "VIEW") || is_word(token, "INDEX")) {
    stage_ = Stage::none;
  } else if (is_op(before_, "=") || is_op(before_, "@") || is_op(ahead, "@")) {
    // a definer's name
  } else if (is_word(token, "PROCEDURE") || is_word(token, "FUNCTION")) {
    stage_ = Stage::signature;
  } else if (is_word(token, "TRIGGER") || is_word(token, "EVENT")) {
    stage_ = Stage::timing;
  } else if (is_word(token, "PACKAGE")) {
    stage_ = Stage::package;
  }
}

// name ( parameters ) characteristics body, or AS declarations BEGIN ...
void CompoundStatement::note_signature(const Token& token, const Token& ahead) {
  if (is_op(token, "(")) ++parentheses_;
  if (is_op(token, ")")) {
    --parentheses_;
    has_parameters_ = true;
    return;
  }
  if (parentheses_ > 0 || token.kind != TokenKind::word || is_op(before_, ".")) return;
  if (is_as(token) && is_name(ahead)) {
    stage_ = Stage::body;
    enter(Block::declarations);
    begins_ = true;
    return;
  }
  if (!has_parameters_) return;  // a name may be any word
  const bool sets = is_word(token, "SET") && !is_word(before_, "CHARACTER") && !is_word(before_, "CHAR");
  if (is_word(token, "RETURNS")) returns_ = true;
  const bool returns = is_word(token, "RETURN") && returns_;  // else it is Oracle's word for RETURNS
  if (sets || returns || is_plain_verb(token)) {
    stage_ = Stage::none;
  } else if (is_word(token, "BEGIN") || is_flow(token)) {
    stage_ = Stage::body;
    begins_ = true;
    note_body(token, ahead);
  }
}

// A trigger's .. FOR EACH ROW [FOLLOWS | PRECEDES name] body, an event's .. DO body.
void CompoundStatement::note_timing(const Token& token, const Token& ahead) {
  constexpr auto kOrders = std::to_array<std::string_view>({"FOLLOWS", "PRECEDES"});
  const bool is_each_row = is_word(token, "ROW") && is_word(before_, "EACH") && !is_one_of(ahead, kOrders);
  const bool is_do = is_word(token, "DO") && !is_op(before_, ".");
  if (is_each_row || is_do || is_one_of(before_, kOrders)) stage_ = Stage::body;
}

void CompoundStatement::note_body(const Token& token, const Token& ahead) {
  if (skips_ > 0) {
    --skips_;
    return;
  }
  constexpr auto kOfConditions = std::to_array<std::string_view>({"FOR", "NOT", "SQLSTATE", "VALUE"});
  const bool behind_conditions = clause_ == Clause::handles && token.kind == TokenKind::word &&
                                 !is_word(token, "VALUE") && !is_op(before_, ",") && !is_one_of(before_, kOfConditions);
  if (token.kind == TokenKind::semicolon) {
    clause_ = Clause::none;
    begins_ = true;
  } else if (std::exchange(begins_, false) || behind_conditions) {
    begin_statement(token, ahead);
  } else {
    note_within(token, ahead);
  }
}

void CompoundStatement::begin_statement(const Token& token, const Token& ahead) {
  clause_ = Clause::none;
  const bool is_label = is_name(token) && is_op(ahead, ":");
  const bool is_oracles_label = is_op(token, "<<");
  if (is_label || is_oracles_label) {
    skips_ = is_label ? 1 : 2;
    begins_ = true;
    return;
  }
  if (is_word(token, "END")) {
    end_block(ahead);
  } else if (open_block(token, ahead)) {
    return;
  } else if (is_word(token, "ELSE")) {
    begins_ = true;
  } else if (is_word(token, "DECLARE")) {
    clause_ = Clause::declares;
  } else if (is_word(token, "PROCEDURE") || is_word(token, "FUNCTION")) {
    clause_ = Clause::heads;
  }
  if (open_.empty()) stage_ = Stage::none;  // the body was one statement, or is over
}

bool CompoundStatement::open_block(const Token& token, const Token& ahead) {
  if (is_word(token, "BEGIN")) {
    if (is_in(Block::declarations) || is_in(Block::package)) open_.pop_back();
    enter(Block::begin);
    skips_ = is_word(ahead, "NOT") ? 2 : 0;  // NOT ATOMIC
  } else if (is_word(token, "EXCEPTION") && is_in(Block::begin)) {
    open_.back() = Block::exceptions;
  } else if (is_word(token, "DECLARE") && open_.empty()) {
    enter(Block::declarations);
  } else if (is_word(token, "LOOP")) {
    enter(Block::loop);
  } else if (is_word(token, "REPEAT")) {
    enter(Block::repeat);
  } else {
    if (is_word(token, "IF")) {
      enter(Block::if_);
    } else if (is_word(token, "CASE")) {
      enter(Block::case_);
    } else if (is_word(token, "WHILE") || is_word(token, "FOR")) {
      enter(Block::counted);
    } else {
      return false;
    }
    return true;  // an expression is next
  }
  begins_ = true;
  return true;
}

void CompoundStatement::note_within(const Token& token, const Token& ahead) {
  if (token.kind != TokenKind::word || is_op(before_, ".")) return;
  if (is_word(token, "THEN")) {
    begins_ = is_in(Block::if_) || is_in(Block::case_) || is_in(Block::exceptions);
  } else if ((is_word(token, "DO") || is_word(token, "LOOP")) && is_in(Block::counted)) {
    open_.back() = Block::loop;
    begins_ = true;
  } else if (is_word(token, "CASE")) {
    enter(Block::case_value);
  } else if (is_word(token, "END") && is_in(Block::case_value)) {
    if (behind_dot_ || !wants_value(before_)) open_.pop_back();
  } else if (is_word(token, "END") && is_in(Block::repeat) && is_word(ahead, "REPEAT")) {
    end_block(ahead);
  } else if (is_word(token, "FOR") && clause_ == Clause::declares && is_word(before_, "HANDLER")) {
    clause_ = Clause::handles;
  } else if (clause_ == Clause::heads && is_as(token) && is_name(ahead)) {
    enter(Block::declarations);
    begins_ = true;
  }
}

void CompoundStatement::end_block(const Token& ahead) {
  if (!open_.empty()) open_.pop_back();
  if (is_flow(ahead)) skips_ = 1;
}

}  // namespace crossfade::routing
