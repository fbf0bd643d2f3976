// What a session has on the leader that the other side cannot be given: temporary tables, table locks.
#pragma once

#include <string_view>

#include "routing/facts.h"
#include "routing/temporary_tables.h"

namespace crossfade::proxy {

class SessionObjects {
 public:
  const routing::TemporaryTables& temporary_tables() const { return temporary_tables_; }
  bool has_table_locks() const { return tables_locked_; }

  // `statement` went well on the leader, where names without a schema meant `schema`.
  void note(const routing::StatementFacts& statement, std::string_view schema);
  // The server gives locks up when a transaction begins, and before it looks for the tables to lock.
  void locked() { tables_locked_ = true; }
  void unlocked() { tables_locked_ = false; }
  void clear();

 private:
  routing::TemporaryTables temporary_tables_;
  bool tables_locked_ = false;
};

}  // namespace crossfade::proxy
