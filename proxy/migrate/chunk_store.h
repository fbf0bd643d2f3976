// Chunks that have been read on the leader and whose places in its changes have not been met yet: between the thread
// that reads them and the feed, which writes them. And what else jobs over tables and the feed know of each other.
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
#include "proxy/feed/changed_tables.h"

namespace crossfade::proxy {

// Rows of a table as they were at the place of its marker, and what is to become of them there.
struct Chunk {
  enum class Use : std::uint8_t {
    part,     // rows of a table that is being copied
    whole,    // all rows of a table that has none until then
    repair,   // rows of a table that follows, which become what the leader has
    compare,  // nothing is written: whoever put it reads the follower while the applier waits, if it `holds`
  };
  std::uint64_t token = 0;
  dualwrite::TableRef table;
  std::uint64_t applying = 0;  // RowFeed::applying() when it was read: no later beginning of the feed takes it
  Use use = Use::part;
  bool last = false;  // of a whole: the table follows from here on
  // Written by the reader before `built`, read by the feed behind it.
  std::vector<std::string> statements{};  // of rows, in any order, each of at most a packet; foreign keys are off
  std::vector<std::string> closing{};     // in one transaction with the position behind the marker
  // Why the rows cannot be said to the follower: the table's copy has failed. Of a repair also the follower's own no.
  absl::Status failure{};
  std::atomic<bool> built{false};
  bool holds = false;               // of `compare`
  std::atomic<bool> let_go{false};  // of one that holds: the follower has been read
  // Called once, on the feed's thread. Of `compare`: everything before the marker is on the follower, and, while it
  // holds, nothing behind it. Else: the rows are on the follower, and that is stored.
  std::function<void(std::uint64_t token, std::chrono::microseconds load_time)> on_done{};
  // The feed's, until then: how long it took to write the rows.
  std::chrono::microseconds load_time{};
};

class ChunkStore {
 public:
  // Any thread.
  void put(std::shared_ptr<Chunk> chunk);  // before the marker can be met
  std::shared_ptr<Chunk> find(std::uint64_t token) const;
  void forget(std::uint64_t token);
  // Called by the feed when what was to be done of it is done.
  void done(const Chunk& chunk);

  // How many connections to the follower write one chunk; any thread.
  std::atomic<std::size_t> connections{1};
  ChangedTables changed;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Chunk>> chunks_;
};

}  // namespace crossfade::proxy
