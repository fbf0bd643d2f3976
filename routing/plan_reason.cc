#include "routing/plan.h"

namespace crossfade::routing {

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::leader_leads:
      return "leader_leads";
    case Reason::read_percent:
      return "read_percent";
    case Reason::kill_switch:
      return "kill_switch";
    case Reason::in_transaction:
      return "in_transaction";
    case Reason::locks_rows:
      return "locks_rows";
    case Reason::not_a_known_read:
      return "not_a_known_read";
    case Reason::session_state:
      return "session_state";
    case Reason::pinned:
      return "pinned";
    case Reason::follower_unusable:
      return "follower_unusable";
    case Reason::user_variable:
      return "user_variable";
    case Reason::dual_write_off:
      return "dual_write_off";
    case Reason::dual_write:
      return "dual_write";
    case Reason::table_stopped:
      return "table_stopped";
    case Reason::freeze:
      return "freeze";
    case Reason::hides_writes:
      return "hides_writes";
    case Reason::several_statements:
      return "several_statements";
    case Reason::multi_statement_not_negotiated:
      return "multi_statement_not_negotiated";
    case Reason::unparseable:
      return "unparseable";
    case Reason::temporary_table:
      return "temporary_table";
    case Reason::tables_locked:
      return "tables_locked";
  }
  return "unknown";
}

}  // namespace crossfade::routing
