#include "migrate/big_bang.h"

#include <optional>
#include <utility>

#include "migrate/job_coverage.h"

namespace crossfade::migrate {
namespace {

using nlohmann::json;
using ProgressKind = Progress::Kind;

constexpr int kFailedCode = 1;
constexpr int kDiffersCode = 4;

Progress progress_failed(std::string why, int exit_code) {
  return {.kind = ProgressKind::failed, .why = std::move(why), .exit_code = exit_code};
}

std::string text_in(const json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_in(const json& object, const char* member) {
  if (!object.is_object()) return 0;
  const auto found = object.find(member);
  return found != object.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

// The first table that was left out, with the reason; empty: none was.
std::string left_out(const json& job) {
  if (!job.is_object() || !job.contains("tables")) return "";
  for (const json& table : job["tables"]) {
    const std::string state = text_in(table, "state");
    if (state != "done") return text_in(table, "table") + ": " + state + ": " + text_in(table, "reason");
  }
  return "";
}

// What both kinds of jobs have in common; nullopt: it is done.
std::optional<Progress> not_done(const json& job, std::uint64_t number, const std::string& what) {
  const std::string state = text_in(job, "state");
  if (state == "unknown") return Progress();  // a server is away, or the proxy has just begun
  if (state == "none") return progress_failed("nothing is known of the " + what + " any more", kNotWholeCode);
  if (number_in(job, "job") != number)
    return progress_failed("another " + what + " has been started meanwhile", kNotWholeCode);
  if (state == "running") return Progress();
  if (state == "done") return std::nullopt;
  const std::string why = text_in(job, "why"), table = left_out(job);
  return progress_failed("the " + what + " is " + state + (why.empty() ? "" : ": " + why) +
                             (state == "failed" && !table.empty() ? " (" + table + ")" : ""),
                         state == "failed"    ? kFailedCode
                         : state == "orphans" ? kDiffersCode
                                              : kNotWholeCode);
}

}  // namespace

Progress preflight_progress(const json& report, ForLater for_later) {
  if (!report.is_object() || !report.contains("findings"))
    return progress_failed("it could not be looked at", kFailedCode);
  std::string blockers, later;
  std::uint64_t count = 0;
  for (const json& finding : report["findings"]) {
    const std::string code = text_in(finding, "code"), object = text_in(finding, "object");
    if (text_in(finding, "severity") == "blocker") {
      ++count;
      blockers += "\n  " + object + ": " + text_in(finding, "reason");
    }
    if (code == "trigger_for_later" || code == "event_for_later") later += (later.empty() ? "" : ", ") + object;
  }
  if (count > 0) {
    return progress_failed(
        std::to_string(count) + (count == 1 ? " blocker" : " blockers") + " (crossfade preflight)" + blockers,
        kDiffersCode);
  }
  if (later.empty() || for_later == ForLater::accept) return {.kind = ProgressKind::done};
  return progress_failed("new would lead without " + later +
                             ": --objects-later if somebody makes them there once it does (crossfade preflight "
                             "--fix-schema prints them)",
                         kDiffersCode);
}

Progress copy_progress(const json& job, std::uint64_t number) {
  if (std::optional<Progress> seen = not_done(job, number, "copy")) return *std::move(seen);
  const std::string table = left_out(job);
  return table.empty() ? Progress{.kind = ProgressKind::done}
                       : progress_failed("a table was not copied: " + table, kFailedCode);
}

Progress verify_progress(const json& job, std::uint64_t number) {
  const std::uint64_t differences = number_in(job, "differences_count");
  std::optional<Progress> seen = not_done(job, number, "comparison");
  if (seen && seen->kind == ProgressKind::under_way) return *std::move(seen);
  if (differences > 0) return progress_failed(std::to_string(differences) + " rows differ", kDiffersCode);
  if (seen) return *std::move(seen);
  const std::string table = left_out(job);
  return table.empty() ? Progress{.kind = ProgressKind::done}
                       : progress_failed("a table was not compared: " + table, kNotWholeCode);
}

Progress freeze_progress(const json& told, std::string_view holder) {
  const std::string state = text_in(told, "state");
  if (text_in(told, "holder") != holder)
    return progress_failed("writes are no longer frozen: " + text_in(told, "why"), kFailedCode);
  return {.kind = state == "closed" ? ProgressKind::done : ProgressKind::under_way};
}

Progress switch_progress(const json& told, std::string_view holder) {
  if (text_in(told, "leader") == "new") return {.kind = ProgressKind::done};
  const std::string state = text_in(told, "state");
  if (text_in(told, "holder") == holder && state == "changing") return Progress();
  return progress_failed("'old' still leads: " + text_in(told, "why"), kFailedCode);
}

std::string why_not_to_switch(const SwitchFacts& facts) {
  if (!facts.follower_up) return "'new' cannot be reached";
  if (facts.stopped_tables > 0) return std::to_string(facts.stopped_tables) + " tables are stopped (crossfade status)";
  if (facts.ledger_open > 0) return std::to_string(facts.ledger_open) + " rows of the ledger are open";
  const std::string copying = text_in(facts.backfill, "state");
  if (copying == "running" || copying == "paused") return "a copy is " + copying;
  if (copying == "orphans") return "the copy found rows that refer to none";
  const std::uint64_t number = number_in(facts.verify, "job");
  if (number <= facts.verify_before) return "nothing was compared since writes are frozen";
  const Progress compared = verify_progress(facts.verify, number);
  if (compared.kind == ProgressKind::under_way) return "the comparison is under way";
  if (compared.kind == ProgressKind::failed) return compared.why;
  return compares_everything(facts.verify) ? "" : "the comparison was not of all tables and rows";
}

BigBang::Step BigBang::after() const {
  switch (step_) {
    case Step::preflight:
      return Step::freeze;
    case Step::freeze:
      return copy_ == Copy::wanted ? Step::copy : Step::verify;
    case Step::copy:
      return Step::verify;
    case Step::verify:
      return Step::change_leader;
    case Step::change_leader:
    case Step::thaw:
    case Step::over:
      break;
  }
  return Step::over;
}

void BigBang::take(const Progress& end) {
  if (end.kind == ProgressKind::under_way || step_ == Step::over) return;
  if (end.kind == ProgressKind::done) {
    step_ = after();
    return;
  }
  if (step_ == Step::thaw) {  // it ends by itself, when nobody renews it
    step_ = Step::over;
    return;
  }
  why_ = end.why.empty() ? "it failed" : end.why;
  exit_code_ = end.exit_code == 0 ? kFailedCode : end.exit_code;
  failed_in_ = step_;
  step_ = step_ == Step::preflight ? Step::over : Step::thaw;
}

std::string_view name(BigBang::Step step) {
  switch (step) {
    case BigBang::Step::preflight:
      return "preflight";
    case BigBang::Step::freeze:
      return "freeze";
    case BigBang::Step::copy:
      return "copy";
    case BigBang::Step::verify:
      return "verify";
    case BigBang::Step::change_leader:
      return "switch";
    case BigBang::Step::thaw:
      return "unfreeze";
    case BigBang::Step::over:
      return "end";
  }
  return "";
}

}  // namespace crossfade::migrate
