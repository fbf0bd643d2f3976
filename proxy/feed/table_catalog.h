// The definitions of both sides' tables, and the mapping of rows that follows from them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/ddl.h"
#include "dualwrite/log_position.h"
#include "dualwrite/schema_compare.h"
#include "dualwrite/table_mapping.h"
#include "proxy/backend/backend_link.h"
#include "proxy/backend/definitions.h"
#include "proxy/feed/change_source.h"

namespace crossfade::proxy {

// The feed's thread only. Read at start, after DDL and every so often; in between it may be behind by what somebody
// did past the log, which the next reading finds.
//
// The leader's server tells its definitions as they are now; what is being applied may be older. So a reading counts
// from the place where the leader's changes ended after it: only when the applier has come there without another DDL
// are both sides' definitions of one moment. Until then keys and foreign keys of the leader are not judged.
class TableCatalog {
 public:
  using Definitions = proxy::Definitions;

  explicit TableCatalog(std::string control_schema) : control_schema_(std::move(control_schema)) {}
  // Whose places count; outlives this.
  void follow(ChangeSource& source) { source_ = &source; }

  // Another proxy applies, and changes definitions.
  void begin_anew();
  // Who has changed the follower's definitions since they were last read.
  enum class ChangedBy : std::uint8_t { feed, others };
  // All tables of both sides; counts from leads_at() on.
  Task<absl::Status> load(BackendLink& leader, BackendLink& follower, ChangedBy by = ChangedBy::others);
  // Some tables only: what is gone there is forgotten.
  Task<absl::Status> reload(BackendLink& leader, BackendLink& follower, std::vector<dualwrite::TableRef> tables,
                            ChangedBy by = ChangedBy::others);
  // The feed is about to change them; until it has, and they are read, nobody else is blamed.
  void expect_change(const dualwrite::DdlAnalysis& analysis);
  // Tables of the follower that others have changed so that rows may have lost values, and what; until it is settled.
  const std::map<dualwrite::TableRef, std::string>& suspects() const { return suspects_; }
  void settle_suspect(const dualwrite::TableRef& table) { suspects_.erase(table); }
  // Asks the follower alone, past what is kept.
  Task<absl::StatusOr<Definitions>> ask_follower(BackendLink& follower, std::vector<dualwrite::TableRef> tables) const;

  // Never nullptr; `nothing` with the reason where the follower has no such table. Kept until a definition changes.
  // `at`: where the log is.
  std::shared_ptr<const dualwrite::TableMapping> mapping(const std::shared_ptr<const dualwrite::LogTable>& source,
                                                         const dualwrite::LogPosition& at, dualwrite::ServerMakes makes,
                                                         bool may_run_events);

  // The same by what both servers say now: before a table stops for what was read earlier.
  Task<absl::StatusOr<std::shared_ptr<const dualwrite::TableMapping>>> map_again(
      BackendLink& leader, BackendLink& follower, std::shared_ptr<const dualwrite::LogTable> source,
      dualwrite::LogPosition at, dualwrite::ServerMakes makes, bool may_run_events);

  // What SHOW CREATE TABLE comes to on the follower (definition_state()) as long as the definition is the one that is
  // known here; empty: not asked yet.
  std::string known_state(const dualwrite::TableRef& table) const;
  void know_state(const dualwrite::TableRef& table, std::string state) { states_[table] = std::move(state); }
  void forget_states() { states_.clear(); }

  const dualwrite::LogPosition& leads_at() const { return leads_at_; }

  const Definitions& leader() const { return leader_; }
  const Definitions& follower() const { return follower_; }
  std::vector<dualwrite::SchemaFinding> compare(dualwrite::ServerMakes makes) const {
    return dualwrite::compare_schemas(leader_, follower_, makes);
  }
  // Of these tables alone; one that is on one side only is told of as missing, or as one that only the follower has.
  std::vector<dualwrite::SchemaFinding> compare(const std::vector<dualwrite::TableRef>& tables,
                                                dualwrite::ServerMakes makes) const;
  // Both sides have equal definitions of these tables as far as rows go: no blocker among the findings.
  bool carries(const std::vector<dualwrite::TableRef>& tables, dualwrite::ServerMakes makes) const;
  // Another one whenever definitions were read.
  std::uint64_t version() const { return version_; }
  // Has foreign keys, on either side, as far as is known.
  bool refers_to_others(const dualwrite::TableRef& table) const;

 private:
  void suspect(const dualwrite::TableDefinition& before, const dualwrite::TableDefinition* now, bool mariadb);
  void judge_change(const Definitions& now, bool mariadb);
  bool is_expected(const dualwrite::TableRef& table) const;

  std::string control_schema_;
  ChangeSource* source_ = nullptr;
  Definitions leader_;
  Definitions follower_;
  dualwrite::LogPosition leads_at_;
  std::uint64_t version_ = 0;
  std::vector<dualwrite::TableRef> expected_;  // without a table: all of the schema
  std::map<dualwrite::TableRef, std::string> suspects_;
  std::map<dualwrite::TableRef, std::string> states_;
  bool judged_ = false;  // the kept mappings are of a moment at or behind leads_at_
  std::map<dualwrite::TableRef, std::shared_ptr<const dualwrite::TableMapping>> mappings_;
};

}  // namespace crossfade::proxy
