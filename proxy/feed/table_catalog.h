// The definitions of both sides' tables, and the mapping of rows that follows from them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/schema_compare.h"
#include "dualwrite/table_definition.h"
#include "dualwrite/table_mapping.h"
#include "proxy/backend_link.h"

namespace crossfade::proxy {

// The feed's thread only. Read at start, after DDL and every so often; in between it may be behind by what somebody
// did past the log, which the next reading finds.
class TableCatalog {
 public:
  using Definitions = std::map<dualwrite::TableRef, dualwrite::TableDefinition>;

  explicit TableCatalog(std::string control_schema) : control_schema_(std::move(control_schema)) {}

  // All tables of both sides. The leader's definitions may be ahead of the rows that come, until trust_leader() says
  // that nothing was in the log between the two; until then, and for what reload() reads, rows are judged as if both
  // sides had the follower's foreign keys, which followed the leader's.
  Task<absl::Status> load(BackendLink& leader, BackendLink& follower);
  // Some tables only: what is gone there is forgotten.
  Task<absl::Status> reload(BackendLink& leader, BackendLink& follower, std::vector<dualwrite::TableRef> tables);
  void trust_leader();
  // Asks the follower alone, past what is kept.
  Task<absl::StatusOr<Definitions>> ask_follower(BackendLink& follower, std::vector<dualwrite::TableRef> tables) const;

  // Never nullptr; `nothing` with the reason where the follower has no such table. Kept until a definition changes.
  std::shared_ptr<const dualwrite::TableMapping> mapping(const std::shared_ptr<const dualwrite::LogTable>& source,
                                                         dualwrite::ServerMakes makes, bool may_run_events);
  // Forgets the mappings of a table, or of all.
  void forget_mappings() { mappings_.clear(); }

  const Definitions& leader() const { return leader_; }
  const Definitions& follower() const { return follower_; }
  std::vector<dualwrite::SchemaFinding> compare(dualwrite::ServerMakes makes) const {
    return dualwrite::compare_schemas(leader_, follower_, makes);
  }
  // Both sides have equal definitions of these tables as far as rows go: no blocker among the findings.
  bool carries(const std::vector<dualwrite::TableRef>& tables, dualwrite::ServerMakes makes) const;

 private:
  Task<absl::StatusOr<Definitions>> ask(BackendLink& link, dualwrite::DefinitionScope scope) const;

  std::string control_schema_;
  Definitions leader_;
  Definitions follower_;
  bool trusted_ = false;
  std::set<dualwrite::TableRef> ahead_;  // read since
  std::map<dualwrite::TableRef, std::shared_ptr<const dualwrite::TableMapping>> mappings_;
};

}  // namespace crossfade::proxy
