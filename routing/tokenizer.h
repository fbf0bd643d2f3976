// SQL text to tokens, as MySQL's and MariaDB's lexers cut it. One pass, no allocation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "routing/multi_byte.h"

namespace crossfade::routing {

// The part of sql_mode, and of character_set_client, that changes how text is cut into tokens.
struct LexerMode {
  bool ansi_quotes = false;                // "x" is an identifier
  bool no_backslash_escapes = false;       // \ is a plain character in strings
  bool mariadb = true;                     // /*M! */ is executed; else it is a comment
  std::uint32_t server_version = 101100;   // /*!80000 ... */ is executed from this version on
  bool ignore_space = false;               // COUNT (x) is the built-in; else it calls a stored function
  MultiByte multi_byte = MultiByte::none;  // what the text's bytes are
  friend bool operator==(const LexerMode&, const LexerMode&) = default;
};

enum class TokenKind : std::uint8_t {
  end,              // of the text
  word,             // unquoted identifier or keyword
  quoted_name,      // `x`, or "x" under ANSI_QUOTES; text includes the quotes
  string,           // '..' or ".." with quotes; also N'..', x'..', b'..', _utf8mb4 introducers stay words before it
  number,           // integer or decimal or float, 0x.., 0b..
  user_variable,    // @x, @'x', @`x`
  system_variable,  // @@x, @@session.x (the whole)
  placeholder,      // ?
  op,               // one operator or punctuation character, or := <=> <> != <= >= || && << >> -> ->>
  semicolon,
  error,  // an unterminated string, comment or quoted name, a NUL byte, or what could be cut in two ways: the rest of
          // it
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;   // a view into the statement
  std::size_t offset = 0;  // of text in the statement
};

inline bool is_op(const Token& token, std::string_view op) { return token.kind == TokenKind::op && token.text == op; }

// Comments are skipped; `/*! */` and `/*M! */` (where their version matches) give the tokens inside.
class Tokenizer {
 public:
  Tokenizer(std::string_view sql, LexerMode mode) : sql_(sql), mode_(mode) {}
  Token next();

  // What was met so far.
  bool saw_comment() const { return saw_comment_; }
  bool saw_executable_comment() const { return saw_executable_comment_; }
  // The token that next() gave last stands inside one.
  bool in_executable_comment() const { return in_executable_comment_; }
  // The first plain /* */ comment's inside, for hints such as `crossfade:tenant=42`.
  std::string_view first_comment() const { return first_comment_; }

 private:
  enum class Skipped : std::uint8_t { to_token, to_end, broken };

  Skipped skip_blank_and_comments();
  bool skip_line_comment();
  bool skip_block_comment();
  bool enter_executable_comment();
  Token make(TokenKind kind, std::size_t end);
  Token broken();
  Token lex_number_or_word();
  Token lex_real(std::size_t fraction_from);
  Token lex_word(std::size_t from);
  Token lex_quoted(std::size_t quote_at, TokenKind kind);
  Token lex_digits_string(std::string_view digits);
  Token lex_variable();
  Token lex_operator();
  // Past the closing quote of what opens at `quote_at`; npos when it never closes, or cannot be told.
  std::size_t end_of_quoted(std::size_t quote_at) const;
  // Of the character at `position`; 0: there is none, or one whose bytes the servers' lexers take apart in other ways.
  std::size_t size_at(std::size_t position) const;
  char at(std::size_t position) const { return position < sql_.size() ? sql_[position] : '\0'; }

  std::string_view sql_;
  LexerMode mode_;
  std::size_t position_ = 0;
  bool in_executable_comment_ = false;
  bool saw_comment_ = false;
  bool saw_executable_comment_ = false;
  bool has_first_comment_ = false;
  bool after_word_ = false;  // the last token was an unquoted word that ends at position_
  bool name_next_ =
      false;  // the last token was the dot of `word.`: what follows is a name, even if it looks like a number
  std::string_view first_comment_;
};

// `x`, "x" or x as the plain name (quotes removed, doubled quotes undone).
std::string plain_name(std::string_view token_text);
// Compares an unquoted word without case; `keyword` is upper case.
bool is_word(const Token& token, std::string_view keyword);

}  // namespace crossfade::routing
