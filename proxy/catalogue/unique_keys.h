// Which columns tell the rows of a table apart.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/backend/backend_link.h"
#include "routing/facts.h"

namespace crossfade::proxy {

// Unique keys whose columns are all NOT NULL, by table, as a server's catalogue has them; kept for kFresh. One
// thread's.
class UniqueKeys {
 public:
  static constexpr auto kFresh = std::chrono::seconds(10);
  static constexpr std::size_t kTablesMax = 1000;
  using Key = std::vector<std::string>;  // column names, lower case

  // What was read of late; nullptr: nothing.
  const std::vector<Key>* known(const routing::TableName& table, TimePoint now) const;
  // Asked on `link`, in whatever state its session is. Empty: none, or no table that the user sees.
  Task<absl::StatusOr<std::vector<Key>>> read(BackendLink& link, routing::TableName table, TimePoint deadline);

 private:
  struct Slot {
    std::vector<Key> keys;
    TimePoint read_at;
  };
  std::unordered_map<std::string, Slot> cache_;
};

}  // namespace crossfade::proxy
