// What a long job keeps in the control schema of the follower: so that it goes on after any crash, in any proxy. Text
// only; whoever sends it is proxy/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

using dualwrite::TableRef;

// `running`, `paused`: goes on, or can; the others are its end. `orphans`: all is copied, and rows refer to none.
enum class JobState : std::uint8_t { running, paused, done, failed, cancelled, orphans };
std::string_view name(JobState state);
inline bool is_over(JobState state) { return state != JobState::running && state != JobState::paused; }

// `waiting`, `copying`, `indexing` (its rows are there, its indexes are not): to be done. `partial`: all that was asked
// for, but not the whole table.
enum class TableState : std::uint8_t { waiting, copying, done, partial, failed, indexing };
std::string_view name(TableState state);
inline bool is_over(TableState state) {
  return state == TableState::done || state == TableState::partial || state == TableState::failed;
}

struct JobRecord {
  std::uint64_t id = 0;
  std::string kind{};  // "backfill"
  JobState state = JobState::running;
  std::string options{};        // as the job wrote them
  std::string why{};            // of its end
  std::int64_t started_at = 0;  // seconds since 1970, the follower's clock
  std::int64_t ended_at = 0;    // 0: not yet
};

// How far a job is with a table.
struct TableRecord {
  TableRef table;
  TableState state = TableState::waiting;
  std::string place{};  // pack_place(): rows up to there are on the follower
  std::string key{};    // ChunkKey::signature, in whose order that is
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t chunks = 0;
  std::uint64_t rows_estimate = 0;
  std::uint64_t bytes_estimate = 0;
  std::string reason{};
  std::string indexes{};  // pack_indexes() of those that were dropped and are to be built; empty: none
};

std::vector<std::string> job_setup_statements(std::string_view schema);  // CREATE TABLE IF NOT EXISTS
std::string insert_job(std::string_view schema, const JobRecord& job);   // the number is the insert id
std::string update_job(std::string_view schema, std::uint64_t id, JobState state, std::string_view why);
// The last one of this kind.
std::string select_job(std::string_view schema, std::string_view kind);
// The last one that has come to its end by itself.
std::string select_job_that_is_over(std::string_view schema, std::string_view kind);
absl::StatusOr<std::optional<JobRecord>> job_from(const protocol::ResultSet& result);

// What is kept of rounds of a continuous comparison that found nothing, but of this job and later ones.
std::vector<std::string> forget_rounds(std::string_view schema, std::uint64_t before);

std::string insert_job_table(std::string_view schema, std::uint64_t job, const TableRecord& table);
std::string update_job_table(std::string_view schema, std::uint64_t job, const TableRecord& table);
std::string select_job_tables(std::string_view schema, std::uint64_t job);
absl::StatusOr<std::vector<TableRecord>> job_tables_from(const protocol::ResultSet& result);

}  // namespace crossfade::migrate
