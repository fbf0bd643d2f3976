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
    case Reason::transaction_wrote:
      return "transaction_wrote";
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
    case Reason::ddl:
      return "ddl";
    case Reason::unsupported_statement:
      return "unsupported_statement";
    case Reason::several_statements:
      return "several_statements";
    case Reason::multi_statement_not_negotiated:
      return "multi_statement_not_negotiated";
    case Reason::read_committed:
      return "read_committed";
    case Reason::unparseable:
      return "unparseable";
    case Reason::temporary_table:
      return "temporary_table";
    case Reason::tables_locked:
      return "tables_locked";
    case Reason::handler:
      return "handler";
    case Reason::mixed_tables:
      return "mixed_tables";
    case Reason::rename_temporary:
      return "rename_temporary";
    case Reason::temporary_table_limit:
      return "temporary_table_limit";
    case Reason::temporary_table_name:
      return "temporary_table_name";
    case Reason::write_lock:
      return "write_lock";
    case Reason::xa:
      return "xa";
    case Reason::statement_variables:
      return "statement_variables";
  }
  return "unknown";
}

}  // namespace crossfade::routing
