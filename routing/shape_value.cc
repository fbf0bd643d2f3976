#include "routing/shape_value.h"

#include <algorithm>
#include <array>
#include <span>

#include "protocol/ascii.h"

namespace crossfade::routing {

using protocol::is_ascii;
namespace {

using Tokens = std::span<const ExpressionToken>;

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

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_hex_or_bits(std::string_view number) {
  return number.size() > 2 && number[0] == '0' && (number[1] == 'x' || number[1] == 'b');
}

Value number_value(std::string_view number, std::string_view sign) {
  if (is_hex_or_bits(number)) {
    return {sign.empty() ? ValueKind::binary : ValueKind::expression, std::string(sign) + std::string(number)};
  }
  const std::string text = (sign == "-" ? "-" : "") + std::string(number);
  return {is_digits(number) ? ValueKind::integer : ValueKind::decimal, text};
}

// N'..'
constexpr const char* kNational = "utf8mb3";
bool is_national(const Token& token) {
  return token.kind == TokenKind::string && (token.text.front() == 'n' || token.text.front() == 'N');
}

Value string_value(const Token& token, const LexerMode& mode) {
  Value out{ValueKind::text, string_content(token.text, mode)};
  if (is_national(token)) out.charset = kNational;
  return out;
}

Value single_value(const ExpressionToken& one, const LexerMode& mode) {
  const Token& token = one.token;
  if (token.kind == TokenKind::number) return number_value(token.text, "");
  if (is_text_literal(token)) return string_value(token, mode);
  if (token.kind == TokenKind::string) return {ValueKind::binary, std::string(token.text)};
  if (token.kind == TokenKind::placeholder) return {ValueKind::placeholder, "?", one.placeholder};
  if (is_word(token, "NULL")) return {ValueKind::null, std::string(token.text)};
  if (is_word(token, "DEFAULT")) return {ValueKind::default_, std::string(token.text)};
  if (is_word(token, "TRUE") || is_word(token, "FALSE")) return {ValueKind::true_false, std::string(token.text)};
  return {ValueKind::expression, std::string(token.text)};
}

// 'a' 'b' is one string, and may have an introducer.
std::optional<Value> text_value(Tokens tokens, const LexerMode& mode) {
  const bool introduced = tokens.front().token.kind == TokenKind::word && tokens.front().token.text.front() == '_';
  const bool is_binary = introduced && is_word(tokens.front().token, "_BINARY");
  Value out{is_binary ? ValueKind::binary : ValueKind::text, ""};
  if (introduced) out.charset = lower_case(tokens.front().token.text.substr(1));
  if (is_national(tokens.front().token)) out.charset = kNational;
  const Tokens strings = tokens.subspan(introduced ? 1 : 0);
  if (strings.empty()) return std::nullopt;
  for (const ExpressionToken& one : strings) {
    if (!is_text_literal(one.token)) return std::nullopt;
    out.text += string_content(one.token.text, mode);
  }
  // The parts after the first are in the connection's character set.
  if (!out.charset.empty() && strings.size() > 1 && !is_ascii(out.text)) return std::nullopt;
  return out;
}

Value value_of(Tokens tokens, const LexerMode& mode) {
  if (tokens.empty()) return {};
  if (tokens.size() == 1) return single_value(tokens.front(), mode);
  const Token& first = tokens.front().token;
  if (tokens.size() == 2 && (is_op(first, "-") || is_op(first, "+")) && tokens[1].token.kind == TokenKind::number) {
    return number_value(tokens[1].token.text, first.text);
  }
  if (std::optional<Value> text = text_value(tokens, mode)) return *text;
  const auto first_placeholder = std::find_if(tokens.begin(), tokens.end(), [](const ExpressionToken& one) {
    return one.token.kind == TokenKind::placeholder;
  });
  const bool none = first_placeholder == tokens.end();
  return {ValueKind::expression, as_written(tokens), none ? std::uint16_t{0} : first_placeholder->placeholder};
}

// Words that are a value or a function without parentheses, never a column.
bool is_column_word(const Token& token) {
  constexpr std::array<std::string_view, 19> kNot = {
      "NULL",      "TRUE",           "FALSE",    "DEFAULT",  "CURRENT_DATE",  "CURRENT_TIME", "CURRENT_TIMESTAMP",
      "LOCALTIME", "LOCALTIMESTAMP", "UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "CURRENT_USER", "CURRENT_ROLE",
      "SYSDATE",   "ROWNUM",         "NOT",      "BINARY",   "EXISTS"};
  return token.kind == TokenKind::quoted_name ||
         (token.kind == TokenKind::word &&
          std::none_of(kNot.begin(), kNot.end(), [&token](std::string_view word) { return is_word(token, word); }));
}

// a, t.a, s.t.a
std::optional<std::string> column_of(Tokens tokens) {
  if (tokens.size() != 1 && tokens.size() != 3 && tokens.size() != 5) return std::nullopt;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i].token;
    const bool is_name = token.kind == TokenKind::word || token.kind == TokenKind::quoted_name;
    if (i % 2 == 0 ? !is_name : !is_op(token, ".")) return std::nullopt;
  }
  if (tokens.size() == 1 && !is_column_word(tokens.front().token)) return std::nullopt;
  return lower_case(plain_name(tokens.back().token.text));
}

// Walks over tokens and says which are at the top level: outside parentheses and CASE ... END.
class Nesting {
 public:
  // Call for every token in order; true when the token stands at the top level.
  bool at_top(const Token& token) {
    const bool after_dot = after_dot_;
    after_dot_ = is_op(token, ".");
    if (after_dot) return parentheses_ == 0 && cases_ == 0;
    if (is_op(token, ")")) --parentheses_;
    if (is_word(token, "END") && cases_ > 0) {
      --cases_;
      return false;
    }
    const bool top = parentheses_ == 0 && cases_ == 0;
    if (is_op(token, "(")) ++parentheses_;
    if (is_word(token, "CASE")) ++cases_;
    return top;
  }

 private:
  int parentheses_ = 0;
  int cases_ = 0;
  bool after_dot_ = false;
};

// (((x))) to x, in one pass. Of the parentheses at the beginning as many close at the end as are never closed before.
Tokens without_parentheses(Tokens tokens) {
  std::size_t opened = 0;
  while (opened < tokens.size() && is_op(tokens[opened].token, "(")) ++opened;
  std::size_t end = tokens.size();
  while (end > opened && is_op(tokens[end - 1].token, ")")) --end;
  std::size_t depth = opened;
  std::size_t never_closed = opened;
  for (std::size_t i = opened; i < end; ++i) {
    if (is_op(tokens[i].token, "(")) ++depth;
    if (is_op(tokens[i].token, ")") && depth-- == 0) return tokens;
    never_closed = std::min(never_closed, depth);
  }
  if (depth != tokens.size() - end) return tokens;  // they do not match
  return tokens.subspan(never_closed, tokens.size() - 2 * never_closed);
}

// column IN (value, ...)
std::optional<Condition> in_list(Tokens tokens, const LexerMode& mode) {
  std::size_t in = 1;
  while (in < tokens.size() && in <= 5 && !is_word(tokens[in].token, "IN")) in += 2;
  if (in + 3 > tokens.size() || !is_word(tokens[in].token, "IN")) return std::nullopt;
  const std::optional<std::string> column = column_of(tokens.subspan(0, in));
  if (!column || !is_op(tokens[in + 1].token, "(") || !is_op(tokens.back().token, ")")) return std::nullopt;
  Condition out{*column, {}};
  const Tokens list = tokens.subspan(in + 2, tokens.size() - in - 3);
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && (is_op(list[i].token, "(") || is_op(list[i].token, ")"))) return std::nullopt;
    if (i < list.size() && !is_op(list[i].token, ",")) continue;
    Value value = value_of(list.subspan(begin, i - begin), mode);
    if (value.kind == ValueKind::expression || value.kind == ValueKind::default_) return std::nullopt;
    out.values.push_back(std::move(value));
    begin = i + 1;
  }
  return out;
}

// column = value, value = column
std::optional<Condition> equality(Tokens tokens, const LexerMode& mode) {
  Nesting nesting;
  std::size_t equals = tokens.size();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!nesting.at_top(tokens[i].token) || !is_op(tokens[i].token, "=")) continue;
    if (equals != tokens.size()) return std::nullopt;
    equals = i;
  }
  if (equals == tokens.size()) return std::nullopt;
  Tokens left = tokens.subspan(0, equals);
  Tokens right = tokens.subspan(equals + 1);
  if (!column_of(left)) std::swap(left, right);
  const std::optional<std::string> column = column_of(left);
  Value value = value_of(right, mode);
  if (!column || value.kind == ValueKind::expression || value.kind == ValueKind::default_) return std::nullopt;
  return Condition{*column, {std::move(value)}};
}

bool is_disjunction(const Token& token) { return is_word(token, "OR") || is_word(token, "XOR") || is_op(token, "||"); }

constexpr int kParenthesesMax = 16;

bool add_conjuncts(Tokens tokens, const LexerMode& mode, int depth, std::vector<Condition>& out) {
  tokens = without_parentheses(tokens);
  if (depth > kParenthesesMax) return false;
  std::vector<std::size_t> cuts;
  Nesting nesting;
  int betweens = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i].token;
    if (!nesting.at_top(token)) continue;
    if (i > 0 && is_op(tokens[i - 1].token, ".")) continue;
    // NOT binds looser than = and tighter than AND: it cannot reach over a cut.
    if (is_disjunction(token)) return false;
    if (is_word(token, "BETWEEN")) ++betweens;
    if (is_word(token, "AND") && betweens > 0) {
      --betweens;
    } else if (is_word(token, "AND") || is_op(token, "&&")) {
      cuts.push_back(i);
    }
  }
  if (cuts.empty()) {
    std::optional<Condition> condition = equality(tokens, mode);
    if (!condition) condition = in_list(tokens, mode);
    if (condition) out.push_back(std::move(*condition));
    return condition.has_value();
  }
  cuts.push_back(tokens.size());
  bool all = true;
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    if (!add_conjuncts(tokens.subspan(begin, cut - begin), mode, depth + 1, out)) all = false;
    begin = cut + 1;
  }
  return all;
}

}  // namespace

bool is_op(const Token& token, std::string_view text) { return token.kind == TokenKind::op && token.text == text; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string as_written(Tokens tokens) {
  if (tokens.empty()) return "";
  const Token& first = tokens.front().token;
  const Token& last = tokens.back().token;
  return std::string(first.text.data(),
                     static_cast<std::size_t>(last.text.data() + last.text.size() - first.text.data()));
}

Value make_value(const Expression& tokens, const LexerMode& mode) { return value_of(tokens, mode); }

bool add_conditions(const Expression& where, const LexerMode& mode, std::vector<Condition>& out) {
  return add_conjuncts(where, mode, 0, out);
}

}  // namespace crossfade::routing
