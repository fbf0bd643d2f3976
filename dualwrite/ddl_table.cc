// CREATE TABLE and ALTER TABLE, clause by clause.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/ddl_translation.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

// Behind the options: partitions have engines and folders of their own.
void translate_partitions(Translation& on, std::size_t from, std::size_t to) {
  DdlText& text = on.text;
  for (std::size_t at = from; at < to; ++at) {
    if (text.is(at, "SYSTEM_TIME")) on.refuse("partitions by SYSTEM_TIME");
    const std::size_t value = text.is_op(at + 1, "=") ? at + 2 : at + 1;
    // Of a partition, whose columns may have that name.
    if (text.is(at, "ENGINE") && text.is_name(value) && !text.is_op(at - 1, "(") && !text.is_op(at - 1, ","))
      text.replace(value, "InnoDB");
    if ((text.is(at, "DATA") || text.is(at, "INDEX")) && text.is(at + 1, "DIRECTORY"))
      text.erase(at, text.is_op(at + 2, "=") ? at + 4 : at + 3);
  }
}

// What the follower's table has, by name in lower case: a statement may ask for as many names as it has items.
struct FollowersNames {
  explicit FollowersNames(const TableDefinition* table) : known(table != nullptr) {
    if (!known) return;
    for (const DefinedColumn& column : table->columns) columns.emplace(ascii_lower(column.name), &column);
    for (const auto& key : table->keys) keys.insert(ascii_lower(key.name));
    for (const auto& key : table->foreign_keys) foreign_keys.insert(ascii_lower(key.name));
    for (const auto& check : table->checks) checks.insert(ascii_lower(check.name));
    for (const auto& check : table->checks) {
      if (is_given_name(check.name, table->name.table)) given_checks.push_back(check);
    }
  }
  // One that MySQL gives to a check without a name: "orders_chk_1".
  static bool is_given_name(const std::string& name, const std::string& table) {
    return ascii_lower(name).starts_with(ascii_lower(table) + "_chk_");
  }
  std::size_t last_given() const {
    std::size_t last = 0;
    for (const DefinedCheck& check : given_checks) {
      std::size_t number = 0;
      if (absl::SimpleAtoi(check.name.substr(check.name.rfind('_') + 1), &number)) last = std::max(last, number);
    }
    return last;
  }
  bool known;
  std::map<std::string, const DefinedColumn*> columns;
  std::set<std::string> keys, foreign_keys, checks;
  std::vector<DefinedCheck> given_checks;
};

// Whether the clause, as MySQL shows it, is about this column and no other.
bool is_about(const std::string& clause, const std::string& column) {
  bool any = false;
  for (std::size_t at = clause.find('`'); at != std::string::npos; at = clause.find('`', at)) {
    const std::size_t end = clause.find('`', at + 1);
    if (end == std::string::npos || !same_ignoring_case(clause.substr(at + 1, end - at - 1), column)) return false;
    any = true;
    at = end + 1;
  }
  return any;
}

class Alteration {
 public:
  Alteration(Translation& on, const TableInHand& table, const FollowersNames& follower)
      : on_(on), text_(on.text), table_(table), follower_(follower) {}

  void item(std::size_t from, std::size_t to) {
    at_ = from + 1;
    to_ = to;
    const std::string word = text_.upper(from);
    if (word == "ADD") return add(from);
    if (word == "MODIFY" || word == "CHANGE") return change(from, word == "CHANGE");
    if (word == "ALTER") return alter(from);
    if (word == "DROP") return drop(from);
    if (word == "RENAME") return rename(from);
    if (word == "CONVERT") return convert();
    if (word == "ALGORITHM" || word == "LOCK") return text_.erase(from, to);
    if (word == "DISCARD" || word == "IMPORT") return on_.refuse("DISCARD or IMPORT TABLESPACE");
    if (word == "EXCHANGE") return exchange();
    if (word == "PARTITION" || word == "REORGANIZE") return translate_partitions(on_, from, to);
    translate_options(on_, from, to);
  }

 private:
  // What IF [NOT] EXISTS asks for.
  enum class Thing { column, key, foreign_key, constraint, other };

  // At a possible IF [NOT] EXISTS before the name of `thing`. False: the whole item is gone, or refused.
  bool resolve(std::size_t from, Thing thing, const std::string& implied = "") {
    if (!text_.is(at_, "IF")) return true;
    const bool wanted = !text_.is(at_ + 1, "NOT");
    const std::size_t name = at_ + (wanted ? 2 : 3);
    if (!follower_.known || thing == Thing::other) {
      on_.refuse("IF [NOT] EXISTS of a column or a key, and the follower's table is not known; run it without");
      return false;
    }
    text_.erase(at_, name);
    at_ = name;
    if (exists(thing, implied.empty() ? text_.name(name) : implied) == wanted) return true;
    text_.erase(from, to_);
    return false;
  }

  bool exists(Thing thing, const std::string& spelled) const {
    const std::string name = ascii_lower(spelled);
    switch (thing) {
      case Thing::column:
        return follower_.columns.contains(name);
      case Thing::key:
        return follower_.keys.contains(name);
      case Thing::foreign_key:
        return follower_.foreign_keys.contains(name);
      case Thing::constraint:
        return follower_.foreign_keys.contains(name) || follower_.checks.contains(name) ||
               follower_.keys.contains(name);
      case Thing::other:
        break;
    }
    return false;
  }

  void add(std::size_t from) {
    if (text_.is(at_, "PARTITION")) {
      if (text_.is(at_ + 1, "IF") && on_.to_mysql()) return on_.refuse("ADD PARTITION IF NOT EXISTS; run it without");
      return translate_partitions(on_, from, to_);
    }
    if (text_.is(at_, "PERIOD") && text_.is(at_ + 1, "FOR")) return on_.refuse("a PERIOD");
    if (text_.is(at_, "SYSTEM") && text_.is(at_ + 1, "VERSIONING")) return on_.refuse("SYSTEM VERSIONING");
    if (is_key(text_, at_) && is_left_out(on_, at_, to_)) return text_.erase(from, to_);
    if (is_key(text_, at_)) return add_key(from);
    if (text_.is(at_, "COLUMN")) ++at_;
    // The list as a whole, of which any part may be there.
    if (text_.is(at_, "IF") && text_.is_op(at_ + 3, "("))
      return on_.refuse("IF NOT EXISTS of a list of columns; add them one by one");
    if (text_.is_op(at_, "(")) {
      for (const auto& [begin, end] : text_.items(at_ + 1, text_.after(at_) - 1)) add_one(begin, end);
      return;
    }
    if (resolve(from, Thing::column)) translate_column(on_, table_, at_, to_);
  }

  void add_one(std::size_t begin, std::size_t end) {
    if (is_key(text_, begin)) return translate_key(on_, begin, end);
    if (text_.is(begin, "IF")) return on_.refuse("IF NOT EXISTS within a list of columns; add them one by one");
    TableInHand listed = table_;
    listed.another = ", ";
    translate_column(on_, listed, begin, end);
  }

  void add_key(std::size_t from) {
    const std::size_t key = at_;
    Thing thing = Thing::key;
    for (; at_ < to_ && !text_.is_op(at_, "("); ++at_) {
      if (text_.is(at_, "FOREIGN")) thing = Thing::foreign_key;
      if (text_.is(at_, "CONSTRAINT") && text_.is(at_ + 1, "IF")) thing = Thing::constraint;
      if (!text_.is(at_, "IF")) continue;
      const std::string implied = text_.is_name(at_ + 3) ? "" : implied_name(key);
      if (thing == Thing::foreign_key && implied.empty() && !text_.is_name(at_ + 3)) {
        text_.erase(at_, at_ + 3);  // MariaDB looks for none, and adds it
      } else if (!resolve(from, thing, implied)) {
        return;
      }
      // The name stands there, or the parenthesis.
      if (text_.is_op(at_, "(")) break;
    }
    translate_key(on_, key, to_);
  }

  // By which MariaDB looks for a key that is given no name.
  std::string implied_name(std::size_t key) const {
    std::size_t at = key;
    if (text_.is(at, "CONSTRAINT") && text_.is_name(at + 1) && !text_.is(at + 1, "PRIMARY") &&
        !text_.is(at + 1, "UNIQUE") && !text_.is(at + 1, "FOREIGN"))
      return text_.name(at + 1);
    while (at < to_ && !text_.is_op(at, "(") && !text_.is(at, "PRIMARY") && !text_.is(at, "FOREIGN")) ++at;
    if (text_.is(at, "FOREIGN")) return "";
    return text_.is(at, "PRIMARY") ? "PRIMARY" : text_.name(at + 1);
  }

  void change(std::size_t from, bool renames) {
    if (text_.is(at_, "COLUMN")) ++at_;
    if (!resolve(from, Thing::column)) return;
    if (on_.to_mysql()) drop_checks_of(text_.name(at_), from);
    if (renames) on_.quote(at_++);
    translate_column(on_, table_, at_, to_);
  }

  // MariaDB's column has the check that its new definition has, or none. In MySQL every check is the table's: it would
  // stay beside a new one, and keep the column's name.
  void drop_checks_of(const std::string& column, std::size_t from) {
    for (const DefinedCheck& check : follower_.given_checks) {
      if (is_about(check.clause, column)) text_.add_before(from, "DROP CHECK " + quote_name(check.name) + ", ");
    }
  }

  void alter(std::size_t from) {
    if (text_.is(at_, "INDEX") || text_.is(at_, "KEY")) {
      text_.replace(at_, "INDEX");  // the one word that both know here
      ++at_;
      if (!resolve(from, Thing::key) || drop_left_out(from)) return;
      on_.quote(at_);
      return alter_visibility(at_ + 1);
    }
    if (text_.is(at_, "CHECK") || text_.is(at_, "CONSTRAINT")) return on_.refuse("ALTER of a check's enforcement");
    if (text_.is(at_, "COLUMN")) ++at_;
    if (!resolve(from, Thing::column)) return;
    on_.quote(at_);
    if (!on_.to_mysql() && text_.is(at_ + 1, "SET") && (text_.is(at_ + 2, "VISIBLE") || text_.is(at_ + 2, "INVISIBLE")))
      return on_.refuse("ALTER COLUMN SET [IN]VISIBLE; MODIFY the column with its whole definition");
    if (on_.to_mysql() && text_.is(at_ + 1, "SET") && text_.is(at_ + 2, "DEFAULT")) set_default(at_ + 3);
  }

  // Of a call, and of a column that takes no literal: in parentheses.
  void set_default(std::size_t value) {
    if (value >= to_ || text_.is_op(value, "(")) return;
    const auto found = follower_.columns.find(ascii_lower(text_.name(at_)));
    const DefinedColumn* column = found == follower_.columns.end() ? nullptr : found->second;
    const bool no_literal = column != nullptr && (column->json || column->data_type.ends_with("text") ||
                                                  column->data_type.ends_with("blob"));
    const bool expression = text_.is_op(to_ - 1, ")") || is_bare_function(text_, value);
    if (!expression && !(no_literal && !text_.is(value, "NULL"))) return;
    text_.add_before(value, "(");
    text_.join(to_ - 1, ")");
  }

  void alter_visibility(std::size_t at) {
    if (on_.to_mysql()) {
      if (text_.is(at, "NOT")) {
        text_.erase(at, at + 1);
        text_.replace(at + 1, "VISIBLE");
      } else {
        text_.replace(at, "INVISIBLE");
      }
    } else {
      text_.replace(at, text_.is(at, "VISIBLE") ? "NOT IGNORED" : "IGNORED");
    }
  }

  void drop(std::size_t from) {
    if (text_.is(at_, "PRIMARY")) return;
    Thing thing = Thing::column;
    if (text_.is(at_, "PARTITION")) {
      ++at_;
      resolve(from, Thing::other);
      return;
    }
    if ((text_.is(at_, "SYSTEM") && text_.is(at_ + 1, "VERSIONING")) ||
        (text_.is(at_, "PERIOD") && text_.is(at_ + 1, "FOR")))
      return on_.refuse("SYSTEM VERSIONING and PERIOD");
    if (text_.is(at_, "FOREIGN")) {
      thing = Thing::foreign_key;
      at_ += 2;
    } else if (text_.is(at_, "INDEX") || text_.is(at_, "KEY")) {
      thing = Thing::key;
      ++at_;
    } else if (text_.is(at_, "CONSTRAINT")) {
      thing = Thing::constraint;
      ++at_;
    } else if (text_.is(at_, "CHECK") && at_ + 1 < to_) {
      // MariaDB says so of all constraints, MySQL as well.
      text_.replace(at_, "CONSTRAINT");
      thing = Thing::constraint;
      ++at_;
    } else if (text_.is(at_, "COLUMN")) {
      ++at_;
    }
    if (!resolve(from, thing) || (thing == Thing::key && drop_left_out(from))) return;
    if (thing == Thing::constraint) follow_renamed_check();
    on_.quote(at_);
  }

  // A key of expressions, which was left out. True: what is asked of it has no object.
  bool drop_left_out(std::size_t from) {
    if (on_.to_mysql() || !follower_.known || exists(Thing::key, text_.name(at_))) return false;
    text_.erase(from, to_);
    return true;
  }

  // MySQL names the checks that it has named anew with the table.
  void follow_renamed_check() {
    const std::string name = text_.name(at_);
    const std::size_t ending = name.rfind("_chk_");
    if (on_.to_mysql() || ending == std::string::npos || exists(Thing::constraint, name)) return;
    for (const std::string& check : follower_.checks) {
      if (check.ends_with(name.substr(ending))) return text_.replace(at_, quote_name(check));
    }
  }

  void rename(std::size_t from) {
    if (text_.is(at_, "COLUMN") || text_.is(at_, "INDEX") || text_.is(at_, "KEY")) {
      const Thing thing = text_.is(at_, "COLUMN") ? Thing::column : Thing::key;
      ++at_;
      if (!resolve(from, thing) || (thing == Thing::key && drop_left_out(from))) return;
      on_.quote(at_);
      on_.quote(at_ + 2);
      return;
    }
    if (text_.is(at_, "TO") || text_.is(at_, "AS") || text_.is_op(at_, "=")) ++at_;
    on_.quote_table(at_);
  }

  void convert() {
    if (text_.is(at_, "TO")) return translate_options(on_, at_ + 1, to_);
    on_.refuse("CONVERT of a partition to a table, or of a table to a partition");
  }

  void exchange() {
    for (std::size_t at = at_; at < to_; ++at) {
      if (text_.is(at + 1, "VALIDATION")) text_.erase(at, at + 2);
    }
  }

  Translation& on_;
  DdlText& text_;
  const TableInHand& table_;
  const FollowersNames& follower_;
  std::size_t at_ = 0, to_ = 0;
};

// Items that are gone take a comma with them. False: nothing is left.
bool drop_commas(DdlText& text, const std::vector<TokenRange>& items) {
  bool any = false;
  for (const auto& [from, to] : items) {
    bool gone = true;
    for (std::size_t at = from; at < to; ++at) gone = gone && text.erased(at);
    if (!any && from > 0 && text.is_op(from - 1, ",")) text.erase(from - 1, from);
    if (gone && from > 0 && text.is_op(from - 1, ",")) text.erase(from - 1, from);
    any = any || !gone;
  }
  return any;
}

}  // namespace

void translate_create_table(Translation& on, TableInHand table, std::size_t at) {
  DdlText& text = on.text;
  if (text.is(at, "LIKE") || (text.is_op(at, "(") && text.is(at + 1, "LIKE"))) {
    on.quote_table(text.is_op(at, "(") ? at + 2 : at + 1);
    return;
  }
  if (!text.is_op(at, "("))
    return on.refuse("CREATE TABLE without columns: the leader must log rows (binlog_format=ROW)");
  on.in_hand = table.name;
  on.given = {.table = table.name.table};
  const std::size_t close = text.after(at) - 1;
  const std::string own = option_collation(text, close + 1, text.size(), on);
  table.collation = own.empty() ? on.context.schema_collation : own;
  const std::vector<TokenRange> items = text.items(at + 1, close);
  for (const auto& [from, to] : items) collect_unique(text, from, to, table.unique_columns);
  for (const auto& [from, to] : items) {
    if (text.is(from, "PERIOD") && text.is(from + 1, "FOR")) {
      on.refuse("a PERIOD");
    } else if (is_key(text, from) && is_left_out(on, from, to)) {
      text.erase(from, to);
    } else if (is_key(text, from)) {
      translate_key(on, from, to);
    } else {
      translate_column(on, table, from, to);
    }
  }
  drop_commas(text, items);
  std::size_t options_end = close + 1;
  while (options_end < text.size() && !text.is(options_end, "PARTITION")) {
    if (text.is(options_end, "SELECT") || text.is(options_end, "AS") || text.is(options_end, "WITH"))
      return text.is(options_end + 1, "SYSTEM")
                 ? on.refuse("WITH SYSTEM VERSIONING")
                 : on.refuse("CREATE TABLE .. SELECT as a statement: the leader must log rows (binlog_format=ROW)");
    options_end = text.after(options_end);
  }
  translate_options(on, close + 1, options_end);
  // Commas between options mean nothing, and what stood on one side of them may be gone.
  for (std::size_t option = close + 1; option < options_end; option = text.after(option)) {
    if (text.is_op(option, ",")) text.erase(option, option + 1);
  }
  translate_partitions(on, options_end, text.size());
  if (own.empty() && !table.collation.empty()) {
    const std::string collation = nearest_collation(table.collation, on.makes);
    text.add_behind(close, "DEFAULT CHARSET=" + charset_of(collation) + " COLLATE=" + collation);
  }
}

void translate_alter_table(Translation& on, TableInHand table, std::size_t at) {
  DdlText& text = on.text;
  if (at >= text.size()) return;
  const std::vector<TokenRange> items = text.items(at, text.size());
  for (const auto& [from, to] : items) {
    const std::size_t key = from + (text.is(from, "ADD") ? 1 : 0);
    if (text.is(from, "ADD") && is_key(text, key)) collect_unique(text, key, to, table.unique_columns);
    if (text.is(from, "ADD") && !is_key(text, key))
      collect_unique(text, key + (text.is(key, "COLUMN") ? 1 : 0), to, table.unique_columns);
  }
  const FollowersNames follower(on.follower(table.name));
  on.in_hand = table.name;
  if (follower.known) on.given = {.table = table.name.table, .last = follower.last_given()};
  table.another = ", ADD ";
  for (const auto& [from, to] : items) {
    if (text.is(from, "ORDER")) break;
    Alteration(on, table, follower).item(from, to);
  }
  if (!drop_commas(text, items)) text.erase(0, text.size());
}

}  // namespace crossfade::dualwrite
