#include "routing/table_statement.h"

#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

namespace crossfade::routing {
namespace {

class TargetReader {
 public:
  TargetReader(std::string_view sql, const LexerMode& mode, StatementFacts& out) : tokens_(sql, mode), out_(out) {
    advance();
    while (token_.kind == TokenKind::semicolon) advance();
  }

  void read() {
    bool good = false;
    switch (out_.kind) {
      case StatementKind::ddl:
        good = read_definition();
        break;
      case StatementKind::insert:
      case StatementKind::replace:
        good = read_insert();
        break;
      case StatementKind::update:
        good = read_update();
        break;
      case StatementKind::delete_:
        good = read_delete();
        break;
      case StatementKind::lock_tables:
        good = read_lock();
        break;
      case StatementKind::handler:
        good = read_handler();
        break;
      case StatementKind::call:
        good = take("CALL") && take_table(out_.targets) && (is_op('(') || at_end());
        break;
      default:
        break;
    }
    if (good) return;
    out_.verb = TableVerb::none;
    out_.targets.clear();
    out_.renamed.clear();
  }

 private:
  void advance() { token_ = tokens_.next(); }
  bool is(std::string_view word) const { return is_word(token_, word); }
  bool is_op(char c) const { return token_.kind == TokenKind::op && token_.text.size() == 1 && token_.text[0] == c; }
  bool is_name() const { return token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name; }
  bool at_end() const { return token_.kind == TokenKind::end || token_.kind == TokenKind::semicolon; }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    advance();
    return true;
  }
  void take_any(std::initializer_list<std::string_view> words) {
    for (bool found = true; found;) {
      found = false;
      for (const std::string_view word : words) found = take(word) || found;
    }
  }
  bool found(TableVerb verb) {
    out_.verb = verb;
    return true;
  }

  bool take_table(std::vector<TableName>& into) {
    if (!is_name()) return false;
    TableName name{.schema = {}, .table = plain_name(token_.text)};
    advance();
    if (is_op('.')) {
      advance();
      if (!is_name()) return false;
      name.schema = std::exchange(name.table, plain_name(token_.text));
      advance();
    }
    if (is_op('.')) return false;
    into.push_back(std::move(name));
    return true;
  }

  bool read_definition() {
    if (take("CREATE")) return read_create();
    if (take("DROP")) return read_drop();
    if (take("ALTER")) return read_alter();
    if (take("TRUNCATE")) {
      take("TABLE");
      return take_table(out_.targets) && found(TableVerb::truncate);
    }
    if (!take("RENAME") || (!take("TABLE") && !take("TABLES"))) return false;
    return read_rename();
  }

  // [IF EXISTS] name [WAIT n | NOWAIT] TO name, .. What an earlier pair has made of another is no target of its own.
  bool read_rename() {
    take_any({"IF", "EXISTS"});
    std::set<TableName> made;
    do {
      std::vector<TableName> pair;
      if (!take_table(pair)) return false;
      while (!at_end() && token_.kind != TokenKind::error && !is("TO")) advance();
      if (!take("TO") || !take_table(pair)) return false;
      if (!made.contains(pair.front())) out_.targets.push_back(std::move(pair.front()));
      made.insert(std::move(pair.back()));
    } while (take_comma());
    return at_end() && found(TableVerb::rename);
  }

  bool read_create() {
    take_any({"OR", "REPLACE", "ONLINE", "OFFLINE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"});
    if (take("INDEX")) return read_index();
    if (!take("TEMPORARY") || !take("TABLE")) return false;
    take_any({"IF", "NOT", "EXISTS"});
    return take_table(out_.targets) && found(TableVerb::create_temporary);
  }

  // [IF [NOT] EXISTS] name [USING type] ON table
  bool read_index() {
    while (!at_end() && token_.kind != TokenKind::error) {
      if (take("ON")) return take_table(out_.targets) && found(TableVerb::index);
      if (!is_name()) return false;
      advance();
    }
    return false;
  }

  bool read_drop() {
    take_any({"ONLINE", "OFFLINE"});
    if (take("INDEX")) return read_index();
    const bool temporary = take("TEMPORARY");
    if (!take("TABLE") && !take("TABLES")) return false;
    take_any({"IF", "EXISTS"});
    do {
      if (!take_table(out_.targets)) return false;
    } while (take_comma());
    return found(temporary ? TableVerb::drop_temporary : TableVerb::drop);
  }

  bool take_comma() {
    if (!is_op(',')) return false;
    advance();
    return true;
  }

  bool read_alter() {
    take_any({"ONLINE", "OFFLINE", "IGNORE"});
    if (!take("TABLE")) return false;
    take_any({"IF", "EXISTS"});
    if (!take_table(out_.targets)) return false;
    while (!at_end()) {
      if (token_.kind == TokenKind::error) return false;
      if (is_op('.')) advance();  // what follows is a name
      if (!take("RENAME")) {
        advance();
        continue;
      }
      if (is("COLUMN") || is("INDEX") || is("KEY")) continue;
      take_any({"TO", "AS"});
      if (is_op('=')) advance();
      out_.renamed.clear();  // the last one counts
      if (!take_table(out_.renamed)) return false;
    }
    return found(TableVerb::alter);
  }

  bool read_insert() {
    advance();
    take_any({"LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE"});
    take("INTO");
    return take_table(out_.targets);
  }

  // What may stand between a table and the clause behind it.
  bool take_alias() {
    take("AS");
    if (is_name() && !is("SET") && !is("WHERE") && !is("ORDER") && !is("LIMIT") && !is("RETURNING")) advance();
    return true;
  }

  bool read_update() {
    advance();
    take_any({"LOW_PRIORITY", "IGNORE"});
    return take_table(out_.targets) && take_alias() && is("SET");
  }

  bool read_delete() {
    advance();
    take_any({"LOW_PRIORITY", "QUICK", "IGNORE"});
    if (!take("FROM") || !take_table(out_.targets) || !take_alias()) return false;
    return at_end() || is("WHERE") || is("ORDER") || is("LIMIT") || is("RETURNING");
  }

  // table [[AS] alias] READ [LOCAL] | [LOW_PRIORITY] WRITE, ...
  bool read_lock() {
    advance();
    if (!take("TABLES") && !take("TABLE")) return false;
    bool only_read = true;
    do {
      if (!take_table(out_.targets)) return false;
      take("AS");
      if (is_name() && !is("READ") && !is("WRITE") && !is("LOW_PRIORITY")) advance();
      if (take("READ")) {
        take("LOCAL");
      } else {
        take("LOW_PRIORITY");
        if (!take("WRITE")) return false;
        take("CONCURRENT");
        only_read = false;
      }
    } while (take_comma());
    if (take("WAIT")) advance();
    take("NOWAIT");
    return at_end() && found(only_read ? TableVerb::lock_read : TableVerb::lock_write);
  }

  bool read_handler() {
    advance();
    if (!take_table(out_.targets)) return false;
    if (take("READ")) return found(TableVerb::handler_read);
    if (take("CLOSE")) return at_end() && found(TableVerb::handler_close);
    if (!take("OPEN")) return false;
    take("AS");
    if (is_name()) {  // known by its alias from now on
      out_.targets = {{.schema = {}, .table = plain_name(token_.text)}};
      advance();
    }
    return at_end() && found(TableVerb::handler_open);
  }

  Tokenizer tokens_;
  Token token_;
  StatementFacts& out_;
};

}  // namespace

void read_targets(std::string_view sql, const LexerMode& mode, StatementFacts& out) {
  TargetReader(sql, mode, out).read();
}

}  // namespace crossfade::routing
