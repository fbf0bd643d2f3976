// All that preflight has to say, and its two forms.
#pragma once

#include <string>
#include <vector>

#include "migrate/data_checks.h"
#include "migrate/finding.h"
#include "migrate/judge_feed.h"
#include "migrate/server_facts.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

struct TableReport {
  TableRef table;
  std::uint64_t rows = 0;
  bool counted = false;  // else as the server estimates
  std::uint64_t data_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t largest_row_bytes = 0;  // 0: not looked at
  std::uint64_t rows_per_day = 0;       // since the table was made, by its AUTO_INCREMENT; 0: not known
  std::uint64_t copy_seconds = 0;
};

struct ServerSummary {
  std::string make;  // "MariaDB"
  std::string version;
  std::string address;
};

struct PreflightReport {
  ServerSummary old_server;
  ServerSummary new_server;
  FeedJudgement feed{};
  Findings findings{};                  // sorted
  std::vector<TableReport> tables{};    // the largest first
  std::uint64_t log_bytes_per_day = 0;  // what InnoDB writes to its redo log since the start; 0: not known
  bool quick = false;                   // rows were not counted
};

ServerSummary summary_of(const ServerFacts& server, const std::string& address);
// Sizes of the leader's tables, with what was counted, the time of a copy, and growth.
std::vector<TableReport> table_reports(const ServerFacts& leader, const std::map<TableRef, CountedTable>& counted);
std::uint64_t log_bytes_per_day(const ServerFacts& leader);

// What a copy is taken to do a second: the slower of the two counts. One of narrow rows did 27,000 on two busy cores.
inline constexpr std::uint64_t kCopyRowsPerSecond = 20'000;
inline constexpr std::uint64_t kCopyBytesPerSecond = 10ull << 20;

nlohmann::json preflight_json(const PreflightReport& report);
std::string preflight_text(const PreflightReport& report);
// 0: nothing stands in the way; 4: blockers.
int preflight_exit_code(const PreflightReport& report);

}  // namespace crossfade::migrate
