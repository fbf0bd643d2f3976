// Facts + session + flags -> what will happen to one statement. The only place that decides.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/backend.h"
#include "config/flags.h"
#include "routing/facts.h"
#include "routing/temporary_tables.h"

namespace crossfade::routing {

// How what a client writes gets to the other side while the flags say that writes are duplicated.
enum class Duplication : std::uint8_t {
  off,
  rows  // what the leader's row log, or its triggers, tell of it: the session relays
};

// What is to be found out before it can bear on a decision.
enum class Known : std::uint8_t { unknown, no, yes };

// A statement that was prepared before, and is executed now.
enum class Execution : std::uint8_t {
  none,        // a text
  anywhere,    // the other side can prepare it, and would prepare the same
  leader_only  // its rows are fetched later, it was prepared in another state of the session, or it is a bulk
};

// What of a session bears on where its statements go. Kept by the session, given by value.
struct SessionFacts {
  std::string_view user;
  std::string_view schema;
  std::string_view client_host;
  std::uint64_t session_key = 0;  // stable for the life of the session: the bucket key of `by: session`
  bool in_transaction = false;    // explicit, or autocommit=0 with something done
  bool pinned_to_leader = false;  // session state that cannot be replayed elsewhere
  // The other side would read the same in the same session. Asked for only where a read would go there.
  Known repeatable = Known::yes;
  bool follower_usable = true;  // reachable, and lag within max_lag
  bool client_multi_statements = false;
  bool announces_schema_changes = false;  // each is said before it runs: it has to come alone
  bool diagnostics_kept = false;          // what the last statement left is known here, not to the leader
  // In force while dual_write.enabled.
  Duplication duplication = Duplication::rows;
  // One of the statement's tables is behind on the follower, or may be. Asked for only where a read would go there.
  Known reads_stopped_tables = Known::no;
  config::Backend last_answered = config::Backend::old_db;  // the statement before
  Execution execution = Execution::none;
  // What exists in the session on the leader alone. nullptr: no temporary tables.
  const TemporaryTables* temporary_tables = nullptr;
  bool tables_locked = false;  // LOCK TABLES
  // The decision drawn at the start of the running transaction, if one was.
  bool transaction_drawn = false;
  config::Backend transaction_reads = config::Backend::old_db;
};

enum class Action : std::uint8_t {
  relay,  // to `answer_from`, as it is
  begin,
  commit,
  rollback,
  set,  // session state: to the leader, remembered
  use,
  kill,
  split,     // several statements in one text: each is planned by itself
  warnings,  // may be answered from what was kept of the last answer
  refuse,
  ask,  // whether a read may go to the other side: what is `unknown` of it is to be found out, then this is asked again
};

enum class Reason : std::uint8_t {
  leader_leads,
  read_percent,
  kill_switch,
  in_transaction,
  locks_rows,
  not_a_known_read,
  session_state,
  pinned,
  follower_unusable,
  user_variable,
  dual_write_off,
  dual_write,
  temporary_table,
  tables_locked,
  table_stopped,
  several_statements,
  // Refusals (refusal.h). From executed_warnings on no plan has them: they are met elsewhere.
  freeze,
  multi_statement_not_negotiated,
  unparseable,
  hides_writes,
  nested_statements,
  semicolon_in_comment,
  executed_warnings,
  executed_get_diagnostics,
  long_data_too_large,
  replica_command,
  schema_change_waits,
  schema_change_refused,
  schema_change_unsaid,
  session_unread,
  feed_undecided,
  leader_unreachable,
  leader_changes,
};

struct Plan {
  Action action = Action::relay;
  config::Backend answer_from = config::Backend::old_db;
  bool shadow = false;  // send it to the other side too, and compare
  Reason reason = Reason::leader_leads;
  friend bool operator==(const Plan&, const Plan&) = default;
};

// `draw` is a fresh random number in [0, 1,000,000) for sampling the shadow share: the caller's, so
// that this stays pure.
Plan make_plan(const StatementFacts& statement, const SessionFacts& session, const config::Flags& flags,
               config::Backend leader, std::uint32_t draw);

// Whether any read may be answered by `new`; may be compared.
bool moves_reads(const config::Flags& flags);
bool shadows_reads(const config::Flags& flags);

}  // namespace crossfade::routing
