#include "dualwrite/ddl_clauses.h"

#include "dualwrite/ascii_case.h"
#include "dualwrite/ddl_head.h"
#include "dualwrite/ddl_translation.h"

namespace crossfade::dualwrite {
namespace {

std::size_t behind_wait(const DdlText& text, std::size_t at) {
  if (text.is(at, "NOWAIT")) return at + 1;
  return text.is(at, "WAIT") && text.is_number(at + 1) ? at + 2 : at;
}

// Past IF EXISTS or IF NOT EXISTS.
std::size_t behind_if(const DdlText& text, std::size_t at, bool* if_not_exists = nullptr) {
  if (!text.is(at, "IF")) return at;
  const bool is_not = text.is(at + 1, "NOT");
  if (if_not_exists != nullptr) *if_not_exists = is_not;
  return at + (is_not ? 3 : 2);
}

// [CONSTRAINT [name]] UNIQUE | KEY | .. [name]: the name of the key that comes of it.
void name_key(const DdlText& text, std::size_t at, AlterClause& clause) {
  clause.kind = ClauseKind::add_key;
  if (text.is(at, "CONSTRAINT")) {
    at = behind_if(text, at + 1, &clause.if_not_exists);
    const bool named = text.is_name(at) && !text.is(at, "PRIMARY") && !text.is(at, "UNIQUE") &&
                       !text.is(at, "FOREIGN") && !text.is(at, "CHECK");
    if (named) clause.name = text.name(at++);
  }
  if (text.is(at, "CHECK")) return;
  while (text.is(at, "UNIQUE") || text.is(at, "FULLTEXT") || text.is(at, "SPATIAL") || text.is(at, "VECTOR") ||
         text.is(at, "FOREIGN") || text.is(at, "PRIMARY") || text.is(at, "KEY") || text.is(at, "INDEX"))
    ++at;
  at = behind_if(text, at, &clause.if_not_exists);
  if (text.is_name(at) && !text.is(at, "USING")) clause.name = text.name(at);
}

void name_dropped(const DdlText& text, std::size_t at, AlterClause& clause) {
  if (text.is(at, "PRIMARY") || text.is(at, "PARTITION") || text.is(at, "SYSTEM") ||
      (text.is(at, "PERIOD") && text.is(at + 1, "FOR")))
    return;
  clause.kind = ClauseKind::drop_column;
  if (text.is(at, "COLUMN")) {
    ++at;
  } else if (at + 1 < clause.to && (text.is(at, "INDEX") || text.is(at, "KEY") || text.is(at, "CONSTRAINT") ||
                                    text.is(at, "CHECK") || text.is(at, "FOREIGN"))) {
    clause.kind = ClauseKind::drop_key;
    at += text.is(at, "FOREIGN") ? 2 : 1;
  }
  clause.name = text.name(behind_if(text, at));
}

void read_clause(const DdlText& text, std::size_t from, std::size_t to, std::vector<AlterClause>& into) {
  AlterClause clause{.from = from, .to = to};
  const std::string word = text.upper(from);
  std::size_t at = from + 1;
  const bool names_column = text.is(at, "COLUMN");
  if (word == "ADD" && !text.is(at, "PARTITION") && !(text.is(at, "PERIOD") && text.is(at + 1, "FOR")) &&
      !(text.is(at, "SYSTEM") && text.is(at + 1, "VERSIONING"))) {
    if (is_key(text, at)) {
      name_key(text, at, clause);
    } else {
      clause.kind = ClauseKind::add_column;
      at = behind_if(text, at + (names_column ? 1 : 0), &clause.if_not_exists);
      if (text.is_op(at, "(")) {
        for (const auto& [begin, end] : text.items(at + 1, text.after(at) - 1)) {
          AlterClause each{.from = begin, .to = end, .if_not_exists = clause.if_not_exists, .in_list = true};
          if (is_key(text, begin)) {
            name_key(text, begin, each);
          } else {
            each.kind = ClauseKind::add_column;
            each.name = text.name(behind_if(text, begin, &each.if_not_exists));
          }
          into.push_back(std::move(each));
        }
        return;
      }
      clause.name = text.name(at);
    }
  } else if (word == "DROP") {
    name_dropped(text, at, clause);
  } else if (word == "MODIFY" || word == "CHANGE") {
    clause.kind = ClauseKind::change_column;
    at = behind_if(text, at + (names_column ? 1 : 0));
    clause.old_name = text.name(at);
    clause.name = text.name(word == "CHANGE" ? at + 1 : at);
  } else if (word == "RENAME" && names_column) {
    clause.kind = ClauseKind::rename_column;
    at = behind_if(text, at + 1);
    clause.old_name = text.name(at);
    clause.name = text.name(at + 2);
  } else if (word == "ALTER") {
    clause.kind = ClauseKind::alter;
  } else if (word == "ALGORITHM" || word == "LOCK") {
    clause.kind = ClauseKind::hint;
  }
  into.push_back(std::move(clause));
}

// Where its clauses begin; 0: it is no ALTER TABLE.
std::size_t clauses_begin(const DdlText& text, const DdlHead& head) {
  if (head.verb != "ALTER" || head.object != "TABLE") return 0;
  const NamedTable named = read_table_name(text, head.at, "");
  return named.end == 0 ? 0 : behind_wait(text, named.end);
}

bool has_word(const DdlText& text, const AlterClause& clause, std::string_view word) {
  for (std::size_t at = clause.from; at < clause.to; ++at) {
    if (text.is(at, word)) return true;
  }
  return false;
}

// What it does it does alone as well, and a second time it does nothing else.
bool stands_alone(const DdlText& text, const AlterClause& clause) {
  switch (clause.kind) {
    case ClauseKind::add_column:
      return !clause.in_list && !has_word(text, clause, "AUTO_INCREMENT") && !has_word(text, clause, "CHECK") &&
             !has_word(text, clause, "PRIMARY") && !has_word(text, clause, "UNIQUE");
    case ClauseKind::change_column:
      return same_ignoring_case(clause.name, clause.old_name) && !has_word(text, clause, "CHECK") &&
             !has_word(text, clause, "UNIQUE");
    case ClauseKind::add_key:
      return !clause.in_list && !clause.name.empty() && !has_word(text, clause, "PRIMARY");
    case ClauseKind::drop_column:
    case ClauseKind::drop_key:
    case ClauseKind::alter:
    case ClauseKind::hint:
      return true;
    case ClauseKind::rename_column:
    case ClauseKind::other:
      break;
  }
  return false;
}

std::string object_of(const DdlText& text, const AlterClause& clause) {
  if (clause.kind == ClauseKind::add_column || clause.kind == ClauseKind::change_column) return "column " + clause.name;
  if (clause.kind != ClauseKind::add_key || clause.name.empty()) return {};
  if (has_word(text, clause, "FOREIGN")) return "foreign key " + clause.name;
  return has_word(text, clause, "CHECK") ? "checks" : "key " + clause.name;
}

}  // namespace

std::vector<AlterClause> alter_clauses(const DdlText& text) {
  std::vector<AlterClause> out;
  const std::size_t begin = clauses_begin(text, read_head(text));
  if (begin == 0) return out;
  for (const auto& [from, to] : text.items(begin, text.size())) read_clause(text, from, to, out);
  return out;
}

std::optional<std::vector<SingleChange>> single_changes(std::string_view sql, const routing::LexerMode& mode) {
  const DdlText text(sql, mode);
  const DdlHead head = read_head(text);
  if (text.broken()) return std::nullopt;
  if (head.object == "INDEX" && (head.verb == "CREATE" || head.verb == "DROP")) {
    const std::string made = head.verb == "CREATE" ? "key " + text.name(head.at) : "";
    return std::vector<SingleChange>{{.sql = std::string(sql), .object = made}};
  }
  const std::vector<AlterClause> clauses = alter_clauses(text);
  if (clauses.empty()) return std::nullopt;
  std::vector<SingleChange> out;
  if (clauses.size() == 1 && !clauses.front().in_list) {
    const ClauseKind kind = clauses.front().kind;
    if (kind == ClauseKind::other || kind == ClauseKind::rename_column) return std::nullopt;
    out.push_back({.sql = std::string(sql), .object = object_of(text, clauses.front())});
    return out;
  }
  for (const AlterClause& clause : clauses) {
    if (!stands_alone(text, clause)) return std::nullopt;
    if (clause.kind == ClauseKind::hint) continue;
    DdlText one(sql, mode);
    const std::size_t begin = clauses_begin(one, head);
    one.erase(begin, clause.from);
    one.erase(clause.to, one.size());
    out.push_back({.sql = one.render(), .object = object_of(text, clause)});
  }
  return out;
}

}  // namespace crossfade::dualwrite
