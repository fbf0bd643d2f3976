#include "dualwrite/log_retention.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "absl/strings/match.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::uint64_t kSecondsOfADay = 86400;

// Whole seconds or days; MariaDB has fractions of a day.
std::optional<double> value_of(const protocol::ResultSet& variables, std::string_view name) {
  for (const auto& row : variables.rows) {
    if (row.size() < 2 || row[0] != name || !row[1]) continue;
    double value = 0;
    const auto [end, error] = std::from_chars(row[1]->data(), row[1]->data() + row[1]->size(), value);
    if (error == std::errc()) return value;
  }
  return std::nullopt;
}

bool is_off(const protocol::ResultSet& variables, std::string_view name) {
  for (const auto& row : variables.rows) {
    if (row.size() >= 2 && row[0] == name) return absl::EqualsIgnoreCase(row[1].value_or(""), "OFF");
  }
  return false;
}

std::string spelled(std::uint64_t seconds) {
  if (seconds >= 2 * kSecondsOfADay) return std::to_string(seconds / kSecondsOfADay) + " days";
  return seconds >= 7200 ? std::to_string(seconds / 3600) + " hours" : std::to_string(seconds) + " seconds";
}

}  // namespace

std::string retention_query() {
  return "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
         "('binlog_expire_logs_seconds','expire_logs_days','binlog_expire_logs_auto_purge')";
}

LogRetention retention_from(const protocol::ResultSet& variables, const protocol::ResultSet& logs) {
  LogRetention out;
  if (!logs.rows.empty() && !logs.rows.front().empty()) out.oldest_file = logs.rows.front().front().value_or("");
  if (is_off(variables, "binlog_expire_logs_auto_purge")) return out;
  if (const std::optional<double> seconds = value_of(variables, "binlog_expire_logs_seconds");
      seconds && *seconds > 0) {
    out.seconds = static_cast<std::uint64_t>(*seconds);
  } else if (const std::optional<double> days = value_of(variables, "expire_logs_days"); days && *days > 0) {
    out.seconds = static_cast<std::uint64_t>(*days * static_cast<double>(kSecondsOfADay));
  }
  return out;
}

RetentionVerdict judge_retention(const LogRetention& retention, const NeededLog& needed) {
  if (needed.from.known() && !retention.oldest_file.empty() &&
      LogPosition{.file = needed.from.file, .offset = 0} < LogPosition{.file = retention.oldest_file, .offset = 0}) {
    return RetentionVerdict::gone;
  }
  const bool near = retention.seconds != 0 && needed.waiting_seconds * 2 >= retention.seconds;
  return near ? RetentionVerdict::near : RetentionVerdict::fine;
}

std::string retention_advice(const LogRetention& retention, const NeededLog& needed) {
  switch (judge_retention(retention, needed)) {
    case RetentionVerdict::fine:
      return "";
    case RetentionVerdict::near:
      return needed.by + " needs the leader's log from " + needed.from.text() + " on and has waited for " +
             spelled(needed.waiting_seconds) + "; the leader deletes its log after " + spelled(retention.seconds) +
             ": SET GLOBAL binlog_expire_logs_seconds higher (expire_logs_days on old servers), or " +
             (needed.is_prepared ? "end it (XA RECOVER, then XA COMMIT or XA ROLLBACK)" : "let it go on");
    case RetentionVerdict::gone:
      return needed.by + " needs the leader's log from " + needed.from.text() + " on, and the oldest that is left is " +
             retention.oldest_file +
             (needed.is_prepared
                  ? ": end it (XA RECOVER, then XA COMMIT or XA ROLLBACK) before the feed has to read anew, "
                    "which it cannot; then everything has to be copied anew"
                  : ": it has to be copied anew");
  }
  return "";
}

}  // namespace crossfade::dualwrite
