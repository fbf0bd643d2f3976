// Places of the leader's changes at which something is done with the follower: a marker is written there, and the
// applier comes to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "proxy/migrate/chunk_store.h"
#include "proxy/net/reactor.h"

namespace crossfade::proxy {

// One thread, that of the reactor; the applier's own comes in by a post.
class MarkerMeetings {
 public:
  MarkerMeetings(Reactor& reactor, ChunkStore& chunks) : reactor_(reactor), chunks_(chunks) {}

  // Before the marker is written.
  void expect(std::shared_ptr<Chunk> chunk);
  // One for reading the follower. `stays`: the applier waits there until end(), two seconds at most.
  enum class Applier : std::uint8_t { goes_on, stays };
  std::shared_ptr<Chunk> expect(std::uint64_t token, dualwrite::TableRef table, Applier applier);
  // Until the applier has come to the marker, and has done what the chunk is for. `why_not`, asked now and then:
  // a failed Status ends the waiting. Unavailable: it has not come in time.
  Task<absl::Status> wait(std::shared_ptr<Chunk> chunk, std::function<absl::Status()> why_not);
  // The follower has been read, or nobody waits any more. False: the applier had gone on before.
  bool end(const std::shared_ptr<Chunk>& chunk);
  // Nobody waits any more.
  void forget_all();

 private:
  struct Waiting {
    explicit Waiting(Reactor& reactor) : met(reactor) {}
    Signal met;
    bool is_met = false;
  };
  void on_met(std::uint64_t token);

  Reactor& reactor_;
  ChunkStore& chunks_;
  std::map<std::uint64_t, Waiting> waiting_;  // by token
};

}  // namespace crossfade::proxy
