// Everything that a client gets.
#pragma once

#include <span>

#include "protocol/response_joiner.h"
#include "proxy/counts/metrics.h"
#include "proxy/net/stream.h"

namespace crossfade::proxy {

// The one way to a client's socket: answers of our own and relayed bytes alike. While a packet of
// several statements is carried out, the responses are joined to one here, whoever made them.
class ClientOutput {
 public:
  ClientOutput(Stream& client, Counters& counters) : client_(client), counters_(counters) {}

  // What the socket takes at once, and how much. The bytes may be changed; those that were not taken are
  // to be given to send_rest() as they are now.
  Stream::Io send_now(std::span<std::uint8_t> bytes);
  Task<absl::Status> send_rest(protocol::Buffer rest, TimePoint deadline);
  Task<absl::Status> send(protocol::Buffer bytes, TimePoint deadline);

  protocol::ResponseJoiner& joiner() { return joiner_; }

 private:
  Stream& client_;
  Counters& counters_;
  protocol::ResponseJoiner joiner_;
};

}  // namespace crossfade::proxy
