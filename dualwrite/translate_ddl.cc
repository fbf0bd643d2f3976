#include <algorithm>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/ddl.h"
#include "dualwrite/ddl_translation.h"
#include "dualwrite/session_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

using Statements = std::vector<std::string>;

std::string quote_table_name(const TableRef& table) {
  return (table.schema.empty() ? "" : quote_name(table.schema) + ".") + quote_name(table.table);
}

// What the follower never had, because it could not be made there, is gone from there as well.
bool drop_if_exists(DdlText& text, const DdlHead& head) {
  if (head.verb != "DROP" || head.object.empty() || head.object == "INDEX" || head.if_exists.second != 0) return false;
  text.add_before(head.at, "IF EXISTS ");
  return true;
}

// Within one make: what stands, but for DROPs and for the rows of CREATE TABLE .. SELECT, which MySQL announces.
absl::StatusOr<Statements> same_make(const LoggedStatement& statement, DdlText& text, const DdlHead& head) {
  if (drop_if_exists(text, head)) return Statements{text.render()};
  if (head.verb != "CREATE" || head.object != "TABLE") return Statements{statement.sql};
  const std::size_t end = text.size();
  if (end >= 2 && text.is(end - 2, "START") && text.is(end - 1, "TRANSACTION")) {
    text.erase(end - 2, end);
    return Statements{text.render()};
  }
  for (std::size_t at = head.at; at < end; at = text.after(at)) {
    if (text.is(at, "SELECT"))
      return absl::UnimplementedError(
          "CREATE TABLE .. SELECT was logged as a statement: the leader must log rows (binlog_format=ROW)");
  }
  return Statements{statement.sql};
}

class Translator {
 public:
  Translator(Translation& on, const LoggedStatement& statement)
      : on_(on), text_(on.text), statement_(statement), head_(read_head(text_)) {}

  absl::StatusOr<Statements> translate() {
    drop_if_exists(text_, head_);
    if (head_.object == "DATABASE") {
      database();
    } else if (head_.object == "TABLE") {
      table();
    } else if (head_.object == "INDEX") {
      index();
    } else if (head_.object == "SEQUENCE" || head_.object == "PACKAGE") {
      if (head_.verb == "DROP") return Statements{};  // it was not made here
      on_.refuse("a " + ascii_lower(head_.object));
    } else {
      stored();
    }
    translate_character_sets(on_, head_);
    translate_json_arrows(on_);
    if (!on_.refused.ok()) return on_.refused;
    std::string said = text_.render();
    if (!said.empty()) before_.push_back(std::move(said));
    return std::move(before_);
  }

 private:
  // OR REPLACE where the other make has it not: the thing is dropped first.
  void replace_by_dropping(std::string_view what, const std::string& name) {
    if (head_.or_replace.second == 0) return;
    text_.erase(head_.or_replace.first, head_.or_replace.second);
    before_.push_back("DROP " + std::string(what) + " IF EXISTS " + name);
  }

  void database() {
    if (on_.to_mysql() && head_.verb == "CREATE") replace_by_dropping("DATABASE", quote_name(text_.name(head_.at)));
    if (head_.verb == "DROP") return on_.quote(head_.at);
    const bool named = head_.verb == "CREATE" || analysis_names_schema();
    if (named) on_.quote(head_.at);
    const std::size_t options = head_.at + (named ? 1 : 0);
    bool any = false;
    for (std::size_t at = options; at < text_.size();) {
      const std::size_t value = text_.is_op(at + 1, "=") ? at + 2 : at + 1;
      if (text_.is(at, "DEFAULT") && text_.is(at + 1, "ENCRYPTION")) {
        ++at;
      } else if (text_.is(at, "COMMENT") || text_.is(at, "ENCRYPTION")) {
        drop_option(at, value + 1);
        at = value + 1;
      } else if (text_.is(at, "READ") && text_.is(at + 1, "ONLY")) {
        const std::size_t end = text_.is_op(at + 2, "=") ? at + 4 : at + 3;
        drop_option(at, end);
        at = end;
      } else {
        any = true;
        ++at;
      }
    }
    if (!any && head_.verb == "ALTER") return text_.erase(0, text_.size());
    const std::string own = option_collation(text_, options, text_.size(), on_);
    translate_options(on_, options, text_.size());
    if (head_.verb != "CREATE" || !own.empty()) return;
    // What the leader's server had in mind is not what the follower's has.
    const std::string server = collation_name(statement_.server_collation, on_.makes.leader_is_mariadb);
    if (server.empty()) return;
    const std::string collation = nearest_collation(server, on_.makes);
    text_.add_behind(head_.at, "DEFAULT CHARACTER SET " + charset_of(collation) + " COLLATE " + collation);
  }

  // DEFAULT ENCRYPTION 'N'
  void drop_option(std::size_t from, std::size_t end) {
    text_.erase(from > 0 && text_.is(from - 1, "DEFAULT") ? from - 1 : from, end);
  }

  bool analysis_names_schema() const {
    return text_.is_name(head_.at) && !text_.is(head_.at, "DEFAULT") && !text_.is(head_.at, "CHARACTER") &&
           !text_.is(head_.at, "COLLATE") && !(text_.is(head_.at, "CHARSET") && !text_.is(head_.at + 1, "CHARACTER"));
  }

  // NOWAIT, or WAIT and its seconds: how long the leader waited is no matter here.
  void drop_wait(std::size_t at) {
    if (text_.is(at, "NOWAIT")) text_.erase(at, at + 1);
    if (text_.is(at, "WAIT") && text_.is_number(at + 1)) text_.erase(at, at + 2);
  }

  std::size_t behind_wait(std::size_t at) const {
    if (text_.is(at, "NOWAIT")) return at + 1;
    return text_.is(at, "WAIT") && text_.is_number(at + 1) ? at + 2 : at;
  }

  void table() {
    text_.erase(head_.modifiers.first, head_.modifiers.second);
    if (head_.verb == "RENAME") return rename();
    if (head_.verb == "DROP" || head_.verb == "TRUNCATE") return drop();
    const NamedTable named = read_table_name(text_, head_.at, statement_.schema);
    on_.quote_table(head_.at);
    if (head_.ignore) on_.refuse("ALTER IGNORE, which drops rows that nobody names");
    if (head_.verb == "CREATE") {
      if (on_.to_mysql()) replace_by_dropping("TABLE", quote_table_name(named.table));
      return translate_create_table(
          on_, {.name = named.table, .collation = {}, .unique_columns = on_.context.unique_columns}, named.end);
    }
    const std::size_t at = behind_wait(named.end);
    drop_wait(named.end);
    if (!settle_if_exists(named.table)) return;
    if (at == text_.size()) return text_.erase(0, at);  // ALTER TABLE t WAIT 5
    translate_alter_table(on_, {.name = named.table, .collation = {}, .unique_columns = {}}, at);
  }

  // Of ALTER and RENAME, which MySQL does without. False: there is nothing to do, or it is refused.
  bool settle_if_exists(const TableRef& table) {
    if (head_.if_exists.second == 0 || !on_.to_mysql()) return true;
    if (on_.context.follower == nullptr) {
      on_.refuse("IF EXISTS of a table that may not be there");
      return false;
    }
    text_.erase(head_.if_exists.first, head_.if_exists.second);
    if (on_.follower(table) != nullptr) return true;
    text_.erase(0, text_.size());
    return false;
  }

  void rename() {
    if (head_.if_exists.second != 0 && on_.to_mysql()) {
      const NamedTable named = read_table_name(text_, head_.at, statement_.schema);
      if (text_.comma(head_.at, text_.size()) != text_.size()) return on_.refuse("RENAME of several tables IF EXISTS");
      if (!settle_if_exists(named.table)) return;
    }
    for (std::size_t at = head_.at; at < text_.size(); ++at) {
      const bool begins = at == head_.at || text_.is(at - 1, "TO") || text_.is_op(at - 1, ",");
      if (begins) on_.quote_table(at);
      if (!begins) drop_wait(at);
    }
  }

  void drop() {
    for (std::size_t at = head_.at; at < text_.size(); ++at) {
      const bool begins = at == head_.at || text_.is_op(at - 1, ",");
      if (begins) on_.quote_table(at);
      if (!begins && !text_.is_op(at - 1, ".")) drop_wait(at);
    }
  }

  // [name] [USING type] ON table (parts) options
  void index() {
    text_.erase(head_.modifiers.first, head_.modifiers.second);
    std::size_t on = head_.at;
    while (on < text_.size() && !text_.is(on, "ON")) ++on;
    const NamedTable named = read_table_name(text_, on + 1, statement_.schema);
    if (named.end == 0) return on_.refuse("an index of no table");
    on_.quote(head_.at);
    on_.quote_table(on + 1);
    for (std::size_t at = named.end; at < text_.size(); ++at) {
      const std::size_t value = text_.is_op(at + 1, "=") ? at + 2 : at + 1;
      if (text_.is(at, "ALGORITHM") || text_.is(at, "LOCK")) text_.erase(at, value + 1);
      if (!text_.is_op(at - 1, "=")) drop_wait(at);
      at = text_.after(at) - 1;
    }
    const TableDefinition* follower = on_.follower(named.table);
    if (on_.to_mysql() && (head_.if_exists.second != 0 || head_.or_replace.second != 0)) {
      if (follower == nullptr)
        return on_.refuse("IF [NOT] EXISTS or OR REPLACE of an index of a table that is not known");
      const std::string name = text_.name(head_.at);
      const bool there = std::any_of(follower->keys.begin(), follower->keys.end(),
                                     [&name](const DefinedKey& key) { return same_ignoring_case(key.name, name); });
      text_.erase(head_.if_exists.first, head_.if_exists.second);
      text_.erase(head_.or_replace.first, head_.or_replace.second);
      if (head_.or_replace.second != 0 && there)
        before_.push_back("DROP INDEX " + quote_name(name) + " ON " + quote_table_name(named.table));
      if (head_.if_exists.second != 0 && there == (head_.verb == "CREATE")) return text_.erase(0, text_.size());
    }
    if (!on_.to_mysql() && follower != nullptr && head_.verb == "DROP") {
      const bool there = std::any_of(follower->keys.begin(), follower->keys.end(), [this](const DefinedKey& key) {
        return same_ignoring_case(key.name, text_.name(head_.at));
      });
      if (!there) return text_.erase(0, text_.size());  // one of expressions, which was left out
    }
    if (head_.verb == "CREATE" && is_left_out(on_, on + 1, text_.size())) return text_.erase(0, text_.size());
    if (head_.verb == "CREATE" && text_.is_op(named.end, "(")) translate_key_parts(on_, named.end, text_.size());
  }

  // Views and routines: their bodies are the application's. MySQL replaces views alone.
  void stored() {
    const bool view = head_.object == "VIEW";
    if (head_.verb == "CREATE" && !view && on_.to_mysql()) {
      const NamedTable named = read_table_name(text_, head_.at, "");
      if (named.end != 0) replace_by_dropping(head_.object, quote_table_name(named.table));
    }
    for (std::size_t at = 0; at < head_.at; ++at) {
      if (text_.is(at, "AGGREGATE")) on_.refuse("an aggregate function in SQL");
      if (text_.is(at, "DUALITY")) on_.refuse("a JSON duality view");
    }
    if (view && head_.verb == "DROP") {
      for (std::size_t at = head_.at; at < text_.size(); ++at) {
        if (at == head_.at || text_.is_op(at - 1, ",")) on_.quote_table(at);
      }
      return;
    }
    on_.quote_table(head_.at);
  }

  Translation& on_;
  DdlText& text_;
  const LoggedStatement& statement_;
  DdlHead head_;
  Statements before_;
};

}  // namespace

absl::StatusOr<Statements> translate_ddl(const LoggedStatement& statement, ServerMakes makes,
                                         const DdlContext& context) {
  const DdlAnalysis analysis = analyze_ddl(statement, makes.leader_is_mariadb);
  if (analysis.kind == LoggedKind::harmless || analysis.kind == LoggedKind::people) return Statements{};
  if (analysis.kind != LoggedKind::definition && analysis.kind != LoggedKind::trigger)
    return absl::InvalidArgumentError("not a definition of anything");
  if (analysis.is_broken) {
    return absl::UnimplementedError("its text of " + std::to_string(statement.sql.size()) +
                                    " bytes is too long, or cannot be cut into words");
  }
  DdlText text(statement_itself(statement, makes.leader_is_mariadb), lexer_mode(statement, makes.leader_is_mariadb));
  if (makes.leader_is_mariadb == makes.follower_is_mariadb) return same_make(statement, text, read_head(text));
  const std::string mode = untranslatable_sql_mode(
      sql_mode_text(statement.sql_mode, makes.leader_is_mariadb),
      {.follower_is_mariadb = makes.follower_is_mariadb, .leader_is_mariadb = makes.leader_is_mariadb});
  Translation on{.text = text, .makes = makes, .context = context};
  on.utf8mb4_connection =
      charset_of(collation_name(statement.connection_collation, makes.leader_is_mariadb)) == "utf8mb4";
  if (mode == "ORACLE") on.refuse("a statement under sql_mode ORACLE");
  return Translator(on, statement).translate();
}

}  // namespace crossfade::dualwrite
