// Writes rows of the follower anew from the leader (`crossfade repair`): those that a comparison has found to differ.
//
// The same method as a chunk of a copy: the leader's rows are read under share locks, with a marker; the applier,
// meeting it, removes the follower's rows with these keys and writes the leader's, in one transaction with its position
// and with what is kept of the job. So it is right under writes, and killing anything repeats a batch at most.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "migrate/difference_control.h"
#include "migrate/job_options.h"
#include "migrate/verify_plan.h"
#include "proxy/migrate/chunk_reader.h"
#include "proxy/migrate/job_runner.h"
#include "proxy/migrate/marker_meetings.h"

namespace crossfade::proxy {

class Repair final : public JobRunner {
 public:
  Repair(JobSetting setting, RowFeed& feed, Metrics& metrics);
  ~Repair() override;
  // Set before start(); called on its thread when rows were repaired.
  std::function<void()> on_repaired;
  // Set before start(), for repairs that nobody asks for; called on its thread. Orders a comparison with these options;
  // what was ordered, or why it cannot be now.
  std::function<absl::StatusOr<std::string>(nlohmann::json options)> compare;
  struct Gauges {
    std::uint64_t rows = 0;
    std::uint64_t started_by_itself = 0;  // since this process began
    bool running = false;
  };
  Gauges gauges() const;

 private:
  struct Job {
    migrate::JobRecord record;
    migrate::RepairOptions options;
    std::vector<migrate::TableRecord> tables;
  };
  // A table while it is repaired.
  struct Target {
    std::shared_ptr<const CopyPlan> copy;
    migrate::VerifyPlan keys;
    std::unique_ptr<ChunkReader> reader;
    std::uint64_t behind = 0;  // number of a difference
    std::size_t batch = 0;
  };

  Task<absl::Status> load_job() override;
  void drop_job() override {
    meetings_.forget_all();
    job_.reset();
  }
  const migrate::JobRecord* job_record() const override { return job_ ? &job_->record : nullptr; }
  Task<absl::StatusOr<std::string>> start_job(nlohmann::json asked) override;
  Task<absl::StatusOr<std::string>> change_state(migrate::JobState state) override;
  Task<absl::Status> run_job(std::uint64_t applying) override;
  Task<absl::Status> between_jobs() override;
  bool starts_by_itself() const override { return compare != nullptr; }
  void publish() override;

  Task<absl::StatusOr<std::optional<migrate::JobRecord>>> last_comparison();
  Task<absl::StatusOr<std::vector<migrate::TableRecord>>> choose_tables(migrate::RepairOptions* options);
  Task<absl::StatusOr<std::string>> list(migrate::RepairOptions options, std::vector<migrate::TableRecord> tables);
  Task<absl::StatusOr<std::string>> print(migrate::RepairOptions options, std::vector<migrate::TableRecord> tables);
  // repair_ledger.cc: without anybody asking
  Task<absl::Status> repair_findings(migrate::JobRecord comparison);

  // repair_table.cc: one table
  Task<absl::Status> repair_table(migrate::TableRecord& table);
  Task<absl::Status> repair_batch(migrate::TableRecord& table, Target& target,
                                  std::vector<migrate::OpenDifference> rows);
  Task<absl::Status> open_target(const migrate::TableRecord& table, Target* target);
  Task<absl::StatusOr<std::vector<migrate::OpenDifference>>> next_rows(std::uint64_t of_job,
                                                                       const migrate::TableRecord& table,
                                                                       const Target& target);
  Task<absl::StatusOr<std::vector<std::string>>> read_statements(Target& target,
                                                                 std::vector<migrate::OpenDifference> rows);
  Task<absl::Status> wait_for_room();
  Task<absl::Status> end_table(migrate::TableRecord& table, migrate::TableState state, std::string reason);
  Task<absl::Status> finish_job();
  bool goes_on() const { return feed_.applying() == applying_ && !has_requests(); }

  std::unique_ptr<Job> job_;
  TimePoint next_look_{};     // at the ledger
  TimePoint next_compare_{};  // of its tables
  std::uint64_t started_by_itself_ = 0;
  MarkerMeetings meetings_{reactor_, feed_.chunks()};
  mutable std::mutex gauges_mutex_;
  Gauges gauges_;  // guarded by gauges_mutex_
};

}  // namespace crossfade::proxy
