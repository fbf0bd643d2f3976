#include "routing/order_by.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "routing/token_cursor.h"

namespace crossfade::routing {

namespace {

std::string lower_name(const Token& token) {
  std::string name = plain_name(token.text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

class OrderReader {
 public:
  OrderReader(std::string_view sql, const LexerMode& mode) : cursor_(sql, mode) {}

  std::optional<OrderBy> read() {
    if (!cursor_.take("SELECT") || !skip_to("FROM") || !read_table() || !skip_to("ORDER") || !cursor_.take("BY")) {
      return std::nullopt;
    }
    do {
      if (!read_item()) {
        return std::nullopt;
      }
    } while (cursor_.take_op(","));
    // Behind the last item comes what changes no order, if anything.
    const bool understood = cursor_.at_end() || cursor_.is("LIMIT") || cursor_.is("OFFSET") || cursor_.is("FETCH");
    if (!understood || !skip_to_end() || cursor_.saw_executable_comment()) {
      return std::nullopt;
    }
    return std::move(order_);
  }

 private:
  // Words outside of parentheses that make other rows of the table's, or that are not of one SELECT.
  bool is_foreign() const {
    for (const std::string_view word :
         {"DISTINCT", "DISTINCTROW", "GROUP", "HAVING", "UNION", "INTERSECT", "EXCEPT", "MINUS", "JOIN",
          "STRAIGHT_JOIN", "NATURAL", "PROCEDURE", "INTO", "WINDOW", "SYSTEM_TIME", "SELECT"}) {
      if (cursor_.is(word)) {
        return true;
      }
    }
    return false;
  }
  // One token, or all that stands in a pair of parentheses. False where the text ends inside.
  bool step() {
    int depth = 0;
    do {
      if (cursor_.at_end()) {
        return false;
      }
      depth += cursor_.is_op("(") ? 1 : cursor_.is_op(")") ? -1 : 0;
      cursor_.advance();
    } while (depth > 0);
    return depth == 0;
  }
  // Past the next `word` outside of parentheses.
  bool skip_to(std::string_view word) {
    while (!cursor_.is(word)) {
      if (is_foreign() || !step()) {
        return false;
      }
    }
    cursor_.advance();
    return true;
  }
  bool skip_to_end() {
    while (!cursor_.at_end()) {
      if (is_foreign() || !step()) {
        return false;
      }
    }
    return cursor_.token().kind != TokenKind::error;
  }
  // [schema.]table [[AS] alias], and then neither another table nor a hint that says ORDER BY itself.
  bool read_table() {
    if (!cursor_.is_name()) {
      return false;
    }
    order_.table.table = plain_name(cursor_.token().text);
    cursor_.advance();
    if (cursor_.take_op(".")) {
      order_.table.schema = std::exchange(order_.table.table, plain_name(cursor_.token().text));
      cursor_.advance();
    }
    if (cursor_.is_op("(")) {
      return false;  // JSON_TABLE and its like
    }
    while (!cursor_.is("WHERE") && !cursor_.is("ORDER")) {
      if (cursor_.is_op(",") || cursor_.is("FOR") || is_foreign() || !step()) {
        return false;
      }
    }
    return true;
  }
  // [[schema.]table.]name [ASC | DESC] is noted, any other expression passed over.
  bool read_item() {
    std::string name;
    bool plain = cursor_.is_name();
    if (plain) {
      name = lower_name(cursor_.token());
      cursor_.advance();
      while (cursor_.take_op(".")) {
        plain = plain && cursor_.is_name();
        name = lower_name(cursor_.token());
        cursor_.advance();
      }
    }
    if (!cursor_.take("ASC")) {
      cursor_.take("DESC");
    }
    while (!ends_item()) {
      plain = false;
      if (cursor_.is("FOR") || cursor_.is("LOCK") || is_foreign() || !step()) {
        return false;
      }
    }
    if (plain) {
      order_.columns.push_back(std::move(name));
    }
    return true;
  }
  bool ends_item() const {
    return cursor_.at_end() || cursor_.is_op(",") || cursor_.is("LIMIT") || cursor_.is("OFFSET") || cursor_.is("FETCH");
  }

  TokenCursor cursor_;
  OrderBy order_;
};

}  // namespace

std::optional<OrderBy> order_of_one_table(std::string_view sql, const LexerMode& mode) {
  return OrderReader(sql, mode).read();
}

}  // namespace crossfade::routing
