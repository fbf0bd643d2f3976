// Which tables a statement creates, drops, changes, locks, opens or writes: its targets, by its first
// words. What is read besides is in StatementFacts::tables.
#pragma once

#include <string_view>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

// Fills verb, targets and renamed of `out`, whose kind is known. A form that is not understood to its
// last name leaves them empty: whoever decides then knows nothing of the targets.
void read_targets(std::string_view sql, const LexerMode& mode, StatementFacts& out);

}  // namespace crossfade::routing
