// What of a session's state on the leader bears on where its reads may go, and on what they mean there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/statement_context.h"
#include "protocol/handshake.h"
#include "protocol/rows.h"
#include "proxy/context/set_variables.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

// One reading of the session's variables, exact because the leader itself was asked.
struct SessionContext {
  dualwrite::StatementContext statement;
  std::string zone;  // @@time_zone as it is; statement.time_zone may say its offset
  std::string character_set_results;
  std::uint64_t packet_bytes_max = 0;  // the server's max_allowed_packet, which a session keeps
  // Of routing::VariableEffect::carried_to_reads, by the leader's names.
  std::vector<std::pair<std::string, std::string>> read_variables;
  // Why reads must stay with the leader: "has set `old` to 1". Empty: they need not.
  std::string reads_pinned;
  friend bool operator==(const SessionContext&, const SessionContext&) = default;
};
// The query whose single row context_from() understands, for the same arguments. Besides what every session has it asks
// for `deciding`: what this one has set of the variables that pin reads.
std::string context_query(protocol::Make make, const std::vector<const routing::SessionVariable*>& deciding);
absl::StatusOr<SessionContext> context_from(const protocol::ResultSet& result, protocol::Make make,
                                            const std::vector<const routing::SessionVariable*>& deciding);
// Statements, one a packet, that bring another backend's session to the same state, and make it read-only.
std::vector<std::string> context_statements(const SessionContext& context, protocol::Make target,
                                            protocol::Make source);
// What of the context the other side has no name for: "character_set_client gb18030". Empty: nothing.
std::string unknown_to_other_side(const SessionContext& context, protocol::Make target, protocol::Make source);
routing::LexerMode lexer_mode(const std::string& sql_mode, const std::string& character_set_client, protocol::Make make,
                              std::uint32_t server_version);
// "+05:30": means the same on every host.
bool is_fixed_offset(const std::string& time_zone);
// "5.5.5-10.11.19-MariaDB" -> 101119, "9.7.4" -> 90704.
std::uint32_t version_number(const std::string& version);

}  // namespace crossfade::proxy
