// What preflight knows of one server: one model for both makes. Read by proxy/migrate/, which sends `facts_queries`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/backend.h"
#include "dualwrite/leader_settings.h"
#include "dualwrite/log_retention.h"
#include "dualwrite/table_definition.h"
#include "migrate/grants.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

using Definitions = std::map<dualwrite::TableRef, dualwrite::TableDefinition>;

struct SchemaFacts {
  std::string name;
  std::string collation;  // the default of its tables
  friend bool operator==(const SchemaFacts&, const SchemaFacts&) = default;
};

struct TableSize {
  std::uint64_t data_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::optional<std::uint64_t> auto_increment{};  // the next value; nullopt: has none, or is not known
  std::uint64_t age_seconds = 0;                  // since the table was made or last rebuilt; 0: not known
};

// What is stored and runs by itself or when called.
struct StoredObject {
  enum class Kind : std::uint8_t { procedure, function, trigger, event } kind = Kind::procedure;
  std::string schema;
  std::string name;
  std::string table{};   // of triggers
  std::string detail{};  // of triggers "AFTER INSERT", of events "ENABLED" or not
  friend auto operator<=>(const StoredObject&, const StoredObject&) = default;
};
std::string_view name(StoredObject::Kind kind);  // "procedure"

// An account that has logged in, or has not.
struct AccountFacts {
  std::string login{};    // as the configuration says
  std::string refused{};  // why it could not log in; empty: it could
  std::string account{};  // `app`@`10.%`, as a GRANT takes it
  Grants grants{};
};

struct ServerFacts {
  config::Backend which = config::Backend::old_db;
  bool mariadb = true;
  std::string version{};                           // "10.11.6-MariaDB-log"
  std::uint32_t version_number = 0;                // 101106
  std::map<std::string, std::string> variables{};  // global ones, by lower-case name
  std::map<std::string, std::uint64_t> status{};   // counters, by lower-case name
  std::vector<SchemaFacts> schemas{};              // without the server's own and the control schema
  Definitions tables{};
  std::map<dualwrite::TableRef, TableSize> sizes{};
  std::vector<StoredObject> objects{};
  AccountFacts control{};
  dualwrite::LeaderVerdict log{};                        // as a leader that is followed by its log
  std::vector<dualwrite::SettingProblem> by_triggers{};  // as one that is followed by triggers
  dualwrite::LogRetention retention{};
  bool has_named_zones = false;
  std::optional<bool> is_replica{};  // it replicates from another server; nullopt: the account may not ask
  // Empty where there is none.
  std::string variable(std::string_view name) const;
  std::uint64_t number(std::string_view name) const;
};

// A server's variables are few enough to be read at once. In the order of `read_facts`.
std::vector<std::string> facts_queries(const std::string& control_schema);
// Fills variables, status, schemas, sizes, objects, zones. Internal: an answer of another shape.
absl::Status read_facts(const std::vector<protocol::ResultSet>& results, ServerFacts& out);
// How this make tells whether it replicates: rows, if it does. May need a privilege.
std::string replica_query(bool mariadb);

}  // namespace crossfade::migrate
