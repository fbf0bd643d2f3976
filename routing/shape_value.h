// The tokens of one expression of a write as a Value, a column name or conditions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/tokenizer.h"
#include "routing/write_shape.h"

namespace crossfade::routing {

struct ExpressionToken {
  Token token;
  std::uint16_t placeholder = 0;  // of a `?`: its index in the statement
};
using Expression = std::vector<ExpressionToken>;

bool is_op(const Token& token, std::string_view text);
// A name as the servers compare column names, for ASCII.
std::string lower_case(std::string_view text);

// The tokens with all that stands between them.
std::string as_written(std::span<const ExpressionToken> tokens);
Value make_value(const Expression& tokens, const LexerMode& mode);

// Adds the conjuncts of the form column = value and column IN (values) to `out`. False: there is
// something else too (which only narrows when it is true, unless nothing was added).
bool add_conditions(const Expression& where, const LexerMode& mode, std::vector<Condition>& out);

}  // namespace crossfade::routing
