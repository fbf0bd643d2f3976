// One statement carried out as its plan says: a text as it came, or an execution of what was prepared.
#pragma once

#include <string>
#include <string_view>

#include "protocol/prepared.h"
#include "proxy/session/conversation/conversation.h"
#include "routing/plan.h"

namespace crossfade::proxy {

// What is run. The references are its caller's, who waits for it.
struct Statement {
  const routing::StatementFacts& facts;
  const std::string& schema;  // in which names without one are resolved
  Command text{};             // unless it is an execution:
  PreparedStatement* prepared = nullptr;
  const protocol::Execute* execution = nullptr;

  std::string_view sql() const { return prepared != nullptr ? std::string_view(prepared->sql) : text.text(); }
};

// Sent to the side that answers, relayed, followed, counted, and given to the comparison where the plan says so. A read
// that the other side cannot answer, or answers with an error before its client has seen a byte, is the leader's: the
// only step from what was planned, and never the other way.
Task<Answer> run_statement(Conversation& s, routing::Plan plan, Statement statement);
// A statement that began then has ended on the leader; if it writes rows, and the flags say that they are duplicated.
void count_write(Conversation& s, const routing::StatementFacts& facts, TimePoint begun);

}  // namespace crossfade::proxy
