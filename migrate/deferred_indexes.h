// Indexes that a table does without while rows are copied into it, and gets when they are there.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_definition.h"

namespace crossfade::migrate {

struct DeferredIndex {
  std::string name;
  std::string clause;  // of ALTER TABLE .. ADD: "KEY `k` (`a`,`b`)", as the server itself says it
  friend bool operator==(const DeferredIndex&, const DeferredIndex&) = default;
};

// Of an empty table. Not: unique ones, by which rows are known that are there already; FULLTEXT and SPATIAL ones, of
// which servers build one at a time; one that a foreign key of this or another table or AUTO_INCREMENT may need.
// `shown`: the server's SHOW CREATE TABLE; `tables`: all of its definitions.
std::vector<DeferredIndex> deferrable_indexes(std::string_view shown, const dualwrite::TableDefinition& table,
                                              const std::map<dualwrite::TableRef, dualwrite::TableDefinition>& tables);

// One ALTER TABLE for those that `now` still has, or does not have yet; empty: nothing is to be done.
std::string drop_indexes(const std::vector<DeferredIndex>& indexes, const dualwrite::TableDefinition& now);
std::string add_indexes(const std::vector<DeferredIndex>& indexes, const dualwrite::TableDefinition& now);

std::string pack_indexes(const std::vector<DeferredIndex>& indexes);  // no indexes: empty
absl::StatusOr<std::vector<DeferredIndex>> parse_indexes(const std::string& packed);

}  // namespace crossfade::migrate
