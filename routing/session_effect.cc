#include "routing/session_effect.h"

#include <algorithm>

namespace crossfade::routing {
namespace {

bool contains_folded(std::string_view text, std::string_view upper) {
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b; };
  return std::search(text.begin(), text.end(), upper.begin(), upper.end(), same) != text.end();
}

SessionEffect effect_of_definition(const StatementFacts& statement) {
  // Of what is not understood to its last name, only that it is temporary is known.
  if (statement.verb == TableVerb::none && statement.facts.has(Fact::temporary_table)) {
    return SessionEffect::not_followed;
  }
  return SessionEffect::objects;
}

}  // namespace

SessionEffect session_effect(const StatementFacts& statement, std::string_view sql) {
  const auto has = [&statement](Fact fact) { return statement.facts.has(fact); };
  if (has(Fact::reads_only)) return SessionEffect::nothing;
  // LOCK TABLES, FLUSH TABLES .. WITH READ LOCK, said in a text of several or to EXECUTE.
  const auto within = [sql] {
    const bool locks = contains_folded(sql, "LOCK") && contains_folded(sql, "TABLE");
    return locks ? SessionEffect::untold : SessionEffect::not_followed;
  };
  if (has(Fact::multi_statement) || has(Fact::unparseable)) return within();
  switch (statement.kind) {
    case StatementKind::ddl:
      return effect_of_definition(statement);
    case StatementKind::handler:
    case StatementKind::unlock_tables:
      return SessionEffect::objects;
    case StatementKind::lock_tables:
      return SessionEffect::locks;
    case StatementKind::admin:  // FLUSH TABLES .. WITH READ LOCK, FOR EXPORT
      return contains_folded(sql, "LOCK") || contains_folded(sql, "EXPORT") ? SessionEffect::locks
                                                                            : SessionEffect::nothing;
    case StatementKind::account:  // SET ROLE
      return contains_folded(sql, "ROLE") ? SessionEffect::untold : SessionEffect::nothing;
    case StatementKind::execute:
      return within();
    case StatementKind::prepare:
      return within() == SessionEffect::untold ? SessionEffect::untold : SessionEffect::nothing;
    case StatementKind::call:
    case StatementKind::unknown:
      return SessionEffect::not_followed;
    default:
      // A stored function may do what a procedure may.
      return has(Fact::unknown_function) ? SessionEffect::not_followed : SessionEffect::nothing;
  }
}

}  // namespace crossfade::routing
