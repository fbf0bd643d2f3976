// Which tables a verb is about: --tables and --exclude.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "migrate/server_facts.h"

namespace crossfade::migrate {

// "shop", "shop.*" (all of a schema) or "shop.orders". Without case: a server that tells names apart by it rarely has
// two that differ in nothing else.
bool names_table(const std::string& word, const dualwrite::TableRef& table);

// Words as names_table() takes them.
class TableSelection {
 public:
  // InvalidArgument: a word is no name, and which.
  static absl::StatusOr<TableSelection> parse(const std::vector<std::string>& tables,
                                              const std::vector<std::string>& excluded);
  bool has(const dualwrite::TableRef& table) const;
  // Any table of the schema could be in it.
  bool has_schema(const std::string& schema) const;
  bool is_all() const { return tables_.empty() && excluded_.empty(); }
  // NotFound: a schema or table that the leader does not have.
  absl::Status check(const ServerFacts& leader) const;
  // Leaves out what is not in it, and what belongs to that.
  void apply(ServerFacts& facts) const;

 private:
  std::vector<std::string> tables_;
  std::vector<std::string> excluded_;
};

}  // namespace crossfade::migrate
