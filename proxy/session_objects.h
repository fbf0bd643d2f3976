// What a session has on the leader that no other connection can be given: temporary tables, table
// locks, handlers. While there is any, the leader's connection cannot be replaced by another.
#pragma once

#include <set>
#include <string>

#include "routing/facts.h"
#include "routing/temporary_tables.h"

namespace crossfade::proxy {

class SessionObjects {
 public:
  // The servers allow as many handlers as memory holds.
  static constexpr std::size_t kHandlersMax = 1024;

  const routing::TemporaryTables& temporary_tables() const { return temporary_tables_; }
  bool has_temporary_tables() const { return !temporary_tables_.empty(); }
  bool has_table_locks() const { return tables_locked_; }
  bool has_open_handlers() const { return handlers_overflowed_ || !handlers_.empty(); }

  // `statement` went well on the leader, where names without a schema meant `schema`.
  void note(const routing::StatementFacts& statement, std::string_view schema);
  // The server gives locks up when a transaction begins, and before it looks for the tables to lock.
  void locked() { tables_locked_ = true; }
  void unlocked() { tables_locked_ = false; }
  void clear();

 private:
  routing::TemporaryTables temporary_tables_;
  bool tables_locked_ = false;
  std::set<std::string> handlers_;
  bool handlers_overflowed_ = false;  // more than are remembered: open until the session's end
};

}  // namespace crossfade::proxy
