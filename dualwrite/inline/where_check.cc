#include "dualwrite/inline/where_check.h"

#include <string>

#include "dualwrite/inline/value_check.h"
#include "routing/shape_value.h"

namespace crossfade::dualwrite {
namespace {

using routing::is_op;
using routing::is_word;
using routing::Token;
using routing::TokenKind;

constexpr std::string_view kOtherType = "a value is compared with a column of another type";
constexpr std::string_view kLoneText = "a text is compared with an expression, or stands alone";

bool is_number(ColumnClass type) {
  return type == ColumnClass::integer || type == ColumnClass::decimal || type == ColumnClass::floating ||
         type == ColumnClass::bit;
}

// Words that an opening parenthesis may follow without being a function's.
constexpr std::string_view kNoFunctions = " and or xor not in between like when then else case is where ";

class WhereCheck {
 public:
  WhereCheck(const routing::WriteShape& shape, const routing::LexerMode& mode, const TableSchema& schema,
             const std::vector<protocol::Parameter>* parameters)
      : shape_(shape), mode_(mode), schema_(schema), parameters_(parameters) {
    routing::Tokenizer tokenizer(shape.where, mode);
    for (Token token = tokenizer.next(); token.kind != TokenKind::end && token.kind != TokenKind::error;
         token = tokenizer.next()) {
      tokens_.push_back(token);
      note_starts(tokens_.size() - 1);
    }
  }

  std::string_view problem() {
    std::size_t placeholder = 0;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (op(i, "(")) in_call_.push_back(in_call() || is_call(i));
      if (op(i, ")") && !in_call_.empty()) in_call_.pop_back();
      std::string_view why;
      if (token.kind == TokenKind::placeholder) {
        why = check_bound(i, placeholder++);
      } else if (token.kind == TokenKind::number || (token.kind == TokenKind::string && column_at(i) == nullptr)) {
        why = check_literal(i);
      }
      if (!why.empty()) return why;
    }
    return {};
  }

 private:
  const Token& at(std::size_t i) const { return i < tokens_.size() ? tokens_[i] : kNone; }
  bool op(std::size_t i, std::string_view text) const { return is_op(at(i), text); }
  bool in_call() const { return !in_call_.empty() && in_call_.back(); }

  bool is_call(std::size_t parenthesis) const {
    const Token& before = at(parenthesis - 1);
    return before.kind == TokenKind::word &&
           kNoFunctions.find(" " + routing::lower_case(before.text) + " ") == std::string_view::npos;
  }

  bool compares(std::size_t i) const {
    if (at(i).kind != TokenKind::op) return false;
    const std::string_view text = at(i).text;
    return text == "=" || text == "<" || text == ">" || text == "<=" || text == ">=" || text == "<>" || text == "!=" ||
           text == "<=>";
  }

  const Column* column_at(std::size_t i) const {
    const Token& token = at(i);
    const bool quoted = token.kind == TokenKind::string && token.text.front() == '"';
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted_name && !quoted) return nullptr;
    return schema_.find(routing::lower_case(routing::plain_name(token.text)));
  }

  // Of shop.t.x the column stands last.
  const Column* column_from(std::size_t i) const {
    while (op(i + 1, ".")) i += 2;
    return column_at(i);
  }

  // Back from a value over the ones before it to the word in front of them: IN, BETWEEN, or nothing known.
  std::size_t list_start(std::size_t i) const { return starts_[i].list; }

  // 'a' 'b' is one text, and an introducer belongs to it.
  std::size_t start_of(std::size_t i) const { return starts_[i].text; }

  // Each from the one before it: a list is walked over once, however many members ask.
  void note_starts(std::size_t i) {
    const bool member = op(i, ",") || op(i, "-") || at(i).kind == TokenKind::number ||
                        at(i).kind == TokenKind::string || at(i).kind == TokenKind::placeholder ||
                        is_word(at(i), "NULL");
    Starts starts{.list = 0, .text = i};
    if (op(i, "(")) starts.list = i;
    if (member && i > 0) starts.list = starts_[i - 1].list;
    if (i > 0 && at(i).kind == TokenKind::string) {
      const bool introducer = at(i - 1).kind == TokenKind::word && at(i - 1).text.front() == '_';
      if (at(i - 1).kind == TokenKind::string) starts.text = starts_[i - 1].text;
      if (introducer) starts.text = i - 1;
    }
    starts_.push_back(starts);
  }

  // The column that the value at `i` is compared with; null: it is none, or not plain to see.
  const Column* partner(std::size_t i) const {
    if (compares(i + 1)) {
      if (const Column* right = column_from(i + 2); right != nullptr) return right;
    }
    i = start_of(i);
    if (i == 0) return nullptr;
    std::size_t before = i - 1;
    if (compares(before)) return before > 0 ? column_at(before - 1) : nullptr;
    if (is_word(at(before), "AND") && before >= 2 && is_word(at(before - 2), "BETWEEN")) before -= 2;
    if (!is_word(at(before), "BETWEEN")) {
      const std::size_t start = list_start(before);
      if (start == 0 || !is_word(at(start - 1), "IN")) return nullptr;
      before = start - 1;
    }
    if (before > 0 && is_word(at(before - 1), "NOT")) --before;
    return before > 0 ? column_at(before - 1) : nullptr;
  }

  std::string_view check_literal(std::size_t i) const {
    const routing::Value value = routing::make_value({{.token = at(i), .placeholder = 0}}, mode_);
    if (const Column* column = partner(i); column != nullptr) {
      return comparison_problem(value, *column).empty() ? std::string_view() : kOtherType;
    }
    return at(i).kind == TokenKind::string ? lone_text() : std::string_view();
  }

  std::string_view check_bound(std::size_t i, std::size_t ordinal) const {
    if (parameters_ == nullptr || ordinal >= shape_.where_placeholders.size()) return {};
    const std::size_t index = shape_.where_placeholders[ordinal];
    if (index >= parameters_->size()) return {};
    const protocol::Parameter& bound = (*parameters_)[index];
    if (const Column* column = partner(i); column != nullptr) {
      return comparison_problem(bound, *column).empty() ? std::string_view() : kOtherType;
    }
    return is_bound_text(bound) ? lone_text() : std::string_view();
  }

  std::string_view lone_text() const { return in_call() ? std::string_view() : kLoneText; }

  inline static const Token kNone;

  const routing::WriteShape& shape_;
  const routing::LexerMode& mode_;
  const TableSchema& schema_;
  const std::vector<protocol::Parameter>* parameters_;
  struct Starts {
    std::size_t list;  // of the list that the token is a member of; 0: none
    std::size_t text;  // of the text that it is a part of
  };
  std::vector<Token> tokens_;
  std::vector<Starts> starts_;  // of each of them
  std::vector<bool> in_call_;
};

}  // namespace

std::string_view comparison_problem(const routing::Value& value, const Column& column) {
  if (value.kind == routing::ValueKind::null || value.kind == routing::ValueKind::placeholder ||
      value.kind == routing::ValueKind::expression) {
    return {};
  }
  const bool bytes = column.type == ColumnClass::binary || column.type == ColumnClass::text;
  if (value.kind == routing::ValueKind::binary && !bytes) return kOtherType;
  const bool text_for_number = value.kind == routing::ValueKind::text && is_number(column.type);
  return is_temporal(column.type) || text_for_number ? literal_problem(value, column) : std::string_view();
}

std::string_view comparison_problem(const protocol::Parameter& parameter, const Column& column) {
  if (parameter.is_null) return {};
  const bool text_for_number = is_bound_text(parameter) && is_number(column.type);
  return is_temporal(column.type) || text_for_number ? parameter_problem(parameter, column) : std::string_view();
}

std::string_view where_problem(const routing::WriteShape& shape, const TableSchema& schema, routing::MultiByte charset,
                               const std::vector<protocol::Parameter>* parameters) {
  if (!shape.other_conditions) return {};
  // Which way backslashes are read hangs on sql_mode: the condition has to do either way.
  for (const bool plain : {false, true}) {
    routing::LexerMode mode;
    mode.no_backslash_escapes = plain;
    mode.multi_byte = charset;
    const std::string_view why = WhereCheck(shape, mode, schema, parameters).problem();
    if (!why.empty()) return why;
    if (shape.where.find('\\') == std::string::npos) break;
  }
  return {};
}

}  // namespace crossfade::dualwrite
