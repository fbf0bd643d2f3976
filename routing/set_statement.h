// SET in all its forms: which variables it names, and what of that bears on routing.
#pragma once

#include "routing/fact_scanner.h"
#include "routing/facts.h"

namespace crossfade::routing {

// At the word SET. A SET that is not understood is `unknown`: it could set anything.
StatementKind read_set(FactScanner& scan, StatementFacts& out);

}  // namespace crossfade::routing
