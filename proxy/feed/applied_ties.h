// Foreign keys between a table whose change is to be applied and others that are not as far as it is.
#pragma once

#include <map>
#include <optional>

#include "dualwrite/table_ties.h"
#include "proxy/feed/stopped_tables.h"
#include "proxy/feed/table_catalog.h"

namespace crossfade::proxy {

// What is known of them is kept as long as no table stops or goes on, and no definition is read. Both outlive it.
class AppliedTies {
 public:
  AppliedTies(const TableCatalog& catalog, const StoppedTables& stopped, dualwrite::ServerMakes makes)
      : catalog_(catalog), stopped_(stopped), makes_(makes) {}
  // The table that the change's table has to stop with, if it has to; otherwise a check that cannot hold is left out
  // of the change. `catching_up`: the change is old to all tables but those that are caught up.
  std::optional<dualwrite::TableRef> tie(dualwrite::RowsChange& change, bool catching_up);
  // That follow and have to stand still as long as this one does.
  std::vector<dualwrite::TableRef> stopped_with(const dualwrite::TableRef& other) const;

 private:
  dualwrite::Standing standing_of(const dualwrite::TableRef& other) const;
  const dualwrite::TableTies& ties(const dualwrite::TableRef& table, bool catching_up);

  const TableCatalog& catalog_;
  const StoppedTables& stopped_;
  dualwrite::ServerMakes makes_;
  struct Key {
    std::uint64_t stopped = 0;
    std::uint64_t definitions = 0;
    bool catching_up = false;
    friend bool operator==(const Key&, const Key&) = default;
  };
  Key known_of_;
  TableCatalog::Definitions keys_;  // foreign keys alone, of both sides
  std::map<dualwrite::TableRef, dualwrite::TableTies> ties_;
};

}  // namespace crossfade::proxy
