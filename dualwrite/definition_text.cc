#include "dualwrite/definition_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "routing/tokenizer.h"

namespace crossfade::dualwrite {
namespace {

using routing::Token;
using routing::TokenKind;

// A literal as an empty sql_mode reads it.
std::string unquoted(std::string_view literal) {
  std::string out;
  for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
    char c = literal[i];
    if (c == '\\' && i + 2 < literal.size()) {
      c = literal[++i];
      constexpr std::string_view kFrom = "0nrtbZ", kTo("\0\n\r\t\b\x1a", 6);
      if (const std::size_t at = kFrom.find(c); at != std::string_view::npos) c = kTo[at];
    } else if (c == literal.front()) {
      ++i;  // the second of a pair
    }
    out.push_back(c);
  }
  return out;
}

bool is_introducer(const Token& token) {
  return token.kind == TokenKind::word && token.text.size() > 1 && token.text.front() == '_';
}

// Words that stand before a parenthesis without calling anything.
bool is_operator(std::string_view word) {
  constexpr std::array<std::string_view, 18> kOperators = {"and",  "or",    "not",    "xor",      "between", "is",
                                                           "like", "div",   "mod",    "case",     "when",    "then",
                                                           "else", "rlike", "regexp", "interval", "as",      "binary"};
  return std::find(kOperators.begin(), kOperators.end(), ascii_lower(word)) != kOperators.end();
}

std::string_view common_word(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kSame = {
      {{"octet_length", "length"},
       {"lcase", "lower"},
       {"ucase", "upper"},
       {"substr", "substring"},
       {"mid", "substring"},
       {"rlike", "regexp"},
       {"regexp_like", "regexp"},
       {"current_date", "curdate"},
       {"current_time", "curtime"},
       {"now", "current_timestamp"},
       {"localtimestamp", "current_timestamp"},
       {"character_length", "char_length"},
       {"ceil", "ceiling"},
       {"power", "pow"},
       {"day", "dayofmonth"},
       {"true", "1"},
       {"false", "0"},
       {"character", "char"}}};
  for (const auto& [from, to] : kSame) {
    if (word == from) return to;
  }
  return word;
}

// MariaDB's information_schema has a question mark for what is past the basic plane, and for bytes that are no text.
bool matches_lossy(std::string_view lossy, std::string_view whole, bool of_bytes) {
  std::size_t at = 0;
  for (const char c : lossy) {
    if (at == whole.size()) return false;
    const auto lead = static_cast<unsigned char>(whole[at]);
    const bool hidden = c == '?' && (of_bytes ? lead >= 0x80 : (lead & 0xF8) == 0xF0);
    if (!hidden && whole[at] != c) return false;
    ++at;
    while (hidden && !of_bytes && at < whole.size() && (static_cast<unsigned char>(whole[at]) & 0xC0) == 0x80) ++at;
  }
  return at == whole.size();
}

std::string bytes_of_hex(std::string_view digits) {
  std::string out;
  const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (std::size_t i = 2; i + 1 < digits.size(); i += 2)
    out.push_back(static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1])));
  return out;
}

struct DefaultValue {
  bool computed = false;
  std::string text;
};

// [introducer] 'literal' and nothing else: what MySQL makes of a default of a TEXT.
bool only_literal(const std::string& expression, std::string& text) {
  routing::Tokenizer tokens(expression, {});
  Token token = tokens.next();
  while (token.kind == TokenKind::op && token.text == "(") token = tokens.next();
  if (is_introducer(token)) token = tokens.next();
  if (token.kind != TokenKind::string || token.text.front() != '\'') return false;
  const std::string_view literal = token.text;
  token = tokens.next();
  while (token.kind == TokenKind::op && token.text == ")") token = tokens.next();
  if (token.kind != TokenKind::end) return false;
  text = unquoted(literal);
  return true;
}

DefaultValue value_of(const DefinedColumn& column, bool mariadb) {
  const std::string& printed = *column.default_value;
  DefaultValue out{.computed = column.default_is_expression, .text = printed};
  if (out.computed) {
    if (only_literal(printed, out.text)) {
      out.computed = false;
      return out;
    }
    out.text = common_expression(printed);
    // Of a column with another number of digits the moment is the same.
    if (out.text.starts_with("current_timestamp")) out.text = "current_timestamp";
    return out;
  }
  if (mariadb && printed.starts_with("'")) out.text = unquoted(printed);
  if (!mariadb && column.charset.empty() && printed.starts_with("0x")) out.text = bytes_of_hex(printed);
  // Both cut bytes off at, or pad with, a zero.
  if (column.charset.empty()) out.text = out.text.substr(0, out.text.find('\0'));
  return out;
}

}  // namespace

std::string common_expression(const std::string& printed) {
  std::string out;
  routing::Tokenizer tokens(printed, {});
  std::vector<bool> kept;  // of each open parenthesis
  Token before, token = tokens.next();
  const auto add = [&out](std::string_view text) { out += (out.empty() ? "" : " ") + std::string(text); };
  for (; token.kind != TokenKind::end; before = token, token = tokens.next()) {
    if (token.kind == TokenKind::error) return printed;
    if (token.kind == TokenKind::string && token.text.front() != '\'') {
      add(token.text);
    } else if (token.kind == TokenKind::string) {
      add("'" + unquoted(token.text) + "'");
    } else if (token.kind == TokenKind::quoted_name) {
      add(ascii_lower(routing::plain_name(token.text)));
    } else if (token.kind == TokenKind::word) {
      if (is_introducer(token)) continue;
      add(common_word(ascii_lower(token.text)));
    } else if (token.kind == TokenKind::op && token.text == "(") {
      kept.push_back(before.kind == TokenKind::word && !is_operator(before.text));
      if (kept.back()) add("(");
    } else if (token.kind == TokenKind::op && token.text == ")") {
      const bool keep = kept.empty() || kept.back();
      if (!kept.empty()) kept.pop_back();
      if (keep) add(")");
    } else {
      add(token.text == "!="   ? "<>"
          : token.text == "&&" ? "and"
          : token.text == "||" ? "or"
          : token.text == "%"  ? "mod"
                               : token.text);
    }
  }
  return out;
}

bool same_but_for_order(const std::string& a, const std::string& b) {
  const auto words = [](const std::string& printed) {
    std::vector<std::string> out;
    routing::Tokenizer tokens(printed, {});
    for (Token token = tokens.next(); token.kind != TokenKind::end; token = tokens.next()) {
      const bool mark = token.kind == TokenKind::op && (token.text == "(" || token.text == ")" || token.text == ",");
      if (token.kind == TokenKind::error) return std::vector<std::string>{printed};
      std::string word = common_expression(std::string(token.text));
      if (word == "<>" && !out.empty() && out.back() == "0") {
        out.pop_back();
      } else if (!mark && !word.empty()) {
        out.push_back(std::move(word));
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  return words(a) == words(b);
}

bool takes_next_value(const DefinedColumn& column) {
  if (!column.default_is_expression || !column.default_value) return false;
  const std::string printed = ascii_lower(*column.default_value);
  return printed.starts_with("nextval(") || printed.starts_with("next value for");
}

bool same_default(const DefinedColumn& a, bool a_is_mariadb, const DefinedColumn& b, bool b_is_mariadb) {
  if (!a.default_value || !b.default_value) return a.default_value.has_value() == b.default_value.has_value();
  const DefaultValue x = value_of(a, a_is_mariadb), y = value_of(b, b_is_mariadb);
  if (x.computed != y.computed) return false;
  const bool of_bytes = a.charset.empty() && b.charset.empty();
  return x.text == y.text || (!x.computed && ((a_is_mariadb && matches_lossy(x.text, y.text, of_bytes)) ||
                                              (b_is_mariadb && matches_lossy(y.text, x.text, of_bytes))));
}

}  // namespace crossfade::dualwrite
