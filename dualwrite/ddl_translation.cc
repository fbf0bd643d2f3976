#include "dualwrite/ddl_translation.h"

#include <array>
#include <string_view>

#include "dualwrite/ascii_case.h"
#include "dualwrite/character_set.h"
#include "dualwrite/collations.h"
#include "dualwrite/session_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {

void Translation::refuse(const std::string& what) {
  if (!refused.ok()) return;
  refused =
      absl::UnimplementedError(what + ": " + (to_mysql() ? "MySQL" : "MariaDB") +
                               " has no counterpart. Change the table on the follower by hand so that it can hold "
                               "the leader's rows, then let it be taken up again");
}

void Translation::quote(std::size_t at) {
  if (text.is_name(at) && !text.is_quoted_name(at) && !text.changed(at)) text.replace(at, quote_name(text.text(at)));
}

void Translation::quote_table(std::size_t at) {
  quote(at);
  if (text.is_op(at + 1, ".")) quote(at + 2);
}

std::string Translation::next_given_name() {
  ++given.last;
  return given.table.empty() ? "" : quote_name(given.table + "_chk_" + std::to_string(given.last));
}

const TableDefinition* Translation::follower(const TableRef& table) const {
  if (context.follower == nullptr) return nullptr;
  const auto found = context.follower->find(table);
  return found == context.follower->end() ? nullptr : &found->second;
}

namespace {

constexpr std::array<std::string_view, 11> kBeforeCharset = {
    "CHAR", "CHARACTER", "VARCHAR", "VARYING", "TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "LONG", "CLOB", "DEFAULT"};

// CHARSET, or the name of something.
bool is_charset_clause(const DdlText& text, const DdlHead& head, std::size_t at, bool in_parentheses) {
  // Nothing is compared there.
  if (!in_parentheses && (head.object == "TABLE" || head.object == "DATABASE")) return true;
  if (at == 0) return false;
  // Behind a type, its length, the columns of a table, or another option.
  return text.is_op(at - 1, ")") || contains(kBeforeCharset, text.upper(at - 1)) || (at > 1 && text.is_op(at - 2, "="));
}

}  // namespace

void translate_json_arrows(Translation& on) {
  DdlText& text = on.text;
  if (on.to_mysql()) return;
  for (std::size_t at = 1; at + 1 < text.size(); ++at) {
    const bool unquotes = text.is_op(at, "->>");
    if ((!unquotes && !text.is_op(at, "->")) || !text.is_name(at - 1) || !text.is_string(at + 1)) continue;
    std::size_t document = at - 1;
    while (document >= 2 && text.is_op(document - 1, ".") && text.is_name(document - 2)) document -= 2;
    text.add_before(document, unquotes ? "JSON_UNQUOTE(JSON_EXTRACT(" : "JSON_EXTRACT(");
    text.replace(at, ",");
    text.join(at + 1, unquotes ? "))" : ")");
  }
}

void translate_character_sets(Translation& on, const DdlHead& head) {
  DdlText& text = on.text;
  std::size_t depth = 0;
  const FollowerTraits traits{.follower_is_mariadb = on.makes.follower_is_mariadb,
                              .leader_is_mariadb = on.makes.leader_is_mariadb};
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.is_op(at, "(")) ++depth;
    if (text.is_op(at, ")") && depth > 0) --depth;
    if (text.text(at).starts_with("_") && text.is_string(at + 1) && text.is_name(at) && !text.is_quoted_name(at)) {
      if (same_ignoring_case(text.text(at), "_utf8")) text.replace(at, "_utf8mb3");
      // MariaDB 10.11 keeps such a text in an expression without its quotes and backslashes escaped, and cannot read it
      // again.
      const bool is_escaped = text.name(at + 1).find_first_of("'\\") != std::string::npos;
      if (!on.to_mysql() && on.utf8mb4_connection && is_escaped && same_ignoring_case(text.text(at), "_utf8mb4"))
        text.erase(at, at + 1);
      continue;
    }
    const bool charset = (text.is(at, "CHARSET") && is_charset_clause(text, head, at, depth > 0)) ||
                         (text.is(at, "SET") && at > 0 && text.is(at - 1, "CHARACTER"));
    if (!charset && !text.is(at, "COLLATE")) continue;
    const std::size_t value = text.is_op(at + 1, "=") ? at + 2 : at + 1;
    if (text.changed(value) || text.changed(at) || !(text.is_name(value) || text.is_string(value))) continue;
    const std::string name = ascii_lower(text.name(value));
    if (name == "default" || name == "binary") continue;
    if (charset && longest_character(modern_name(name)) == 0) continue;  // it is no character set
    if (!has_charset(name.substr(0, name.find('_')), traits)) on.refuse("the character set gb18030");
    text.replace(value, charset ? translate_charset(name, traits) : nearest_collation(name, on.makes));
  }
}

}  // namespace crossfade::dualwrite
