#include "dualwrite/leader_settings.h"

#include <array>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"

namespace crossfade::dualwrite {
namespace {

enum class Make : std::uint8_t { both, mariadb, mysql };

struct Required {
  std::string_view name;
  std::array<std::string_view, 2> values;  // as the server may print the wanted one
  std::string_view advice;
  Make make = Make::both;
  bool restart = false;
};

// Why each: without a row log there is nothing to follow; statements cannot be repeated exactly; partial images cannot
// be compared or mapped; without names a column could be taken for another; unflushed commits may be on the follower
// after a power failure took them from the leader.
constexpr std::array kRequired = {
    Required{"log_bin", {"1", "ON"}, "start the server with --log-bin (in [mysqld]: log_bin=binlog)", Make::both, true},
    Required{"server_id", {"", ""}, "SET GLOBAL server_id=1 (any number that no other server of yours has)"},
    Required{"binlog_format", {"ROW", "ROW"}, "SET GLOBAL binlog_format='ROW'; then reconnect all clients"},
    Required{"binlog_row_image", {"FULL", "FULL"}, "SET GLOBAL binlog_row_image='FULL'; then reconnect all clients"},
    Required{"binlog_row_metadata", {"FULL", "FULL"}, "SET GLOBAL binlog_row_metadata='FULL'"},
    Required{"sync_binlog", {"1", "1"}, "SET GLOBAL sync_binlog=1"},
    Required{"innodb_flush_log_at_trx_commit", {"1", "1"}, "SET GLOBAL innodb_flush_log_at_trx_commit=1"},
    Required{"binlog_row_value_options", {"", ""}, "SET GLOBAL binlog_row_value_options=''", Make::mysql},
};
// Behind them in the query: what names the server.
constexpr std::string_view kIdentityMariadb = "@@GLOBAL.server_id,@@GLOBAL.gtid_domain_id";
constexpr std::string_view kIdentityMysql =
    "@@GLOBAL.server_uuid,@@GLOBAL.gtid_mode,(SELECT VARIABLE_VALUE FROM performance_schema.global_variables WHERE "
    "VARIABLE_NAME='innodb_native_foreign_keys')";

bool applies(const Required& required, bool mariadb) {
  return required.make == Make::both || (required.make == Make::mariadb) == mariadb;
}

bool is_as_wanted(const Required& required, const std::string& found) {
  if (required.name == "server_id") return found != "0" && !found.empty();
  const std::string upper = absl::AsciiStrToUpper(found);
  return upper == required.values[0] || upper == required.values[1];
}

std::string cell(const protocol::ResultSet& result, std::size_t column) {
  if (result.rows.empty() || column >= result.rows.front().size()) return "";
  return result.rows.front()[column].value_or("");
}

}  // namespace

std::string leader_settings_query(bool mariadb) {
  std::string query = "SELECT ";
  for (const Required& required : kRequired) {
    if (applies(required, mariadb)) query += "@@GLOBAL." + std::string(required.name) + ",";
  }
  return query + std::string(mariadb ? kIdentityMariadb : kIdentityMysql);
}

std::string log_end_query(bool mariadb, std::uint32_t server_version) {
  constexpr std::uint32_t kRenamed = 80200;
  return !mariadb && server_version >= kRenamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

absl::StatusOr<LeaderVerdict> judge_leader(const protocol::ResultSet& settings, const protocol::ResultSet& log_end,
                                           bool mariadb) {
  if (settings.rows.size() != 1) return absl::InternalError("the leader did not tell its settings in one row");
  LeaderVerdict verdict;
  std::size_t column = 0;
  for (const Required& required : kRequired) {
    if (!applies(required, mariadb)) continue;
    const std::string found = cell(settings, column++);
    if (is_as_wanted(required, found)) continue;
    verdict.problems.push_back({.setting = std::string(required.name),
                                .found = found.empty() ? "''" : found,
                                .advice = std::string(required.advice),
                                .restart = required.restart});
  }
  const std::string first = cell(settings, column);
  const std::string second = cell(settings, column + 1);
  verdict.identity.server = mariadb ? "server_id=" + first + ",domain=" + second : first;
  verdict.identity.gtids = mariadb || absl::AsciiStrToUpper(second) == "ON";
  verdict.identity.logs_cascades = !mariadb && absl::AsciiStrToUpper(cell(settings, column + 2)) == "OFF";
  constexpr std::size_t kDoDb = 2;
  constexpr std::size_t kIgnoreDb = 3;
  for (const std::size_t filter : {kDoDb, kIgnoreDb}) {
    const std::string found = cell(log_end, filter);
    if (found.empty()) continue;
    const std::string name = filter == kDoDb ? "binlog_do_db" : "binlog_ignore_db";
    verdict.problems.push_back(
        {.setting = name,
         .found = found,
         .advice = "start the server without " + name + ": writes to other schemas are not logged",
         .restart = true});
  }
  return verdict;
}

std::string describe(const std::vector<SettingProblem>& problems) {
  std::string text;
  for (const SettingProblem& problem : problems) {
    text += (text.empty() ? "" : "; ") + problem.setting + " is " + problem.found + ": " + problem.advice;
    if (problem.restart) text += " (needs a restart)";
  }
  return text;
}

}  // namespace crossfade::dualwrite
