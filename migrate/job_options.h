// What every long job over tables is asked for: which tables, how fast, when to wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "migrate/look_plan.h"
#include "migrate/throttle.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

struct JobOptions {
  std::vector<std::string> tables{};   // "shop", "shop.*", "shop.orders"; empty: all
  std::vector<std::string> exclude{};  // the same
  std::chrono::milliseconds chunk_time{500};
  std::uint32_t parallel = 2;  // tables at once
  ThrottleLimits limits{};

  bool chooses(const dualwrite::TableRef& table) const;
};

// Takes one member of a JSON object. False: it is none of these. InvalidArgument names the member, what is wrong with
// it, and what may be.
absl::StatusOr<bool> take_job_option(const std::string& member, const nlohmann::json& value, JobOptions& out);
nlohmann::json to_json(const JobOptions& options);

// For options of one kind of job.
absl::Status wrong_option(const std::string& member, const std::string& what);
absl::StatusOr<std::int64_t> whole_option(const nlohmann::json& value, const std::string& member, std::int64_t least,
                                          std::int64_t most);
// "2.5%" as parts of a million; errors: no share between 0 and 100 %.
absl::StatusOr<std::uint32_t> parse_share(const std::string& text);

// What a comparison of both databases is asked for.
struct VerifyOptions : JobOptions {
  std::uint32_t sample_ppm = 1000000;  // of the rows, a chunk here and there
  bool show_values = false;            // of rows that differ; else hashes of them
  bool of_ledger = false;              // only tables with open rows in the ledger
  bool automatic = false;              // nobody has asked for it; what it finds is repaired
  std::vector<Look> looks{};           // in place of the rows; none: the rows
  std::string by{};                    // a column that groups aggregates; empty: none
  // Only tables that may have changed on the leader since so long ago; zero: all.
  std::chrono::milliseconds since{0};
  bool continuous = false;  // begun anew, `pause` after its end, until it is cancelled
  std::chrono::milliseconds pause{0};
  std::uint64_t round = 0;           // how many rounds were before this one
  std::uint32_t busy_ppm = 1000000;  // of the time: after each piece it rests for the remainder

  // All rows of its tables are compared, so that one in which none differs is equal.
  bool is_of_all_rows() const { return looks.empty() && sample_ppm == 1000000; }
};
absl::StatusOr<VerifyOptions> parse_verify_options(const nlohmann::json& asked);
nlohmann::json to_json(const VerifyOptions& options);

// What a repair is asked for: which of the rows that were found to differ.
struct RepairOptions : JobOptions {
  std::uint64_t of_job = 0;  // the comparison that found them; 0: the last one
  bool print = false;        // the SQL is told, and nothing is done
  bool list = false;         // the rows are told, some thousand at once, and nothing is done
  std::uint64_t behind = 0;  // of `list`: the number of the last one that was told
  bool of_whole = false;     // it compared all rows of its tables: what is repaired is equal
};
absl::StatusOr<RepairOptions> parse_repair_options(const nlohmann::json& asked);
nlohmann::json to_json(const RepairOptions& options);

}  // namespace crossfade::migrate
