// Compares the rows of tables on both sides while both are in use (`crossfade verify`).
//
// Chunk by chunk of a table's key. What is read without a lock may differ because the follower is behind, or because
// somebody writes: a row that differs is only suspected. It is looked at again, first after the follower has come up
// to a place of the leader's changes behind the leader's answer; and at last with the leader's row locked until a
// marker is written, and the follower's read while the applier waits at that marker. There both have to be equal, so
// that what differs then is confirmed, and nothing else is told.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "migrate/job_options.h"
#include "migrate/row_compare.h"
#include "proxy/migrate/job_runner.h"
#include "proxy/migrate/marker_meetings.h"

namespace crossfade::proxy {

class Verify final : public JobRunner {
 public:
  Verify(JobSetting setting, RowFeed& feed, Metrics& metrics);
  ~Verify() override;
  struct Gauges {
    std::uint64_t rows = 0, differences = 0, tables_left = 0, tables_failed = 0;
    bool running = false, throttled = false;
  };
  Gauges gauges() const;

 private:
  struct TableCheck;
  struct Job;

  // verify.cc: the job as a whole, what is shown
  Task<absl::Status> load_job() override;
  void drop_job() override;
  const migrate::JobRecord* job_record() const override;
  Task<absl::StatusOr<std::string>> start_job(nlohmann::json asked) override;
  Task<absl::StatusOr<std::string>> change_state(migrate::JobState state) override;
  Task<absl::Status> run_job(std::uint64_t applying) override;
  void publish() override;
  Task<absl::Status> between_jobs() override;
  bool starts_by_itself() const override;
  struct Chosen {
    std::vector<migrate::TableRecord> tables{};
    std::size_t unchanged = 0;  // were left out
  };
  Task<absl::StatusOr<Chosen>> choose_tables(migrate::VerifyOptions options);
  Task<absl::Status> end_table(TableCheck& table, migrate::TableState state, std::string reason);
  Task<absl::Status> finish_job();
  Task<absl::Status> look_at_differences(Job& job);
  Task<absl::Status> look_at_rounds(Job& job);
  Task<void> look_at_load();
  bool goes_on() const;

  // verify_table.cc: one table, chunk by chunk
  Task<void> check_table(TableCheck& table);
  Task<absl::Status> check_rows(TableCheck& table);
  Task<absl::Status> open(TableCheck& table);
  struct Definition {
    dualwrite::TableDefinition leader, follower;
  };
  Task<absl::StatusOr<Definition>> read_definition(TableCheck& table);
  Task<absl::Status> make_plan(TableCheck& table);
  Task<absl::Status> look_at_table(TableCheck& table);
  Task<absl::Status> begin_again(TableCheck& table);
  Task<absl::StatusOr<bool>> wait_for_room(TableCheck& table);
  Task<absl::Status> check_chunk(TableCheck& table);
  Task<absl::StatusOr<bool>> check_range(TableCheck& table, migrate::SeenRows* suspects);
  Task<absl::Status> check_by_keys(TableCheck& table, migrate::SeenRows* suspects);
  Task<absl::Status> skip_rows(TableCheck& table, std::size_t rows);
  void spend(TableCheck& table, Clock::duration took);
  Task<absl::Status> keep(TableCheck& table);

  // verify_rows.cc: rows that differ
  Task<absl::Status> settle(TableCheck& table, migrate::SeenRows suspects);
  enum class Look : std::uint8_t { later, locked };
  Task<absl::StatusOr<std::vector<migrate::Difference>>> look_again(TableCheck& table, migrate::SeenRows asked,
                                                                    Look how);
  absl::Status why_not_on(const TableCheck& table) const;

  // Its own thread only.
  std::unique_ptr<Job> job_;
  MarkerMeetings meetings_{reactor_, feed_.chunks()};
  std::minstd_rand random_{std::random_device{}()};

  mutable std::mutex gauges_mutex_;
  Gauges gauges_;  // guarded by gauges_mutex_
};

}  // namespace crossfade::proxy
