#include "dualwrite/inline/expression_check.h"

#include <algorithm>

#include "routing/portable_functions.h"
#include "routing/shape_value.h"

namespace crossfade::dualwrite {
namespace {

using routing::is_word;
using routing::lower_case;
using routing::plain_name;
using routing::TokenKind;

constexpr std::string_view kOperators = " + - * % ( ) , . = < > <= >= <> != <=> && ! ";
constexpr std::string_view kArithmetic = " + - * % ";
constexpr std::string_view kComparisons = " = < > <= >= <> != <=> ";
constexpr std::string_view kWords =
    " and or xor not is null true false case when then else end in between div mod both leading trailing from as ";
constexpr std::string_view kUnits = " microsecond second minute hour day week month quarter year ";
constexpr std::string_view kNow = " now current_timestamp localtime localtimestamp utc_timestamp ";
constexpr std::string_view kToday = " curdate current_date utc_date ";
// Not for temporal columns either: one server makes a year of the present date, the other of the time.
constexpr std::string_view kClock = " curtime current_time utc_time ";
constexpr std::string_view kAdders = " date_add date_sub adddate subdate ";
constexpr std::string_view kNumberFunctions =
    " abs ceil ceiling floor round sign mod coalesce ifnull nullif if greatest least rand default in values ";
constexpr std::string_view kMeasures = " length octet_length char_length character_length ascii ord ";
// These compare numbers with texts each in their own way, or write out a float.
constexpr std::string_view kNotForText = " greatest least nullif rand ";

// `spaced` holds words with a space on either side of each.
bool among(std::string_view word, std::string_view spaced) {
  return spaced.find(" " + lower_case(word) + " ") != std::string_view::npos;
}

bool is_number_class(ColumnClass type) {
  return type == ColumnClass::integer || type == ColumnClass::decimal || type == ColumnClass::floating;
}

bool is_small_integer(const routing::Token& token) {
  return token.kind == TokenKind::number && token.text.size() <= 6 &&
         token.text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

ExpressionCheck::ExpressionCheck(std::string_view text, const routing::LexerMode& mode, const Column& column,
                                 const TableSchema& schema)
    : column_(column), schema_(schema) {
  routing::Tokenizer tokenizer(text, mode);
  for (Token token = tokenizer.next(); token.kind != TokenKind::end; token = tokenizer.next()) {
    if (token.kind == TokenKind::error) {
      broken_ = true;
      return;
    }
    modulo_ = modulo_ || routing::is_op(token, "%") || is_word(token, "MOD") || is_word(token, "DIV");
    tokens_.push_back(token);
  }
}

bool ExpressionCheck::op(std::size_t i, std::string_view text) const { return routing::is_op(at(i), text); }

bool ExpressionCheck::any_op(std::size_t i, std::string_view spaced) const {
  return at(i).kind == TokenKind::op && among(at(i).text, spaced);
}

bool ExpressionCheck::touches_op(std::size_t i, std::string_view spaced) const {
  return (i > 0 && any_op(i - 1, spaced)) || any_op(i + 1, spaced);
}

bool ExpressionCheck::is_call(std::size_t i) const {
  return at(i).kind == TokenKind::word && op(i + 1, "(") && !among(at(i).text, kWords);
}

// "x" is a name under ANSI_QUOTES.
const Column* ExpressionCheck::column_at(std::size_t i) const {
  const Token& token = at(i);
  const bool quoted = token.kind == TokenKind::string && token.text.front() == '"';
  if (token.kind != TokenKind::word && token.kind != TokenKind::quoted_name && !quoted) return nullptr;
  return schema_.find(lower_case(plain_name(token.text)));
}

std::string_view ExpressionCheck::problem() {
  if (broken_ || tokens_.empty()) return "its expression cannot be read";
  if (column_.type == ColumnClass::temporal || column_.type == ColumnClass::date || column_.type == ColumnClass::time) {
    if (is_temporal_value()) return {};
    return "its expression is none of NOW() and the like, alone or with INTERVAL, or the column itself with INTERVAL";
  }
  if (!is_number_class(column_.type) && !to_text()) return "an expression for a column of this type may differ";
  const bool unix_time = tokens_.size() == 3 && is_word(at(0), "UNIX_TIMESTAMP") && op(1, "(") && op(2, ")");
  if (unix_time && column_.type == ColumnClass::integer) return {};
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string_view why = check(i);
    if (!why.empty()) return why;
  }
  return {};
}

// --- values for a temporal column ---

// NOW(), NOW(6), CURRENT_TIMESTAMP; `datelike`: a day can be added to it.
bool ExpressionCheck::take_time(std::size_t& i, bool& datelike) const {
  if (at(i).kind != TokenKind::word) return false;
  const std::string_view name = at(i).text;
  datelike = among(name, kNow) || among(name, kToday);
  if (!datelike) return false;
  ++i;
  if (!op(i, "(")) return true;  // a bare NOW is a column's name, which no column of the table may have
  ++i;
  if (is_small_integer(at(i))) {
    if (column_.type == ColumnClass::date) return false;  // a fraction may round it up to the next day
    ++i;
  }
  return op(i++, ")");
}

// INTERVAL [-]n unit
bool ExpressionCheck::take_interval(std::size_t& i) const {
  if (!is_word(at(i++), "INTERVAL")) return false;
  if (op(i, "-")) ++i;
  if (!is_small_integer(at(i++))) return false;
  const Token& unit = at(i++);
  if (column_.type == ColumnClass::date && is_word(unit, "MICROSECOND")) return false;
  return unit.kind == TokenKind::word && among(unit.text, kUnits);
}

bool ExpressionCheck::is_temporal_value() const {
  std::size_t i = 0;
  bool datelike = true;
  const bool adder = is_call(0) && among(at(0).text, kAdders);
  if (adder) i = 2;
  if (const Column* own = column_at(i); own != nullptr) {
    // Of another column it is not known whether it holds a date or a time.
    if (own->name != column_.name) return false;
    ++i;
    const bool month = is_word(tokens_[tokens_.size() - (adder ? 2 : 1)], "MONTH");
    datelike = !month;  // a TIME plus months
  } else if (!take_time(i, datelike)) {
    return false;
  }
  if (!adder && i == tokens_.size()) return true;
  if (!datelike) return false;
  if (adder ? !op(i, ",") : !op(i, "+") && !op(i, "-")) return false;
  ++i;
  return take_interval(i) && (!adder || op(i++, ")")) && i == tokens_.size();
}

// --- values for a number or a text ---

std::string_view ExpressionCheck::check(std::size_t i) {
  const Token& token = at(i);
  switch (token.kind) {
    case TokenKind::number:
      return check_number(i);
    case TokenKind::string:
      return column_at(i) != nullptr ? check_column(i) : check_string(i);
    case TokenKind::op:
      if (token.text == "(") {
        outer_.push_back(measured_);
        if (i > 0 && is_call(i - 1) && among(at(i - 1).text, kMeasures)) measured_ = true;
      } else if (token.text == ")" && !outer_.empty()) {
        measured_ = outer_.back();
        outer_.pop_back();
      }
      // The negative of a float's zero is 0 on one server and -0 on the other.
      if (column_.type == ColumnClass::floating && token.text == "-" && at(i + 1).kind != TokenKind::number &&
          (i == 0 || (at(i - 1).kind == TokenKind::op && !op(i - 1, ")")))) {
        return "the sign of a zero may differ";
      }
      return among(token.text, kOperators) ? std::string_view() : "an operator in its expression is each server's own";
    case TokenKind::word:
    case TokenKind::quoted_name:
      return check_word(i);
    case TokenKind::placeholder:
      return {};
    default:
      return "its expression holds something unknown";
  }
}

std::string_view ExpressionCheck::check_number(std::size_t i) const {
  const std::string_view text = at(i).text;
  const bool hex = text.size() > 1 && (text[1] == 'x' || text[1] == 'b');
  if (hex || text.find_first_of("eE") != std::string_view::npos) {
    return "a literal within its expression is read differently by each server";
  }
  if (text.find('.') == std::string_view::npos) return {};
  if (to_text() || modulo_) return "the digits that its decimal arithmetic leaves may differ";
  return {};
}

std::string_view ExpressionCheck::check_string(std::size_t i) const {
  const char first = at(i).text.front();
  if (first != '\'' && first != '"') return "a literal within its expression is read differently by each server";
  if (touches_op(i, kArithmetic)) return "it calculates with a text";
  if (to_text() || measured_ || touches_op(i, kComparisons)) return {};
  return "a text in its expression may become a number";
}

std::string_view ExpressionCheck::check_word(std::size_t i) {
  const std::string_view word = at(i).text;
  if (op(i + 1, ".")) return {};  // a table's name
  const bool after_dot = i > 0 && op(i - 1, ".");
  if (!after_dot && is_call(i)) {
    if (!routing::is_portable_function(word)) return "a function in its expression is each server's own";
    if (among(word, kMeasures)) return {};
    if (among(word, kNow) || among(word, kToday) || among(word, kClock) || among(word, kAdders) ||
        is_word(at(i), "UNIX_TIMESTAMP")) {
      return "a time within an expression, or in a column of another type, is written out differently";
    }
    if (to_text() || measured_) {
      return among(word, kNotForText) ? std::string_view("a function in its expression is each server's own")
                                      : std::string_view();
    }
    return among(word, kNumberFunctions) ? std::string_view() : "a text in its expression may become a number";
  }
  if (column_at(i) != nullptr) return check_column(i);
  if (!after_dot && at(i).kind == TokenKind::word && among(word, kWords)) return {};
  return "its expression holds something unknown";
}

std::string_view ExpressionCheck::check_column(std::size_t i) const {
  const ColumnClass type = column_at(i)->type;
  const bool textual = type == ColumnClass::text || type == ColumnClass::binary;
  const bool tested = touches_op(i, kComparisons) || is_word(at(i + 1), "IS") || is_word(at(i + 1), "IN");
  if (textual) {
    if (touches_op(i, kArithmetic)) return "it calculates with a text";
    if (to_text() || measured_ || tested) return {};
    return "a text in its expression may become a number";
  }
  if (is_word(at(i + 1), "IS")) return {};
  if (type == ColumnClass::integer) return {};
  if (type == ColumnClass::decimal && !to_text() && !measured_) return {};
  if (type == ColumnClass::floating && column_.type == ColumnClass::floating && !measured_) return {};
  return "a column in its expression is of a type that would be converted";
}

}  // namespace crossfade::dualwrite
