// When which table was last changed on the leader, as far as this process has applied it.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "dualwrite/table_ref.h"
#include "proxy/net/reactor.h"

namespace crossfade::proxy {

// Noted by the feed's thread, asked from any. Kept in memory alone: what another process has applied, or this one
// before it last became the one that applies, is not known, and then every table may have changed.
class ChangedTables {
 public:
  // Nothing that is applied is missed from here on; if it was so already, nothing changes.
  void begin(TimePoint now);
  // Others may apply from here on.
  void forget();
  void note(const dualwrite::TableRef& table, TimePoint now);
  // Has it been changed since then, or may it have been? Changes that are not applied yet are not known.
  bool may_have_changed(const dualwrite::TableRef& table, TimePoint since) const;

 private:
  mutable std::mutex mutex_;
  std::optional<TimePoint> complete_since_;
  std::map<dualwrite::TableRef, TimePoint> last_;
};

}  // namespace crossfade::proxy
