// A leader session's variables as text for a follower session that may be of the other make.
#pragma once

#include <string>
#include <string_view>

#include "dualwrite/apply_batch.h"

namespace crossfade::dualwrite {

// One SET of everything but the schema. Plain quoted texts: they mean the same under every sql_mode,
// and so the session's previous context does not matter. `context` must not be broken.
std::string set_context(const StatementContext& context, const FollowerTraits& traits);

// The same character set under the name that the follower knows in all its versions.
std::string translate_charset(const std::string& charset, const FollowerTraits& traits);
// Does the follower's make have this character set at all?
bool has_charset(const std::string& charset, const FollowerTraits& traits);

// Why the context cannot be put into a SET: a value that no server variable has. Empty: it can.
std::string broken_context(const StatementContext& context);

// Digits, with at most one point between them.
bool is_number_text(std::string_view text);

}  // namespace crossfade::dualwrite
