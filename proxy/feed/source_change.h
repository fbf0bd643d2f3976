// The steps on the leader of a change from one source to another (dualwrite::FeedChange), while the first goes on.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "dualwrite/log_control.h"
#include "proxy/feed/change_source.h"

namespace crossfade::proxy {

std::unique_ptr<ChangeSource> make_source(FeedKind kind, SourceSetting setting);

// Can the leader be followed in this way, by one that has not fed until now? On a connection of its own.
Task<absl::Status> judge_next_source(SourceSetting setting, FeedKind kind);

// Makes what a source needs, on a connection of its own, and looks whether it tells of every table.
class Preparation {
 public:
  static std::shared_ptr<Preparation> start(SourceSetting setting, FeedKind kind);
  // Nothing: not over. Unavailable: something is in use; to be started again. FailedPrecondition: what is in the way.
  const std::optional<absl::Status>& outcome() const { return outcome_; }

 private:
  explicit Preparation(SourceSetting setting) : setting_(std::move(setting)) {}
  static Task<void> run(std::shared_ptr<Preparation> self, FeedKind kind);
  Task<absl::Status> carry_out(FeedKind kind);

  SourceSetting setting_;
  std::optional<absl::Status> outcome_;
};

// Puts the fence where no transaction and no schema change that triggers tell of is under way, and where `source`
// vouches that it has been told of everything, writes it into the anchor, and ends `source` at it: `changes` is locked
// meanwhile, for a moment. `leader` is the connection of whoever applies. Open transactions are waited for, so long,
// and writers wait with it. Unavailable: not now, and why; nothing was done.
struct FenceOrder {
  std::string schema;
  dualwrite::Anchor anchor;
  FeedKind next = FeedKind::undecided;
  std::chrono::seconds wait{1};
};
Task<absl::StatusOr<dualwrite::Anchor>> put_fence(BackendLink& leader, ChangeSource& source, FenceOrder order);

// While the log is followed: what feed `trigger` has on the leader goes, if there is anything. Tried again until it has
// gone, or `wanted` is no longer.
Task<void> retire_triggers(SourceSetting setting, std::shared_ptr<const bool> wanted);

}  // namespace crossfade::proxy
