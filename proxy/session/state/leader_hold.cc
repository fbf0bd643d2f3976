#include "proxy/session/state/leader_hold.h"

#include <algorithm>

#include "routing/classify.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

constexpr std::string_view kUserVariables = "user variables";
constexpr std::string_view kUserLock = "a user lock (GET_LOCK)";
constexpr std::string_view kTemporaryTables = "temporary tables";
constexpr std::string_view kLockedTables = "locked tables";
constexpr std::string_view kHandlers = "HANDLERs";
constexpr std::string_view kPrepared = "statements prepared by SQL";
constexpr std::string_view kLastInsertId = "a LAST_INSERT_ID() of its own";
constexpr std::string_view kTransaction = "an XA transaction";
constexpr std::string_view kUnknown = "what statements that are not followed here have left";
constexpr std::string_view kSets = "more SETs than are remembered";

bool contains_folded(std::string_view text, std::string_view upper) {
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b; };
  return std::search(text.begin(), text.end(), upper.begin(), upper.end(), same) != text.end();
}

// Within another text the call may not happen, or the statement may fail.
bool releases_for_sure(const StatementFacts& facts) {
  static const std::uint64_t by_select = routing::classify("SELECT RELEASE_ALL_LOCKS()", {}).digest;
  static const std::uint64_t by_do = routing::classify("DO RELEASE_ALL_LOCKS()", {}).digest;
  return facts.digest == by_select || facts.digest == by_do;
}

// SET [SESSION] TRANSACTION sets two things, each on its own.
std::set<std::string> characteristics(std::string_view sql) {
  std::set<std::string> names;
  if (contains_folded(sql, "ISOLATION")) names.insert("isolation");
  if (contains_folded(sql, "ONLY") || contains_folded(sql, "WRITE")) names.insert("access");
  return names;
}

bool is_characteristic(const std::string& name) {
  return name == "tx_isolation" || name == "transaction_isolation" || name == "tx_read_only" ||
         name == "transaction_read_only";
}

}  // namespace

void LeaderHold::note(const StatementFacts& facts) {
  const auto has = [&facts](Fact fact) { return facts.facts.has(fact); };
  if (has(Fact::reads_only)) return;
  if (facts.user_locks == routing::UserLocks::takes) held_.insert(kUserLock);
  if (facts.user_locks == routing::UserLocks::releases_all && releases_for_sure(facts)) held_.erase(kUserLock);
  if (has(Fact::assigns_user_variable)) held_.insert(kUserVariables);
  if (has(Fact::multi_statement) || has(Fact::unknown_function)) held_.insert(kUnknown);
  switch (facts.kind) {
    case StatementKind::ddl:
      if (has(Fact::temporary_table)) held_.insert(kTemporaryTables);
      return;
    case StatementKind::diagnostics:
      if (has(Fact::user_variable)) held_.insert(kUserVariables);
      return;
    case StatementKind::lock_tables:
    case StatementKind::admin:  // FLUSH TABLES .. WITH READ LOCK
      held_.insert(kLockedTables);
      return;
    case StatementKind::unlock_tables:
      held_.erase(kLockedTables);
      return;
    case StatementKind::handler:
      held_.insert(kHandlers);
      return;
    case StatementKind::prepare:
      held_.insert(kPrepared);
      return;
    case StatementKind::xa:
      held_.insert(kTransaction);
      return;
    case StatementKind::load_data:  // may fill variables
    case StatementKind::account:    // SET ROLE
    case StatementKind::call:
    case StatementKind::execute:
    case StatementKind::unknown:
      held_.insert(kUnknown);
      return;
    default:
      return;
  }
}

void LeaderHold::note_set(const StatementFacts& facts, std::string_view sql) {
  if (facts.sets_global) {  // never to be said again to a whole server
    held_.insert(kUnknown);
    return;
  }
  // Said again, it would set another value.
  const auto has = [&facts](Fact fact) { return facts.facts.has(fact); };
  const bool moves = has(Fact::time_dependent) || has(Fact::random) || has(Fact::unrepeatable) || !facts.tables.empty();
  const bool is_used_up = std::any_of(facts.variables.begin(), facts.variables.end(), [](const std::string& name) {
    return name == "insert_id" || name == "rand_seed1" || name == "rand_seed2";
  });
  if (moves || is_used_up) {
    held_.insert(kUnknown);
    return;
  }
  Set now{std::string(sql), {}};
  if (facts.kind == StatementKind::set_transaction) {
    now.names = characteristics(sql);
    if (facts.name.empty()) {
      next_transaction_set_ = true;
      return;
    }
  } else {
    const bool names_session = contains_folded(sql, "SESSION") || contains_folded(sql, "LOCAL");
    for (const std::string& name : facts.variables) {
      if (name.starts_with('@')) continue;
      if (is_characteristic(name) && !names_session) {
        next_transaction_set_ = true;  // @@transaction_isolation is for the next one alone
        held_.insert(kUnknown);
      }
      now.names.insert(name);
    }
    // Known by value: the status flags, and the id that is asked for before it is lost.
    for (const char* known : {"autocommit", "last_insert_id", "identity"}) {
      if (now.names.size() == 1) now.names.erase(known);
    }
  }
  if (now.names.empty()) return;
  // An earlier one is overridden when nothing that stays was computed from what it set.
  std::vector<Set> kept;
  bool computed = now.sql.find('@') != std::string::npos;
  for (auto earlier = sets_.rbegin(); earlier != sets_.rend(); ++earlier) {
    // By the names of what is kept, which is small: the new one may be as long as a text can be.
    const bool covered = std::all_of(earlier->names.begin(), earlier->names.end(),
                                     [&now](const std::string& name) { return now.names.contains(name); });
    if (covered && !computed) continue;
    computed = computed || earlier->sql.find('@') != std::string::npos;
    kept.push_back(std::move(*earlier));
  }
  std::reverse(kept.begin(), kept.end());
  sets_ = std::move(kept);
  if (sets_.size() >= kSetsMax || now.sql.size() > kSetBytesMax) {
    held_.insert(kSets);
    return;
  }
  sets_.push_back(std::move(now));
}

void LeaderHold::note_last_insert_id() { held_.insert(kLastInsertId); }

void LeaderHold::note_unfollowed() { held_.insert(kUnknown); }

std::string LeaderHold::irreplaceable() const {
  std::string out;
  for (const std::string_view what : held_) out += (out.empty() ? "" : ", ") + std::string(what);
  if (next_transaction_set_) out += (out.empty() ? "" : ", ") + std::string("SET TRANSACTION for the next one");
  return out;
}

std::vector<std::string> LeaderHold::sets() const {
  std::vector<std::string> out;
  for (const Set& set : sets_) out.push_back(set.sql);
  return out;
}

}  // namespace crossfade::proxy
