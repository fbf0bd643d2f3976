#include "routing/classify.h"

#include <algorithm>

#include "routing/compound.h"
#include "routing/fact_scanner.h"
#include "routing/hidden_writes.h"
#include "routing/set_statement.h"
#include "routing/statement_prefix.h"
#include "routing/table_statement.h"
#include "routing/word_table.h"

namespace crossfade::routing {
namespace {

// Statements whose first word says it all, as far as routing goes.
constexpr WordEntry<StatementKind> kFirstWords[] = {
    {"TRUNCATE", StatementKind::ddl},
    {"RENAME", StatementKind::ddl},
    {"GRANT", StatementKind::account},
    {"REVOKE", StatementKind::account},
    {"LOCK", StatementKind::lock_tables},
    {"UNLOCK", StatementKind::unlock_tables},
    {"PREPARE", StatementKind::prepare},
    {"EXECUTE", StatementKind::execute},
    {"DEALLOCATE", StatementKind::deallocate},
    {"XA", StatementKind::xa},
    {"HANDLER", StatementKind::handler},
    {"KILL", StatementKind::kill},
    {"GET", StatementKind::diagnostics},
    {"SIGNAL", StatementKind::diagnostics},
    {"RESIGNAL", StatementKind::diagnostics},
    {"CHECK", StatementKind::admin},
    {"OPTIMIZE", StatementKind::admin},
    {"REPAIR", StatementKind::admin},
    {"FLUSH", StatementKind::admin},
    {"RESET", StatementKind::admin},
    {"CACHE", StatementKind::admin},
    {"INSTALL", StatementKind::admin},
    {"UNINSTALL", StatementKind::admin},
    {"CHANGE", StatementKind::admin},
    {"PURGE", StatementKind::admin},
    {"STOP", StatementKind::admin},
    {"BINLOG", StatementKind::unknown},  // rows of any table
    {"SHUTDOWN", StatementKind::admin},
    {"RESTART", StatementKind::admin},
    {"CLONE", StatementKind::admin},
    {"IMPORT", StatementKind::unknown},
    {"BACKUP", StatementKind::admin},
    {"CHECKSUM", StatementKind::admin},
    {"HELP", StatementKind::show},
    {"SHOW", StatementKind::show},
    {"DO", StatementKind::do_},
};
constexpr WordTable<StatementKind, 128> kFirstWordTable(kFirstWords);

// One statement of the text: what its first words make it. Ends at its semicolon.
class StatementReader {
 public:
  StatementReader(FactScanner& scanner, StatementFacts& out) : scan_(scanner), out_(out) {}

  StatementKind read();
  // Only statements of these kinds can be known to change nothing.
  bool may_be_read() const { return may_be_read_; }

 private:
  StatementKind read_by_word();
  StatementKind read_query();
  StatementKind read_with();
  StatementKind read_write(StatementKind kind);
  StatementKind read_explain(bool may_name_table);
  StatementKind read_analyze();
  StatementKind read_show();
  StatementKind read_definition();
  StatementKind read_transaction_end(StatementKind kind);
  StatementKind read_begin();
  StatementKind read_start();
  StatementKind read_use();
  StatementKind read_call();
  StatementKind read_savepoint_name(StatementKind kind);
  void skip_rest() {
    while (!scan_.at_end()) scan_.advance();
  }
  StatementKind rest_of_compound(CompoundStatement compound, StatementKind kind);
  StatementKind rest(StatementKind kind) {
    skip_rest();
    return kind;
  }
  // `kind` when nothing follows; a tail that is not understood makes it unknown.
  StatementKind only(StatementKind kind) { return scan_.at_end() ? kind : rest(StatementKind::unknown); }

  FactScanner& scan_;
  StatementFacts& out_;
  bool may_be_read_ = false;
};

StatementKind StatementReader::read() {
  switch (scan_.keyword()) {
    case Keyword::select:
    case Keyword::values:
    case Keyword::table:
      return read_query();
    case Keyword::with:
      return read_with();
    case Keyword::insert:
      return read_write(StatementKind::insert);
    case Keyword::replace:
      return read_write(StatementKind::replace);
    case Keyword::update:
      return read_write(StatementKind::update);
    case Keyword::delete_:
      return read_write(StatementKind::delete_);
    case Keyword::set:
      return read_set(scan_, out_);
    case Keyword::analyze:
      return read_analyze();
    default:
      break;
  }
  if (scan_.is_op('(')) {
    while (scan_.is_op('(')) scan_.advance();
    const Keyword first = scan_.keyword();
    if (first == Keyword::select || first == Keyword::values || first == Keyword::table || first == Keyword::with) {
      return read_query();
    }
    return rest(StatementKind::unknown);
  }
  return scan_.token().kind == TokenKind::word ? read_by_word() : rest(StatementKind::unknown);
}

StatementKind StatementReader::read_query() {
  may_be_read_ = true;
  return rest(StatementKind::select);
}

// WITH x AS (...) and then what it is for, outside all parentheses.
StatementKind StatementReader::read_with() {
  while (!scan_.at_end()) {
    if (scan_.depth() == 0) {
      switch (scan_.keyword()) {
        case Keyword::select:
        case Keyword::values:
        case Keyword::table:
          return read_query();
        case Keyword::update:
          return read_write(StatementKind::update);
        case Keyword::delete_:
          return read_write(StatementKind::delete_);
        default:
          break;
      }
    }
    scan_.advance();
  }
  return StatementKind::unknown;
}

StatementKind StatementReader::read_write(StatementKind kind) {
  scan_.no_query();
  if (kind == StatementKind::insert || kind == StatementKind::replace) {
    scan_.into_is_harmless();
    scan_.expect_target();
  } else if (kind == StatementKind::update) {
    scan_.expect_table();
  }
  return rest(kind);
}

// EXPLAIN [EXTENDED | PARTITIONS | FORMAT = x | ANALYZE] statement, or a table's name.
StatementKind StatementReader::read_explain(bool may_name_table) {
  bool runs = false;
  scan_.advance();
  while (!scan_.at_end()) {
    const Keyword first = scan_.keyword();
    const bool is_query = first == Keyword::select || first == Keyword::values || first == Keyword::table ||
                          first == Keyword::with || scan_.is_op('(');
    if (is_query || first == Keyword::insert || first == Keyword::replace || first == Keyword::update ||
        first == Keyword::delete_) {
      const StatementKind explained = read();
      may_be_read_ = may_be_read_ || (!runs && explained != StatementKind::unknown);
      return runs && !may_be_read_ ? StatementKind::unknown : StatementKind::explain;
    }
    if (first == Keyword::analyze) {
      runs = true;
    } else if (scan_.is("FORMAT") && scan_.ahead_is_op('=')) {
      scan_.advance();
      scan_.advance();
    } else if (scan_.is("FOR") && scan_.ahead_is("CONNECTION")) {
      out_.facts.add(Fact::session_status);
      may_be_read_ = true;
      return rest(StatementKind::explain);
    } else if (!scan_.is("EXTENDED") && !scan_.is("PARTITIONS")) {
      break;
    }
    scan_.advance();
  }
  const bool names_table = scan_.token().kind == TokenKind::word || scan_.token().kind == TokenKind::quoted_name;
  if (!may_name_table || runs || !names_table) return rest(StatementKind::unknown);
  may_be_read_ = true;
  return rest(StatementKind::describe);
}

// ANALYZE TABLE writes statistics; MariaDB's ANALYZE <statement> runs the statement.
StatementKind StatementReader::read_analyze() {
  scan_.advance();
  while (scan_.is("NO_WRITE_TO_BINLOG") || scan_.is("LOCAL")) scan_.advance();
  if (scan_.is("TABLE") || scan_.is("TABLES")) return rest(StatementKind::admin);
  if (scan_.is("FORMAT") && scan_.ahead_is_op('=')) {
    for (int i = 0; i < 3; ++i) scan_.advance();
  }
  if (scan_.keyword() != Keyword::select && scan_.keyword() != Keyword::with && !scan_.is_op('(')) {
    return rest(StatementKind::unknown);
  }
  read();
  return may_be_read_ ? StatementKind::explain : StatementKind::unknown;
}

StatementKind StatementReader::read_show() {
  may_be_read_ = true;
  while (!scan_.at_end()) {
    scan_.advance();
    if (scan_.is("WARNINGS") || scan_.is("ERRORS")) out_.facts.add(Fact::warnings);
    for (const std::string_view word :
         {"STATUS",   "VARIABLES", "PROCESSLIST", "ENGINE",  "ENGINES", "OPEN",    "PROFILE",
          "PROFILES", "GRANTS",    "BINARY",      "BINLOG",  "MASTER",  "SLAVE",   "REPLICA",
          "REPLICAS", "PLUGINS",   "PRIVILEGES",  "EXPLAIN", "LOCALES", "RELAYLOG"}) {
      if (scan_.is(word)) out_.facts.add(Fact::session_status);
    }
  }
  return StatementKind::show;
}

// With the semicolons that are its own.
StatementKind StatementReader::rest_of_compound(CompoundStatement compound, StatementKind kind) {
  while (scan_.token().kind != TokenKind::end && scan_.token().kind != TokenKind::error) {
    if (scan_.token().kind == TokenKind::semicolon && !compound.inside()) break;
    compound.note(scan_.token(), scan_.ahead());
    scan_.advance();
  }
  return kind;
}

// CREATE, ALTER, DROP: of what?
StatementKind StatementReader::read_definition() {
  scan_.ignore_calls();
  const bool drops = scan_.is("DROP");
  CompoundStatement compound;
  compound.note(scan_.token(), scan_.ahead());
  scan_.advance();
  if (drops && scan_.is("PREPARE")) return rest(StatementKind::deallocate);
  for (int words = 0; words < 12 && !scan_.at_end() && !scan_.is_op('('); ++words) {
    if (scan_.is("TEMPORARY")) out_.facts.add(Fact::temporary_table);
    if (scan_.is("USER") || scan_.is("ROLE")) return rest(StatementKind::account);
    if (scan_.is("TABLE") || scan_.is("TABLES") || scan_.is("INDEX") || scan_.is("VIEW") || scan_.is("PROCEDURE") ||
        scan_.is("FUNCTION") || scan_.is("TRIGGER") || scan_.is("EVENT") || scan_.is("PACKAGE")) {
      break;
    }
    compound.note(scan_.token(), scan_.ahead());
    scan_.advance();
  }
  return rest_of_compound(std::move(compound), StatementKind::ddl);
}

StatementKind StatementReader::read_savepoint_name(StatementKind kind) {
  if (scan_.token().kind != TokenKind::word && scan_.token().kind != TokenKind::quoted_name) {
    return rest(StatementKind::unknown);
  }
  out_.name = plain_name(scan_.token().text);
  scan_.advance();
  return only(kind);
}

// COMMIT | ROLLBACK [WORK] [AND [NO] CHAIN] [[NO] RELEASE], ROLLBACK [WORK] TO [SAVEPOINT] x
StatementKind StatementReader::read_transaction_end(StatementKind kind) {
  scan_.advance();
  scan_.take("WORK");
  if (kind == StatementKind::rollback && scan_.take("TO")) {
    scan_.take("SAVEPOINT");
    return read_savepoint_name(StatementKind::rollback_to_savepoint);
  }
  if (scan_.take("AND")) {
    const bool no = scan_.take("NO");
    if (!scan_.take("CHAIN")) return rest(StatementKind::unknown);
    out_.chain = !no;
  }
  const bool no = scan_.take("NO");
  if (scan_.take("RELEASE")) {
    out_.release = !no;
    if (!no && out_.chain.value_or(false)) return rest(StatementKind::unknown);  // to the servers, too
  } else if (no) {
    return rest(StatementKind::unknown);
  }
  return only(kind);
}

StatementKind StatementReader::read_begin() {
  if (scan_.ahead_is("NOT")) return rest_of_compound({}, StatementKind::unknown);  // BEGIN NOT ATOMIC is a program
  scan_.advance();
  scan_.take("WORK");
  return only(StatementKind::begin);
}

StatementKind StatementReader::read_start() {
  scan_.advance();
  if (!scan_.take("TRANSACTION")) return rest(StatementKind::admin);
  while (!scan_.at_end()) {
    if (scan_.take("READ")) {
      if (!scan_.take("ONLY") && !scan_.take("WRITE")) return rest(StatementKind::unknown);
    } else if (scan_.take("WITH")) {
      if (!scan_.take("CONSISTENT") || !scan_.take("SNAPSHOT")) return rest(StatementKind::unknown);
    } else if (scan_.is_op(',')) {
      scan_.advance();
    } else {
      return rest(StatementKind::unknown);
    }
  }
  return StatementKind::begin;
}

StatementKind StatementReader::read_use() {
  scan_.advance();
  return read_savepoint_name(StatementKind::use);
}

// CALL name ( arguments ). What the arguments call is noted; the procedure's name is no table's.
StatementKind StatementReader::read_call() {
  const std::size_t tables = out_.tables.size();
  scan_.expect_target();
  scan_.advance();
  while (scan_.token().kind == TokenKind::word || scan_.token().kind == TokenKind::quoted_name || scan_.is_op('.')) {
    scan_.advance();
  }
  out_.tables.resize(std::min(tables, out_.tables.size()));
  return rest(StatementKind::call);
}

StatementKind StatementReader::read_by_word() {
  if (scan_.is("BEGIN")) return read_begin();
  if (scan_.is("COMMIT")) return read_transaction_end(StatementKind::commit);
  if (scan_.is("ROLLBACK")) return read_transaction_end(StatementKind::rollback);
  if (scan_.is("START")) return read_start();
  if (scan_.take("SAVEPOINT")) return read_savepoint_name(StatementKind::savepoint);
  if (scan_.is("RELEASE")) {
    scan_.advance();
    return scan_.take("SAVEPOINT") ? read_savepoint_name(StatementKind::release_savepoint)
                                   : rest(StatementKind::unknown);
  }
  if (scan_.is("USE")) return read_use();
  if (scan_.is("CALL")) return read_call();
  if (scan_.is("EXPLAIN") || scan_.is("DESCRIBE") || scan_.is("DESC")) return read_explain(true);
  if (scan_.is("CREATE") || scan_.is("ALTER") || scan_.is("DROP")) return read_definition();
  if (scan_.is("LOAD")) {
    scan_.into_is_harmless();
    if (scan_.ahead_is("INDEX")) return rest(StatementKind::admin);
    scan_.advance();
    scan_.advance();  // DATA, XML
    if (scan_.is("LOW_PRIORITY") || scan_.is("CONCURRENT")) scan_.advance();
    while (!scan_.at_end() && !scan_.is("INTO")) scan_.advance();
    scan_.expect_target();
    return rest(StatementKind::load_data);
  }
  const StatementKind* kind = kFirstWordTable.find(scan_.token().text);
  if (kind == nullptr) return rest_of_compound({}, StatementKind::unknown);
  if (*kind == StatementKind::show) return read_show();
  if (*kind == StatementKind::ddl || *kind == StatementKind::account) scan_.ignore_calls();
  if (*kind == StatementKind::diagnostics && scan_.is("GET")) out_.facts.add(Fact::warnings);
  if (*kind == StatementKind::xa && scan_.ahead_is("RECOVER")) out_.name = "recover";
  if (scan_.is("UNLOCK") && scan_.ahead_is("INSTANCE")) return rest(StatementKind::admin);
  if (scan_.is("RENAME") && scan_.ahead_is("USER")) return rest(StatementKind::account);
  may_be_read_ = *kind == StatementKind::do_ || scan_.is("CHECKSUM");
  return rest(*kind);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// ` crossfade: tenant=42, canary=1 `
void read_hints(std::string_view comment, std::map<std::string, std::string>& hints) {
  constexpr std::string_view kPrefix = "crossfade:";
  comment = trim(comment);
  if (!comment.starts_with(kPrefix)) return;
  comment.remove_prefix(kPrefix.size());
  while (!comment.empty()) {
    const std::size_t comma = std::min(comment.find(','), comment.size());
    const std::string_view pair = comment.substr(0, comma);
    comment.remove_prefix(std::min(comma + 1, comment.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = trim(pair.substr(0, equals));
    if (!key.empty()) hints.emplace(key, trim(pair.substr(equals + 1)));
  }
}

}  // namespace

namespace {

StatementFacts classify_without_prefix(std::string_view sql, const LexerMode& mode) {
  StatementFacts out;
  FactScanner scan(sql, mode, out);
  while (scan.token().kind == TokenKind::semicolon && scan.ahead().kind != TokenKind::end) scan.advance();
  const bool has_statement = scan.token().kind != TokenKind::end && scan.token().kind != TokenKind::semicolon;
  if (!has_statement) out.kind = StatementKind::empty;
  bool all_read = has_statement;
  bool any_ddl = false;
  bool first = true;
  while (has_statement) {
    scan.begin_statement();
    StatementReader reader(scan, out);
    const StatementKind kind = reader.read();
    all_read = all_read && reader.may_be_read() && !scan.has_effect();
    any_ddl = any_ddl || kind == StatementKind::ddl || kind == StatementKind::admin;
    if (first) out.kind = kind;
    first = false;
    while (scan.token().kind == TokenKind::semicolon && scan.ahead().kind == TokenKind::semicolon) scan.advance();
    if (scan.token().kind != TokenKind::semicolon || scan.ahead().kind == TokenKind::end) break;
    out.facts.add(Fact::multi_statement);
  }
  if (any_ddl && out.facts.has(Fact::multi_statement)) out.facts.add(Fact::schema_change);
  if (scan.tokenizer().saw_executable_comment()) out.facts.add(Fact::executable_comment);
  if (all_read && !out.facts.has(Fact::unparseable)) out.facts.add(Fact::reads_only);
  if (!out.facts.has(Fact::multi_statement)) read_targets(sql, mode, out);
  if (scan.tokenizer().saw_comment()) read_hints(scan.tokenizer().first_comment(), out.hints);
  if (hides_writes_in_literal(sql, out, mode)) out.facts.add(Fact::hides_writes);
  out.digest = scan.finish_digest();
  return out;
}

}  // namespace

StatementFacts classify(std::string_view sql, const LexerMode& mode) {
  std::optional<StatementPrefix> prefix = statement_prefix(sql, mode);
  if (!prefix) return classify_without_prefix(sql, mode);
  StatementFacts out = classify_without_prefix(sql.substr(prefix->bytes), mode);
  out.prefix_variables = std::move(prefix->variables);
  if (std::any_of(out.prefix_variables.begin(), out.prefix_variables.end(), hides_writes)) {
    out.facts.add(Fact::hides_writes);
  }
  read_hints(prefix->first_comment, out.hints);
  if (!may_have_prefix(out.kind)) {
    out.facts.remove(Fact::reads_only);
    out.kind = StatementKind::unknown;
  }
  return out;
}

}  // namespace crossfade::routing
