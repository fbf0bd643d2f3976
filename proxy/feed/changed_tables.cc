#include "proxy/feed/changed_tables.h"

#include <algorithm>

#include "dualwrite/ascii_case.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

void ChangedTables::begin(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!complete_since_) complete_since_ = now;
}

void ChangedTables::forget() {
  const std::lock_guard lock(mutex_);
  complete_since_.reset();
  last_.clear();
}

void ChangedTables::note(const TableRef& table, TimePoint now) {
  const std::lock_guard lock(mutex_);
  last_[table] = now;
}

// A name in another case may be the same table.
bool ChangedTables::may_have_changed(const TableRef& table, TimePoint since) const {
  const std::lock_guard lock(mutex_);
  if (!complete_since_ || since < *complete_since_) return true;
  return std::any_of(last_.begin(), last_.end(), [&](const auto& each) {
    return each.second >= since && dualwrite::same_ignoring_case(each.first.schema, table.schema) &&
           dualwrite::same_ignoring_case(each.first.table, table.table);
  });
}

}  // namespace crossfade::proxy
