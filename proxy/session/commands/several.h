// Several statements in one text: carried out one after the other, answered as one response.
#pragma once

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

// Each statement goes the way of a statement that came alone, and its answer, from wherever it comes, through the
// joiner. The first error ends it, as on the servers; what ran before has run.
Task<Answer> on_several(Conversation& s, Command command);

}  // namespace crossfade::proxy
