// Writes the rows of chunks on the follower, over several connections at once.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/feed/follower_writer.h"

namespace crossfade::proxy {

struct LoaderSetting {
  Reactor& reactor;
  Counters& counters;
  std::function<LinkOptions()> follower_options;
  std::string fence;                                    // a question that gives 1 while this process may write
  std::function<std::string(std::uint32_t slot)> mark;  // a statement in each transaction
};

// One thread; one write at a time. The rows are right on the follower from the moment at which all before them is
// stored, so that each connection may commit for itself: nothing is undone if another one fails.
class ChunkLoader {
 public:
  explicit ChunkLoader(LoaderSetting setting) : setting_(std::move(setting)), arrived_(setting_.reactor) {}

  // Returns when all connections are done. FailedPrecondition: the follower refuses a row, by its error code;
  // PermissionDenied: another process may write now; Unavailable: to be tried again.
  Task<absl::Status> write(std::vector<std::string> statements, std::size_t connections);

 private:
  struct Part {
    std::vector<std::string> statements;
    absl::Status status;
  };
  Task<void> write_part(std::size_t slot, Part& part);
  Task<absl::Status> try_part(std::size_t slot, const Part& part);
  Task<absl::Status> open(std::size_t slot);

  LoaderSetting setting_;
  std::vector<std::unique_ptr<FollowerWriter>> writers_;  // by slot
  std::size_t running_ = 0;
  Signal arrived_;
};

}  // namespace crossfade::proxy
