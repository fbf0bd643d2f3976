#include "proxy/session/state/known_state.h"

#include <algorithm>
#include <utility>

namespace crossfade::proxy {

using routing::SessionEffect;

namespace {

bool has_high_bytes(std::string_view sql) {
  unsigned char all = 0;
  for (const char c : sql) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return (all & 0x80) != 0;
}

}  // namespace

routing::Known KnownState::repeatable() const {
  if (pin_.active()) return routing::Known::no;
  if (!context_ || !is_fixed_offset(context_->statement.time_zone)) return routing::Known::unknown;
  return routing::Known::yes;
}

bool KnownState::is_unclear(std::string_view sql) const {
  // Two searches: find_first_of() would make one for each byte.
  const auto has = [sql](char c) { return sql.find(c) != std::string_view::npos; };
  if (lexer_stale_ && (has('"') || has('\\'))) return true;
  return !context_ && has_high_bytes(sql);
}

void KnownState::begin(routing::LexerMode lexer) {
  lexer_ = std::move(lexer);
  lexer_stale_ = true;
}

void KnownState::reset() {
  objects_.clear();
  set_variables_.clear();
  forget();
}

void KnownState::take(SessionContext context, routing::LexerMode lexer) {
  context_ = std::move(context);
  schema_ = context_->statement.schema;
  lexer_ = std::move(lexer);
  lexer_stale_ = false;
  update_pin();
}

void KnownState::take_zone(const ZoneVerdict& verdict) {
  if (verdict.offset) context_->statement.time_zone = *verdict.offset;
  if (!verdict.refusal.empty()) pin(verdict.refusal);
}

void KnownState::pin(std::string why) {
  context_->reads_pinned = std::move(why);
  update_pin();
}

void KnownState::forget() {
  context_.reset();
  ++version_;
  lexer_stale_ = true;
  update_pin();
}

// Only the schema has changed: how texts are read has not, nor why reads are pinned.
void KnownState::use_schema(std::string schema) {
  schema_ = std::move(schema);
  context_.reset();
  ++version_;
}

void KnownState::note_set(const std::vector<std::string>& names) {
  set_variables_.note(names);
  forget();
}

void KnownState::note_unobserved() {
  set_variables_.note_unobserved("has run a statement whose effect on the session cannot be followed");
  forget();
}

bool KnownState::note_relayed(SessionEffect effect, const routing::StatementFacts& facts, std::string_view schema,
                              Outcome outcome) {
  if (outcome == Outcome::failed) return true;
  const routing::TemporaryTables& temporary = objects_.temporary_tables();
  const auto is_temporary = [&](const routing::TableName& name) { return temporary.contains(name, schema); };
  switch (effect) {
    case SessionEffect::nothing:
    case SessionEffect::not_followed:
      return true;
    case SessionEffect::untold:
      return false;
    case SessionEffect::locks:
      objects_.locked();
      return true;
    case SessionEffect::objects:
      break;
  }
  if (!facts.renamed.empty() || facts.verb == routing::TableVerb::rename) {
    // Which of them it was, and what it is called now, the server alone knows.
    return std::none_of(facts.targets.begin(), facts.targets.end(), is_temporary);
  }
  if (facts.verb == routing::TableVerb::create_temporary && temporary.full()) return false;
  objects_.note(facts, schema);
  return true;
}

void KnownState::update_pin() {
  if (!set_variables_.unfollowed().empty()) {
    pin_.set(set_variables_.unfollowed());
  } else if (context_) {
    pin_.set(context_->reads_pinned);
  } else {
    pin_.set("");  // a read that would go elsewhere has the values read before it does
  }
}

}  // namespace crossfade::proxy
