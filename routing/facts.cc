#include "routing/facts.h"

namespace crossfade::routing {

std::string_view name(StatementKind kind) {
  switch (kind) {
    case StatementKind::empty:
      return "empty";
    case StatementKind::select:
      return "select";
    case StatementKind::insert:
      return "insert";
    case StatementKind::replace:
      return "replace";
    case StatementKind::update:
      return "update";
    case StatementKind::delete_:
      return "delete";
    case StatementKind::show:
      return "show";
    case StatementKind::describe:
      return "describe";
    case StatementKind::explain:
      return "explain";
    case StatementKind::set:
      return "set";
    case StatementKind::set_transaction:
      return "set_transaction";
    case StatementKind::use:
      return "use";
    case StatementKind::begin:
      return "begin";
    case StatementKind::commit:
      return "commit";
    case StatementKind::rollback:
      return "rollback";
    case StatementKind::savepoint:
      return "savepoint";
    case StatementKind::release_savepoint:
      return "release_savepoint";
    case StatementKind::rollback_to_savepoint:
      return "rollback_to_savepoint";
    case StatementKind::do_:
      return "do";
    case StatementKind::ddl:
      return "ddl";
    case StatementKind::account:
      return "account";
    case StatementKind::call:
      return "call";
    case StatementKind::load_data:
      return "load_data";
    case StatementKind::lock_tables:
      return "lock_tables";
    case StatementKind::unlock_tables:
      return "unlock_tables";
    case StatementKind::prepare:
      return "prepare";
    case StatementKind::execute:
      return "execute";
    case StatementKind::deallocate:
      return "deallocate";
    case StatementKind::xa:
      return "xa";
    case StatementKind::handler:
      return "handler";
    case StatementKind::kill:
      return "kill";
    case StatementKind::diagnostics:
      return "diagnostics";
    case StatementKind::admin:
      return "admin";
    case StatementKind::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace crossfade::routing
