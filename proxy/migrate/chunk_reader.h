// Reads chunks of one table on the leader, each with its place in the leader's changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/backend_link.h"
#include "proxy/feed/row_stream.h"
#include "proxy/migrate/chunk_store.h"
#include "proxy/migrate/copy_plan.h"

namespace crossfade::proxy {

struct ChunkReadSetting {
  Reactor& reactor;
  Counters& counters;
  std::function<LinkOptions()> leader_options;
  ChunkStore& chunks;
  std::string schema;  // the control schema
  bool by_triggers = false;
  std::uint32_t slot = 0;  // of the marker: no two readers have the same at one time
};

struct ChunkWanted {
  migrate::KeyRange range;
  std::string condition;
  std::size_t rows_max = 1000;
  std::size_t bytes_max = std::size_t{8} << 20;
};

// What has been read: the rows in pieces that each become a statement.
struct ReadRows {
  std::vector<dualwrite::RowsChange> pieces;
  migrate::KeyPlace through;  // of the last row; of none: what the range is behind
  std::size_t rows = 0;
  std::size_t bytes = 0;
  bool at_end = false;  // the range has no rows behind them
  std::chrono::microseconds locked{};
};

// One thread; a connection of its own.
class ChunkReader {
 public:
  explicit ChunkReader(ChunkReadSetting setting) : setting_(std::move(setting)) {}

  // SHOW CREATE TABLE; NotFound: there is no such table.
  Task<absl::StatusOr<std::string>> show(dualwrite::TableRef table);
  // Reads the rows under share locks, up to the end of the transaction that finish() or give_up() ends. Aborted: the
  // rows could not be locked in time; OutOfRange: the definition is another than the plan's; Unavailable: the server
  // could not do it now. Nothing is held then.
  Task<absl::StatusOr<ReadRows>> read(std::shared_ptr<const CopyPlan> plan, ChunkWanted wanted);
  // The place of the row that is so many rows behind; none: there are not so many. Nothing is held then, either.
  Task<absl::StatusOr<migrate::KeyPlace>> find_border(std::shared_ptr<const CopyPlan> plan, migrate::KeyPlace behind,
                                                      std::size_t rows);
  // The rows of a SELECT, locked in the same way; `SELECT ..` without its lock.
  Task<absl::Status> read_locked(std::string select, TakeRow take);
  // Writes the marker of this chunk, which has been put into the store, and commits. Aborted: it could not be locked in
  // time, and nothing is held.
  Task<absl::Status> finish(std::uint64_t token);
  bool is_mariadb() const { return link_ && link_->is_mariadb(); }
  bool is_connected() const { return link_ && link_->alive(); }
  Task<absl::Status> open();

  // Ends the transaction without a marker.
  Task<absl::Status> give_up();

 private:
  Task<absl::Status> failed(absl::Status status);
  Task<absl::StatusOr<ReadRows>> read_rows(std::shared_ptr<const CopyPlan> plan, ChunkWanted wanted);

  ChunkReadSetting setting_;
  std::unique_ptr<BackendLink> link_;
};

// OutOfRange in place of a server's own no about a definition that has changed meanwhile; else as it is.
absl::Status about_definitions(const absl::Status& status);

// The definition without AUTO_INCREMENT=7, which moves with the rows.
std::string without_counter(std::string shown);

}  // namespace crossfade::proxy
