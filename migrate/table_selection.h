// Which tables a verb is about: --tables and --exclude.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "migrate/server_facts.h"

namespace crossfade::migrate {

// "shop", "shop.*" (all of a schema), "shop.orders". Names as the server spells them.
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
  struct Word {
    std::string schema;
    std::string table;  // empty: all of the schema
  };
  static absl::StatusOr<std::vector<Word>> words(const std::vector<std::string>& texts, const std::string& option);
  static bool any_matches(const std::vector<Word>& words, const dualwrite::TableRef& table);
  std::vector<Word> tables_;
  std::vector<Word> excluded_;
};

}  // namespace crossfade::migrate
