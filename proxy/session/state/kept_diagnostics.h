// What the last statement would have left in the session, had the leader seen it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/handshake.h"
#include "protocol/response.h"
#include "protocol/wire.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

struct KeptDiagnostics {
  std::int64_t row_count = 0;
  std::uint64_t warnings = 0;        // conditions of every level
  std::uint64_t errors = 0;          // those of level Error
  protocol::Buffer show_warnings{};  // the server's answer, framed from sequence 1; empty: no condition
  std::string error_sqlstate{};      // of the error, if there was one
};

struct Condition {
  std::string level{};  // Error, Warning, Note
  std::uint16_t code = 0;
  std::string message{};
};
// How the leader would put an answer.
struct AnswerForm {
  using Make = protocol::Make;
  Make make = Make::mariadb;
  protocol::Capabilities capabilities = 0;  // agreed with the client
  std::uint16_t status = 0;                 // the session's
};
// SHOW WARNINGS of these, to the byte.
protocol::Buffer show_warnings_of(const std::vector<Condition>& conditions, const AnswerForm& form);
// Of a statement that the proxy refused in its own words.
KeptDiagnostics kept_of(const protocol::Err& err, const AnswerForm& form);

// GET DIAGNOSTICS as a SET of the same variables. nullopt: nothing kept bears on it, the server may answer.
// InvalidArgument, with words for the client: what it asks for is not known.
absl::StatusOr<std::optional<std::string>> set_for_get_diagnostics(std::string_view sql, const routing::LexerMode& mode,
                                                                   const KeptDiagnostics& kept,
                                                                   protocol::Capabilities capabilities);

}  // namespace crossfade::proxy
