// What of a session's state on the leader bears on its writes and on where its reads may go.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/entry.h"
#include "protocol/rows.h"
#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

// One reading of the session's variables, exact because the leader itself was asked.
struct SessionContext {
  dualwrite::StatementContext statement;
  std::string character_set_results;
  bool read_committed = false;  // READ COMMITTED or READ UNCOMMITTED
  bool no_auto_value_on_zero = false;
};
// The query whose single row context_from() understands.
std::string context_query(bool mariadb);
absl::StatusOr<SessionContext> context_from(const protocol::ResultSet& result);
// Statements, one a packet, that bring another backend's session to the same state, and make it read-only.
std::vector<std::string> context_statements(const SessionContext& context, bool target_is_mariadb,
                                            bool source_is_mariadb);
routing::LexerMode lexer_mode(const std::string& sql_mode, bool mariadb, std::uint32_t server_version);
// "+05:30": means the same on every host.
bool is_fixed_offset(const std::string& time_zone);
// "5.5.5-10.11.19-MariaDB" -> 101119, "9.7.4" -> 90704.
std::uint32_t version_number(const std::string& version);

// What a SET of this variable (lower case, without scope) means for us.
enum class VariableEffect : std::uint8_t {
  replayed,  // part of SessionContext
  harmless,  // changes neither rows read nor rows written (timeouts, notes)
  reads,     // may change what a read returns: reads stay with the leader
  writes,    // may change what a write does in a way that is not recorded: writes are refused
};
VariableEffect effect_of(std::string_view variable);

}  // namespace crossfade::proxy
