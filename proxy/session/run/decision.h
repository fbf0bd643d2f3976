// Where a statement goes: everything that bears on it is found out, and routing::make_plan decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/session/conversation/conversation.h"
#include "routing/plan.h"

namespace crossfade::proxy {

// About one statement. Its random number is drawn once, so that a decision does not change with what is asked for it.
struct Question {
  const routing::StatementFacts& facts;
  const std::string& schema;  // in which its names are resolved
  // The client may send several statements in this text.
  enum class Several : std::uint8_t { not_negotiated, allowed } several = Several::allowed;
  routing::Execution execution = routing::Execution::none;
  std::uint32_t draw = 0;
  routing::Known repeatable = routing::Known::unknown;
  routing::Known reads_stopped_tables = routing::Known::unknown;
};
// With a fresh draw, and what is known already.
Question ask_about(Conversation& s, const routing::StatementFacts& facts, const std::string& schema);
// By what is known. Action::ask: it hangs on what find_out() has to ask.
routing::Plan decide(Conversation& s, const Question& question);
Task<void> find_out(Conversation& s, Question& question);

// What stands still at some point of the leader's changes, or may.
Task<routing::Known> reads_stopped_tables(Conversation& s, const routing::StatementFacts& facts,
                                          const std::string& schema);

// Refused because writes are frozen, while the worker has them wait: until they are not, or for as long as that says,
// and then decided again. What it hangs on must outlast the wait (ClientChannel::own).
bool is_held(const Conversation& s, const routing::Plan& plan);
Task<routing::Plan> hold(Conversation& s, Question& question, routing::Plan plan);

// The text means one thing or another, and it bears on where it goes: the leader is to be asked how it reads.
bool must_ask_how_to_read(const Conversation& s, const routing::StatementFacts& facts, std::string_view sql);

}  // namespace crossfade::proxy
