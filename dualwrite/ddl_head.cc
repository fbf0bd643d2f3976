#include "dualwrite/ddl_head.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dualwrite/collation_names.h"
#include "routing/statement_prefix.h"

namespace crossfade::dualwrite {
namespace {

// sql_mode as the log has it, the same bits on both makes.
constexpr std::uint64_t kAnsiQuotes = 4, kIgnoreSpace = 8, kNoBackslashEscapes = std::uint64_t{1} << 20;

constexpr std::array<std::string_view, 22> kObjects = {
    "TABLE",   "TABLES",   "VIEW",     "INDEX",   "DATABASE",  "SCHEMA", "PROCEDURE",  "FUNCTION",
    "TRIGGER", "EVENT",    "SEQUENCE", "USER",    "ROLE",      "SERVER", "TABLESPACE", "LOGFILE",
    "PACKAGE", "RESOURCE", "INSTANCE", "LIBRARY", "REFERENCE", "CATALOG"};

bool is_object(std::string_view word) { return std::find(kObjects.begin(), kObjects.end(), word) != kObjects.end(); }

// user[@host], CURRENT_USER[()], or a role.
std::size_t behind_account(const DdlText& text, std::size_t at) {
  ++at;
  if (text.is_user_variable(at)) ++at;
  if (text.is_op(at, "(")) at = text.after(at);
  return at;
}

std::size_t behind_equals(const DdlText& text, std::size_t at) { return text.is_op(at, "=") ? at + 1 : at; }

// Past what may stand between CREATE, ALTER or DROP and what it is done to; false: nothing of it is here.
bool skip_modifier(const DdlText& text, DdlHead& head) {
  std::size_t& at = head.at;
  const std::size_t from = at;
  if (text.is(at, "OR") && text.is(at + 1, "REPLACE")) {
    at += 2;
    head.or_replace = {from, at};
  } else if (text.is(at, "TEMPORARY")) {
    ++at;
    head.temporary = true;
  } else if (text.is(at, "ONLINE") || text.is(at, "OFFLINE") || text.is(at, "IGNORE")) {
    head.ignore = head.ignore || text.is(at, "IGNORE");
    ++at;
    head.modifiers = {head.modifiers.second == from ? head.modifiers.first : from, at};
  } else if (text.is(at, "ALGORITHM")) {
    at = behind_equals(text, at + 1) + 1;
  } else if (text.is(at, "DEFINER")) {
    at = behind_account(text, behind_equals(text, at + 1));
  } else if (text.is(at, "SQL") && text.is(at + 1, "SECURITY")) {
    at += 3;
  } else if (text.is(at, "UNIQUE") || text.is(at, "FULLTEXT") || text.is(at, "SPATIAL") || text.is(at, "VECTOR") ||
             text.is(at, "AGGREGATE") || text.is(at, "UNDO") || text.is(at, "JSON") || text.is(at, "RELATIONAL") ||
             text.is(at, "DUALITY")) {
    ++at;
  } else {
    return false;
  }
  return true;
}

void skip_if_exists(const DdlText& text, DdlHead& head) {
  if (!text.is(head.at, "IF")) return;
  const std::size_t exists = text.is(head.at + 1, "NOT") ? head.at + 2 : head.at + 1;
  if (!text.is(exists, "EXISTS")) return;
  head.if_exists = {head.at, exists + 1};
  head.at = exists + 1;
}

}  // namespace

DdlHead read_head(const DdlText& text) {
  DdlHead head;
  head.verb = text.upper(0);
  head.at = 1;
  if (head.verb == "TRUNCATE") {
    head.object = "TABLE";
    if (text.is(head.at, "TABLE")) ++head.at;
    return head;
  }
  if (head.verb != "CREATE" && head.verb != "ALTER" && head.verb != "DROP" && head.verb != "RENAME") return head;
  while (skip_modifier(text, head)) continue;
  const std::string object = text.upper(head.at);
  if (!is_object(object)) return head;
  ++head.at;
  head.object = object == "TABLES" ? "TABLE" : object == "SCHEMA" ? "DATABASE" : object;
  if (object == "PACKAGE" && text.is(head.at, "BODY")) ++head.at;
  skip_if_exists(text, head);
  return head;
}

NamedTable read_table_name(const DdlText& text, std::size_t at, const std::string& schema) {
  if (!text.is_name(at)) return {};
  NamedTable out{.table = {.schema = schema, .table = text.name(at)}, .end = at + 1};
  if (!text.is_op(at + 1, ".")) return out;
  if (!text.is_name(at + 2)) return {};
  out.table = {.schema = text.name(at), .table = text.name(at + 2)};
  out.end = at + 3;
  return out;
}

routing::LexerMode lexer_mode(const LoggedStatement& statement, bool leader_is_mariadb) {
  const std::string charset = charset_of(collation_name(statement.client_collation, leader_is_mariadb));
  return {.ansi_quotes = (statement.sql_mode & kAnsiQuotes) != 0,
          .no_backslash_escapes = (statement.sql_mode & kNoBackslashEscapes) != 0,
          .mariadb = leader_is_mariadb,
          // What the leader has run was for its own version: no application knows a later one than these.
          .server_version = leader_is_mariadb ? 129999u : 99999u,
          .ignore_space = (statement.sql_mode & kIgnoreSpace) != 0,
          .multi_byte = routing::multi_byte(charset)};
}

std::string_view statement_itself(const LoggedStatement& statement, bool leader_is_mariadb) {
  if (!leader_is_mariadb) return statement.sql;
  return routing::without_prefix(statement.sql, lexer_mode(statement, true));
}

}  // namespace crossfade::dualwrite
