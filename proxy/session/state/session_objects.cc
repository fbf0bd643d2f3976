#include "proxy/session/state/session_objects.h"

namespace crossfade::proxy {

using routing::TableVerb;

void SessionObjects::note(const routing::StatementFacts& statement, std::string_view schema) {
  switch (statement.verb) {
    case TableVerb::create_temporary:
      temporary_tables_.add(statement.targets.front(), schema);
      break;
    case TableVerb::drop:
    case TableVerb::drop_temporary:
      for (const routing::TableName& table : statement.targets) temporary_tables_.remove(table, schema);
      break;
    case TableVerb::alter:
      if (statement.renamed.empty()) break;
      temporary_tables_.remove(statement.targets.front(), schema);
      temporary_tables_.add(statement.renamed.front(), schema);
      break;
    case TableVerb::lock_read:
      tables_locked_ = true;
      break;
    case TableVerb::handler_open:
    case TableVerb::handler_close:
    case TableVerb::none:
    case TableVerb::truncate:
    case TableVerb::index:
    case TableVerb::rename:
    case TableVerb::lock_write:
    case TableVerb::handler_read:
      break;
  }
  if (statement.kind == routing::StatementKind::unlock_tables) tables_locked_ = false;
}

void SessionObjects::clear() { *this = SessionObjects(); }

}  // namespace crossfade::proxy
