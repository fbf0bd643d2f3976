// Whether the tables that a transaction of the follower has written are as they are known: rows events write by the
// places of columns, and where one was moved, dropped or changed by somebody the follower takes them without a word.
#pragma once

#include <set>
#include <vector>

#include "proxy/feed/follower_writer.h"
#include "proxy/feed/table_catalog.h"

namespace crossfade::proxy {

// Each transaction ends with a look at what it has written, which nobody can change before its COMMIT. What the look
// has to see is asked once a definition. The catalog outlives it.
class WrittenTables {
 public:
  explicit WrittenTables(TableCatalog& catalog) : catalog_(catalog) {}
  void note(const dualwrite::TableRef& table) { tables_.insert(table); }
  // Asks what looks have to see, where it is not known yet. Aborted: a table is not as it is known; definitions are
  // to be read again before anything else.
  Task<absl::Status> know(FollowerWriter& follower);
  // In front of COMMIT, after know().
  std::vector<WriterStep> take_looks();
  // A look has seen something else.
  absl::Status are_others(const std::string& which);

 private:
  Task<absl::Status> know(FollowerWriter& follower, dualwrite::TableRef table);

  TableCatalog& catalog_;
  std::set<dualwrite::TableRef> tables_;
};

}  // namespace crossfade::proxy
