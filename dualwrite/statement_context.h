// What of a session on one backend bears on what its statements mean on another.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace crossfade::dualwrite {

// The session variables that bear on a statement's effect; set alike where it is applied.
struct StatementContext {
  std::string schema;  // current database; empty: none
  std::string sql_mode;
  std::string time_zone;
  std::string character_set_client;
  std::string collation_connection;
  bool foreign_key_checks = true;
  bool unique_checks = true;
  std::uint32_t auto_increment_increment = 1;
  std::uint32_t auto_increment_offset = 1;
  // Of routing::VariableEffect::carried, by the leader's names, in the table's order: only those that are not neutral.
  std::vector<std::pair<std::string, std::string>> variables;
  friend bool operator==(const StatementContext&, const StatementContext&) = default;
};

}  // namespace crossfade::dualwrite
