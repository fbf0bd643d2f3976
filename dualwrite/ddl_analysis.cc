#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "dualwrite/ascii_case.h"
#include "dualwrite/ddl.h"
#include "dualwrite/ddl_head.h"
#include "dualwrite/ddl_text.h"
#include "dualwrite/ddl_translation.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::array<std::string_view, 9> kHarmless = {"ANALYZE", "OPTIMIZE", "REPAIR",    "CHECK",  "CHECKSUM",
                                                       "FLUSH",   "CACHE",    "SAVEPOINT", "RELEASE"};
constexpr std::array<std::string_view, 11> kPeople = {"GRANT",  "REVOKE", "INSTALL",  "UNINSTALL", "RESET", "PURGE",
                                                      "CHANGE", "CLONE",  "SHUTDOWN", "RESTART",   "KILL"};
constexpr std::array<std::string_view, 14> kData = {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD",
                                                    "CALL",   "DO",      "SELECT", "WITH",   "HANDLER",
                                                    "VALUES", "EXECUTE", "IMPORT", "BINLOG"};
constexpr std::array<std::string_view, 10> kPeoplesObjects = {
    "USER", "ROLE", "SERVER", "TABLESPACE", "LOGFILE", "RESOURCE", "INSTANCE", "REFERENCE", "LIBRARY", "CATALOG"};

// CREATE [AGGREGATE] FUNCTION f RETURNS type SONAME 'library': a plugin by another name.
bool is_loadable_function(const DdlText& text, const DdlHead& head) {
  for (std::size_t at = head.at; at < std::min(head.at + 10, text.size()); ++at) {
    if (text.is(at, "SONAME")) return text.is_string(at + 1);
  }
  return false;
}

class Analyst {
 public:
  Analyst(const DdlText& text, const std::string& schema) : text_(text), schema_(schema), head_(read_head(text)) {}

  DdlAnalysis analyze() {
    judge();
    if (text_.broken()) judge_beginning();
    out_.changes_rows = out_.changes_rows || out_.replaces_rows;
    out_.verb = head_.verb + (head_.object.empty() ? "" : " " + head_.object);
    // A word that is no keyword could be anything, a secret as well.
    if (out_.kind == LoggedKind::unknown) {
      out_ = {};
      out_.is_broken = text_.broken();
      out_.verb = head_.object.empty() ? "" : head_.verb + " " + head_.object;
    }
    return std::move(out_);
  }

 private:
  void judge() {
    if (contains(kHarmless, head_.verb)) {
      out_.kind = LoggedKind::harmless;
      if (head_.verb == "OPTIMIZE") name_optimized();
    } else if (contains(kPeople, head_.verb)) {
      out_.kind = LoggedKind::people;
    } else if (contains(kData, head_.verb)) {
      out_.kind = LoggedKind::data;
    } else if (head_.verb == "SET") {
      judge_set();
    } else if (!head_.object.empty()) {
      judge_definition();
    }
  }

  // By its verb: where the rest could name more tables, or a partition's rows change places with a table's, nothing is
  // known of it.
  void judge_beginning() {
    out_.is_broken = true;
    if (out_.kind != LoggedKind::definition) return;
    const bool names_more = head_.object == "DATABASE" || head_.verb == "RENAME" || head_.verb == "DROP";
    const bool is_one_table = !out_.tables.empty() && (!names_more || head_.object == "INDEX");
    const bool is_known = is_one_table ? out_.tables.size() > 1 || begins_its_clauses() : !out_.routine_schema.empty();
    define(is_known);
    out_.changes_rows = true;
  }

  bool begins_its_clauses() const {
    return head_.verb != "ALTER" || head_.object != "TABLE" ||
           behind_wait(read_table_name(text_, head_.at, schema_).end) < text_.size();
  }

  // LIKE other, (LIKE other), and REFERENCES other anywhere.
  void note_dependencies(std::size_t at) {
    const std::size_t like = text_.is_op(at, "(") ? at + 1 : at;
    for (std::size_t i = at; i < text_.size(); ++i) {
      const bool named = (i == like && text_.is(i, "LIKE")) || text_.is(i, "REFERENCES");
      if (!named) continue;
      NamedTable other = read_table_name(text_, i + 1, schema_);
      if (other.end != 0 && !other.table.schema.empty()) out_.depends_on.push_back(std::move(other.table));
    }
  }

  // [LOCAL | NO_WRITE_TO_BINLOG] TABLE | TABLES ..
  void name_optimized() {
    std::size_t at = text_.is(1, "TABLE") || text_.is(1, "TABLES") ? 1 : 2;
    do {
      at = table_at(at + 1);
    } while (at != 0 && text_.is_op(at, ","));
  }

  void judge_set() {
    const bool account =
        text_.is(1, "PASSWORD") || text_.is(1, "ROLE") || (text_.is(1, "DEFAULT") && text_.is(2, "ROLE"));
    const bool global = text_.is(1, "GLOBAL") || text_.is(1, "PERSIST") || text_.is(1, "PERSIST_ONLY");
    if (account || global) out_.kind = LoggedKind::people;
  }

  void judge_definition() {
    const std::string& object = head_.object;
    if (contains(kPeoplesObjects, object)) {
      out_.kind = LoggedKind::people;
    } else if (object == "TRIGGER" || object == "EVENT") {
      out_.kind = LoggedKind::trigger;
    } else if (head_.temporary) {
      out_.kind = LoggedKind::harmless;
    } else if (object == "PROCEDURE" || object == "FUNCTION" || object == "PACKAGE") {
      const bool plugin = object == "FUNCTION" && head_.verb == "CREATE" && is_loadable_function(text_, head_);
      out_.kind = plugin ? LoggedKind::people : LoggedKind::definition;
      if (!plugin) out_.routine_schema = read_table_name(text_, head_.at, schema_).table.schema;
    } else if (object == "DATABASE") {
      judge_database();
    } else if (object == "INDEX") {
      judge_index();
    } else if (head_.verb == "RENAME") {
      judge_rename();
    } else if (head_.verb == "DROP") {
      judge_drop();
    } else if (head_.verb == "TRUNCATE" || head_.verb == "CREATE") {
      const std::size_t behind = table_at(head_.at);
      define(behind != 0);
      out_.replaces_rows = head_.verb == "TRUNCATE" || head_.or_replace.second != 0;
      if (behind != 0 && head_.object == "TABLE") note_dependencies(behind);
    } else if (head_.verb == "ALTER") {
      judge_alter();
    }
  }

  void define(bool understood) { out_.kind = understood ? LoggedKind::definition : LoggedKind::unknown; }

  // Adds the table named at `at`; where its name ends, 0: there is none.
  std::size_t table_at(std::size_t at) {
    NamedTable named = read_table_name(text_, at, schema_);
    if (named.end == 0 || named.table.schema.empty()) return 0;
    if (named_.insert(named.table).second) out_.tables.push_back(std::move(named.table));
    return named.end;
  }

  void judge_database() {
    // ALTER DATABASE may leave the name out.
    const bool named = text_.is_name(head_.at) && !(head_.verb == "ALTER" && is_database_option());
    const std::string name = named ? text_.name(head_.at) : schema_;
    define(!name.empty() && (named || head_.verb == "ALTER"));
    out_.schemas.push_back(name);
    out_.whole_schema = head_.verb == "DROP" || head_.or_replace.second != 0;
  }

  bool is_database_option() const {
    return text_.is(head_.at, "DEFAULT") || text_.is(head_.at, "CHARACTER") || text_.is(head_.at, "COLLATE") ||
           (text_.is(head_.at, "CHARSET") && !text_.is(head_.at + 1, "CHARACTER"));
  }

  // [name] [USING type] ON table
  void judge_index() {
    for (std::size_t at = head_.at; at < std::min(text_.size(), head_.at + 6); ++at) {
      if (!text_.is(at, "ON")) continue;
      define(table_at(at + 1) != 0);
      return;
    }
  }

  void judge_rename() {
    out_.changes_rows = true;
    std::set<TableRef> before;  // of the names in it those that are there; servers that fold them are not known here
    std::set<TableRef> after;
    const auto folded = [this](std::size_t name) {
      const TableRef table = read_table_name(text_, name, schema_).table;
      return TableRef{.schema = ascii_lower(table.schema), .table = ascii_lower(table.table)};
    };
    std::size_t at = head_.at;
    while (true) {
      TableRef from = folded(at);
      at = behind_wait(table_at(at));
      if (at == 0 || !text_.is(at, "TO")) return;
      TableRef to = folded(at + 1);
      at = table_at(at + 1);
      if (at == 0) return;
      if (after.erase(from) == 0) before.insert(std::move(from));
      after.insert(std::move(to));
      if (!text_.is_op(at, ",")) break;
      ++at;
    }
    define(at == text_.size());
    const bool common =
        std::any_of(before.begin(), before.end(), [&](const auto& name) { return after.contains(name); });
    // With IF EXISTS any part of it may not be done.
    out_.swaps_names = before == after || (head_.if_exists.second != 0 && common);
  }

  // NOWAIT, or WAIT and its seconds.
  std::size_t behind_wait(std::size_t at) const {
    if (at == 0 || text_.is(at, "NOWAIT")) return at == 0 ? 0 : at + 1;
    return text_.is(at, "WAIT") ? at + 2 : at;
  }

  void judge_drop() {
    std::size_t at = head_.at;
    do {
      at = table_at(out_.tables.empty() ? at : at + 1);
      if (at == 0) return;
    } while (text_.is_op(at, ","));
    at = behind_wait(at);
    if (text_.is(at, "RESTRICT") || text_.is(at, "CASCADE")) ++at;
    define(at == text_.size());
    out_.replaces_rows = head_.object != "VIEW";
  }

  void judge_alter() {
    std::size_t at = table_at(head_.at);
    if (at == 0) return;
    define(true);
    if (head_.object != "TABLE") return;
    note_dependencies(at);
    at = behind_wait(at);
    if (switches_keys_alone(at)) {
      out_.kind = LoggedKind::harmless;
      out_.tables.clear();
      return;
    }
    for (bool begins = true; at < text_.size(); at = text_.after(at)) {
      out_.changes_rows = out_.changes_rows || (begins && item_changes_rows(at));
      const std::size_t other = begins && text_.is(at, "RENAME") ? renamed(at) : other_table(at);
      if (other != 0 && table_at(other) == 0) return define(false);
      begins = text_.is_op(at, ",");
    }
  }

  // DISABLE KEYS and ENABLE KEYS, which every mysqldump has: how an index is kept, of engines other than InnoDB.
  bool switches_keys_alone(std::size_t at) const {
    while ((text_.is(at, "DISABLE") || text_.is(at, "ENABLE")) && text_.is(at + 1, "KEYS")) {
      at += 2;
      if (at == text_.size()) return true;
      if (!text_.is_op(at, ",")) return false;
      ++at;
    }
    return false;
  }

  bool item_changes_rows(std::size_t at) const {
    constexpr std::array<std::string_view, 7> kChanging = {"MODIFY",  "CHANGE", "CONVERT", "EXCHANGE",
                                                           "DISCARD", "IMPORT", "TRUNCATE"};
    if (contains(kChanging, text_.upper(at))) return true;
    if (text_.is(at, "RENAME")) return renamed(at) != 0;
    if (text_.is(at, "DROP")) return text_.is(at + 1, "PARTITION");
    return text_.is(at, "ADD") && !text_.is(at + 1, "PARTITION") && !is_key(text_, at + 1);
  }

  // ALTER TABLE .. RENAME [TO | AS | =] name: where the name is.
  std::size_t renamed(std::size_t at) const {
    ++at;
    if (text_.is(at, "COLUMN") || text_.is(at, "INDEX") || text_.is(at, "KEY")) return 0;
    return text_.is(at, "TO") || text_.is(at, "AS") || text_.is_op(at, "=") ? at + 1 : at;
  }

  // EXCHANGE PARTITION p WITH TABLE name, CONVERT PARTITION p TO TABLE name, CONVERT TABLE name TO PARTITION.
  std::size_t other_table(std::size_t at) const {
    if (text_.is(at, "EXCHANGE") && text_.is(at + 3, "WITH") && text_.is(at + 4, "TABLE")) return at + 5;
    if (!text_.is(at, "CONVERT")) return 0;
    if (text_.is(at + 1, "TABLE")) return at + 2;
    return text_.is(at + 1, "PARTITION") && text_.is(at + 3, "TO") && text_.is(at + 4, "TABLE") ? at + 5 : 0;
  }

  const DdlText& text_;
  const std::string& schema_;
  DdlHead head_;
  DdlAnalysis out_;
  std::set<TableRef> named_;  // those of out_.tables
};

}  // namespace

DdlAnalysis analyze_ddl(const LoggedStatement& statement, bool leader_is_mariadb) {
  const DdlText text(statement_itself(statement, leader_is_mariadb), lexer_mode(statement, leader_is_mariadb));
  if (text.size() == 0 && !text.broken())
    return {.kind = LoggedKind::harmless, .verb = "", .tables = {}, .schemas = {}};
  return Analyst(text, statement.schema).analyze();
}

}  // namespace crossfade::dualwrite
