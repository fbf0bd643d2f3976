// Copies the rows of tables from the leader to the follower while both are in use (`crossfade backfill`).
//
// A table is stopped as far as the feed is concerned until its copy is done (StopCause::copy): its reads stay with the
// leader, and its changes are applied in the way that log_applier_copy.cc describes. Chunks are read on the leader
// under share locks, with a marker for their place; the applier, meeting the marker, writes the rows and, with the
// position, how far the table is then.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "migrate/chunk_size.h"
#include "migrate/copy_options.h"
#include "migrate/copy_parts.h"
#include "migrate/job_control.h"
#include "migrate/latency_watch.h"
#include "nlohmann/json.hpp"
#include "proxy/feed/table_catalog.h"
#include "proxy/migrate/chunk_reader.h"
#include "proxy/migrate/errand.h"
#include "proxy/migrate/job_runner.h"

namespace crossfade::proxy {

class Backfill final : public JobRunner {
 public:
  Backfill(JobSetting setting, RowFeed& feed, Metrics& metrics);
  ~Backfill() override;
  struct Gauges {
    std::uint64_t rows = 0, bytes = 0, tables_left = 0, tables_failed = 0;
    bool running = false, throttled = false;
  };
  Gauges gauges() const;

 private:
  struct TableCopy;
  struct PartReader;
  struct Job;

  // backfill.cc: the job as a whole, what is shown
  Task<absl::Status> load_job() override;
  void drop_job() override;
  const migrate::JobRecord* job_record() const override;
  Task<absl::StatusOr<std::string>> change_state(migrate::JobState state) override;
  void publish() override;
  Task<absl::Status> between_jobs() override;
  void look_at_latency(bool running);

  // backfill_start.cc: what a job is made of
  Task<absl::StatusOr<std::string>> start_job(nlohmann::json asked) override;
  Task<absl::Status> check_start(Job& job, const migrate::CopyOptions& options);
  Task<absl::Status> check_rows(Job& job, std::vector<std::string>* problems);
  Task<void> wait_for_capture(const Job& job);
  std::string check_table(const Job& job, const dualwrite::TableRef& table) const;
  std::string check_circles(const Job& job) const;
  std::string check_parents(const Job& job, const dualwrite::TableRef& table) const;
  Task<absl::Status> check_conditions(Job& job, std::vector<std::string>* problems);

  // backfill_job.cc: the tables of a job, in their order
  Task<absl::Status> run_job(std::uint64_t applying) override;
  Task<absl::Status> adopt_tables();
  Task<absl::Status> empty_table(dualwrite::TableRef table);
  Task<absl::Status> begin_group(std::vector<TableCopy*> group);
  void start_ready();
  Task<absl::Status> end_table(TableCopy& table, migrate::TableState state, std::string reason);
  Task<absl::Status> settle_table(TableCopy& table, migrate::TableRecord record);
  Task<absl::Status> finish_job();
  Task<absl::Status> leave_cancelled();
  Task<void> look_at_load();
  bool goes_on() const;

  // backfill_indexes.cc: before and behind the rows
  Task<absl::StatusOr<Definitions>> on_follower();
  Task<absl::Status> defer_indexes(TableCopy& table);
  Task<absl::Status> build_indexes();
  Task<absl::Status> begin_index_build(TableCopy& table);
  Task<absl::Status> settle_index_build(TableCopy& table, absl::Status built);
  Task<absl::Status> give_up_indexes(TableCopy& table, absl::Status why);
  Task<absl::StatusOr<std::optional<std::string>>> find_orphans();

  // backfill_table.cc: one table
  Task<void> copy_table(TableCopy& table);
  Task<absl::Status> copy_parts(TableCopy& table);
  void start_readers(TableCopy& table);
  Task<absl::Status> make_plan(TableCopy& table, PartReader& reader);
  Task<absl::Status> wait_until_written(TableCopy& table);

  // backfill_part.cc: one part of a table
  Task<void> read_part(TableCopy& table, PartReader& reader);
  Task<absl::Status> read_chunks(TableCopy& table, PartReader& reader);
  Task<absl::StatusOr<bool>> wait_for_room(TableCopy& table, PartReader& reader);
  Task<absl::Status> divide(TableCopy& table, PartReader& reader);
  Task<absl::Status> copy_chunk(TableCopy& table, PartReader& reader);
  std::shared_ptr<Chunk> chunk_of(const TableCopy& table, const std::vector<migrate::PartRecord>& parts,
                                  std::optional<migrate::TableRecord>* ended);
  Task<void> build(std::shared_ptr<Chunk> chunk, std::vector<dualwrite::RowsChange> pieces,
                   std::shared_ptr<const CopyPlan> plan);
  absl::Status check_still_copied(const TableCopy& table) const;
  void on_written(std::uint64_t token, std::chrono::microseconds load_time);

  Metrics& metrics_;
  // Its own thread only.
  std::unique_ptr<Job> job_;
  migrate::LatencyWatch latency_{{kLatencyBuckets.begin(), kLatencyBuckets.end()}};
  std::map<dualwrite::TableRef, std::shared_ptr<Errand>> index_builds_;  // a job that is loaded again finds them
  std::shared_ptr<Errand> orphan_search_;
  std::vector<std::string> orphan_names_;  // of its statements

  mutable std::mutex gauges_mutex_;
  Gauges gauges_;  // guarded by gauges_mutex_
};

}  // namespace crossfade::proxy
