// Which tables are stopped, from where on, and why; for the applier, and as a snapshot for everybody else.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "dualwrite/log_control.h"
#include "proxy/net/clock.h"

namespace crossfade::proxy {

// Now, as StoppedTable::stopped_at counts it.
std::int64_t unix_seconds();

// Why tables are stopped with one that foreign keys tie them to.
std::string reason_of_ties(const dualwrite::TableRef& other);

// When to look again whether a table can go on, and what came of it when it last did. Where it stops again in the same
// place, by the same definitions, whatever is refused there is refused by something else: each time it is let go the
// feed goes back to that place, so it waits longer and longer.
struct StoppedRetry {
  TimePoint at;
  TimePoint not_before{};
  std::chrono::seconds pause{1};
  dualwrite::LogPosition since{};
  std::optional<dualwrite::TableDefinition> leader{}, follower{};

  // The same table would be tried in the same place, by the same definitions.
  bool is_of_the_same(const StoppedRetry& other) const;
};

// Feed `trigger` passes its changes by. What is waiting to be copied is copied with what has changed until then.
inline bool stays_in_changes(const dualwrite::StoppedTable& table) { return !table.released() && !table.is_copy(); }

// Written by the feed's thread alone; asked from any.
class StoppedTables {
 public:
  // The feed's thread.
  void assign(std::vector<dualwrite::StoppedTable> tables);
  void stop(dualwrite::StoppedTable table);
  void resume(const dualwrite::TableRef& table);
  void move(const dualwrite::TableRef& table, const dualwrite::LogPosition& since);
  const std::map<dualwrite::TableRef, dualwrite::StoppedTable>& all() const { return tables_; }
  std::vector<dualwrite::TableRef> names() const;
  // Another one whenever a table stops, goes on, or does it in another way.
  std::uint64_t version() const { return version_; }
  // Is a change of this table applied, made in a transaction that begins at `begin`, while everything before `applied`
  // is on the follower for tables that are not stopped?
  bool takes(const dualwrite::TableRef& table, const dualwrite::LogPosition& begin,
             const dualwrite::LogPosition& applied) const;
  // The same for a change of its definition, which a table has that waits to be copied.
  bool takes_definition(const dualwrite::TableRef& table, const dualwrite::LogPosition& begin,
                        const dualwrite::LogPosition& applied) const;
  // The follower may lack rows that are changed.
  bool is_copying(const dualwrite::TableRef& table) const;
  bool is_awaited(const dualwrite::TableRef& table) const;  // nothing of its rows is wanted yet
  bool is_copied(const dualwrite::TableRef& table) const;   // or waits for it, or it failed
  // Those that are being caught up, and the earliest place that one of them needs.
  std::vector<dualwrite::TableRef> released() const;
  // A row of it that does not fit is taken from the leader.
  bool overwrites(const dualwrite::TableRef& table) const;
  // By this name, or by it without case; nullptr: it is not stopped.
  const dualwrite::StoppedTable* find(const dualwrite::TableRef& table) const;

  // Any thread. Names compare without case: a server that tells them apart has two tables stopped at worst.
  bool any() const { return count_.load(std::memory_order_acquire) != 0; }
  bool contains(std::string_view schema, std::string_view table) const;
  std::vector<dualwrite::StoppedTable> list() const;

 private:
  void publish();

  std::map<dualwrite::TableRef, dualwrite::StoppedTable> tables_;
  std::uint64_t version_ = 0;
  std::atomic<std::size_t> count_{0};
  mutable std::mutex mutex_;  // guards published_
  std::vector<dualwrite::StoppedTable> published_;
};

}  // namespace crossfade::proxy
