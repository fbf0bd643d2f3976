// A question about the last statement, with what was kept of it in place of what the server would say by now.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/session/state/kept_diagnostics.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

// To be run instead. Its columns have the types, flags, lengths and names of the original's on both makes: each value
// is the first of an IF whose second, never evaluated, is what it stands for. nullopt: nothing in it bears on what was
// kept.
std::optional<std::string> kept_question(std::string_view sql, const routing::LexerMode& mode,
                                         const KeptDiagnostics& kept);

}  // namespace crossfade::proxy
