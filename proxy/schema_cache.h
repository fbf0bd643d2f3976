// Table definitions, read from a backend's catalogue when first needed.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_schema.h"
#include "protocol/response.h"
#include "proxy/control_links.h"
#include "proxy/reactor.h"
#include "proxy/single_flight_cache.h"
#include "proxy/task.h"

namespace crossfade::proxy {

// One for all workers. A definition is at most ten seconds old; one that is in use is read again before that, while it
// is being served. The questions go through ControlLinks.
class SchemaCache {
 public:
  using Definition = std::shared_ptr<const dualwrite::TableSchema>;
  explicit SchemaCache(ControlLinks& links);

  // nullptr: the backend knows no such table; since it may be made at any moment, that is never kept. A Status: it
  // could not be asked. On the thread of `reactor`.
  Task<absl::StatusOr<Definition>> get(Reactor& reactor, config::Backend which, std::string schema, std::string table);
  // Other questions to the catalogue. An ERR ends the results.
  struct Answer {
    std::vector<protocol::ResultSet> results;
    bool mariadb = false;
    std::uint32_t server_version = 0;
  };
  Task<absl::StatusOr<Answer>> ask(Reactor& reactor, config::Backend which, std::string sql);
  // "column=...": names compare as the catalogue's own columns do.
  static std::string name_is(const char* column, const std::string& name);

 private:
  struct Key {
    config::Backend which = config::Backend::old_db;
    std::string schema;
    std::string table;
    auto operator<=>(const Key&) const = default;
  };
  using Cache = SingleFlightCache<Key, Definition>;
  // On the thread of the links.
  Task<void> fly(Key key, Cache::Land land);
  Task<absl::StatusOr<Definition>> read(Key key, TimePoint deadline);
  Task<void> fly_question(config::Backend which, std::string sql, std::shared_ptr<Reply<absl::StatusOr<Answer>>> reply);
  Task<absl::StatusOr<Answer>> question(config::Backend which, std::string sql, TimePoint deadline);

  ControlLinks& links_;
  Cache cache_;
};

}  // namespace crossfade::proxy
