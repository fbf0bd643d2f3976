// What the leader's names mean, read from its catalogue when first needed.
#pragma once

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "proxy/backend/control_links.h"
#include "proxy/backend/definitions.h"
#include "proxy/net/reactor.h"
#include "proxy/net/single_flight_cache.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// One for all workers. An answer is at most ten seconds old; one that is in use is read again before that, while it
// is being served. The questions go through ControlLinks.
class SchemaCache {
 public:
  explicit SchemaCache(ControlLinks& links);

  // none: the backend knows no such table; since it may be made at any moment, that is two seconds old at most: reads
  // of what is not there do not ask each time. A Status: it could not be asked. On the thread of `reactor`.
  Task<absl::StatusOr<TableKind>> get(Reactor& reactor, config::Backend which, std::string schema, std::string table);

 private:
  struct Key {
    config::Backend which = config::Backend::old_db;
    std::string schema;
    std::string table;
    auto operator<=>(const Key&) const = default;
  };
  using Cache = SingleFlightCache<Key, TableKind>;
  // On the thread of the links.
  Task<void> fly(Key key, Cache::Land land);
  Task<absl::StatusOr<TableKind>> read(Key key, TimePoint deadline);

  ControlLinks& links_;
  Cache cache_;
};

}  // namespace crossfade::proxy
