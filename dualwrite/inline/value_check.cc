#include "dualwrite/inline/value_check.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "dualwrite/inline/bound_double.h"
#include "dualwrite/inline/bound_temporal.h"
#include "dualwrite/inline/expression_check.h"
#include "dualwrite/inline/key_value.h"
#include "protocol/response.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;
using routing::ValueKind;

// How a value is spelled, as far as conversions go.
enum class Form : std::uint8_t {
  integer = 1 << 0,
  decimal = 1 << 1,   // without exponent
  floating = 1 << 2,  // with exponent, or a bound float
  boolean = 1 << 3,
  text = 1 << 4,
  binary = 1 << 5,
  temporal = 1 << 6,  // a bound DATE, DATETIME, TIMESTAMP
};

// What is asked of the content of a text.
enum class Content : std::uint8_t { any, integer, decimal, floating, date, day, time, none };

struct Takes {
  ColumnClass column;
  std::uint8_t forms;
  Content text;
};

constexpr std::uint8_t mask(std::initializer_list<Form> forms) {
  std::uint8_t out = 0;
  for (const Form form : forms) out = static_cast<std::uint8_t>(out | static_cast<std::uint8_t>(form));
  return out;
}

constexpr std::array<Takes, 13> kTakes = {{
    {ColumnClass::integer, mask({Form::integer, Form::boolean, Form::text}), Content::integer},
    {ColumnClass::decimal, mask({Form::integer, Form::decimal, Form::text}), Content::decimal},
    {ColumnClass::floating, mask({Form::integer, Form::decimal, Form::floating, Form::text}), Content::floating},
    {ColumnClass::text, mask({Form::integer, Form::text, Form::binary}), Content::any},
    {ColumnClass::binary, mask({Form::text, Form::binary}), Content::any},
    {ColumnClass::temporal, mask({Form::text, Form::temporal}), Content::date},
    {ColumnClass::date, mask({Form::text, Form::temporal}), Content::day},
    {ColumnClass::json, mask({Form::text}), Content::any},
    // A text is taken for its bytes.
    {ColumnClass::bit, mask({Form::integer, Form::text, Form::binary}), Content::any},
    {ColumnClass::enum_set, mask({Form::text}), Content::any},
    {ColumnClass::time, mask({Form::text}), Content::time},
    {ColumnClass::year, mask({Form::integer, Form::text}), Content::integer},
    {ColumnClass::other, 0, Content::none},
}};

const Takes& takes(ColumnClass column) {
  return *std::find_if(kTakes.begin(), kTakes.end(), [column](const Takes& one) { return one.column == column; });
}

constexpr std::string_view kOtherType = "its value is not of the column's own type";

bool digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// -12.50
bool is_plain_decimal(std::string_view text) {
  if (is_canonical_integer(text)) return true;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || !digits(text.substr(dot + 1))) return false;
  const std::string_view whole = text.substr(0, dot);
  return whole == "-0" ? text.find_first_of("123456789") != std::string_view::npos : is_canonical_integer(whole);
}

// -12.50e-3
bool is_plain_floating(std::string_view text) {
  const std::size_t mark = text.find_first_of("eE");
  if (mark == std::string_view::npos) return is_plain_decimal(text);
  std::string_view exponent = text.substr(mark + 1);
  if (!exponent.empty() && (exponent.front() == '-' || exponent.front() == '+')) exponent.remove_prefix(1);
  return is_plain_decimal(text.substr(0, mark)) && digits(exponent) && exponent.size() <= 3;
}

// MySQL reads '10:11:12' as a date where it needs one, and MariaDB refuses it.
bool has_date(std::string_view text) { return text.size() >= 10 && text[4] == '-'; }

// One server rounds a fraction of a second up to the next day where a DATE is wanted, the other cuts it off.
bool has_fraction(std::string_view text) {
  const std::size_t dot = text.find('.');
  return dot != std::string_view::npos && text.find_first_of("123456789", dot) != std::string_view::npos;
}

// MySQL's TIME ends at 838:59:59, MariaDB's a second later. `text` is a plain time.
bool is_past_the_last_time(std::string_view text) {
  constexpr std::string_view kLast = "838:59:59";
  if (text.front() == '-') text.remove_prefix(1);
  const std::size_t hour_digits = text.find(':');
  if (hour_digits < 3) return false;
  const int order = text.substr(0, kLast.size()).compare(kLast);
  return order > 0 || (order == 0 && has_fraction(text));
}

// Takes a field of one or two digits, up to `max`, and the mark behind it, if one is asked for.
bool take_field(std::string_view& text, unsigned max, char mark) {
  std::size_t digits = 0;
  unsigned value = 0;
  while (digits < 2 && digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
  }
  if (digits == 0 || value > max) return false;
  text.remove_prefix(digits);
  if (mark == '\0') return true;
  if (text.empty() || text.front() != mark) return false;
  text.remove_prefix(1);
  return true;
}

// YYYY-M-D or YYYY-M-D H:M:S[.ffffff], the numbers without zeros in front: so JavaScript programs write them.
bool is_unpadded_date(std::string_view text) {
  if (text.size() < 8 || text[4] != '-' || !digits(text.substr(0, 4))) return false;
  text.remove_prefix(5);
  if (!take_field(text, 12, '-') || !take_field(text, 31, '\0')) return false;
  if (text.empty()) return true;
  if (text.front() != ' ') return false;
  text.remove_prefix(1);
  if (!take_field(text, 23, ':') || !take_field(text, 59, ':') || !take_field(text, 59, '\0')) return false;
  return text.empty() || (text.front() == '.' && text.size() <= 7 && digits(text.substr(1)));
}

bool is_date(std::string_view text) { return (has_date(text) && is_plain_temporal(text)) || is_unpadded_date(text); }

bool has_content(std::string_view text, Content wanted) {
  switch (wanted) {
    case Content::any:
      return true;
    case Content::integer:
      return is_canonical_integer(text);
    case Content::decimal:
      return is_plain_decimal(text);
    case Content::floating:
      return is_plain_floating(text);
    case Content::date:
      return is_date(text);
    case Content::day:
      return is_date(text) && !has_fraction(text);
    case Content::time:
      return !has_date(text) && is_plain_temporal(text) && !is_past_the_last_time(text);
    case Content::none:
      return false;
  }
  return false;
}

std::string_view problem(Form form, std::string_view text, ColumnClass column) {
  const Takes& row = takes(column);
  if ((row.forms & static_cast<std::uint8_t>(form)) == 0) return kOtherType;
  if (form != Form::text || has_content(text, row.text)) return {};
  return row.text == Content::date || row.text == Content::day || row.text == Content::time
             ? std::string_view("its text is no plain date or time")
             : std::string_view("its text is no plain number");
}

// MariaDB makes the present time of a NULL.
std::string_view null_problem(const Column& column) {
  const bool now = !column.nullable && is_temporal(column.type);
  return now ? std::string_view("NULL in a column that is NOT NULL may become the present time") : std::string_view();
}

bool two_digits(std::string_view text, std::size_t at, int max) {
  return digits(text.substr(at, 2)) && text.substr(at, 2).size() == 2 &&
         (text[at] - '0') * 10 + (text[at + 1] - '0') <= max;
}

// -0e0 is 0 on one server and -0 on the other.
bool is_negative_zero(std::string_view text) {
  return text.front() == '-' && text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == text.npos;
}

// MM:SS[.ffffff]
bool is_minutes(std::string_view text) {
  if (text.size() < 5 || !two_digits(text, 0, 59) || text[2] != ':' || !two_digits(text, 3, 59)) return false;
  return text.size() == 5 || (text[5] == '.' && text.size() <= 12 && digits(text.substr(6)));
}

bool is_plain_date(std::string_view text) {
  return text.size() == 10 && digits(text.substr(0, 4)) && text[4] == '-' && two_digits(text, 5, 12) &&
         text[7] == '-' && two_digits(text, 8, 31);
}

// What MySQL takes for a number, which has 64 bits, MariaDB takes for a text of any length. 0xFF, x'FF', b'11' are as
// they were written; of a text with an introducer this is the content, and may look like one of them.
bool fits_64_bits(std::string_view text) {
  if (text.size() <= 8) return true;
  const bool quoted = text[1] == '\'';
  const std::size_t places = text.size() - (quoted ? 3 : 2);
  const bool bits = text[0] == 'b' || text[0] == 'B' || text[1] == 'b';
  const bool hex = text[0] == 'x' || text[0] == 'X' || text[1] == 'x';
  return (bits && places <= 64) || (hex && places <= 16);
}

std::string_view double_problem(const protocol::Parameter& parameter, const Column& column) {
  if (column.type == ColumnClass::floating) return {};
  const bool number =
      column.type == ColumnClass::integer || column.type == ColumnClass::decimal || column.type == ColumnClass::year;
  if (number && whole_number(parameter)) return {};
  return kOtherType;
}

enum class Written : std::uint8_t { text, bytes, other };

Written written_as(const protocol::Parameter& parameter) {
  switch (static_cast<ColumnType>(parameter.type.type)) {
    case ColumnType::decimal:
    case ColumnType::newdecimal:
    case ColumnType::varchar:
    case ColumnType::var_string:
    case ColumnType::string:
    case ColumnType::enum_:
    case ColumnType::set:
    case ColumnType::json:
      return Written::text;
    case ColumnType::tiny_blob:
    case ColumnType::medium_blob:
    case ColumnType::long_blob:
    case ColumnType::blob:
      return Written::bytes;
    default:  // numbers and times
      return Written::other;
  }
}

constexpr std::string_view kBytes = "binary";
constexpr std::string_view kUnicode = "utf8mb4";

constexpr std::string_view kNoJson = "MySQL makes no JSON of bytes";

// Of what Unicode lacks MySQL makes question marks in a JSON, whatever the sql_mode.
bool fails_where_it_does_not_fit(const Column& column, const TextPath& path) {
  return path.strict && column.type != ColumnClass::json;
}

std::string_view from_charset(std::string_view text, std::string_view charset, const Column& column,
                              const TextPath& path) {
  if (column.type == ColumnClass::json && charset == kBytes) return kNoJson;
  return conversion_problem(text, charset, column.charset, fails_where_it_does_not_fit(column, path));
}

std::string_view sent_problem(std::string_view text, const Column& column, const TextPath& path) {
  const bool bytes = path.client == kBytes || path.connection == kBytes;
  if (bytes && column.type == ColumnClass::json) return kNoJson;
  TextPath towards = path;
  towards.strict = fails_where_it_does_not_fit(column, path);
  return conversion_problem(text, towards, column.charset);
}

// What 0x41, x'41', 0b1000001 and b'1000001' stand for where a text is wanted.
std::string bytes_of(std::string_view literal) {
  const bool quoted = literal.size() > 2 && literal[1] == '\'';
  const char mark = quoted ? literal[0] : literal[1];
  const std::size_t bits = mark == 'b' || mark == 'B' ? 1 : 4;
  const std::string_view digits = literal.substr(2, literal.size() - (quoted ? 3 : 2));
  std::string out((digits.size() * bits + 7) / 8, '\0');
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[digits.size() - 1 - i];
    const unsigned value = static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    const std::size_t place = i * bits;
    char& byte = out[out.size() - 1 - place / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | (value << place % 8));
  }
  return out;
}

}  // namespace

bool is_plain_temporal(std::string_view text) {
  if (text.size() >= 10 && text[4] == '-') {
    if (!is_plain_date(text.substr(0, 10))) return false;
    if (text.size() == 10) return true;
    return text[10] == ' ' && text.size() > 14 && two_digits(text, 11, 23) && text[13] == ':' &&
           is_minutes(text.substr(14));
  }
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  const std::size_t colon = text.find(':');
  return colon <= 3 && digits(text.substr(0, colon)) &&  // npos is not
         is_minutes(text.substr(colon + 1));
}

std::string_view literal_problem(const routing::Value& value, const Column& column) {
  switch (value.kind) {
    case ValueKind::null:
      return null_problem(column);
    case ValueKind::integer:
      return problem(Form::integer, value.text, column.type);
    case ValueKind::decimal:
      if (is_negative_zero(value.text)) return "the sign of a zero may differ";
      return problem(value.text.find_first_of("eE") == std::string::npos ? Form::decimal : Form::floating, value.text,
                     column.type);
    case ValueKind::true_false:
      return problem(Form::boolean, value.text, column.type);
    case ValueKind::text:
      return problem(Form::text, value.text, column.type);
    case ValueKind::binary:
      if (column.type == ColumnClass::bit && !fits_64_bits(value.text)) return "it is longer than a BIT can be";
      return problem(Form::binary, value.text, column.type);
    case ValueKind::default_:
    case ValueKind::placeholder:
    case ValueKind::expression:
      return {};
  }
  return {};
}

std::string_view parameter_problem(const protocol::Parameter& parameter, const Column& column) {
  const auto type = static_cast<ColumnType>(parameter.type.type);
  if (parameter.is_null || type == ColumnType::null) return null_problem(column);
  const std::string_view text = protocol::as_text(parameter.value);
  switch (type) {
    case ColumnType::tiny:
    case ColumnType::short_:
    case ColumnType::int24:
    case ColumnType::long_:
    case ColumnType::longlong:
      return problem(Form::integer, {}, column.type);
    case ColumnType::float_:
      return column.type == ColumnClass::floating ? std::string_view() : kOtherType;
    case ColumnType::double_:
      return double_problem(parameter, column);
    case ColumnType::time:  // a DATETIME or YEAR column would take the rest from the present date
      if (column.type == ColumnClass::time) return bound_temporal_problem(parameter);
      return "a bound TIME may be completed with the present date";
    case ColumnType::date:
    case ColumnType::datetime:
    case ColumnType::timestamp:
      if (const std::string_view why = bound_temporal_problem(parameter); !why.empty()) return why;
      if (column.type == ColumnClass::date && has_microseconds(parameter)) {
        return "a fraction of a second may round a DATE up";
      }
      return problem(Form::temporal, {}, column.type);
    default:
      break;
  }
  const Written written = written_as(parameter);
  if (written == Written::other) return "its parameter is of an unknown type";
  // MySQL gives a parameter for a BIT the type of a number, whatever is bound, and makes no JSON of bytes.
  const bool otherwise =
      column.type == ColumnClass::bit || (written == Written::bytes && column.type == ColumnClass::json);
  return otherwise ? kOtherType : problem(Form::text, text, column.type);
}

bool is_bound_text(const protocol::Parameter& parameter) {
  return !parameter.is_null && written_as(parameter) != Written::other;
}

std::string_view text_problem(const routing::Value& value, const Column& column, const TextPath& path) {
  switch (value.kind) {
    case ValueKind::text:
      return value.charset.empty() ? sent_problem(value.text, column, path)
                                   : from_charset(value.text, value.charset, column, path);
    case ValueKind::binary:
      return from_charset(value.charset.empty() ? bytes_of(value.text) : value.text, kBytes, column, path);
    case ValueKind::expression: {
      // What it compares is a text, too, whatever comes of it.
      const bool holds_text = column.type == ColumnClass::binary || !column.charset.empty();
      return holds_text ? sent_problem(value.text, column, path) : conversion_problem(value.text, path, kUnicode);
    }
    case ValueKind::integer:
    case ValueKind::decimal:
    case ValueKind::null:
    case ValueKind::default_:
    case ValueKind::true_false:
    case ValueKind::placeholder:
      return {};
  }
  return {};
}

std::string_view text_problem(const protocol::Parameter& parameter, const Column& column, const TextPath& path) {
  if (parameter.is_null) return {};
  const std::string_view text = protocol::as_text(parameter.value);
  switch (written_as(parameter)) {
    case Written::text:
      return sent_problem(text, column, path);
    case Written::bytes:
      return from_charset(text, kBytes, column, path);
    case Written::other:
      return {};
  }
  return {};
}

std::string_view compared_problem(const protocol::Parameter& parameter, const TextPath& path) {
  if (const std::string_view why = bound_temporal_problem(parameter); !why.empty()) return why;
  if (parameter.is_null || written_as(parameter) != Written::text) return {};
  return conversion_problem(protocol::as_text(parameter.value), path, kUnicode);
}

std::string_view operand_problem(const protocol::Parameter& parameter, const Column& column) {
  if (parameter.is_null) return {};
  switch (static_cast<ColumnType>(parameter.type.type)) {
    case ColumnType::tiny:
    case ColumnType::short_:
    case ColumnType::int24:
    case ColumnType::long_:
    case ColumnType::longlong:
      return {};
    case ColumnType::varchar:
    case ColumnType::var_string:
    case ColumnType::string:
      return column.type == ColumnClass::text || column.type == ColumnClass::binary ? std::string_view() : kOtherType;
    default:
      return kOtherType;
  }
}

std::string_view expression_problem(const routing::Value& value, const Column& column, const TableSchema& schema,
                                    routing::MultiByte charset) {
  // Which way backslashes are read hangs on sql_mode: the expression has to do either way.
  for (const bool plain : {false, true}) {
    routing::LexerMode mode;
    mode.no_backslash_escapes = plain;
    mode.multi_byte = charset;
    const std::string_view why = ExpressionCheck(value.text, mode, column, schema).problem();
    if (!why.empty()) return why;
    if (value.text.find('\\') == std::string::npos) break;
  }
  return {};
}

std::size_t placeholders_in(const routing::Value& value, routing::MultiByte charset) {
  routing::LexerMode mode;
  mode.multi_byte = charset;
  routing::Tokenizer tokenizer(value.text, mode);
  std::size_t count = 0;
  for (routing::Token token = tokenizer.next();
       token.kind != routing::TokenKind::end && token.kind != routing::TokenKind::error; token = tokenizer.next()) {
    if (token.kind == routing::TokenKind::placeholder) ++count;
  }
  return count;
}

}  // namespace crossfade::dualwrite
