// Quick looks at one table: all its rows on both sides, at one place of the leader's changes.
//
// The leader's table is locked against writes (LOCK TABLES .. READ) for as long as it takes to open a snapshot and to
// write a marker; the applier waits at the marker until the follower's snapshot is open. Then both sides are asked,
// for as long as it takes, while everybody goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "migrate/look_plan.h"
#include "migrate/verify_plan.h"
#include "proxy/backend/backend_link.h"
#include "proxy/migrate/chunk_reader.h"
#include "proxy/migrate/marker_meetings.h"

namespace crossfade::proxy {

struct LookSetting {
  Reactor& reactor;
  MarkerMeetings& meetings;
  BackendLink &leader, &follower;  // in select_session(); nothing else uses them meanwhile
  ChunkReader& marker;             // open
  dualwrite::TableRef table;
  std::function<Task<absl::StatusOr<std::unique_ptr<BackendLink>>>(migrate::Side)> open_link;
  std::function<std::uint64_t()> new_token;
  std::function<absl::Status()> why_not;  // failed: it is not to go on
  migrate::ShowRows show = migrate::ShowRows::keys;
};

struct LookFindings {
  std::uint64_t rows = 0;  // of the table on the leader, where something has counted them
  std::vector<migrate::Difference> found{};
};

class TableLook {
 public:
  explicit TableLook(LookSetting setting) : setting_(std::move(setting)), answered_(setting_.reactor) {}
  // FailedPrecondition: what cannot be asked, and why. OutOfRange: its definition has changed. Whatever `why_not` says.
  Task<absl::StatusOr<LookFindings>> ask(std::vector<migrate::LookQuery> queries);

 private:
  // One side, and what it is being asked.
  struct Asked {
    migrate::LookAnswer answer{};
    absl::Status status{};
    bool busy = false;
  };
  Task<absl::Status> take_place();
  Task<absl::Status> try_place();
  Task<absl::Status> lock_table(BackendLink& gate);
  Task<absl::Status> meet_at(std::shared_ptr<Chunk> chunk, BackendLink& gate);
  Task<absl::Status> ask_both(std::shared_ptr<const migrate::LookQuery> query);
  Task<void> ask_side(migrate::Side side, std::shared_ptr<const migrate::LookQuery> query);
  Task<void> stop_asking(migrate::Side side);
  BackendLink& link(migrate::Side side) { return side == migrate::Side::leader ? setting_.leader : setting_.follower; }
  Asked& asked(migrate::Side side) { return side == migrate::Side::leader ? leader_ : follower_; }

  LookSetting setting_;
  Signal answered_;
  Asked leader_, follower_;
};

}  // namespace crossfade::proxy
