// The temporary tables of one session on the leader, under the names that they were made by. Each hides a base table.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "routing/facts.h"

namespace crossfade::routing {

class TemporaryTables {
 public:
  // Past it no more are followed. The servers have no limit of their own but memory.
  static constexpr std::size_t kMax = 4096;
  bool empty() const { return tables_.empty(); }
  bool full() const { return tables_.size() >= kMax; }
  std::size_t size() const { return tables_.size(); }
  // `schema` is the session's, for names that have none of their own.
  void add(const TableName& name, std::string_view schema) { tables_.insert(key(name, schema)); }
  void remove(const TableName& name, std::string_view schema) { tables_.erase(key(name, schema)); }
  bool contains(const TableName& name, std::string_view schema) const {
    return !tables_.empty() && tables_.contains(key(name, schema));
  }
  void clear() { tables_.clear(); }

 private:
  using Key = std::pair<std::string, std::string>;
  static Key key(const TableName& name, std::string_view schema) {
    return {name.schema.empty() ? std::string(schema) : name.schema, name.table};
  }

  std::set<Key> tables_;
};

}  // namespace crossfade::routing
