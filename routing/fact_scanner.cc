#include "routing/fact_scanner.h"

#include <algorithm>

namespace crossfade::routing {
namespace {

bool equal_folded(std::string_view text, std::string_view upper) {
  if (text.size() != upper.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i]) != upper[i]) return false;
  }
  return true;
}

bool ends_folded(std::string_view text, std::string_view upper) {
  return text.size() >= upper.size() && equal_folded(text.substr(text.size() - upper.size()), upper);
}

// Each server fills these by itself.
bool is_server_schema(std::string_view schema) {
  return equal_folded(schema, "INFORMATION_SCHEMA") || equal_folded(schema, "PERFORMANCE_SCHEMA") ||
         equal_folded(schema, "MYSQL") || equal_folded(schema, "SYS");
}

// Reserved words that may stand between INTO, UPDATE or TABLE and the table's name.
bool stays_before_table(std::string_view word) {
  return equal_folded(word, "LOW_PRIORITY") || equal_folded(word, "HIGH_PRIORITY") || equal_folded(word, "DELAYED") ||
         equal_folded(word, "IGNORE") || equal_folded(word, "IF") || equal_folded(word, "NOT") ||
         equal_folded(word, "EXISTS");
}

}  // namespace

FactScanner::FactScanner(std::string_view sql, const LexerMode& mode, StatementFacts& out)
    : mode_(mode), tokenizer_(sql, mode), digest_(mode), out_(out) {
  read_ahead();
  token_ = ahead_;
  info_ = ahead_info_;
  if (!at_end()) read_ahead();
}

void FactScanner::read_ahead() {
  const bool after_dot = ahead_.kind == TokenKind::op && ahead_.text == ".";
  ahead_ = tokenizer_.next();
  ahead_info_ = ahead_.kind == TokenKind::word && !after_dot ? keyword_info(ahead_.text) : KeywordInfo{};
  if (ahead_.kind != TokenKind::end) digest_.add(ahead_, ahead_info_);
}

void FactScanner::advance() {
  if (token_.kind == TokenKind::end || token_.kind == TokenKind::error) return;
  previous_ = token_;
  previous_info_ = info_;
  after_dot_ = previous_is_op('.');
  token_ = ahead_;
  info_ = ahead_info_;
  if (token_.kind != TokenKind::end && token_.kind != TokenKind::error) read_ahead();
  note();
}

bool FactScanner::take(std::string_view word) {
  if (!is(word)) return false;
  advance();
  return true;
}

void FactScanner::begin_statement() {
  levels_.fill(Level{});
  depth_ = selects_ = 0;
  expect_table_ = target_ = table_just_named_ = call_next_ = ignore_calls_ = false;
  into_is_harmless_ = into_list_ = json_table_ = effect_ = after_dot_ = false;
  pending_ = Pending::none;
  previous_ = Token{};
  previous_info_ = KeywordInfo{};
  if (token_.kind == TokenKind::semicolon && ahead_.kind != TokenKind::end) {
    token_ = ahead_;
    info_ = ahead_info_;
    if (token_.kind != TokenKind::error) read_ahead();
  }
  note();
}

bool FactScanner::has_effect() const {
  const Facts facts = out_.facts;
  return effect_ || facts.has(Fact::locks_rows) || facts.has(Fact::into) || facts.has(Fact::assigns_user_variable) ||
         facts.has(Fact::unknown_function) || facts.has(Fact::user_lock) || facts.has(Fact::sets_last_insert_id) ||
         facts.has(Fact::unparseable);
}

void FactScanner::note() {
  switch (token_.kind) {
    case TokenKind::word:
      if (info_.keyword != Keyword::none && !after_dot_) note_keyword();
      note_name();
      break;
    case TokenKind::quoted_name:
      note_name();
      break;
    case TokenKind::op:
      note_op();
      break;
    case TokenKind::placeholder:
      add(Fact::placeholder);
      break;
    case TokenKind::user_variable:
      add(Fact::user_variable);
      if (into_list_) add(Fact::assigns_user_variable);
      break;
    case TokenKind::system_variable:
      note_system_variable();
      break;
    case TokenKind::error:
      add(Fact::unparseable);
      break;
    case TokenKind::string:
    case TokenKind::number:
    case TokenKind::semicolon:
    case TokenKind::end:
      break;
  }
  const bool dot = token_.kind == TokenKind::op && token_.text == ".";
  if (!dot && token_.kind != TokenKind::word && token_.kind != TokenKind::quoted_name) table_just_named_ = false;
}

void FactScanner::note_op() {
  switch (token_.text.front()) {
    case '(':
      if (pending_ == Pending::last_insert_id && !ahead_is_op(')')) add(Fact::sets_last_insert_id);
      if (pending_ == Pending::unix_timestamp && ahead_is_op(')')) add(Fact::time_dependent);
      pending_ = Pending::none;
      ++depth_;
      level() = Level{};
      level().call = call_next_;
      call_next_ = target_ = false;
      if (level().call) expect_table_ = false;
      return;
    case ')':
      if (depth_ > 0) --depth_;
      expect_table_ = false;
      return;
    case ',':
      if (level().from_list) expect_table_ = true;
      return;
    case ':':
      if (token_.text == ":=") add(Fact::assigns_user_variable);
      return;
    default:
      return;
  }
}

void FactScanner::note_keyword() {
  switch (info_.keyword) {
    case Keyword::select:
      ignore_calls_ = false;  // CREATE ... SELECT: what is called runs
      if (selects_++ > 0 && previous_info_.keyword != Keyword::union_ && previous_info_.keyword != Keyword::except &&
          previous_info_.keyword != Keyword::intersect && previous_info_.keyword != Keyword::all &&
          previous_info_.keyword != Keyword::distinct) {
        add(Fact::subquery);
      }
      level().from_list = level().with_list = expect_table_ = target_ = false;
      break;
    case Keyword::from:
      if (!level().call && previous_info_.keyword != Keyword::distinct) expect_table_ = level().from_list = true;
      break;
    case Keyword::join:
      expect_table_ = level().from_list = true;
      break;
    case Keyword::straight_join:
      expect_table_ = level().from_list;
      break;
    case Keyword::table:
      expect_table_ = true;
      break;
    case Keyword::into:
      if (into_is_harmless_) {
        into_is_harmless_ = false;
        expect_table_ = true;
      } else {
        add(Fact::into);
        into_list_ = true;
      }
      break;
    case Keyword::where:
    case Keyword::having:
    case Keyword::group:
    case Keyword::set:
    case Keyword::values:
    case Keyword::update:
    case Keyword::delete_:
      level().from_list = level().with_list = expect_table_ = target_ = false;
      break;
    case Keyword::window:
      if (!expect_table_) level().from_list = false;  // else it is a table's name
      break;
    case Keyword::order:
      level().from_list = level().with_list = false;
      if (depth_ == 0 && ahead_is("BY")) add(Fact::order_by);
      break;
    case Keyword::limit:
      level().from_list = false;
      add(Fact::limit);
      break;
    case Keyword::fetch:
      if (ahead_is("FIRST") || ahead_is("NEXT")) add(Fact::limit);
      break;
    case Keyword::for_:
      if (ahead_is("UPDATE") || ahead_is("SHARE")) add(Fact::locks_rows);
      if (previous_info_.keyword == Keyword::value) {  // NEXT VALUE FOR a sequence
        add(Fact::unrepeatable);
        add(Fact::unknown_function);
      }
      break;
    case Keyword::lock:
      if (ahead_is("IN")) add(Fact::locks_rows);
      break;
    case Keyword::procedure:
      effect_ = true;
      break;
    case Keyword::with:
      if (!ahead_is("ROLLUP") && (selects_ == 0 || previous_is_op('('))) level().with_list = true;
      break;
    case Keyword::time_word:
      add(Fact::time_dependent);
      break;
    case Keyword::sysdate:
      add(Fact::unrepeatable);
      break;
    case Keyword::current_user:
      add(Fact::unrepeatable);
      add(Fact::session_status);
      break;
    case Keyword::sql_calc_found_rows:
      add(Fact::found_rows);
      break;
    default:
      break;
  }
}

// `name (a, b)`: columns, not arguments.
bool FactScanner::names_columns() const {
  if (target_ && (expect_table_ || table_just_named_)) return true;               // INSERT INTO t (
  if (previous_info_.keyword == Keyword::as || previous_is_op(')')) return true;  // AS t (, ) t (, CAST(x AS DECIMAL(
  return level().with_list && (previous_info_.keyword == Keyword::with ||
                               previous_info_.keyword == Keyword::recursive || previous_is_op(','));
}

void FactScanner::note_name() {
  const bool dotted = after_dot_;
  if (ahead_is_op('(')) {
    const bool grammar = !dotted && token_.kind == TokenKind::word && info_.takes_parenthesis;
    if (!grammar && !names_columns()) note_call();
  }
  if (dotted) {
    if (table_just_named_ && !out_.tables.empty()) {
      TableName& table = out_.tables.back();
      table.schema = std::move(table.table);
      table.table = plain_name(token_.text);
      if (is_server_schema(table.schema)) add(Fact::session_status);
    }
    table_just_named_ = table_just_named_ && target_;
    return;
  }
  table_just_named_ = false;
  if (!expect_table_) return;
  if (info_.reserved) {
    if (info_.keyword == Keyword::none && !stays_before_table(token_.text)) expect_table_ = target_ = false;
    return;
  }
  if (call_next_ || info_.keyword == Keyword::lateral) return;
  out_.tables.push_back({std::string(), plain_name(token_.text)});
  expect_table_ = false;
  table_just_named_ = true;
}

void FactScanner::note_call() {
  if (ignore_calls_) return;
  call_next_ = true;
  if (!after_dot_ && token_.kind == TokenKind::word) {
    switch (info_.keyword) {
      case Keyword::of:
        call_next_ = false;
        if (is_word(previous_, "MEMBER")) return;
        break;
      case Keyword::any:
        call_next_ = false;
        if (previous_.kind == TokenKind::op) return;  // = ANY (SELECT ...)
        break;
      case Keyword::lateral:
        call_next_ = false;
        if (expect_table_) return;
        break;
      case Keyword::columns:
        if (json_table_) return;
        break;
      default:
        break;
    }
    const std::optional<FunctionTraits> traits = known_function(token_.text, mode_);
    const bool touches = mode_.ignore_space || ahead_.offset == token_.offset + token_.text.size();
    if (traits.has_value() && (touches || !traits->has(FunctionTrait::touching))) {
      json_table_ = json_table_ || is("JSON_TABLE");
      if (is("GET_LOCK")) out_.user_locks = UserLocks::takes;
      if (is("RELEASE_ALL_LOCKS") && out_.user_locks == UserLocks::leaves) out_.user_locks = UserLocks::releases_all;
      add_traits(*traits);
      return;
    }
  }
  add(Fact::unknown_function);
}

void FactScanner::add_traits(FunctionTraits traits) {
  if (traits.has(FunctionTrait::time)) add(Fact::time_dependent);
  if (traits.has(FunctionTrait::time_without_arguments)) pending_ = Pending::unix_timestamp;
  if (traits.has(FunctionTrait::random)) add(Fact::random);
  if (traits.has(FunctionTrait::unrepeatable)) add(Fact::unrepeatable);
  if (traits.has(FunctionTrait::session_status)) add(Fact::session_status);
  if (traits.has(FunctionTrait::last_insert_id)) {
    add(Fact::last_insert_id);
    pending_ = Pending::last_insert_id;
  }
  if (traits.has(FunctionTrait::row_count)) add(Fact::row_count);
  if (traits.has(FunctionTrait::found_rows)) add(Fact::found_rows);
  if (traits.has(FunctionTrait::user_lock)) add(Fact::user_lock);
  if (traits.has(FunctionTrait::no_plain_read)) effect_ = true;
  if (traits.has(FunctionTrait::writes)) add(Fact::unknown_function);
}

void FactScanner::note_system_variable() {
  std::string_view name = token_.text;
  add(Fact::session_status);
  std::string unquoted;
  if (name.back() == '`' || name.back() == '"') {
    unquoted.assign(name);
    unquoted.erase(std::remove(unquoted.begin(), unquoted.end(), name.back()), unquoted.end());
    name = unquoted;
  }
  if (ends_folded(name, "LAST_INSERT_ID") || ends_folded(name, "IDENTITY")) add(Fact::last_insert_id);
  if (ends_folded(name, "WARNING_COUNT") || ends_folded(name, "ERROR_COUNT")) add(Fact::warnings);
  if (ends_folded(name, "TIMESTAMP")) add(Fact::time_dependent);
}

}  // namespace crossfade::routing
