#include "routing/load_data.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>

#include "protocol/ascii.h"
#include "routing/shape_value.h"

namespace crossfade::routing {

using protocol::is_ascii;
namespace {

// A recursive-descent reader with one token of foresight. Every method that can fail returns false
// after it has said why.
class Parser {
 public:
  Parser(std::string_view sql, const LexerMode& mode) : sql_(sql), mode_(mode), tokenizer_(sql, mode) { advance(); }

  LoadData run() {
    bool good = parse_head() && parse_format() && parse_targets() && parse_end();
    if (good) good = check_format();
    while (!at_end()) advance();
    if (tokenizer_.saw_executable_comment()) good = fail("an executable comment");
    if (tokenizer_.unterminated() || token_.kind == TokenKind::error) good = fail("text that does not end");
    load_.understood = good;
    if (good) load_.why.clear();
    return std::move(load_);
  }

 private:
  bool fail(std::string_view why) {
    load_.why = std::string(why);
    return false;
  }

  bool at_end() const { return token_.kind == TokenKind::end || token_.kind == TokenKind::error; }
  bool word(std::string_view keyword) const { return is_word(token_, keyword); }
  void advance() { token_ = tokenizer_.next(); }
  bool take_word(std::string_view keyword) {
    if (!word(keyword)) return false;
    advance();
    return true;
  }
  bool take_words(std::initializer_list<std::string_view> keywords) {
    return std::all_of(keywords.begin(), keywords.end(), [this](std::string_view keyword) {
      return take_word(keyword) || fail("a clause that is not known");
    });
  }
  bool take_op(std::string_view text) {
    if (!is_op(token_, text)) return false;
    advance();
    return true;
  }
  bool is_name() const { return token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name; }

  bool take_name(std::string& out) {
    if (!is_name()) return fail("a name is missing");
    out = plain_name(token_.text);
    advance();
    return true;
  }

  // LOAD DATA [LOW_PRIORITY | CONCURRENT] LOCAL INFILE 'x' [REPLACE | IGNORE] INTO TABLE t
  bool parse_head() {
    if (!take_words({"LOAD"})) return false;
    if (word("XML")) return fail("XML");
    if (!take_words({"DATA"})) return false;
    if (!take_word("LOW_PRIORITY")) take_word("CONCURRENT");
    if (!take_words({"LOCAL", "INFILE"})) return false;
    const std::optional<std::string> file = take_text();
    if (!file) return fail("no name of a file");
    load_.file = *file;
    load_.replace = take_word("REPLACE");
    if (!load_.replace) take_word("IGNORE");
    if (!take_words({"INTO", "TABLE"}) || !take_name(load_.table.table)) return false;
    if (take_op(".")) {
      load_.table.schema = std::exchange(load_.table.table, "");
      if (!take_name(load_.table.table)) return false;
    }
    return !word("PARTITION") || fail("PARTITION");
  }

  // 'x', 0x2c or x'2c', as the servers' grammar takes them here: no introducer, no concatenation.
  std::optional<std::string> take_text() {
    if (token_.kind != TokenKind::string && token_.kind != TokenKind::number) return std::nullopt;
    const Value value = make_value({{token_, 0}}, mode_);
    std::optional<std::string> out;
    if (value.kind == ValueKind::text) out = value.text;
    if (value.kind == ValueKind::binary) out = from_hex(value.text);
    if (out) advance();
    return out;
  }

  // 0x2c, x'2c'; nothing for bits.
  static std::optional<std::string> from_hex(std::string_view literal) {
    if (literal.starts_with("0x")) {
      literal.remove_prefix(2);
    } else if ((literal.starts_with("x'") || literal.starts_with("X'")) && literal.size() >= 3) {
      literal = literal.substr(2, literal.size() - 3);
    } else {
      return std::nullopt;
    }
    if (literal.size() % 2 != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < literal.size(); i += 2) {
      unsigned value = 0;
      const char* const end = literal.data() + i + 2;
      if (std::from_chars(literal.data() + i, end, value, 16).ptr != end) return std::nullopt;
      out += static_cast<char>(value);
    }
    return out;
  }

  bool parse_format() {
    if (word("CHARACTER") || word("CHARSET")) {
      if (!take_word("CHARSET") && !take_words({"CHARACTER", "SET"})) return false;
      const std::optional<std::string> quoted = take_text();
      if (quoted) load_.charset = lower_case(*quoted);
      if (!quoted && !take_name(load_.charset)) return false;
      load_.charset = lower_case(load_.charset);
    }
    if (word("FIELDS") || word("COLUMNS")) {
      advance();
      if (!parse_fields()) return false;
    }
    return !take_word("LINES") || parse_lines();
  }

  bool take_separator(std::initializer_list<std::string_view> keywords, std::string& out) {
    if (!take_words(keywords)) return false;
    const std::optional<std::string> text = take_text();
    if (!text) return fail("a separator that is no text");
    out = *text;
    return true;
  }

  bool parse_fields() {
    bool any = false;
    for (;; any = true) {
      if (word("TERMINATED")) {
        if (!take_separator({"TERMINATED", "BY"}, load_.format.fields_terminated)) return false;
      } else if (word("ENCLOSED") || word("OPTIONALLY")) {
        take_word("OPTIONALLY");
        if (!take_separator({"ENCLOSED", "BY"}, load_.format.enclosed)) return false;
      } else if (word("ESCAPED")) {
        if (!take_separator({"ESCAPED", "BY"}, load_.format.escaped)) return false;
        escape_given_ = true;
      } else {
        return any || fail("FIELDS without a clause");
      }
    }
  }

  bool parse_lines() {
    bool any = false;
    for (;; any = true) {
      if (word("TERMINATED")) {
        if (!take_separator({"TERMINATED", "BY"}, load_.format.lines_terminated)) return false;
      } else if (word("STARTING")) {
        if (!take_separator({"STARTING", "BY"}, load_.format.lines_starting)) return false;
      } else {
        return any || fail("LINES without a clause");
      }
    }
  }

  bool parse_targets() {
    if (take_word("IGNORE")) {
      const std::string_view digits = token_.text;
      const char* const end = digits.data() + digits.size();
      if (token_.kind != TokenKind::number ||
          std::from_chars(digits.data(), end, load_.format.skipped_lines).ptr != end) {
        return fail("IGNORE without a number of lines");
      }
      advance();
      if (!take_word("LINES") && !take_words({"ROWS"})) return false;
    }
    if (take_op("(") && !parse_columns()) return false;
    return !take_word("SET") || parse_assignments();
  }

  bool parse_columns() {
    if (take_op(")")) return true;
    do {
      if (token_.kind == TokenKind::user_variable) return fail("a user variable among its columns");
      if (!take_column(load_.columns.emplace_back())) return false;
    } while (take_op(","));
    return take_op(")") || fail("a column list that is not understood");
  }

  bool take_column(std::string& out) {
    if (!take_name(out)) return false;
    out = lower_case(out);
    if (load_.columns.size() > kColumnsMax) return fail("too many columns");
    return !is_op(token_, ".") || fail("a qualified column");
  }

  bool parse_assignments() {
    do {
      LoadData::Assigned& one = load_.assigned.emplace_back();
      if (!take_column(one.column)) return false;
      if (!take_op("=") && !take_op(":=")) return fail("a SET without =");
      Expression value;
      const std::size_t begin = token_.offset;
      std::size_t end = begin;
      for (int depth = 0; !at_end() && token_.kind != TokenKind::semicolon; advance()) {
        if (depth == 0 && is_op(token_, ",")) break;
        depth += is_op(token_, "(") ? 1 : is_op(token_, ")") ? -1 : 0;
        value.push_back({token_, 0});
        end = token_.offset + token_.text.size();
      }
      one.value = make_value(value, mode_);
      one.sql = std::string(sql_.substr(begin, end - begin));
      const ValueKind kind = one.value.kind;
      if (kind == ValueKind::expression || kind == ValueKind::placeholder || kind == ValueKind::default_) {
        return fail("SET to something else than a literal");
      }
      if (load_.assigned.size() > kColumnsMax) return fail("too many columns");
    } while (take_op(","));
    return true;
  }

  bool parse_end() {
    while (token_.kind == TokenKind::semicolon) advance();
    return at_end() || fail("a clause that is not known");
  }

  bool check_format() {
    FileFormat& format = load_.format;
    if (!escape_given_ && mode_.no_backslash_escapes) format.escaped.clear();
    if (format.enclosed.size() > 1 || format.escaped.size() > 1) return fail("a quote or escape of several characters");
    for (const std::string& text :
         {format.fields_terminated, format.enclosed, format.escaped, format.lines_starting, format.lines_terminated}) {
      if (!is_ascii(text)) return fail("a separator that is not ASCII");
      if (text.size() > kSeparatorBytesMax) return fail("a separator that is too long");
    }
    if (format.fields_terminated.empty()) return fail("rows of fixed size, or fields without an end");
    // With the same for both, lines have no end of their own.
    if (format.lines_terminated.empty() || format.lines_terminated == format.fields_terminated) {
      return fail("lines without an end of their own");
    }
    return true;
  }

  static constexpr std::size_t kColumnsMax = 4096;
  static constexpr std::size_t kSeparatorBytesMax = 64;

  std::string_view sql_;
  LexerMode mode_;
  Tokenizer tokenizer_;
  Token token_;
  LoadData load_;
  bool escape_given_ = false;
};

}  // namespace

LoadData parse_load_data(std::string_view sql, const LexerMode& mode) { return Parser(sql, mode).run(); }

}  // namespace crossfade::routing
