// PREPARE, EXECUTE, EXECUTE IMMEDIATE and DEALLOCATE PREPARE taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/tokenizer.h"

namespace crossfade::routing {

struct PrepareStatement {
  enum class Verb : std::uint8_t { prepare, execute, execute_immediate, deallocate } verb = Verb::prepare;
  std::string name;                 // as written, without quotes
  std::string text;                 // PREPARE and EXECUTE IMMEDIATE of a literal: the statement
  std::string expression;           // of anything else that gives the text: as written, `@q`
  std::vector<std::string> values;  // USING: as written, `@a`
};

// More values than a prepared statement can have parameters are not understood.
inline constexpr std::size_t kPrepareValuesMax = 65535;

// nullopt: not understood.
std::optional<PrepareStatement> parse_prepare(std::string_view sql, const LexerMode& mode);

}  // namespace crossfade::routing
