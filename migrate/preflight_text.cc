// The report for people.
#include <algorithm>
#include <array>
#include <string_view>

#include "migrate/preflight_report.h"
#include "migrate/quantity_text.h"

namespace crossfade::migrate {
namespace {

constexpr std::size_t kTablesShown = 20;
constexpr std::size_t kWidth = 110;

// Words of `text` in lines that begin with `indent`.
std::string wrapped(const std::string& text, const std::string& indent) {
  std::string out, line = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = text.substr(at, end - at);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent;
    }
    line += (line.size() > indent.size() ? " " : "") + word;
    at = end + 1;
  }
  return out + line + "\n";
}

std::string heading(Severity severity) {
  switch (severity) {
    case Severity::blocker:
      return "BLOCKERS: to be mended before anything begins\n";
    case Severity::warning:
      return "WARNINGS: it can begin; to be settled before reads move or new leads\n";
    case Severity::note:
      return "NOTES\n";
  }
  return "";
}

std::string findings_text(const Findings& findings) {
  std::string out;
  const Finding* before = nullptr;
  for (const Finding& finding : findings) {
    if (before == nullptr || before->severity != finding.severity) out += "\n" + heading(finding.severity);
    out += "  " + subject(finding) + " [" + finding.code + "]\n" + wrapped(finding.reason, "    ");
    if (!finding.advice.empty()) out += wrapped("-> " + finding.advice, "    ");
    before = &finding;
  }
  return out;
}

std::string padded(std::string text, std::size_t width, bool right) {
  if (text.size() >= width) return text;
  return right ? std::string(width - text.size(), ' ') + text : text + std::string(width - text.size(), ' ');
}

std::string tables_text(const std::vector<TableReport>& tables) {
  using Row = std::array<std::string, 7>;
  std::vector<Row> rows = {{"table", "rows", "data", "indexes", "largest row", "rows a day", "copy"}};
  for (std::size_t i = 0; i < tables.size() && i < kTablesShown; ++i) {
    const TableReport& table = tables[i];
    rows.push_back({table.table.schema + "." + table.table.table, (table.counted ? "" : "~") + count_text(table.rows),
                    bytes_text(table.data_bytes), bytes_text(table.index_bytes),
                    table.largest_row_bytes == 0 ? "-" : bytes_text(table.largest_row_bytes),
                    table.rows_per_day == 0 ? "-" : count_text(table.rows_per_day), seconds_text(table.copy_seconds)});
  }
  std::array<std::size_t, 7> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out = "\nTABLES, the largest first (~: the server's estimate)\n";
  for (const Row& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) line += " " + padded(row[i], widths[i], i != 0);
    out += line + "\n";
  }
  if (tables.size() > kTablesShown) out += "  and " + std::to_string(tables.size() - kTablesShown) + " more\n";
  return out;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::string preflight_text(const PreflightReport& report) {
  std::string out;
  for (const auto& [which, server] : {std::pair("old", &report.old_server), std::pair("new", &report.new_server)})
    out += std::string(which) + "   " + server->make + " " + server->version + " at " + server->address + "\n";
  out += "feed  " + std::string(name(report.feed.choice)) + ": " + report.feed.why + "\n";
  std::uint64_t rows = 0, data = 0, indexes = 0, seconds = 0;
  for (const TableReport& table : report.tables) {
    rows += table.rows;
    data += table.data_bytes;
    indexes += table.index_bytes;
    seconds += table.copy_seconds;
  }
  out += "size  " + counted(report.tables.size(), "table") + ", " + (report.quick ? "about " : "") + count_text(rows) +
         " rows, " + bytes_text(data) + " and " + bytes_text(indexes) + " of indexes; a copy takes about " +
         seconds_text(seconds) + " (" + count_text(kCopyRowsPerSecond) + " rows or " + bytes_text(kCopyBytesPerSecond) +
         " a second)";
  if (report.log_bytes_per_day != 0)
    out += "; old writes " + bytes_text(report.log_bytes_per_day) + " of redo log a day";
  out += "\n" + findings_text(report.findings);
  if (!report.tables.empty()) out += tables_text(report.tables);
  const std::size_t blockers = count(report.findings, Severity::blocker);
  return out + "\n" + counted(blockers, "blocker") + ", " +
         counted(count(report.findings, Severity::warning), "warning") + ", " +
         counted(count(report.findings, Severity::note), "note") +
         (blockers == 0 ? ": nothing stands in the way\n" : ": not ready\n");
}

}  // namespace crossfade::migrate
