#include "routing/prepare_statement.h"

namespace crossfade::routing {
namespace {

using Verb = PrepareStatement::Verb;

bool is_text_literal(const Token& token) {
  if (token.kind != TokenKind::string) return false;
  const char first = token.text.front();
  return first == '\'' || first == '"' || first == 'n' || first == 'N';
}

// What backslash and `c` stand for: \% and \_ stay as they are, for LIKE.
std::string unescaped(char c) {
  switch (c) {
    case '0':
      return std::string(1, '\0');
    case 'b':
      return "\b";
    case 'n':
      return "\n";
    case 'r':
      return "\r";
    case 't':
      return "\t";
    case 'Z':
      return "\x1a";
    case '%':
    case '_':
      return {'\\', c};
    default:
      return {c};
  }
}

std::string string_content(std::string_view text, const LexerMode& mode) {
  const std::size_t open = text.find_first_of("'\"");
  const char quote = text[open];
  std::string out;
  for (std::size_t i = open + 1; i + 1 < text.size(); ++i) {
    const std::size_t size = character_size(mode.multi_byte, text, i);
    if (size > 1) {
      out += text.substr(i, size);
      i += size - 1;
    } else if (text[i] == '\\' && !mode.no_backslash_escapes) {
      out += unescaped(text[++i]);
    } else {
      out += text[i];
      if (text[i] == quote) ++i;
    }
  }
  return out;
}

class Parser {
 public:
  Parser(std::string_view sql, const LexerMode& mode) : sql_(sql), mode_(mode), tokens_(sql, mode) {
    advance();
    while (token_.kind == TokenKind::semicolon) advance();
  }

  std::optional<PrepareStatement> run() {
    const bool good = parse();
    if (token_.kind == TokenKind::semicolon) advance();
    if (!good || token_.kind != TokenKind::end || tokens_.saw_executable_comment()) return std::nullopt;
    return std::move(out_);
  }

 private:
  void advance() { token_ = tokens_.next(); }
  bool take(std::string_view word) {
    if (!is_word(token_, word)) return false;
    advance();
    return true;
  }
  bool at_end() const { return token_.kind == TokenKind::end || token_.kind == TokenKind::semicolon; }

  bool parse() {
    if (take("PREPARE")) return take_name() && take("FROM") && take_source();
    if (take("DEALLOCATE") || take("DROP")) {
      out_.verb = Verb::deallocate;
      return take("PREPARE") && take_name();
    }
    if (!take("EXECUTE")) return false;
    if (is_word(token_, "IMMEDIATE")) {
      out_.verb = Verb::execute_immediate;
      advance();
      return take_source() && take_values();
    }
    out_.verb = Verb::execute;
    return take_name() && take_values();
  }

  bool take_name() {
    if (token_.kind != TokenKind::word && token_.kind != TokenKind::quoted_name) return false;
    out_.name = plain_name(token_.text);
    advance();
    return true;
  }

  // An expression up to a comma, USING or the end, as it is written.
  bool take_expression(std::string& out) {
    const std::size_t begin = token_.offset;
    std::size_t end = begin;
    std::size_t depth = 0;
    while (!at_end()) {
      if (token_.kind == TokenKind::error) return false;
      if (depth == 0 && (is_op(token_, ",") || is_word(token_, "USING"))) break;
      if (is_op(token_, "(")) ++depth;
      if (is_op(token_, ")") && depth-- == 0) return false;
      end = token_.offset + token_.text.size();
      advance();
    }
    out = sql_.substr(begin, end - begin);
    return end > begin && depth == 0;
  }

  bool take_source() {
    const Token first = token_;
    std::string whole;
    if (!take_expression(whole)) return false;
    if (first.kind == TokenKind::string && whole == first.text) {
      if (!is_text_literal(first)) return false;
      out_.text = string_content(first.text, mode_);
    } else {
      out_.expression = std::move(whole);
    }
    return true;
  }

  bool take_values() {
    if (!take("USING")) return true;
    do {
      if (out_.values.size() >= kPrepareValuesMax) return false;
      if (!out_.values.empty()) advance();
      // Keywords of MariaDB that only certain clauses take, and no value.
      if (is_word(token_, "DEFAULT") || is_word(token_, "IGNORE")) return false;
      if (!take_expression(out_.values.emplace_back())) return false;
    } while (is_op(token_, ","));
    return true;
  }

  std::string_view sql_;
  LexerMode mode_;
  Tokenizer tokens_;
  Token token_;
  PrepareStatement out_;
};

}  // namespace

std::optional<PrepareStatement> parse_prepare(std::string_view sql, const LexerMode& mode) {
  return Parser(sql, mode).run();
}

}  // namespace crossfade::routing
