// A text of several statements, one after the other, as the servers take it apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "routing/tokenizer.h"

namespace crossfade::routing {

// The servers drop blanks and semicolons at the very end of a text before they look at it.
std::string_view without_trailing_semicolons(std::string_view text);

// The bytes of a text that cannot be cut into tokens without knowing more of the session. Looked for once, so that each
// rest of the text is answered for without another look at it.
class UnclearBytes {
 public:
  explicit UnclearBytes(std::string_view text);
  // `rest` is an end of the text. A double quote or a backslash, whose meaning hangs on sql_mode.
  bool quotes_in(std::string_view rest) const { return quotes_ != 0 && rest.size() >= quotes_; }
  // More than ASCII, which hangs on character_set_client.
  bool characters_in(std::string_view rest) const { return characters_ != 0 && rest.size() >= characters_; }

 private:
  std::size_t quotes_ = 0;  // how many bytes before the text's end the last one begins; 0: there is none
  std::size_t characters_ = 0;
};

// The first statement of `text`, and what is left for the next. Both are views.
struct FirstStatement {
  enum class Kind : std::uint8_t {
    last,     // nothing follows
    another,  // `rest` follows: to be cut again when this one has run, since it may change sql_mode
    // A semicolon stands inside an executable comment. The servers cut there, too, and take the rest of
    // the comment for a statement; alone, the first half would be another statement.
    inside_comment,
    // Nothing but blanks and comments before a semicolon: to the servers a syntax error, here and now.
    nothing_before,
  };
  Kind kind = Kind::last;
  std::string_view statement;  // without its semicolon
  std::string_view rest;
};
// `text` must have gone through without_trailing_semicolons(). What cannot be cut into tokens belongs to
// the first statement, which says so when it is classified.
FirstStatement first_statement(std::string_view text, const LexerMode& mode);

// What a server reads of the text of a client that may send one statement only: a semicolon ends it if nothing but
// blanks, comments and NULs follow. Where more follows, the whole text: an error, which is the server's to say.
std::string_view only_statement(std::string_view text, const LexerMode& mode);

}  // namespace crossfade::routing
