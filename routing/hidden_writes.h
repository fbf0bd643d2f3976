// What would keep writes of a session out of the row log, or parts of them.
#pragma once

#include <string_view>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

// May a session that has set this variable write what the log does not tell, or not whole? Lower case.
bool hides_writes(std::string_view variable);

// Does PREPARE or EXECUTE IMMEDIATE of a text that stands in it set such a variable? `facts` are the statement's.
bool hides_writes_in_literal(std::string_view sql, const StatementFacts& facts, const LexerMode& mode);

}  // namespace crossfade::routing
