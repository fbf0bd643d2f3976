#include "routing/write_shape.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>

#include "routing/shape_value.h"

namespace crossfade::routing {
namespace {

// A recursive-descent reader with one token of foresight. Every method that can fail returns false
// after it has said why in the shape.
class Parser {
 public:
  Parser(std::string_view sql, const LexerMode& mode) : sql_(sql), mode_(mode), tokenizer_(sql, mode) { advance(); }

  WriteShape run() {
    bool good = parse_statement();
    if (good) good = parse_end();
    while (!at_end()) advance();  // placeholders are those of the whole statement
    if (tokenizer_.saw_executable_comment()) good = fail("an executable comment");
    if (tokenizer_.unterminated() || token_.kind == TokenKind::error) good = fail("text that does not end");
    shape_.understood = good;
    if (good) shape_.why.clear();
    return std::move(shape_);
  }

 private:
  bool fail(std::string_view why) {
    shape_.why = std::string(why);
    return false;
  }

  bool at_end() const { return token_.kind == TokenKind::end || token_.kind == TokenKind::error; }
  bool word(std::string_view keyword) const { return is_word(token_, keyword); }
  bool op(std::string_view text) const { return is_op(token_, text); }
  bool any_word(std::initializer_list<std::string_view> keywords) const {
    return std::any_of(keywords.begin(), keywords.end(), [this](std::string_view keyword) { return word(keyword); });
  }

  void advance() {
    if (token_.kind == TokenKind::placeholder && shape_.placeholders < std::numeric_limits<std::uint16_t>::max()) {
      ++shape_.placeholders;
    }
    const bool opened = op("(");
    token_ = tokenizer_.next();
    if (opened && any_word({"SELECT", "WITH", "TABLE", "VALUES"})) shape_.subquery = true;
  }
  bool take_word(std::string_view keyword) {
    if (!word(keyword)) return false;
    advance();
    return true;
  }
  bool take_op(std::string_view text) {
    if (!op(text)) return false;
    advance();
    return true;
  }

  bool parse_statement() {
    const Token verb = token_;
    const bool insert = word("INSERT");
    const bool replace = word("REPLACE");
    const bool update = word("UPDATE");
    if (!insert && !replace && !update && !word("DELETE")) return fail("a statement that is no plain write");
    shape_.kind = insert    ? StatementKind::insert
                  : replace ? StatementKind::replace
                  : update  ? StatementKind::update
                            : StatementKind::delete_;
    advance();
    if (sets_variables(verb)) return fail("a hint that sets variables");
    while (any_word({"LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK"})) advance();
    shape_.ignore = take_word("IGNORE");
    if (update) return parse_update();
    return insert || replace ? parse_insert() : parse_delete();
  }

  // /*+ SET_VAR(...) */ between the verb and what follows: an effect on MySQL, a comment on MariaDB.
  bool sets_variables(const Token& verb) const {
    const std::size_t begin = verb.offset + verb.text.size();
    const std::string gap = lower_case(sql_.substr(begin, token_.offset - std::min(begin, token_.offset)));
    return gap.find("/*+") != std::string::npos && gap.find("set_var") != std::string::npos;
  }

  bool parse_end() {
    while (token_.kind == TokenKind::semicolon) advance();
    return at_end() || fail("more than one statement, or a clause that is not known");
  }

  bool is_name() const { return token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name; }

  bool parse_name(std::string& out) {
    if (!is_name()) return fail("a name is missing");
    out = plain_name(token_.text);
    advance();
    return true;
  }

  bool parse_table() {
    if (!parse_name(shape_.table.table)) return false;
    if (!take_op(".")) return !word("PARTITION") || fail("PARTITION");
    shape_.table.schema = std::exchange(shape_.table.table, "");
    if (op("*")) {  // DELETE FROM t.* USING
      shape_.table.table = std::exchange(shape_.table.schema, "");
      shape_.several_tables = true;
      return true;
    }
    if (!parse_name(shape_.table.table)) return false;
    if (op(".")) shape_.several_tables = true;
    return !word("PARTITION") || fail("PARTITION");
  }

  // a, t.a, s.t.a
  bool parse_column() {
    std::string column;
    if (!parse_name(column)) return false;
    while (take_op(".")) {
      if (!parse_name(column)) return false;
    }
    shape_.columns.push_back(lower_case(column));
    return true;
  }

  // Up to a comma, a closing parenthesis or a clause at its own level. Fails where parentheses do.
  bool parse_expression(Expression& out, std::initializer_list<std::string_view> clauses, bool stop_at_comma) {
    out.clear();
    int depth = 0;
    bool after_dot = false;
    while (!at_end() && token_.kind != TokenKind::semicolon) {
      if (depth == 0 && (op(")") || (stop_at_comma && op(",")))) break;
      if (depth == 0 && !after_dot && any_word(clauses)) break;
      if (op("(")) ++depth;
      if (op(")")) --depth;
      after_dot = op(".");
      out.push_back({token_, shape_.placeholders});
      advance();
    }
    return (depth == 0 && !out.empty()) || fail("an expression that is cut");
  }

  bool parse_value(std::vector<Value>& to, std::initializer_list<std::string_view> clauses) {
    if (!parse_expression(expression_, clauses, true)) return false;
    if (++values_ > kShapeValuesMax) return fail("too many values");
    to.push_back(make_value(expression_, mode_));
    return true;
  }

  bool parse_insert() {
    take_word("INTO");
    if (!parse_table()) return false;
    if (op("(")) {
      advance();
      if (shape_.subquery || op("(")) return take_select();
      if (!parse_columns()) return false;
    }
    if (take_word("SET")) return parse_assignments_of_insert() && parse_insert_tail();
    if (any_word({"SELECT", "WITH", "TABLE"}) || op("(")) return take_select();
    if (!take_word("VALUES") && !take_word("VALUE")) return fail("an INSERT without values");
    if (word("ROW")) return take_select();
    return parse_rows() && parse_insert_tail();
  }

  bool take_select() {
    shape_.from_select = true;
    shape_.subquery = true;
    return drain();
  }

  bool parse_columns() {
    if (take_op(")")) return true;
    do {
      if (!parse_column()) return false;
    } while (take_op(","));
    return take_op(")") || fail("a column list that does not close");
  }

  bool parse_rows() {
    do {
      if (!take_op("(")) return fail("a row without parenthesis");
      std::vector<Value>& row = shape_.rows.emplace_back();
      if (++values_ > kShapeValuesMax) return fail("too many values");
      if (!op(")")) {
        do {
          if (!parse_value(row, {})) return false;
        } while (take_op(","));
      }
      if (!take_op(")")) return fail("a row that does not close");
      const std::size_t expected = shape_.columns.empty() ? shape_.rows.front().size() : shape_.columns.size();
      if (row.size() != expected && !row.empty()) return fail("a row that does not fit its columns");
    } while (take_op(","));
    return true;
  }

  bool parse_assignments(std::vector<Value>& to) {
    do {
      if (!parse_column()) return false;
      if (!take_op("=") && !take_op(":=")) return fail("an assignment without =");
      if (!parse_value(to, {"WHERE", "ORDER", "LIMIT", "ON", "RETURNING", "AS"})) return false;
    } while (take_op(","));
    return true;
  }

  bool parse_assignments_of_insert() { return parse_assignments(shape_.rows.emplace_back()); }

  bool parse_insert_tail() {
    if (word("AS")) return fail("a row alias");
    if (word("ON")) {
      shape_.on_duplicate_key = true;
      return drain();
    }
    if (word("RETURNING")) {
      const std::size_t at = token_.offset;
      if (parse_returned_columns()) shape_.returning_columns_at = at;
      shape_.returning = true;
      return drain();
    }
    return true;
  }

  // RETURNING column [AS alias], ...: false when something else is among them.
  bool parse_returned_columns() {
    do {
      advance();  // RETURNING, or the comma
      std::string name;
      if (!take_op("*")) {
        if (!parse_name(name)) return false;
        while (take_op(".")) {
          if (!take_op("*") && !parse_name(name)) return false;
        }
        if (take_word("AS") ? !parse_name(name) : is_name() && !parse_name(name)) return false;
      }
    } while (op(","));
    return at_end() || token_.kind == TokenKind::semicolon;
  }

  // What follows is not looked into, beyond what refuses the statement in any case.
  bool drain() {
    while (!at_end() && token_.kind != TokenKind::semicolon) {
      if (word("RETURNING")) shape_.returning = true;
      if (word("DUPLICATE")) shape_.on_duplicate_key = true;
      advance();
    }
    return true;
  }

  bool take_several_tables() {
    shape_.several_tables = true;
    return drain();
  }

  bool is_join() const {
    return op(",") || op("(") ||
           any_word({"JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "NATURAL", "STRAIGHT_JOIN", "USING"});
  }

  // An alias may follow; what else may follow is in `clauses`.
  bool parse_alias(std::initializer_list<std::string_view> clauses) {
    if (any_word({"FOR", "USE", "FORCE", "IGNORE"})) return fail("an index hint or a period");
    std::string alias;
    if (take_word("AS")) return parse_name(alias);
    if (is_name() && !any_word(clauses)) return parse_name(alias);
    return true;
  }

  bool parse_update() {
    if (op("(")) return take_several_tables();
    if (!parse_table()) return false;
    if (!is_join() && !parse_alias({"SET"})) return false;
    if (is_join() || shape_.several_tables) return take_several_tables();
    if (any_word({"FOR", "USE", "FORCE", "IGNORE"})) return fail("an index hint or a period");
    if (!take_word("SET")) return fail("an UPDATE without SET");
    return parse_assignments(shape_.assigned) && parse_tail();
  }

  bool parse_delete() {
    if (!take_word("FROM")) return take_several_tables();
    if (!parse_table()) return false;
    if (!shape_.several_tables && !is_join() && !parse_alias({"WHERE", "ORDER", "LIMIT", "RETURNING"})) return false;
    if (is_join() || shape_.several_tables) return take_several_tables();
    return parse_tail();
  }

  void keep_where() {
    shape_.where = as_written(expression_);
    for (const ExpressionToken& one : expression_) {
      if (one.token.kind == TokenKind::placeholder) shape_.where_placeholders.push_back(one.placeholder);
    }
  }

  bool parse_tail() {
    if (take_word("WHERE")) {
      shape_.has_where = true;
      if (!parse_expression(expression_, {"ORDER", "LIMIT", "RETURNING"}, true)) return false;
      shape_.other_conditions = !add_conditions(expression_, mode_, shape_.conditions);
      if (shape_.other_conditions) keep_where();
    }
    if (take_word("ORDER")) {
      shape_.order_by = true;
      if (!take_word("BY") || !parse_expression(expression_, {"LIMIT", "RETURNING"}, false)) return fail("ORDER BY");
    }
    if (take_word("LIMIT")) {
      shape_.limit = true;
      if (!parse_expression(expression_, {"RETURNING"}, false)) return fail("LIMIT");
    }
    if (word("RETURNING")) return drain();
    return true;
  }

  std::string_view sql_;
  LexerMode mode_;
  Tokenizer tokenizer_;
  Token token_;
  WriteShape shape_;
  Expression expression_;
  std::size_t values_ = 0;
};

}  // namespace

WriteShape parse_write(std::string_view sql, const LexerMode& mode) { return Parser(sql, mode).run(); }

}  // namespace crossfade::routing
