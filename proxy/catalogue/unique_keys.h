// Which columns tell the rows of a table apart.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/backend/backend_link.h"
#include "proxy/net/single_flight_cache.h"
#include "routing/facts.h"

namespace crossfade::proxy {

// Unique keys whose columns are all NOT NULL, by table, as a server's catalogue shows them to a user. However many ask
// at once, one question is under way; an answer is kept for kFresh, also that there are none, or no such table.
class UniqueKeys {
 public:
  static constexpr auto kFresh = std::chrono::seconds(10);
  static constexpr std::size_t kTablesMax = 1000;
  using Key = std::vector<std::string>;  // column names, lower case
  using Keys = std::vector<Key>;
  // Of whom what is asked.
  struct Question {
    config::Backend which = config::Backend::old_db;
    std::string user;
    std::string schema;
    std::string table;
    auto operator<=>(const Question&) const = default;
  };
  // On a connection of the caller's; see read(). On the thread of `reactor`, which everybody asks from, too.
  using Ask = std::function<Task<absl::StatusOr<Keys>>(Question)>;
  UniqueKeys(Reactor& reactor, Ask ask);

  Task<absl::StatusOr<Keys>> get(Question question, TimePoint deadline);
  // Asked on `link`, in whatever state its session is. Empty: none, or no table that the user sees.
  static Task<absl::StatusOr<Keys>> read(BackendLink& link, Question question, TimePoint deadline);

 private:
  using Cache = SingleFlightCache<Question, Keys>;
  Task<void> fly(Question question, Cache::Land land);

  Reactor& reactor_;
  Ask ask_;
  Cache cache_;
};

}  // namespace crossfade::proxy
