// A place in a text of SQL: a token and the one behind it.
#pragma once

#include <cstddef>
#include <string_view>

#include "routing/tokenizer.h"

namespace crossfade::routing {

class TokenCursor {
 public:
  TokenCursor(std::string_view text, const LexerMode& mode) : tokens_(text, mode) {
    token_ = tokens_.next();
    ahead_ = tokens_.next();
  }

  const Token& token() const { return token_; }
  bool saw_executable_comment() const { return tokens_.saw_executable_comment(); }

  void advance() {
    after_dot_ = is_op(".");
    token_ = ahead_;
    if (token_.kind != TokenKind::end && token_.kind != TokenKind::error) ahead_ = tokens_.next();
  }
  // Behind a dot every word is a name.
  bool is(std::string_view word) const { return !after_dot_ && is_word(token_, word); }
  bool is_op(std::string_view op) const { return token_.kind == TokenKind::op && token_.text == op; }
  bool ahead_is(std::string_view word) const { return is_word(ahead_, word); }
  bool ahead_is_op(std::string_view op) const { return ahead_.kind == TokenKind::op && ahead_.text == op; }
  bool is_name() const { return token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name; }
  bool at_end() const {
    return token_.kind == TokenKind::end || token_.kind == TokenKind::semicolon || token_.kind == TokenKind::error;
  }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    advance();
    return true;
  }
  bool take_op(std::string_view op) {
    if (!is_op(op)) return false;
    advance();
    return true;
  }

 private:
  Tokenizer tokens_;
  Token token_, ahead_;
  bool after_dot_ = false;
};

}  // namespace crossfade::routing
