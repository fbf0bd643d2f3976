// Chunks that have been read on the leader and whose places in its changes have not been met yet: between the thread
// that reads them and the feed, which writes them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/table_ref.h"

namespace crossfade::proxy {

// Rows of a table as they were at the place of its marker.
struct Chunk {
  std::uint64_t token = 0;
  dualwrite::TableRef table;
  std::uint64_t applying = 0;  // RowFeed::applying() when it was read: no later beginning of the feed takes it
  bool last = false;           // the table has no rows behind it
  bool whole = false;          // all rows of a table that has none until then
  // Written by the reader before `built`, read by the feed behind it.
  std::vector<std::string> statements{};  // of rows, in any order, each of at most a packet; foreign keys are off
  std::vector<std::string> closing{};     // in one transaction with the position behind the marker
  absl::Status failure{};                 // why the rows cannot be said to the follower; the table's copy has failed
  std::atomic<bool> built{false};
  // The feed's, until done(): how long it took to write the rows.
  std::chrono::microseconds load_time{};
};

class ChunkStore {
 public:
  // Any thread.
  void put(std::shared_ptr<Chunk> chunk);  // before the marker can be met
  std::shared_ptr<Chunk> find(std::uint64_t token) const;
  void forget(std::uint64_t token);
  void forget_all();
  // Called by the feed when the chunk is on the follower, and that is stored.
  void done(const Chunk& chunk);

  // How many connections to the follower write one chunk; any thread.
  std::atomic<std::size_t> connections{1};
  // Set before the feed starts; called on its thread.
  std::function<void(std::uint64_t token, std::chrono::microseconds load_time)> on_done;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Chunk>> chunks_;
};

}  // namespace crossfade::proxy
