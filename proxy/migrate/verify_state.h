// What a Verify knows of its job. For its own files alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "migrate/chunk_size.h"
#include "proxy/migrate/both_sides.h"
#include "proxy/migrate/chunk_reader.h"
#include "proxy/migrate/job_table.h"
#include "proxy/migrate/verify.h"

namespace crossfade::proxy {

// One table of a job.
struct Verify::TableCheck : JobTable {
  TableCheck(Reactor& reactor, migrate::ChunkSizeLimits limits) : sizer(limits), room(reactor) {}

  std::shared_ptr<const migrate::VerifyPlan> plan;
  std::string shown;  // SHOW CREATE TABLE of the leader, when the plan was made
  std::unique_ptr<BothSides> sides;
  std::unique_ptr<ChunkReader> locker;
  migrate::ChunkSizer sizer;

  // Where it is. Rows whose order is another on the follower are gone through twice: by the leader's key, then by the
  // follower's, for those that the leader does not have.
  migrate::Side pass = migrate::Side::leader;
  migrate::KeyPlace behind;
  bool at_end = false;
  std::uint64_t rows = 0, bytes = 0;       // of this chunk
  std::size_t drill = 0;                   // rows that are compared in small pieces, since the whole differs
  std::vector<migrate::Difference> found;  // confirmed, and not written yet

  std::uint64_t differences = 0, repaired = 0;  // written
  Signal room;                                  // to go on
};

struct Verify::Job {
  migrate::JobRecord record;
  migrate::VerifyOptions options;
  std::vector<std::unique_ptr<TableCheck>> tables;
  bool stopping = false;  // its tables are to end where they are
  migrate::RateLimit rate;
  std::string throttled;  // why nothing is read now
  bool looking = false;   // look_at_load() is running
  RateWindow rates;
  nlohmann::json differences = nlohmann::json::array();  // the first of them
  std::uint64_t differences_written = 0;                 // when they were looked at
  bool repaired_since = false;                           // by a job that is younger
  // Of a continuous one: not before then; and the last round that came to its end, with what it found.
  TimePoint rests_until{};
  std::optional<migrate::JobRecord> last{};
  std::uint64_t last_differences = 0;
};

}  // namespace crossfade::proxy
