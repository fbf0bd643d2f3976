// Keys, foreign keys and checks.
#include <algorithm>

#include "dualwrite/ascii_case.h"
#include "dualwrite/ddl_translation.h"

namespace crossfade::dualwrite {
namespace {

// What is erased, such as an IF NOT EXISTS that was settled, is not there.
std::size_t skip_erased(const DdlText& text, std::size_t at) {
  while (text.erased(at)) ++at;
  return at;
}

// Where the name behind CONSTRAINT is; 0: there is none.
std::size_t symbol(const DdlText& text, std::size_t at) {
  if (!text.is(at, "CONSTRAINT")) return 0;
  const std::size_t name = skip_erased(text, at + 1);
  const bool named = text.is_name(name) && !text.is(name, "PRIMARY") && !text.is(name, "UNIQUE") &&
                     !text.is(name, "FOREIGN") && !text.is(name, "CHECK");
  return named ? name : 0;
}

// Past the words before the name: CONSTRAINT [name] PRIMARY KEY, UNIQUE INDEX, ...; IF NOT EXISTS is the caller's.
std::size_t behind_kind(const DdlText& text, std::size_t at) {
  if (text.is(at, "CONSTRAINT")) at = skip_erased(text, symbol(text, at) != 0 ? symbol(text, at) + 1 : at + 1);
  while (text.is(at, "PRIMARY") || text.is(at, "UNIQUE") || text.is(at, "FULLTEXT") || text.is(at, "SPATIAL") ||
         text.is(at, "VECTOR") || text.is(at, "FOREIGN") || text.is(at, "KEY") || text.is(at, "INDEX"))
    ++at;
  at = skip_erased(text, at);
  if (text.is(at, "IF")) at += 3;
  return at;
}

std::size_t opens(const DdlText& text, std::size_t at, std::size_t to) {
  while (at < to && !text.is_op(at, "(")) ++at;
  return at;
}

std::size_t value_end(const DdlText& text, std::size_t at) { return at + (text.is_op(at + 1, "=") ? 3 : 2); }

void translate_key_option(Translation& on, std::size_t& at) {
  DdlText& text = on.text;
  const std::size_t from = at;
  ++at;
  if (text.is(from, "COMMENT")) {
    at = from + 2;
  } else if (text.is(from, "KEY_BLOCK_SIZE")) {
    text.erase(from, at = value_end(text, from));
  } else if (on.to_mysql()) {
    if (text.is(from, "NOT") && text.is(from + 1, "IGNORED")) {
      text.erase(from, at = from + 2);
      text.replace(from, "VISIBLE");
    } else if (text.is(from, "IGNORED")) {
      text.replace(from, "INVISIBLE");
    } else if (text.is(from, "CLUSTERING")) {
      text.erase(from, at = value_end(text, from));
    }
  } else if (text.is(from, "INVISIBLE")) {
    text.replace(from, "IGNORED");
  } else if (text.is(from, "VISIBLE")) {
    text.erase(from, at);
  } else if (text.is(from, "WITH") && text.is(from + 1, "PARSER")) {
    text.erase(from, at = from + 3);
  } else if (text.is(from, "ENGINE_ATTRIBUTE") || text.is(from, "SECONDARY_ENGINE_ATTRIBUTE")) {
    text.erase(from, at = value_end(text, from));
  }
}

void translate_foreign_key(Translation& on, std::size_t from, std::size_t to) {
  DdlText& text = on.text;
  const std::size_t open = opens(text, from, to);
  if (text.is_name(open - 1) && open - 1 > from) on.quote(open - 1);
  for (const auto& [item, end] : text.items(open + 1, text.after(open) - 1)) on.quote(item);
  const std::size_t references = text.after(open);
  if (!text.is(references, "REFERENCES")) return;
  on.quote_table(references + 1);
  const std::size_t parents = opens(text, references, to);
  for (const auto& [item, end] : text.items(parents + 1, text.after(parents) - 1)) on.quote(item);
}

// MySQL's names of checks are the schema's, MariaDB's the table's.
bool is_taken(const Translation& on, const std::string& name) {
  if (on.context.follower == nullptr) return false;
  return std::any_of(on.context.follower->begin(), on.context.follower->end(), [&](const auto& each) {
    const TableDefinition& table = each.second;
    return same_ignoring_case(table.name.schema, on.in_hand.schema) && table.name.table != on.in_hand.table &&
           std::any_of(table.checks.begin(), table.checks.end(),
                       [&](const DefinedCheck& check) { return same_ignoring_case(check.name, name); });
  });
}

void translate_check(Translation& on, std::size_t from, std::size_t at) {
  DdlText& text = on.text;
  const std::size_t end = text.after(at + 1);
  const std::size_t named = symbol(text, from);
  if (on.to_mysql()) {
    if (named != 0 && is_taken(on, text.name(named))) text.erase(from, named + 1);
    return;
  }
  if (named == 0) {
    const std::string name = on.next_given_name();
    const bool stays = !text.is(end, "NOT");
    text.erase(from, at);
    if (stays && !name.empty()) text.add_before(at, "CONSTRAINT " + name + " ");
  }
  if (text.is(end, "NOT") && text.is(end + 1, "ENFORCED")) text.erase(from, end + 2);
  if (text.is(end, "ENFORCED")) text.erase(end, end + 1);
}

}  // namespace

bool is_key(const DdlText& text, std::size_t from) {
  for (const std::string_view word :
       {"CONSTRAINT", "PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "VECTOR", "FOREIGN", "CHECK"}) {
    if (!text.is(from, word)) continue;
    // A column may have the name of what is no reserved word.
    return word != "VECTOR" || text.is(from + 1, "KEY") || text.is(from + 1, "INDEX");
  }
  return false;
}

void translate_key(Translation& on, std::size_t from, std::size_t to) {
  DdlText& text = on.text;
  const std::size_t at = behind_kind(text, from);
  if (symbol(text, from) != 0) on.quote(symbol(text, from));
  if (text.is(at, "CHECK")) return translate_check(on, from, at);
  for (std::size_t word = from; word < at; ++word) {
    if (text.is(word, "FOREIGN")) return translate_foreign_key(on, at - 1, to);
  }
  const std::size_t open = opens(text, at, to);
  if (at < open && !text.is(at, "USING")) on.quote(at);
  translate_key_parts(on, open, to);
}

bool is_left_out(const Translation& on, std::size_t from, std::size_t to) {
  const DdlText& text = on.text;
  const std::size_t at = behind_kind(text, from);
  if (on.to_mysql() || text.is(at, "CHECK")) return false;
  const std::size_t open = opens(text, at, to);
  if (open >= to) return false;
  const auto items = text.items(open + 1, text.after(open) - 1);
  return std::any_of(items.begin(), items.end(),
                     [&text](const TokenRange& item) { return text.is_op(item.first, "("); });
}

void translate_key_parts(Translation& on, std::size_t open, std::size_t to) {
  DdlText& text = on.text;
  for (const auto& [from, end] : text.items(open + 1, text.after(open) - 1)) {
    if (text.is_op(from, "(")) continue;
    on.quote(from);
    if (end > from + 2 && text.is(end - 2, "WITHOUT")) on.refuse("WITHOUT OVERLAPS");
  }
  for (std::size_t at = text.after(open); at < to;) translate_key_option(on, at);
}

void collect_unique(const DdlText& text, std::size_t from, std::size_t to, std::set<std::string>& into) {
  if (!is_key(text, from)) {
    for (std::size_t at = from + 1; at < to; at = text.after(at)) {
      if (text.is(at, "UNIQUE") || text.is(at, "PRIMARY")) into.insert(ascii_lower(text.name(from)));
    }
    return;
  }
  const std::size_t at = behind_kind(text, from);
  bool unique = false;
  for (std::size_t word = from; word < at; ++word)
    unique = unique || text.is(word, "UNIQUE") || text.is(word, "PRIMARY");
  const std::size_t open = opens(text, at, to);
  if (!unique || open >= to) return;
  for (const auto& [item, end] : text.items(open + 1, text.after(open) - 1)) into.insert(ascii_lower(text.name(item)));
}

}  // namespace crossfade::dualwrite
