#include "routing/tokenizer.h"

#include <algorithm>
#include <array>

namespace crossfade::routing {
namespace {

enum Class : std::uint8_t {
  kBlank = 1,  // what separates tokens
  kName = 2,   // may stand in an unquoted identifier
  kDigit = 4,
  kHex = 8,
  kControl = 16,
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    unsigned bits = 0;
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == ' ' || (c >= '\t' && c <= '\r')) bits |= kBlank;
    if (digit || letter || c == '_' || c == '$' || c >= 0x80) bits |= kName;
    if (digit) bits |= kDigit;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHex;
    if (c < 0x20 || c == 0x7f) bits |= kControl;
    classes[c] = static_cast<std::uint8_t>(bits);
  }
  return classes;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool is(char c, std::uint8_t bits) { return (kClasses[static_cast<std::uint8_t>(c)] & bits) != 0; }

bool is_high(char c) { return static_cast<std::uint8_t>(c) >= 0x80; }

std::size_t skip_while(std::string_view sql, std::size_t from, std::uint8_t bits) {
  while (from < sql.size() && is(sql[from], bits)) ++from;
  return from;
}

// Where `*/` ends from `from` on, npos when it does not. A comment that the server skips because of
// its version may hold one level of plain comments inside.
std::size_t end_of_comment(std::string_view sql, std::size_t from, bool may_nest) {
  while (from + 1 < sql.size()) {
    if (sql[from] == '*' && sql[from + 1] == '/') return from + 2;
    if (may_nest && sql[from] == '/' && sql[from + 1] == '*') {
      from = end_of_comment(sql, from + 2, false);
      if (from == std::string_view::npos) return from;
      continue;
    }
    ++from;
  }
  return std::string_view::npos;
}

// Optimizer hints that set variables for the statement: SET_VAR(sql_mode = '')
bool sets_variables(std::string_view hints) {
  constexpr std::string_view kSetVar = "SET_VAR";
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b; };
  return std::search(hints.begin(), hints.end(), kSetVar.begin(), kSetVar.end(), same) != hints.end();
}

// 0xA0 alone is no UTF-8; to a latin1 server it is a blank. Nobody means it inside a name.
bool has_stray_blank(std::string_view word) {
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\xa0' && (i == 0 || static_cast<std::uint8_t>(word[i - 1]) < 0x80)) return true;
  }
  return false;
}

}  // namespace

Token Tokenizer::make(TokenKind kind, std::size_t end) {
  Token token{kind, sql_.substr(position_, end - position_), position_};
  position_ = end;
  after_word_ = kind == TokenKind::word;
  name_next_ = false;
  return token;
}

// What follows cannot be cut as the server would: it is one token, and nothing follows it.
Token Tokenizer::broken() {
  in_executable_comment_ = false;
  return make(TokenKind::error, sql_.size());
}

bool Tokenizer::skip_line_comment() {
  saw_comment_ = true;
  while (position_ < sql_.size() && sql_[position_] != '\n') {
    if (sql_[position_] == '\0') return false;  // the servers end the comment here
    ++position_;
  }
  return true;
}

// At `/*!` or `/*M!`: steps inside when the server would execute it, else past it.
bool Tokenizer::enter_executable_comment() {
  const bool only_mariadb = at(position_ + 2) == 'M';
  std::size_t inside = position_ + (only_mariadb ? 4 : 3);
  std::size_t digits = skip_while(sql_.substr(0, std::min(sql_.size(), inside + 6)), inside, kDigit) - inside;
  std::uint32_t version = 0;
  if (digits >= 5) {
    for (std::size_t i = 0; i < digits; ++i)
      version = version * 10 + static_cast<std::uint32_t>(sql_[inside + i] - '0');
  } else {
    digits = 0;
  }
  saw_executable_comment_ = true;
  // MariaDB leaves /*!50700 to /*!99999 to MySQL.
  const bool mysql_only = mode_.mariadb && !only_mariadb && version >= 50700 && version <= 99999;
  if (version <= mode_.server_version && !mysql_only) {
    in_executable_comment_ = true;
    position_ = inside + digits;
    return true;
  }
  const std::size_t end = end_of_comment(sql_, inside, true);
  if (end == std::string_view::npos) return false;
  position_ = end;
  return true;
}

bool Tokenizer::skip_block_comment() {
  const char third = at(position_ + 2);
  // To MySQL /*M! is a plain comment, but a MariaDB on the other side would run what is inside.
  if (third == 'M' && at(position_ + 3) == '!') saw_executable_comment_ = true;
  if (third == '!' || (third == 'M' && mode_.mariadb && at(position_ + 3) == '!')) return enter_executable_comment();
  saw_comment_ = true;
  const std::size_t inside = position_ + 2;
  const std::size_t end = end_of_comment(sql_, inside, false);
  if (end == std::string_view::npos) return false;
  // Another statement to a make that takes the hint.
  if (third == '+' && sets_variables(sql_.substr(inside, end - inside))) saw_executable_comment_ = true;
  if (!has_first_comment_ && third != '+') {
    has_first_comment_ = true;
    first_comment_ = sql_.substr(inside, end - 2 - inside);
  }
  position_ = end;
  return true;
}

Tokenizer::Skipped Tokenizer::skip_blank_and_comments() {
  while (position_ < sql_.size()) {
    const char c = sql_[position_];
    bool closed = true;
    if (is(c, kBlank)) {
      position_ = skip_while(sql_, position_, kBlank);
    } else if (c == '#') {
      closed = skip_line_comment();
    } else if (c == '-' && at(position_ + 1) == '-' &&
               (position_ + 2 >= sql_.size() || is(sql_[position_ + 2], kBlank | kControl))) {
      closed = skip_line_comment();
    } else if (c == '/' && at(position_ + 1) == '*') {
      closed = skip_block_comment();
    } else if (c == '*' && in_executable_comment_ && at(position_ + 1) == '/') {
      in_executable_comment_ = false;
      position_ += 2;
    } else {
      return c == '\0' ? Skipped::broken : Skipped::to_token;
    }
    after_word_ = name_next_ = false;
    if (!closed) return Skipped::broken;
  }
  return in_executable_comment_ ? Skipped::broken : Skipped::to_end;
}

std::size_t Tokenizer::size_at(std::size_t position) const {
  if (mode_.multi_byte == MultiByte::none) return 1;
  return position < sql_.size() ? character_size(mode_.multi_byte, sql_, position) : 0;
}

std::size_t Tokenizer::end_of_quoted(std::size_t quote_at) const {
  const char quote = sql_[quote_at];
  const bool is_name = quote == '`' || (quote == '"' && mode_.ansi_quotes);
  const bool escapes = !is_name && !mode_.no_backslash_escapes;
  for (std::size_t i = quote_at + 1; i < sql_.size(); ++i) {
    const char c = sql_[i];
    if (c == '\\' && escapes) {
      ++i;
      // The servers skip one byte here, be it the first of a character.
      if (size_at(i) > 1) return std::string_view::npos;
    } else if (c == quote) {
      if (at(i + 1) != quote) return i + 1;
      ++i;
    } else if (c == '\0' && is_name) {
      return std::string_view::npos;
    } else if (is_high(c)) {
      const std::size_t size = size_at(i);
      // Who undoes the doubled quotes of a name goes by bytes.
      if (size == 0 || (is_name && size > 1 && at(i + 1) == quote)) return std::string_view::npos;
      i += size - 1;
    }
  }
  return std::string_view::npos;
}

Token Tokenizer::lex_quoted(std::size_t quote_at, TokenKind kind) {
  const std::size_t end = end_of_quoted(quote_at);
  if (end != std::string_view::npos) return make(kind, end);
  return broken();
}

// x'4F' or b'01', at the letter: the servers take nothing else inside, and hex digits only in pairs.
Token Tokenizer::lex_digits_string(std::string_view digits) {
  const std::size_t inside = position_ + 2;
  const std::size_t end = sql_.find_first_not_of(digits, inside);
  if (end == std::string_view::npos) return broken();
  const bool pairs = digits.size() > 2;
  if (sql_[end] != '\'' || (pairs && (end - inside) % 2 != 0)) return broken();
  return make(TokenKind::string, end + 1);
}

Token Tokenizer::lex_word(std::size_t from) {
  std::size_t end = from;
  bool plain = true;
  while (end < sql_.size() && is(sql_[end], kName)) {
    const bool high = is_high(sql_[end]);
    const std::size_t size = high ? size_at(end) : 1;
    if (size == 0) return broken();
    plain = plain && !high;
    end += size;
  }
  if (!plain && has_stray_blank(sql_.substr(position_, end - position_))) return broken();
  return make(TokenKind::word, end);
}

// From the first digit of the fraction (or where it would be): 1.5, .5, 1., 1.5e-3.
Token Tokenizer::lex_real(std::size_t fraction_from) {
  std::size_t end = skip_while(sql_, fraction_from, kDigit);
  if (at(end) != 'e' && at(end) != 'E') return make(TokenKind::number, end);
  ++end;
  if (at(end) == '+' || at(end) == '-') ++end;
  if (!is(at(end), kDigit)) return broken();  // the servers lose their place here too
  return make(TokenKind::number, skip_while(sql_, end, kDigit));
}

Token Tokenizer::lex_number_or_word() {
  const std::size_t start = position_;
  if (sql_[start] == '0' && (at(start + 1) == 'x' || at(start + 1) == 'b')) {
    std::size_t end = start + 2;
    while (end < sql_.size() && (at(start + 1) == 'x' ? is(sql_[end], kHex) : sql_[end] == '0' || sql_[end] == '1'))
      ++end;
    if (end > start + 2 && !is(at(end), kName)) return make(TokenKind::number, end);
    return lex_word(start);
  }
  std::size_t end = skip_while(sql_, start, kDigit);
  if (at(end) == '.') return lex_real(end + 1);
  if (!is(at(end), kName)) return make(TokenKind::number, end);
  if (at(end) == 'e' || at(end) == 'E') {
    std::size_t exponent = end + 1;
    if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
    if (is(at(exponent), kDigit)) return make(TokenKind::number, skip_while(sql_, exponent, kDigit));
  }
  return lex_word(start);
}

// At `@`: @x, @'x', @`x`, or @@x with its scope.
Token Tokenizer::lex_variable() {
  const bool is_system = at(position_ + 1) == '@';
  std::size_t end = position_ + (is_system ? 2 : 1);
  const auto is_quote = [&](char c) {
    return c == '`' || (is_system ? c == '"' && mode_.ansi_quotes : c == '\'' || c == '"');
  };
  while (true) {
    if (is_quote(at(end))) {
      end = end_of_quoted(end);
      if (end == std::string_view::npos) return broken();
      if (!is_system) return make(TokenKind::user_variable, end);
    } else {
      const std::size_t name_from = end;
      while (end < sql_.size() && (is(sql_[end], kName) || (!is_system && sql_[end] == '.'))) {
        // The servers go by bytes here, not by characters.
        if (mode_.multi_byte != MultiByte::none && is_high(sql_[end])) return broken();
        ++end;
      }
      if (!is_system) return make(TokenKind::user_variable, end);
      if (end == name_from) return broken();  // "@@" and nothing: names are never empty
    }
    if (at(end) != '.' || !(is(at(end + 1), kName) || is_quote(at(end + 1))))
      return make(TokenKind::system_variable, end);
    ++end;
  }
}

Token Tokenizer::lex_operator() {
  const char c = sql_[position_];
  const char second = at(position_ + 1);
  std::size_t length = 1;
  switch (c) {
    case '<':
      if (second == '=') length = at(position_ + 2) == '>' ? 3 : 2;
      if (second == '>' || second == '<') length = 2;
      break;
    case '>':
      if (second == '=' || second == '>') length = 2;
      break;
    case '!':
    case ':':
      if (second == '=') length = 2;
      break;
    case '|':
    case '&':
      if (second == c) length = 2;
      break;
    case '-':
      if (second == '>') length = at(position_ + 2) == '>' ? 3 : 2;
      break;
    default:
      break;
  }
  return make(TokenKind::op, position_ + length);
}

Token Tokenizer::next() {
  switch (skip_blank_and_comments()) {
    case Skipped::to_token:
      break;
    case Skipped::to_end:
      return make(TokenKind::end, position_);
    case Skipped::broken:
      return broken();
  }
  const char c = sql_[position_];
  if (name_next_ && is(c, kName)) return lex_word(position_);
  if (is(c, kDigit)) return lex_number_or_word();
  if (is(c, kName)) {
    if (at(position_ + 1) == '\'') {
      if (c == 'x' || c == 'X') return lex_digits_string("0123456789abcdefABCDEF");
      if (c == 'b' || c == 'B') return lex_digits_string("01");
      if (c == 'n' || c == 'N') return lex_quoted(position_ + 1, TokenKind::string);
    }
    return lex_word(position_);
  }
  switch (c) {
    case '\'':
      return lex_quoted(position_, TokenKind::string);
    case '"':
      return lex_quoted(position_, mode_.ansi_quotes ? TokenKind::quoted_name : TokenKind::string);
    case '`':
      return lex_quoted(position_, TokenKind::quoted_name);
    case '@':
      return lex_variable();
    case '?':
      return make(TokenKind::placeholder, position_ + 1);
    case ';':
      return make(TokenKind::semicolon, position_ + 1);
    case '.': {
      if (!after_word_ && is(at(position_ + 1), kDigit)) return lex_real(position_ + 1);
      const bool joins_names = is(at(position_ + 1), kName);
      const Token dot = make(TokenKind::op, position_ + 1);
      name_next_ = joins_names;
      return dot;
    }
    default:
      return lex_operator();
  }
}

std::string plain_name(std::string_view token_text) {
  if (token_text.size() < 2 || (token_text.front() != '`' && token_text.front() != '"')) return std::string(token_text);
  const char quote = token_text.front();
  std::string name;
  name.reserve(token_text.size() - 2);
  for (std::size_t i = 1; i + 1 < token_text.size(); ++i) {
    name.push_back(token_text[i]);
    if (token_text[i] == quote) ++i;  // the second of a pair
  }
  return name;
}

bool is_word(const Token& token, std::string_view keyword) {
  if (token.kind != TokenKind::word || token.text.size() != keyword.size()) return false;
  for (std::size_t i = 0; i < keyword.size(); ++i) {
    const char c = token.text[i];
    if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != keyword[i]) return false;
  }
  return true;
}

}  // namespace crossfade::routing
