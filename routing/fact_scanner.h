// Walks over the tokens of a text with one token of foresight, and notes the facts that any
// statement can have: functions called, variables, locks, tables. Which kind of statement it is,
// classify.cc decides.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "routing/digest_builder.h"
#include "routing/facts.h"
#include "routing/keywords.h"
#include "routing/known_functions.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

// Facts only ever grow. Invariant: token() has been noted, ahead() has not.
class FactScanner {
 public:
  FactScanner(std::string_view sql, const LexerMode& mode, StatementFacts& out);

  const Token& token() const { return token_; }
  const Token& ahead() const { return ahead_; }
  Keyword keyword() const { return info_.keyword; }
  std::size_t depth() const { return depth_; }
  bool at_end() const {
    return token_.kind == TokenKind::end || token_.kind == TokenKind::semicolon || token_.kind == TokenKind::error;
  }
  bool is(std::string_view word) const { return is_word(token_, word); }
  bool ahead_is(std::string_view word) const { return is_word(ahead_, word); }
  bool is_op(char c) const { return token_.kind == TokenKind::op && token_.text.size() == 1 && token_.text[0] == c; }
  bool ahead_is_op(char c) const {
    return ahead_.kind == TokenKind::op && ahead_.text.size() == 1 && ahead_.text[0] == c;
  }

  void advance();
  // Steps over the word when it is the current one.
  bool take(std::string_view word);
  // Forgets what belongs to the statement before, and notes the current token as the first of another.
  void begin_statement();
  // The next name is a table's; for INSERT and DDL a `(` behind it opens a list of columns.
  void expect_table() { expect_table_ = true; }
  void expect_target() { expect_table_ = target_ = true; }
  // In DDL `name (` is rarely a call, and nothing hangs on it.
  void ignore_calls() { ignore_calls_ = true; }
  // INTO is part of the statement's head and names no destination of a SELECT.
  void into_is_harmless() { into_is_harmless_ = true; }
  // The statement is no query itself: every SELECT in it is a subquery.
  void no_query() { selects_ = 1; }
  // The statement did something that a plain read does not.
  bool has_effect() const;

  std::uint64_t finish_digest() { return digest_.finish(); }
  const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  enum class Pending : std::uint8_t { none, last_insert_id, unix_timestamp };
  struct Level {
    bool call = false;       // inside the parentheses of a function: FROM is part of EXTRACT or TRIM
    bool from_list = false;  // a comma leads to the next table
    bool with_list = false;  // between the common table expressions of a WITH
  };

  void read_ahead();
  void note();
  void note_op();
  void note_keyword();
  void note_name();
  void note_call();
  void note_system_variable();
  void add_traits(FunctionTraits traits);
  bool names_columns() const;
  void add(Fact fact) { out_.facts.add(fact); }
  Level& level() { return levels_[depth_ < levels_.size() ? depth_ : levels_.size() - 1]; }
  const Level& level() const { return levels_[depth_ < levels_.size() ? depth_ : levels_.size() - 1]; }
  bool previous_is_op(char c) const {
    return previous_.kind == TokenKind::op && previous_.text.size() == 1 && previous_.text[0] == c;
  }

  LexerMode mode_;
  Tokenizer tokenizer_;
  DigestBuilder digest_;
  StatementFacts& out_;
  Token previous_, token_, ahead_;
  KeywordInfo previous_info_, info_, ahead_info_;
  bool after_dot_ = false;  // token_ follows a dot

  // Of the running statement.
  std::array<Level, 32> levels_{};
  std::size_t depth_ = 0;
  std::size_t selects_ = 0;
  bool expect_table_ = false;
  bool target_ = false;
  bool table_just_named_ = false;
  bool call_next_ = false;
  bool ignore_calls_ = false;
  bool into_is_harmless_ = false;
  bool into_list_ = false;
  bool json_table_ = false;
  bool effect_ = false;
  Pending pending_ = Pending::none;
};

}  // namespace crossfade::routing
