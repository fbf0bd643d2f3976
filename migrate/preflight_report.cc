#include "migrate/preflight_report.h"

#include <algorithm>

namespace crossfade::migrate {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSecondsOfDay = 24 * 3600;
constexpr int kExitBlockers = 4;

json server_json(const ServerSummary& server) {
  return {{"make", server.make}, {"version", server.version}, {"address", server.address}};
}

json finding_json(const Finding& finding) {
  json out = {{"severity", name(finding.severity)},
              {"object", subject(finding)},
              {"code", finding.code},
              {"reason", finding.reason},
              {"advice", finding.advice}};
  if (!finding.table.schema.empty()) out["table"] = finding.table.schema + "." + finding.table.table;
  if (finding.rows) out["rows"] = *finding.rows;
  if (finding.longest) out["longest"] = *finding.longest;
  return out;
}

json table_json(const TableReport& table) {
  return {{"table", table.table.schema + "." + table.table.table},
          {"rows", table.rows},
          {"counted", table.counted},
          {"data_bytes", table.data_bytes},
          {"index_bytes", table.index_bytes},
          {"largest_row_bytes", table.largest_row_bytes},
          {"rows_per_day", table.rows_per_day},
          {"copy_seconds", table.copy_seconds}};
}

}  // namespace

ServerSummary summary_of(const ServerFacts& server, const std::string& address) {
  return {.make = server.mariadb ? "MariaDB" : "MySQL", .version = server.version, .address = address};
}

std::vector<TableReport> table_reports(const ServerFacts& leader, const std::map<TableRef, CountedTable>& counted) {
  std::vector<TableReport> out;
  for (const auto& [name, table] : leader.tables) {
    if (table.kind != dualwrite::TableDefinition::Kind::table) continue;
    TableReport one{.table = name, .rows = table.rows_estimate};
    if (const auto found = counted.find(name); found != counted.end()) {
      one.rows = found->second.rows;
      one.largest_row_bytes = found->second.largest_row_bytes;
      one.counted = true;
    }
    if (const auto size = leader.sizes.find(name); size != leader.sizes.end()) {
      one.data_bytes = size->second.data_bytes;
      one.index_bytes = size->second.index_bytes;
      const std::uint64_t age = size->second.age_seconds;
      if (size->second.auto_increment && age >= kSecondsOfDay)
        one.rows_per_day = *size->second.auto_increment * kSecondsOfDay / age;
    }
    one.copy_seconds = std::max(one.rows / kCopyRowsPerSecond, one.data_bytes / kCopyBytesPerSecond);
    out.push_back(std::move(one));
  }
  std::stable_sort(out.begin(), out.end(), [](const TableReport& a, const TableReport& b) {
    return a.data_bytes + a.index_bytes > b.data_bytes + b.index_bytes;
  });
  return out;
}

std::uint64_t log_bytes_per_day(const ServerFacts& leader) {
  const auto of = [&leader](const char* counter) {
    const auto found = leader.status.find(counter);
    return found == leader.status.end() ? std::uint64_t{0} : found->second;
  };
  constexpr std::uint64_t kLeast = 60;  // of a server that has just started nothing can be said
  return of("uptime") < kLeast ? 0 : of("innodb_os_log_written") / of("uptime") * kSecondsOfDay;
}

json preflight_json(const PreflightReport& report) {
  json findings = json::array(), tables = json::array();
  for (const Finding& finding : report.findings) findings.push_back(finding_json(finding));
  std::uint64_t rows = 0, data = 0, indexes = 0, seconds = 0;
  for (const TableReport& table : report.tables) {
    tables.push_back(table_json(table));
    rows += table.rows;
    data += table.data_bytes;
    indexes += table.index_bytes;
    seconds += table.copy_seconds;
  }
  const std::size_t blockers = count(report.findings, Severity::blocker);
  return {{"verdict", blockers == 0 ? "clean" : "blocked"},
          {"blockers", blockers},
          {"warnings", count(report.findings, Severity::warning)},
          {"notes", count(report.findings, Severity::note)},
          {"quick", report.quick},
          {"old", server_json(report.old_server)},
          {"new", server_json(report.new_server)},
          {"feed", {{"kind", name(report.feed.choice)}, {"why", report.feed.why}}},
          {"size",
           {{"tables", report.tables.size()},
            {"rows", rows},
            {"data_bytes", data},
            {"index_bytes", indexes},
            {"log_bytes_per_day", report.log_bytes_per_day},
            {"copy_seconds", seconds}}},
          {"tables", tables},
          {"findings", findings}};
}

int preflight_exit_code(const PreflightReport& report) {
  return count(report.findings, Severity::blocker) == 0 ? 0 : kExitBlockers;
}

}  // namespace crossfade::migrate
