// What a client is refused in the proxy's own words: one list, from which its error is made, and from which the first
// part of docs/limitations.md is (tests/tidy/check_refusals.py). What a server would refuse as well, such as one
// connection too many, is said where it is found, in the server's words.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/response.h"
#include "routing/plan.h"

namespace crossfade::routing {

// The words for people are Markdown, in one line each.
struct Refusal {
  Reason reason;
  std::uint16_t code;  // the number that a server has for the nearest matter
  std::string_view sqlstate;
  std::string_view message;  // what is said behind "crossfade: "; {}: what only the moment knows
  std::string_view what;     // is refused
  std::string_view why;
  std::string_view remedy;  // what to do
};

// In the order of their reasons, one for each from Reason::freeze on.
std::span<const Refusal> refusals();

// The error a refused statement gets. `detail` never has a word of the statement: messages end up in logs.
protocol::Err refusal(Reason reason, std::string_view detail = {});

}  // namespace crossfade::routing
