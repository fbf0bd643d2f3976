// Text to facts.
#pragma once

#include <string_view>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

// One pass over the text. A read is a read only if it is known to be one: what is not understood is
// `unknown` and never reads_only. With several statements the kind is that of the first, and
// Fact::multi_statement is set (reads_only only if all of them are).
StatementFacts classify(std::string_view sql, const LexerMode& mode);

}  // namespace crossfade::routing
