// What a leader's server must be set to so that its row log tells everything, exactly and durably; and what is to be
// done about what is missing.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

struct SettingProblem {
  std::string setting;   // "binlog_format"
  std::string found;     // "MIXED"
  std::string advice;    // the statement or option that mends it
  bool restart = false;  // only by a restart of the server
};

// What the server says of itself beside its settings.
struct LeaderIdentity {
  std::string server;  // MySQL: its UUID; MariaDB: "server_id=1,domain=0": file names repeat after RESET MASTER
  bool gtids = false;  // commits have names that the session tracker gives
  // Rows that foreign keys change are in the log: on MySQL from 9.6 on, unless innodb_native_foreign_keys is on.
  bool logs_cascades = false;
};

// One SELECT, and SHOW MASTER STATUS in the words of that server; the answers go into `judge_leader`.
std::string leader_settings_query(bool mariadb);
std::string log_end_query(bool mariadb, std::uint32_t server_version);
struct LeaderVerdict {
  std::vector<SettingProblem> problems;  // none: the row log can be followed
  LeaderIdentity identity;
};
// `log_end` has no row where the server keeps no log. Filters of whole databases (binlog_do_db) are problems, too.
absl::StatusOr<LeaderVerdict> judge_leader(const protocol::ResultSet& settings, const protocol::ResultSet& log_end,
                                           bool mariadb);

// "log_bin is OFF: start the server with --log-bin; binlog_format is MIXED: SET GLOBAL binlog_format='ROW'".
std::string describe(const std::vector<SettingProblem>& problems);

}  // namespace crossfade::dualwrite
