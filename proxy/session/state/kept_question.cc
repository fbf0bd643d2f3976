#include "proxy/session/state/kept_question.h"

#include <array>

namespace crossfade::proxy {
namespace {

using routing::is_word;
using routing::Token;
using routing::TokenKind;

constexpr std::size_t kNameMax = 64;  // bytes of an item's text that are surely its column's whole name on both makes

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool comes_before_items(const Token& token) {
  static constexpr std::array<std::string_view, 10> kWords = {
      "SELECT",           "DISTINCT",       "DISTINCTROW",         "ALL",      "HIGH_PRIORITY", "STRAIGHT_JOIN",
      "SQL_SMALL_RESULT", "SQL_BIG_RESULT", "SQL_CALC_FOUND_ROWS", "SQL_CACHE"};
  for (const std::string_view word : kWords) {
    if (is_word(token, word)) return true;
  }
  return is_word(token, "SQL_NO_CACHE") || is_word(token, "SQL_BUFFER_RESULT");
}

bool ends_items(const Token& token) {
  static constexpr std::array<std::string_view, 11> kWords = {
      "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "INTO", "FOR"};
  for (const std::string_view word : kWords) {
    if (is_word(token, word)) return true;
  }
  return token.kind == TokenKind::end || token.kind == TokenKind::semicolon || token.kind == TokenKind::error;
}

// Could the last token of an item be its alias? (`x AS y`, `x y`, `x 'y'`)
bool may_be_alias(const Token& token) {
  return token.kind == TokenKind::word || token.kind == TokenKind::quoted_name || token.kind == TokenKind::string;
}

class Rewriter {
 public:
  Rewriter(std::string_view sql, const routing::LexerMode& mode, const KeptDiagnostics& kept)
      : sql_(sql), tokens_(sql, mode), kept_(kept) {}

  std::optional<std::string> run() {
    for (Token token = next(); token.kind != TokenKind::end && token.kind != TokenKind::error; token = next()) {
      if (shows_count(token)) return std::move(rewritten_);
      follow_items(token);
      if (token.kind == TokenKind::system_variable) on_variable(token);
      if (is_word(token, "ROW_COUNT") && peeked_.text == "(") on_row_count(token);
      before_ = last_;
    }
    end_item();
    if (rewritten_.empty()) return std::nullopt;
    return rewritten_ + std::string(sql_.substr(copied_));
  }

 private:
  Token next() {
    last_ = started_ ? peeked_ : tokens_.next();
    started_ = true;
    peeked_ = last_.kind == TokenKind::end || last_.kind == TokenKind::error ? last_ : tokens_.next();
    return last_;
  }

  // SHOW COUNT(*) WARNINGS | ERRORS
  bool shows_count(const Token& token) {
    if (is_word(before_, "SHOW")) counting_ = is_word(token, "COUNT");
    if (!counting_ || (!is_word(token, "WARNINGS") && !is_word(token, "ERRORS"))) return false;
    const std::string variable = is_word(token, "WARNINGS") ? "@@session.warning_count" : "@@session.error_count";
    rewritten_ = "SELECT " + value_for(variable) + " AS `" + variable + "`";
    rewritten_ += sql_.substr(token.offset + token.text.size());  // a comment, or an error for the server to name
    return true;
  }

  // Where the items of the outermost SELECT begin and end, for their names.
  void follow_items(const Token& token) {
    if (depth_ == 0 && in_items_ && (token.text == "," || ends_items(token))) {
      end_item();
      in_items_ = token.text == ",";
    } else if (depth_ == 0 && is_word(token, "SELECT")) {
      in_items_ = true;
    } else if (in_items_ && !(depth_ == 0 && !item_ && comes_before_items(token))) {
      if (!item_) item_ = token.offset;
      item_end_ = token.offset + token.text.size();
      item_last_ = token;
    }
    if (token.text == "(") ++depth_;
    if (token.text == ")" && depth_ > 0) --depth_;
  }

  void end_item() {
    if (item_ && item_rewritten_ && !may_be_alias(item_last_) && item_end_ - *item_ <= kNameMax) {
      rewritten_.append(sql_, copied_, item_end_ - copied_);
      copied_ = item_end_;
      rewritten_ += " AS `";
      for (const char c : sql_.substr(*item_, item_end_ - *item_)) rewritten_ += c == '`' ? "``" : std::string(1, c);
      rewritten_ += '`';
    }
    item_.reset();
    item_rewritten_ = false;
  }

  std::string value_for(std::string_view variable) const {
    const bool warnings = in_lower_case(variable).ends_with("warning_count");
    return "IF(1,CAST(" + std::to_string(warnings ? kept_.warnings : kept_.errors) + " AS UNSIGNED)," +
           std::string(variable) + ")";
  }

  void replace(std::size_t begin, std::size_t end, const std::string& value) {
    rewritten_.append(sql_, copied_, begin - copied_);
    rewritten_ += value;
    copied_ = end;
    item_rewritten_ = true;
  }

  void on_variable(const Token& token) {
    const std::string name = in_lower_case(token.text);
    for (const std::string_view count : {"@warning_count", ".warning_count", "@error_count", ".error_count"}) {
      if (name.ends_with(count)) replace(token.offset, token.offset + token.text.size(), value_for(token.text));
    }
  }

  void on_row_count(const Token& token) {
    follow_items(next());
    const Token close = next();
    follow_items(close);
    if (close.text != ")") return;  // an error, which is the server's to say
    replace(token.offset, close.offset + close.text.size(),
            "IF(1," + std::to_string(kept_.row_count) + ",ROW_COUNT())");
  }

  std::string_view sql_;
  routing::Tokenizer tokens_;
  const KeptDiagnostics& kept_;
  std::string rewritten_;
  std::size_t copied_ = 0;
  bool started_ = false;
  bool counting_ = false;
  Token before_, last_, peeked_;
  std::size_t depth_ = 0;
  bool in_items_ = false;
  std::optional<std::size_t> item_;
  std::size_t item_end_ = 0;
  Token item_last_;
  bool item_rewritten_ = false;
};

}  // namespace

std::optional<std::string> kept_question(std::string_view sql, const routing::LexerMode& mode,
                                         const KeptDiagnostics& kept) {
  return Rewriter(sql, mode, kept).run();
}

}  // namespace crossfade::proxy
