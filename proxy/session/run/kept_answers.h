// SHOW WARNINGS, ROW_COUNT() and the like after what the leader has not seen.
#pragma once

#include <optional>
#include <string>

#include "proxy/session/conversation/conversation.h"
#include "proxy/session/state/kept_question.h"
#include "proxy/session/state/shown_diagnostics.h"
#include "routing/facts.h"

namespace crossfade::proxy {

// While diagnostics are kept. nullopt: nothing of them bears on it; ask the server.
Task<std::optional<Answer>> answer_from_kept(Conversation& s, const routing::StatementFacts& facts, std::string sql);

// The answer to an executed SHOW WARNINGS or SHOW ERRORS; nullopt: `sql` is another, or no condition was kept.
std::optional<protocol::Buffer> executed_show_warnings(const Conversation& s, const std::string& sql);

// What the last statement, a read that the follower answered, left there: for questions that cannot be asked there.
// MySQL prepares no SHOW WARNINGS, and user variables are the leader's. Without the follower nothing is kept.
Task<void> keep_followers_conditions(Conversation& s);

}  // namespace crossfade::proxy
