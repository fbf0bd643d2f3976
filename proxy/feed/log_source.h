// The leader's row log as the source of changes.
#pragma once

#include <memory>

#include "proxy/feed/change_source.h"

namespace crossfade::proxy {

class LogSource final : public ChangeSource {
 public:
  explicit LogSource(SourceSetting setting);

  FeedKind kind() const override { return FeedKind::log; }
  Task<absl::StatusOr<dualwrite::LeaderIdentity>> judge(BackendLink& leader) override;
  Task<absl::Status> try_out(BackendLink& leader) override;
  Task<absl::Status> prepare(BackendLink& leader) override;
  Task<absl::StatusOr<dualwrite::LogPosition>> first_place(BackendLink& leader) override;
  void begin_anew() override { earlier_ = {}; }
  Task<absl::Status> open(BackendLink& leader, FollowerWriter& follower, SourceStart start) override;
  void close() override;
  void end_at(dualwrite::LogPosition fence) override { fence_ = std::move(fence); }
  bool is_at_fence() const override { return at_fence_; }
  Task<absl::Status> read(LogQueue& queue) override;
  Task<absl::Status> read_ahead(LogQueue& queue) override;
  Task<absl::Status> stored(dualwrite::LogPosition applied) override;
  Task<absl::StatusOr<dualwrite::LogPosition>> end(BackendLink& leader) override;
  Task<absl::StatusOr<dualwrite::LogPosition>> others_place(BackendLink& leader, FollowerWriter& follower) override;
  Task<absl::StatusOr<std::vector<Broken>>> look(BackendLink& leader) override;
  bool is_broken(const dualwrite::TableRef& table) const override {
    static_cast<void>(table);
    return false;
  }
  std::vector<FeedStatus::Captured> captured() const override { return {}; }
  FeedStatus::Changes changes() const override { return {}; }
  bool is_consistent() const override { return true; }
  bool forgets() const override { return true; }

 private:
  absl::Status learn_from(absl::Status read);
  Task<absl::Status> none_is_prepared(BackendLink& leader);
  Task<absl::Status> ask_routines(BackendLink& leader);

  SourceSetting setting_;
  std::uint32_t server_id_ = 0;
  std::unique_ptr<LogReader> reader_;
  dualwrite::EarlierReadings earlier_;
  std::optional<dualwrite::LogPosition> fence_;
  bool at_fence_ = false;
};

}  // namespace crossfade::proxy
