#include "proxy/job_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace crossfade::proxy {
namespace {

using nlohmann::json;

constexpr std::size_t kBarWidth = 20;
constexpr std::size_t kNameWidth = 36;
constexpr std::size_t kTablesShown = 20;
constexpr std::size_t kRowsShown = 50;

std::string plain(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string text_of(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? plain(found->get<std::string>()) : std::string();
}

std::uint64_t number_of(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

double share_of(const json& table) {
  if (text_of(table, "state") == "indexing") return 0.99;
  if (text_of(table, "state") == "done" || text_of(table, "state") == "partial") return 1;
  const std::uint64_t whole = number_of(table, "rows_estimate");
  if (whole == 0) return 0;
  // What is estimated may be less than there is.
  return std::min(0.99, static_cast<double>(number_of(table, "rows")) / static_cast<double>(whole));
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::lround(share * static_cast<double>(kBarWidth)));
  char percent[8];
  std::snprintf(percent, sizeof percent, "%3d%%", static_cast<int>(share * 100));
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "] " + percent;
}

std::string seconds_text(std::uint64_t seconds) {
  const std::uint64_t hours = seconds / 3600, minutes = seconds / 60 % 60;
  if (hours != 0) return std::to_string(hours) + "h " + std::to_string(minutes) + "m";
  if (minutes != 0) return std::to_string(minutes) + "m " + std::to_string(seconds % 60) + "s";
  return std::to_string(seconds) + "s";
}

struct Sum {
  std::uint64_t rows = 0, estimate = 0;
  std::size_t tables = 0, over = 0, failed = 0;
  double share() const {
    if (tables == over) return 1;
    return estimate == 0 ? 0 : std::min(0.99, static_cast<double>(rows) / static_cast<double>(estimate));
  }
};

Sum sum_of(const json& status) {
  Sum sum;
  const auto tables = status.find("tables");
  if (tables == status.end() || !tables->is_array()) return sum;
  for (const json& table : *tables) {
    const std::string state = text_of(table, "state");
    sum.rows += number_of(table, "rows");
    sum.estimate += number_of(table, "rows_estimate");
    ++sum.tables;
    sum.over += state == "done" || state == "partial" || state == "failed" ? 1 : 0;
    sum.failed += state == "failed" ? 1 : 0;
  }
  return sum;
}

// "12,345 rows/s, 1.2 MB/s, 3m 10s left"
std::string rates(const json& status) {
  std::string text = std::to_string(number_of(status, "rows_per_second")) + " rows/s";
  const auto found = status.find("mb_per_second");
  if (found != status.end() && found->is_number()) {
    char mb[32];
    std::snprintf(mb, sizeof mb, ", %.1f MB/s", found->get<double>());
    text += mb;
  }
  if (status.contains("eta_seconds")) text += ", " + seconds_text(number_of(status, "eta_seconds")) + " left";
  return text;
}

std::string reasons(const json& status) {
  std::string text;
  if (const std::string why = text_of(status, "why"); !why.empty()) text += ": " + why;
  if (const std::string throttled = text_of(status, "throttled"); !throttled.empty()) text += "; waits: " + throttled;
  if (const std::string waiting = text_of(status, "waiting"); !waiting.empty()) text += "; " + waiting;
  return text;
}

// Empty: there is a job to speak of.
std::string no_job(const json& status, const std::string& noun) {
  const std::string state = text_of(status, "state");
  // Only the proxy that applies changes does jobs, and knows of them.
  if (state == "unknown" && text_of(status, "waiting").find("standing by") != std::string::npos) {
    return "this proxy stands by: whether there is a " + noun +
           ", and how far it is, the proxy that applies changes knows" + reasons(status) + "\n";
  }
  if (state == "unknown") return "it is not known yet whether there is a " + noun + reasons(status) + "\n";
  return state.empty() || state == "none" ? "no " + noun + " has been started" + reasons(status) + "\n" : "";
}

std::string table_line(const json& table) {
  std::string line = "  " + text_of(table, "table");
  line.resize(std::max(line.size() + 1, kNameWidth), ' ');
  const std::string state = text_of(table, "state");
  line += bar(share_of(table)) + " " + state + ", " + std::to_string(number_of(table, "rows")) + " rows";
  if (const std::uint64_t readers = number_of(table, "readers"); readers > 1) {
    line += ", " + std::to_string(readers) + " readers";
  }
  if (const std::uint64_t differences = number_of(table, "differences"); differences != 0) {
    line += ", " + std::to_string(differences) + (differences == 1 ? " differs" : " differ");
    const std::uint64_t repaired = number_of(table, "repaired");
    if (repaired != 0) line += " (" + std::to_string(repaired) + " repaired since)";
  }
  if (const std::string reason = text_of(table, "reason"); !reason.empty()) line += ": " + reason;
  return line + "\n";
}

// "  missing  app.t id=7", then its columns.
std::string difference_lines(const json& status) {
  std::string out;
  std::size_t lines = 0;
  const json rows = status.value("differences", json::array());
  for (const json& row : rows) {
    if (++lines > kRowsShown) break;
    std::string line = "  " + text_of(row, "kind") + (row.value("repaired", false) ? ", repaired" : "");
    line.resize(std::max<std::size_t>(line.size() + 1, 12), ' ');
    out += line + text_of(row, "table") + " " + text_of(row, "row") + "\n";
    for (const json& column : row.value("columns", json::array())) {
      out += "              " + text_of(column, "column") + ": old " + text_of(column, "old") + ", new " +
             text_of(column, "new") + "\n";
    }
  }
  const std::uint64_t count = number_of(status, "differences_count");
  if (count > kRowsShown) out += "  and " + std::to_string(count - kRowsShown) + " more rows\n";
  return out;
}

}  // namespace

std::string job_table(const json& status, const std::string& noun) {
  const std::string state = text_of(status, "state");
  if (std::string none = no_job(status, noun); !none.empty()) return none;
  std::string out = "job " + std::to_string(number_of(status, "job")) + " " + state + reasons(status) + "\n";
  std::size_t shown = 0;
  std::size_t left_out = 0;
  for (const json& table : status.value("tables", json::array())) {
    const std::string how = text_of(table, "state");
    // Of many tables those that are of interest.
    const bool counts = how == "copying" || how == "indexing" || how == "comparing" || how == "failed" ||
                        number_of(table, "differences") != 0 || status["tables"].size() <= kTablesShown;
    if (counts && shown < kTablesShown) {
      out += table_line(table);
      ++shown;
    } else {
      ++left_out;
    }
  }
  if (left_out > 0) out += "  and " + std::to_string(left_out) + " more tables\n";
  const Sum sum = sum_of(status);
  std::string total = "  total: " + std::to_string(sum.over) + " of " + std::to_string(sum.tables) + " tables";
  total.resize(std::max(total.size() + 1, kNameWidth), ' ');
  out += total + bar(sum.share()) + " " + std::to_string(sum.rows) + " rows";
  if (state == "running") out += ", " + rates(status);
  out += "\n";
  if (state != "running") out += difference_lines(status);
  return out;
}

std::string job_line(const json& status, const std::string& noun) {
  const std::string state = text_of(status, "state");
  if (std::string none = no_job(status, noun); !none.empty()) return none;
  const Sum sum = sum_of(status);
  std::string line = "job " + std::to_string(number_of(status, "job")) + " " + state + reasons(status) + ": " +
                     std::to_string(sum.over) + " of " + std::to_string(sum.tables) + " tables, " +
                     std::to_string(sum.rows) + " rows (" + std::to_string(static_cast<int>(sum.share() * 100)) + "%)";
  if (sum.failed > 0) line += ", " + std::to_string(sum.failed) + " failed";
  if (const std::uint64_t count = number_of(status, "differences_count"); count > 0) {
    line += ", " + std::to_string(count) + (count == 1 ? " differs" : " differ");
  }
  if (state == "running") line += ", " + rates(status);
  return line + "\n";
}

}  // namespace crossfade::proxy
