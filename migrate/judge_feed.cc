#include "migrate/judge_feed.h"

#include "absl/strings/ascii.h"

namespace crossfade::migrate {
namespace {

using Configured = config::DualWriteConfig::Feed;
using Problems = std::vector<dualwrite::SettingProblem>;

constexpr std::uint64_t kDay = 24 * 3600;

// What triggers need beside the settings.
Problems trigger_problems(const ServerFacts& server) {
  Problems out = server.by_triggers;
  const Grants& grants = server.control.grants;
  const std::string log = absl::AsciiStrToUpper(server.variable("log_bin"));
  const std::string trusted = absl::AsciiStrToUpper(server.variable("log_bin_trust_function_creators"));
  if ((log == "ON" || log == "1") && trusted != "ON" && trusted != "1" && !grants.everywhere("SUPER"))
    out.push_back({.setting = "log_bin_trust_function_creators",
                   .found = trusted.empty() ? "OFF" : trusted,
                   .advice = "SET GLOBAL log_bin_trust_function_creators=1"});
  if (!grants.everywhere("TRIGGER"))
    out.push_back({.setting = "the right TRIGGER",
                   .found = "missing",
                   .advice = "GRANT TRIGGER ON *.* TO " + server.control.account});
  return out;
}

std::string advice_of(const dualwrite::SettingProblem& problem) {
  return problem.restart ? "on old, which needs a restart: " + problem.advice : "on old: " + problem.advice;
}

void add_problems(Findings& out, Severity severity, const Problems& problems, const std::string& code,
                  const std::string& feed) {
  for (const auto& problem : problems) {
    out.push_back({.severity = severity,
                   .object = "old",
                   .code = code,
                   .reason = "feed " + feed + ": " + problem.setting + " is " + problem.found,
                   .advice = advice_of(problem)});
  }
}

void judge_retention(const ServerFacts& leader, Findings& out) {
  const std::uint64_t kept = leader.retention.seconds;
  if (kept == 0 || kept >= kDay) return;
  out.push_back({.severity = Severity::warning,
                 .object = "old",
                 .code = "log_retention_short",
                 .reason = "its log is kept for " + std::to_string(kept) +
                           " s: a follower that is behind for longer, or a copy that takes longer, must begin anew",
                 .advice = "on old: SET GLOBAL binlog_expire_logs_seconds=604800"});
}

}  // namespace

std::string_view name(FeedChoice choice) {
  switch (choice) {
    case FeedChoice::none:
      return "none";
    case FeedChoice::log:
      return "log";
    case FeedChoice::trigger:
      return "trigger";
  }
  return "";
}

FeedJudgement judge_feed(const ServerFacts& leader, Configured configured, FeedChoice begun) {
  FeedJudgement out;
  const Problems by_log = leader.log.problems, by_trigger = trigger_problems(leader);
  const bool may_log = begun != FeedChoice::trigger && configured != Configured::trigger;
  const bool may_trigger = begun != FeedChoice::log && configured != Configured::log;
  if (may_log && (by_log.empty() || !may_trigger)) {
    out.choice = by_log.empty() ? FeedChoice::log : FeedChoice::none;
    out.why = by_log.empty() ? "its row log is on and tells every row, whole, with names, durably"
                             : "the log cannot be followed as it is: " + dualwrite::describe(by_log);
    add_problems(out.findings, Severity::blocker, by_log, "log_setting", "log");
  } else if (may_trigger && by_trigger.empty()) {
    out.choice = FeedChoice::trigger;
    out.why = may_log ? "triggers can be made, and the log cannot be followed: " + dualwrite::describe(by_log)
                      : "triggers can be made";
    if (may_log) add_problems(out.findings, Severity::warning, by_log, "log_setting", "log");
  } else if (may_trigger) {
    out.why = "neither will do";
    if (may_log) add_problems(out.findings, Severity::blocker, by_log, "log_setting", "log");
    add_problems(out.findings, Severity::blocker, by_trigger, "trigger_setting", "trigger");
  } else {
    out.why = "this migration has begun with the other feed";
    out.findings.push_back({.severity = Severity::blocker,
                            .object = "old",
                            .code = "feed_begun",
                            .reason = "this migration is fed by " + std::string(name(begun)) +
                                      " since it began; by another feed what it holds would be lost",
                            .advice = "set dual_write.feed: " + std::string(name(begun))});
  }
  if (begun != FeedChoice::none && out.choice == begun) out.why = "the migration has begun with it";
  out.findings.push_back({.severity = Severity::note,
                          .object = "old",
                          .code = "feed",
                          .reason = "feed " + std::string(name(out.choice)) + ": " + out.why,
                          .advice = ""});
  if (out.choice == FeedChoice::log) judge_retention(leader, out.findings);
  return out;
}

Findings judge_way_back(const ServerFacts& later) {
  const Problems by_log = later.log.problems, by_trigger = trigger_problems(later);
  if (by_log.empty())
    return {{.severity = Severity::note,
             .object = "new",
             .code = "way_back",
             .reason = "when new leads, old can follow its row log",
             .advice = ""}};
  if (by_trigger.empty())
    return {{.severity = Severity::note,
             .object = "new",
             .code = "way_back_by_triggers",
             .reason = "when new leads, old can follow by triggers alone; by its log it could if: " +
                       dualwrite::describe(by_log),
             .advice = ""}};
  return {{.severity = Severity::warning,
           .object = "new",
           .code = "way_back_missing",
           .reason = "when new leads, old can follow neither its log nor triggers: there is no way back",
           .advice = dualwrite::describe(by_log) + "; or for triggers: " + dualwrite::describe(by_trigger)}};
}

}  // namespace crossfade::migrate
