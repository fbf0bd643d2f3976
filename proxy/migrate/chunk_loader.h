// Writes the rows of chunks on the follower, over several connections at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/feed/follower_writer.h"
#include "proxy/migrate/chunk_store.h"

namespace crossfade::proxy {

struct LoaderSetting {
  Reactor& reactor;
  Counters& counters;
  std::function<LinkOptions()> follower_options;
  std::string fence;                                    // a question that gives 1 while this process may write
  std::function<std::string(std::uint32_t slot)> mark;  // a statement in each transaction
};

// One thread. Each statement of a chunk is a transaction of whichever connection is free, so that a chunk alone is
// spread over all of them, and several go on at once. The rows of a chunk are right on the follower from the moment at
// which all before its marker is stored until the first change of its table behind it: nothing is undone where another
// statement fails, and whoever applies such a change waits for the chunk.
//   of each table: chunks come out of take_loaded() in the order in which they were added
class ChunkLoader : public std::enable_shared_from_this<ChunkLoader> {
 public:
  explicit ChunkLoader(LoaderSetting setting) : setting_(std::move(setting)), arrived_(setting_.reactor) {}

  // What else changes its rows: `any`: a change of another table may, by a foreign key.
  enum class ChangedBy : std::uint8_t { itself, any };
  void add(std::shared_ptr<Chunk> chunk, ChangedBy by, std::size_t connections);
  // Does a change of this table have to wait? Of any: is anything being written?
  bool is_writing(const dualwrite::TableRef& table) const;
  bool is_writing() const;
  // There are chunks that have not been taken yet.
  bool is_busy() const { return !loads_.empty(); }
  // Until a chunk has been written, or it has become known that one cannot be. One caller at a time.
  Task<void> wait(TimePoint deadline);
  // FailedPrecondition: the follower refuses a row, by its error code; PermissionDenied: another process may write
  // now; Unavailable: to be tried again.
  struct Loaded {
    std::shared_ptr<Chunk> chunk;
    absl::Status status;
  };
  std::optional<Loaded> take_loaded();
  // Whatever has not been sent is left. Connections end what they do; nobody waits for them.
  void abandon() { abandoned_ = true; }

 private:
  struct Load {
    std::shared_ptr<Chunk> chunk;
    ChangedBy by = ChangedBy::itself;
    std::size_t next = 0;     // statement that no connection has taken yet
    std::size_t running = 0;  // statements under way
    absl::Status status{};
    TimePoint begun{};  // of the first statement
    bool over() const { return running == 0 && (!status.ok() || next == chunk->statements.size()); }
  };
  static Task<void> work(std::shared_ptr<ChunkLoader> self, std::size_t slot);
  std::shared_ptr<Load> next_load() const;
  Task<absl::Status> write(std::size_t slot, const std::string& sql);
  Task<absl::Status> try_write(std::size_t slot, const std::string& sql);
  Task<absl::Status> open(std::size_t slot);

  struct Connection {
    std::unique_ptr<FollowerWriter> writer;
    bool working = false;
  };
  LoaderSetting setting_;
  std::vector<Connection> connections_;  // by slot
  std::deque<std::shared_ptr<Load>> loads_;
  bool abandoned_ = false;
  Signal arrived_;
};

}  // namespace crossfade::proxy
