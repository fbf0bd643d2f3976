// Columns: types, defaults, character sets, generated values.
#include <algorithm>
#include <array>
#include <string_view>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/ddl_translation.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {
namespace {

// MySQL takes no literal default for these, but an expression.
constexpr std::array<std::string_view, 21> kNoLiteralDefault = {
    "TINYTEXT",           "TEXT",           "MEDIUMTEXT", "LONGTEXT",   "TINYBLOB",     "BLOB",
    "MEDIUMBLOB",         "LONGBLOB",       "LONG",       "JSON",       "GEOMETRY",     "POINT",
    "LINESTRING",         "POLYGON",        "CLOB",       "MULTIPOINT", "MULTIPOLYGON", "MULTILINESTRING",
    "GEOMETRYCOLLECTION", "GEOMCOLLECTION", "VECTOR"};
constexpr std::array<std::string_view, 16> kTexts = {
    "CHAR", "VARCHAR", "TINYTEXT", "TEXT",     "MEDIUMTEXT", "LONGTEXT",     "LONG", "ENUM",
    "SET",  "NCHAR",   "NVARCHAR", "NATIONAL", "CHARACTER",  "VARCHARACTER", "CLOB", "VARCHAR2"};
constexpr std::array<std::string_view, 5> kNow = {"CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP",
                                                  "SYSTIMESTAMP"};

class ColumnTranslator {
 public:
  ColumnTranslator(Translation& on, const TableInHand& table, std::size_t from, std::size_t to)
      : on_(on), text_(on.text), table_(table), name_(from), to_(to) {}

  void translate() {
    on_.quote(name_);
    type_ = text_.upper(name_ + 1);
    std::size_t at = behind_type();
    refuse_type();
    type_end_ = at;
    while (at < to_) at = attribute(at);
    if (json_check_ != 0) {
      become_json();
    } else if (type_ == "JSON") {
      erase_charset();
    } else {
      settle_charset();
    }
    if (generated_ && !on_.to_mysql()) {
      for (const auto& [from, end] : nulls_) text_.erase(from, end);
    }
  }

 private:
  // One of the type's words, its length, and what belongs to no attribute.
  std::size_t behind_type() {
    std::size_t at = name_ + 2;
    if (type_ == "DOUBLE" && text_.is(at, "PRECISION")) ++at;
    while (text_.is(at, "CHAR") || text_.is(at, "VARCHAR") || text_.is(at, "VARBINARY") || text_.is(at, "VARYING") ||
           text_.is(at, "CHARACTER") || text_.is(at, "LARGE")) {
      if (text_.is(at, "CHARACTER") && text_.is(at + 1, "SET")) break;
      ++at;
    }
    if (!text_.is_op(at, "(")) return at;
    if (text_.is_number(at + 1) && text_.is_op(at + 2, ")")) length_ = std::string(text_.text(at + 1));
    const std::size_t end = text_.after(at);
    if (type_ == "YEAR" && on_.to_mysql()) text_.erase(at, end);  // YEAR(2) as well has four digits in rows
    return end;
  }

  void refuse_type() {
    if (const OwnType* own = own_type(type_)) text_.replace(name_ + 1, std::string(own->on_mysql));
    if (type_ == "XMLTYPE") on_.refuse("the type XMLTYPE, which MySQL does not have");
    if (type_ == "GEOMCOLLECTION") text_.replace(name_ + 1, "GEOMETRYCOLLECTION");
    if (type_ == "VECTOR") on_.refuse("the type VECTOR, whose values the makes store in different forms");
    if (type_ == "VARCHAR2" || type_ == "NUMBER" || type_ == "RAW" || type_ == "CLOB")
      on_.refuse("the type " + type_ + " of sql_mode ORACLE");
  }

  // Handles what begins at `at`; where the next thing is.
  std::size_t attribute(std::size_t at) {
    const std::string word = text_.upper(at);
    if (word == "DEFAULT") return default_value(at + 1);
    if (word == "ON" && text_.is(at + 1, "UPDATE") && contains(kNow, text_.upper(at + 2))) return now(at + 2);
    if (word == "REFERENCES") return references(at);
    if (word == "CHECK") return check(at);
    if (word == "CONSTRAINT") return constraint(at);
    if (word == "COLLATE") return collation(at);
    if (word == "CHARSET" || (word == "CHARACTER" && text_.is(at + 1, "SET"))) return charset(at, word == "CHARSET");
    if (word == "GENERATED" || word == "AS") {
      generated_ = true;
      return at + 1;
    }
    if (word == "NULL" || (word == "NOT" && text_.is(at + 1, "NULL"))) {
      const std::size_t end = at + (word == "NULL" ? 1 : 2);
      nulls_.emplace_back(at, end);
      return end;
    }
    if (word == "BINARY" || word == "ASCII" || word == "UNICODE" || word == "BYTE") binary_ = true;
    if (word == "AFTER") {
      on_.quote(at + 1);
      return at + 2;
    }
    if (word == "WITH" || word == "WITHOUT") return versioning(at, word == "WITH");
    if (word == "COMMENT") return at + 2;
    return on_.to_mysql() ? attribute_of_mariadb(at, word) : attribute_of_mysql(at, word);
  }

  std::size_t attribute_of_mariadb(std::size_t at, const std::string& word) {
    if (word == "PERSISTENT") text_.replace(at, "STORED");
    if (text_.is_quoted_name(at) && text_.is_op(at + 1, "=")) return drop(at, at + 3);  // of an engine
    if (word == "COMPRESSED") on_.refuse("a COMPRESSED column, whose rows the log has in a form of MariaDB's own");
    if (word == "REF_SYSTEM_ID") return drop(at, at + (text_.is_op(at + 1, "=") ? 3 : 2));
    if (word == "ENCRYPTED" || word == "ENCRYPTION_KEY_ID") return drop(at, at + (text_.is_op(at + 1, "=") ? 3 : 2));
    return text_.after(at);
  }

  std::size_t attribute_of_mysql(std::size_t at, const std::string& word) {
    if (word == "VISIBLE") return drop(at, at + 1);
    if (word == "COLUMN_FORMAT" || word == "STORAGE" || word == "SRID") return drop(at, at + 2);
    if (word == "ENGINE_ATTRIBUTE" || word == "SECONDARY_ENGINE_ATTRIBUTE")
      return drop(at, at + (text_.is_op(at + 1, "=") ? 3 : 2));
    if (word == "NOT" && text_.is(at + 1, "SECONDARY")) return drop(at, at + 2);
    return text_.after(at);
  }

  std::size_t drop(std::size_t from, std::size_t end) {
    text_.erase(from, std::min(end, to_));
    return end;
  }

  std::size_t versioning(std::size_t at, bool with) {
    if (!text_.is(at + 1, "SYSTEM")) return at + 1;
    if (with) on_.refuse("WITH SYSTEM VERSIONING");
    return drop(at, at + 3);
  }

  // A moment of MariaDB's may be coarser than its column.
  std::size_t now(std::size_t at) {
    const std::size_t end = text_.is_op(at + 1, "(") ? text_.after(at + 1) : at + 1;
    text_.erase(at, end);
    text_.replace(at, length_.empty() ? "CURRENT_TIMESTAMP" : "CURRENT_TIMESTAMP(" + length_ + ")");
    return end;
  }

  std::size_t default_value(std::size_t at) {
    const std::size_t value = text_.is_op(at, "(") ? at + 1 : at;
    if (text_.is(value, "NEXT") || text_.is(value, "NEXTVAL"))
      on_.refuse("a default that takes the next value of a sequence");
    if (text_.is_op(at, "(")) return text_.after(at);  // an expression to both
    const bool moment = type_ == "TIMESTAMP" || type_ == "DATETIME";
    if (contains(kNow, text_.upper(at)) && moment) return now(at);
    const std::size_t end = behind_value(at);
    const bool expression = text_.is_op(end - 1, ")") || is_bare_function(text_, at);
    const bool no_literal = contains(kNoLiteralDefault, type_) && !text_.is(at, "NULL");
    if (on_.to_mysql() && (expression || no_literal)) {
      text_.add_before(at, "(");
      text_.join(end - 1, ")");
    }
    return end;
  }

  // A literal with its sign or introducer, a word, or a call.
  std::size_t behind_value(std::size_t at) const {
    if (text_.is_op(at, "-") || text_.is_op(at, "+")) ++at;
    std::size_t end = at + 1;
    const bool word = text_.is_name(at) && !text_.is_quoted_name(at);
    if (word && (text_.is_string(end) || (text_.text(at).starts_with("_") && text_.is_number(end)))) ++end;
    while (word && text_.is_op(end, ".") && end + 1 < to_) end += 2;
    if (word && text_.is_op(end, "(")) end = text_.after(end);
    return std::min(end, to_);
  }

  std::size_t references(std::size_t at) {
    on_.quote_table(at + 1);
    while (at < to_ && !text_.is_op(at, "(")) ++at;
    return text_.after(at);
  }

  std::size_t constraint(std::size_t at) {
    constraint_ = at;
    if (text_.is_name(at + 1) && !text_.is(at + 1, "CHECK")) {
      on_.quote(at + 1);
      return at + 2;
    }
    return at + 1;
  }

  std::size_t check(std::size_t at) {
    const std::size_t open = at + 1;
    std::size_t end = text_.after(open);
    const std::size_t from = constraint_ != 0 ? constraint_ : at;
    constraint_ = 0;
    if (on_.to_mysql()) {
      const bool json = text_.is(open + 1, "JSON_VALID") && text_.is_op(open + 2, "(") &&
                        same_ignoring_case(text_.name(open + 3), text_.name(name_)) && text_.is_op(open + 4, ")") &&
                        open + 6 == end;
      if (json && (type_ == "LONGTEXT" || type_ == "JSON")) {
        json_check_ = from;
        json_check_end_ = end;
      }
      return end;
    }
    const std::string given = from == at || from + 1 == at ? on_.next_given_name() : "";
    if (text_.is(end, "NOT") && text_.is(end + 1, "ENFORCED")) return drop(from, end + 2);
    const std::size_t next = text_.is(end, "ENFORCED") ? drop(end, end + 1) : end;
    // MariaDB takes but one, without a name and at the end, and forgets it with the next MODIFY: it becomes the
    // table's, by the name that MySQL's has.
    const bool named = from + 1 < at;
    if (!named) text_.erase(from, at);
    const std::string symbol = named || given.empty() ? "" : "CONSTRAINT " + given + " ";
    text_.move(named ? from : at, end, to_ - 1, std::string(table_.another) + symbol);
    return next;
  }

  std::size_t charset(std::size_t at, bool one_word) {
    std::size_t value = at + (one_word ? 1 : 2);
    if (text_.is_op(value, "=")) ++value;
    charset_ = TokenRange(at, value + 1);
    return value + 1;
  }

  std::size_t collation(std::size_t at) {
    const std::size_t end = at + (text_.is_op(at + 1, "=") ? 3 : 2);
    collate_ = TokenRange(at, end);
    return end;
  }

  void erase_charset() {
    text_.erase(charset_.first, charset_.second);
    text_.erase(collate_.first, collate_.second);
  }

  // MariaDB prints its JSON as LONGTEXT utf8mb4_bin with a check. Of another collation it is a text that the
  // application wants as a text.
  void become_json() {
    std::string collation = charset_.second == 0 ? table_.collation : "";
    if (collate_.second != 0) collation = ascii_lower(text_.name(collate_.second - 1));
    if (type_ != "JSON" && collation != "utf8mb4_bin") return settle_charset();
    text_.erase(json_check_, json_check_end_);
    erase_charset();
    text_.erase(name_ + 1, type_end_);
    text_.replace(name_ + 1, "json");
  }

  void settle_charset() {
    if (!contains(kTexts, type_)) return;
    const std::string charset = charset_.second == 0 ? "" : ascii_lower(text_.name(charset_.second - 1));
    const bool named = collate_.second != 0;
    std::string leader = table_.collation;
    if (!charset.empty()) leader = default_collation(charset, on_.makes.leader_is_mariadb);
    if (named) leader = collation_named(text_.name(collate_.second - 1), charset);
    if (leader.empty() || leader == "binary") return;
    const bool unique = table_.unique_columns.contains(ascii_lower(text_.name(name_)));
    const std::string follower = unique ? key_collation(leader, on_.makes) : nearest_collation(leader, on_.makes);
    if (named) {
      text_.replace(collate_.second - 1, follower);
    } else if (!binary_ && charset == "utf8mb4") {
      text_.add_behind(charset_.second - 1, "COLLATE " + follower);
    } else if (!binary_ && charset.empty() && follower != nearest_collation(leader, on_.makes)) {
      text_.add_behind(type_end_ - 1, "COLLATE " + follower);
    }
  }

  // MariaDB's short names ("uca1400_ai_ci"), and DEFAULT, go with the column's character set.
  std::string collation_named(const std::string& spelled, const std::string& charset) const {
    std::string name = ascii_lower(spelled);
    const std::string set = !charset.empty() ? charset : charset_of(table_.collation);
    if (name == "default") return default_collation(set, on_.makes.leader_is_mariadb);
    if (!name.starts_with("uca1400_")) return name;
    return (set.empty() ? "utf8mb4" : set) + "_" + name;
  }

  Translation& on_;
  DdlText& text_;
  const TableInHand& table_;
  std::size_t name_, to_, type_end_ = 0, constraint_ = 0, json_check_ = 0, json_check_end_ = 0;
  std::string type_, length_;
  TokenRange charset_, collate_;
  std::vector<TokenRange> nulls_;
  bool generated_ = false, binary_ = false;
};

}  // namespace

bool is_bare_function(const DdlText& text, std::size_t at) {
  const std::string word = text.upper(at);
  return contains(kNow, word) || word == "CURRENT_DATE" || word == "CURRENT_TIME" || word == "CURRENT_USER" ||
         word == "CURDATE" || word == "CURTIME" || word == "UTC_DATE" || word == "UTC_TIME" || word == "UTC_TIMESTAMP";
}

void translate_column(Translation& on, const TableInHand& table, std::size_t from, std::size_t to) {
  if (on.text.is_name(from) && from + 1 < to) ColumnTranslator(on, table, from, to).translate();
}

}  // namespace crossfade::dualwrite
