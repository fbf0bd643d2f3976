// What a handler wants its client to hear.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "config/backend.h"
#include "protocol/response.h"
#include "protocol/wire.h"
#include "proxy/net/task.h"
#include "routing/plan.h"

namespace crossfade::proxy {

struct Conversation;

enum class Next : std::uint8_t { go_on, close };

// The client has the answer, or is owed none.
struct Relayed {};
// It has left, or an answer broke off in its middle: nothing more can be said.
struct Gone {};
// So it closes, as that server did, with that server's last words: client libraries call it 2013.
struct Lost {
  absl::Status why;
  config::Backend which = config::Backend::old_db;
};
struct Error {
  enum class Origin : std::uint8_t {
    server,   // it has said so itself, and has the diagnostics
    proxy,    // which a server would have said; it has not seen the command
    refusal,  // what the proxy will not do: counted
  };
  protocol::Err err;
  Origin origin = Origin::proxy;
};
// One packet of ours.
struct Packet {
  protocol::Buffer payload;
  Next then = Next::go_on;
};
// A whole answer, framed: one that a backend gave to a command of ours.
struct Framed {
  protocol::Buffer wire;
};
using Answer = std::variant<Relayed, Gone, Lost, protocol::Ok, Error, Packet, Framed>;

Answer error(std::uint16_t code, std::string_view sqlstate, std::string message);
// What the proxy will not do, in the words that routing has for it.
Answer refused(routing::Reason reason, std::string_view detail = {});
Answer refused(protocol::Err err);
// What came from the client is no packet, or too large a one.
Answer broken_input(const absl::Status& status);
// The leader is lost.
Answer lost(const Conversation& s, absl::Status why);
// A question that the session had to ask failed: with an answer it goes on, else the leader is lost.
Answer unjudged(Conversation& s, const absl::Status& status);

// The one place that sends answers, and that notes what they do to the session's diagnostics.
Task<Next> deliver(Conversation& s, Answer answer);

}  // namespace crossfade::proxy
