#include "tests/sim/statement.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace crossfade::sim {

using support::Answer;

namespace {

// The value of (SELECT 1 UNION SELECT 2): an error where it is used.
const std::string kTwoRows = "\1two rows";

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::toupper(static_cast<unsigned char>(x)) == std::toupper(static_cast<unsigned char>(y));
         });
}

std::string from_hex(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return out;
}

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '@'; }

// What a row has in columns that an INSERT does not name.
Cell default_of(const std::string& column) {
  for (const char* number : {"beats", "file_time", "resolved", "released", "at"}) {
    if (column == number) return "0";
  }
  return std::nullopt;
}

}  // namespace

std::optional<Answer> Store::execute(Transaction& transaction, const std::string& sql) {
  return Statement(*this, transaction, sql).run();
}

Statement::Statement(Store& store, Transaction& transaction, std::string_view sql)
    : store_(store), transaction_(transaction) {
  read(sql);
}

void Statement::read(std::string_view sql) {
  std::size_t i = 0;
  const auto until = [&](char end) {
    std::string text;
    for (++i; i < sql.size() && sql[i] != end; ++i) text += sql[i];
    ++i;
    return text;
  };
  while (i < sql.size()) {
    const char c = sql[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (sql.substr(i, 2) == "/*") {
      i = sql.find("*/", i) + 2;
    } else if (c == '`') {
      tokens_.push_back({Token::Kind::name, until('`')});
    } else if (c == '\'') {
      tokens_.push_back({Token::Kind::text, until('\'')});
    } else if (sql.substr(i, 2) == "x'") {
      ++i;
      tokens_.push_back({Token::Kind::text, from_hex(until('\''))});
    } else if (in_word(c)) {
      const std::size_t begin = i;
      while (i < sql.size() && in_word(sql[i])) ++i;
      const std::string_view word = sql.substr(begin, i - begin);
      if (word.starts_with("0x")) {
        tokens_.push_back({Token::Kind::text, from_hex(word.substr(2))});
      } else {
        const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        tokens_.push_back({digit ? Token::Kind::number : Token::Kind::word, std::string(word)});
      }
    } else {
      const std::size_t length = sql.substr(i, 3) == "<=>" ? 3 : sql.substr(i, 2) == "<>" ? 2 : 1;
      tokens_.push_back({Token::Kind::symbol, std::string(sql.substr(i, length))});
      i += length;
    }
  }
  tokens_.push_back({});
}

bool Statement::is(std::string_view word) const {
  return (peek().kind == Token::Kind::word || peek().kind == Token::Kind::symbol) && same(peek().text, word);
}

bool Statement::take(std::string_view word) {
  if (!is(word)) return false;
  ++at_;
  return true;
}

void Statement::expect(std::string_view word) {
  if (!take(word)) not_understood();
}

void Statement::not_understood() const {
  std::string text = "the simulated server does not understand, at '" + peek().text + "':";
  for (const Token& token : tokens_) text += " " + token.text;
  throw std::logic_error(text);
}

std::string Statement::table_name() {
  std::string name = tokens_[at_++].text;
  if (take(".")) name += "." + tokens_[at_++].text;
  return name;
}

void Statement::skip_parenthesis() {
  int depth = 0;
  do {
    if (is("(")) ++depth;
    if (is(")")) --depth;
    if (peek().kind == Token::Kind::end) not_understood();
    ++at_;
  } while (depth > 0);
}

Cell Statement::expression(const Scope& scope) {
  Cell left = term(scope);
  while (take("+")) {
    const Cell right = term(scope);
    left = left && right ? Cell(std::to_string(std::stoll(*left) + std::stoll(*right))) : std::nullopt;
  }
  return left;
}

Cell Statement::term(const Scope& scope) {
  const Token token = peek();
  if (take("-")) return "-" + tokens_[at_++].text;
  if (is("(")) {
    if (!same(tokens_[at_ + 1].text, "SELECT")) not_understood();
    skip_parenthesis();
    return kTwoRows;
  }
  ++at_;
  if (token.kind == Token::Kind::number || token.kind == Token::Kind::text) return token.text;
  if (token.kind == Token::Kind::name) return column(token.text, scope);
  if (token.kind != Token::Kind::word) not_understood();
  if (same(token.text, "NULL")) return std::nullopt;
  if (token.text.starts_with("_")) return term(scope);  // a character set in front of its literal
  return is("(") ? called(token.text, scope) : column(token.text, scope);
}

Cell Statement::column(const std::string& first, const Scope& scope) {
  std::string name = first;
  while (take(".")) name = tokens_[at_++].text;
  return (*scope.row)[scope.table->column(name)];
}

Cell Statement::called(const std::string& function, const Scope& scope) {
  const std::size_t opened = at_;
  expect("(");
  if (same(function, "IF")) {
    const bool holds = condition(scope);
    expect(",");
    Cell yes = expression(scope);
    expect(",");
    Cell no = expression(scope);
    expect(")");
    Cell chosen = holds ? yes : no;
    if (chosen == kTwoRows) throw SqlError{1242, "21000", "Subquery returns more than 1 row"};
    return chosen;
  }
  if (same(function, "VALUES")) {
    const std::string name = tokens_[at_++].text;
    expect(")");
    return (*scope.given)[scope.table->column(name)];
  }
  if (same(function, "CONVERT") || same(function, "CAST")) {
    Cell value = expression(scope);
    at_ = opened;
    skip_parenthesis();
    return value;
  }
  if (!same(function, "SYSDATE") && !same(function, "FLOOR")) not_understood();
  at_ = opened;
  skip_parenthesis();
  return "0";
}

bool Statement::condition(const Scope& scope) {
  bool holds = comparison(scope);
  while (take("AND")) holds = comparison(scope) && holds;
  return holds;
}

bool Statement::comparison(const Scope& scope) {
  if (take("NOT")) return !comparison(scope);
  if (is("(") && !same(tokens_[at_ + 1].text, "SELECT")) {
    ++at_;
    const bool holds = condition(scope);
    expect(")");
    return holds;
  }
  const Cell left = expression(scope);
  if (take("<=>")) return left == expression(scope);
  if (take("IS")) {
    const bool negated = take("NOT");
    expect("NULL");
    return left.has_value() == negated;
  }
  if (!take("=")) not_understood();
  const Cell right = expression(scope);
  return left && right && *left == *right;
}

// The condition that begins at a token, of one row; 0: there is none.
bool Statement::where(const Scope& scope, std::size_t where_at) {
  if (where_at == 0) return true;
  at_ = where_at;
  return condition(scope);
}

std::optional<Answer> Statement::run() {
  if (take("INSERT")) return insert(false);
  if (take("REPLACE")) return insert(true);
  if (take("UPDATE")) return update();
  if (take("DELETE")) return erase();
  if (take("SELECT")) return select();
  return std::nullopt;
}

// "a=1,b=2", of which each sees those before it.
void Statement::assign(Row& row, const Table& table, const Row* given) {
  do {
    std::string name = tokens_[at_++].text;
    while (take(".")) name = tokens_[at_++].text;
    expect("=");
    row[table.column(name)] = expression({.table = &table, .row = &row, .given = given});
  } while (take(","));
}

RowOp Statement::insert_one(const std::string& name, Row given, std::size_t update_at, bool replaces) {
  const Table& table = store_.table(name);
  RowOp op{.table = name, .key = Store::key_of(table, given), .before = {}, .after = given};
  op.before = store_.find(transaction_, name, op.key);
  if (!op.before || replaces) return op;
  if (update_at == 0) throw SqlError{1062, "23000", "Duplicate entry '" + op.key + "'"};
  op.after = op.before;
  at_ = update_at;
  assign(*op.after, table, &given);
  return op;
}

Answer Statement::insert(bool replaces) {
  const bool ignores = take("IGNORE");
  expect("INTO");
  const std::string name = table_name();
  Table& table = store_.table(name);
  std::vector<std::size_t> columns;
  expect("(");
  do {
    columns.push_back(table.column(tokens_[at_++].text));
  } while (take(","));
  expect(")");
  expect("VALUES");
  std::vector<Row> given;
  do {
    Row row;
    for (const std::string& column : table.columns) row.push_back(default_of(column));
    if (name == "crossfade.ledger") row[0] = std::to_string(store_.next_id_++);
    expect("(");
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) expect(",");
      row[columns[i]] = expression({.table = &table, .row = &row, .given = nullptr});
    }
    expect(")");
    given.push_back(std::move(row));
  } while (take(","));
  std::size_t update_at = 0;
  if (take("ON")) update_at = at_ + 3;  // DUPLICATE KEY UPDATE
  std::vector<RowOp> ops;
  for (Row& row : given) {
    // What another transaction has inserted and not committed is waited for, also where it would be ignored.
    const auto lock = table.locks.find(Store::key_of(table, row));
    if (lock != table.locks.end() && lock->second != transaction_.number) throw Blocked{};
    if (ignores && store_.find(transaction_, name, Store::key_of(table, row))) continue;
    ops.push_back(insert_one(name, std::move(row), update_at, replaces));
  }
  store_.apply(transaction_, ops);
  return Answer::done(ops.size());
}

Answer Statement::update() {
  const std::string name = table_name();
  const Table& table = store_.table(name);
  expect("SET");
  const std::size_t set_at = at_;
  std::size_t where_at = 0;
  for (std::size_t i = at_; i < tokens_.size(); ++i) {
    if (tokens_[i].kind == Token::Kind::word && same(tokens_[i].text, "WHERE")) where_at = i + 1;
  }
  std::vector<RowOp> ops;
  for (const auto& [key, row] : store_.visible(transaction_, name)) {
    if (!where({.table = &table, .row = &row, .given = nullptr}, where_at)) continue;
    // As it is once whoever has it locked is done.
    const auto lock = table.locks.find(key);
    if (lock != table.locks.end() && lock->second != transaction_.number) throw Blocked{};
    Row after = row;
    at_ = set_at;
    assign(after, table, nullptr);
    ops.push_back({.table = name, .key = key, .before = row, .after = after});
  }
  const std::size_t found = ops.size();
  std::erase_if(ops, [](const RowOp& op) { return op.before == op.after; });
  store_.apply(transaction_, ops);
  return Answer::done(found);
}

Answer Statement::erase() {
  expect("FROM");
  const std::string name = table_name();
  const Table& table = store_.table(name);
  const std::size_t where_at = take("WHERE") ? at_ : 0;
  std::vector<RowOp> ops;
  for (const auto& [key, row] : store_.visible(transaction_, name)) {
    if (where({.table = &table, .row = &row, .given = nullptr}, where_at)) {
      ops.push_back({.table = name, .key = key, .before = row, .after = std::nullopt});
    }
  }
  store_.apply(transaction_, ops);
  return Answer::done(ops.size());
}

Answer Statement::select() {
  take("DISTINCT");
  const std::size_t list_at = at_;
  bool counts = false;
  for (; !is("FROM"); ++at_) {
    if (peek().kind == Token::Kind::end) not_understood();
    counts = counts || is("COUNT");
  }
  ++at_;
  const bool within = take("(");  // (SELECT 1 FROM .. LIMIT 1) AS found
  if (within) at_ += 3;
  const std::string name = table_name();
  const Table& table = store_.table(name);
  const std::size_t where_at = take("WHERE") ? at_ : 0;
  Answer answer;
  std::size_t count = 0;
  for (const auto& [key, row] : store_.visible(transaction_, name)) {
    const Scope scope{.table = &table, .row = &row, .given = nullptr};
    if (!where(scope, where_at)) continue;
    ++count;
    if (counts) continue;
    at_ = list_at;
    Row cells;
    do {
      cells.push_back(expression(scope));
    } while (take(","));
    answer.rows.push_back(std::move(cells));
  }
  if (counts) return Answer::of({"count"}, {{std::to_string(count)}});
  int depth = 0;
  answer.columns.emplace_back("c0");
  for (std::size_t i = list_at; !same(tokens_[i].text, "FROM"); ++i) {
    if (tokens_[i].text == "(") ++depth;
    if (tokens_[i].text == ")") --depth;
    if (tokens_[i].text == "," && depth == 0) answer.columns.push_back("c" + std::to_string(answer.columns.size()));
  }
  return answer;
}

}  // namespace crossfade::sim
