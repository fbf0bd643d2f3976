#include "migrate/migration_plan.h"

#include <utility>

#include "migrate/job_coverage.h"

namespace crossfade::migrate {
namespace {

using nlohmann::json;
using PlanState = PlanStep::State;

// The member at the end of the path; null where there is none.
json at(const json& from, std::initializer_list<const char*> path) {
  const json* here = &from;
  for (const char* member : path) {
    if (!here->is_object() || !here->contains(member)) return nullptr;
    here = &(*here)[member];
  }
  return *here;
}
std::string text_at(const json& from, std::initializer_list<const char*> path) {
  const json found = at(from, path);
  return found.is_string() ? found.get<std::string>() : std::string();
}
std::uint64_t number_at(const json& from, std::initializer_list<const char*> path) {
  const json found = at(from, path);
  return found.is_number() ? found.get<std::uint64_t>() : 0;
}

std::string plan_count(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

class Steps {
 public:
  explicit Steps(const PlanFacts& facts) : facts_(facts) {}

  std::vector<PlanStep> all() {
    preflight();
    follow();
    copy();
    verify();
    shadow();
    reads();
    leader();
    order();
    return std::move(out_);
  }

 private:
  // `state`: done, under_way, or anything else for neither.
  void add(std::string name, PlanState state, std::string seen, std::string how) {
    if (leads_new()) state = PlanState::done;
    if (state == PlanState::done) how.clear();
    out_.push_back({.name = std::move(name), .state = state, .seen = std::move(seen), .how = std::move(how)});
  }

  bool leads_new() const { return text_at(facts_.status, {"leader"}) == "new"; }
  bool runs() const { return facts_.status.is_object(); }

  void preflight() {
    const std::string how = "crossfade preflight; crossfade preflight --fix-schema --execute makes tables on new";
    if (leads_new()) return add("preflight", PlanState::done, "", how);
    if (!facts_.preflight.is_object()) return add("preflight", PlanState::later, facts_.preflight_error, how);
    const std::uint64_t blockers = number_at(facts_.preflight, {"blockers"});
    add("preflight", blockers == 0 ? PlanState::done : PlanState::later,
        blockers == 0 ? "nothing stands in the way" : plan_count(blockers, "blocker"), how);
  }

  void follow() {
    const std::string how = "crossfade serve; connect the application to it";
    if (!runs()) return add("follow", PlanState::later, facts_.status_error, how);
    const bool decided = text_at(facts_.status, {"feed", "kind"}) != "undecided";
    const std::string error = text_at(facts_.status, {"backends", "old", "error"});
    if (!decided) return add("follow", PlanState::later, "no feed has begun: " + error, how);
    const std::string applier = text_at(facts_.status, {"applier", "state"});
    const bool applies = applier.starts_with("applying") || applier.starts_with("standing by");
    const json parked = at(facts_.status, {"applier", "parked"});
    const std::size_t stopped = parked.is_array() ? parked.size() : 0;
    std::string seen = "feed " + text_at(facts_.status, {"feed", "kind"}) + ", " + applier;
    if (stopped > 0) seen += ", " + plan_count(stopped, "table") + " stopped (crossfade status)";
    add("follow", applies && stopped == 0 ? PlanState::done : PlanState::later, seen,
        stopped > 0 ? "crossfade tables release, or crossfade backfill start --replace" : how);
  }

  void copy() {
    const std::string how = "crossfade backfill start";
    const std::string state = text_at(facts_.status, {"backfill", "state"});
    const std::string rows = plan_count(number_at(facts_.status, {"backfill", "rows"}), "row");
    const bool is_whole = copies_everything(at(facts_.status, {"backfill"}));
    if (state == "done" && is_whole) return add("copy", PlanState::done, rows, how);
    if (state == "running")
      return add("copy", PlanState::under_way, rows + " so far", "crossfade backfill status --wait");
    if (state == "paused") return add("copy", PlanState::under_way, "paused, " + rows, "crossfade backfill resume");
    if (state == "orphans") return add("copy", PlanState::later, text_at(facts_.status, {"backfill", "why"}), how);
    // Whoever has brought the rows there by other means.
    if (is_equal()) return add("copy", PlanState::done, "the comparison finds both equal", how);
    if (state == "done") return add("copy", PlanState::later, "the last copy was not of all tables and rows", how);
    const bool begun = !state.empty() && state != "none" && state != "unknown";
    add("copy", PlanState::later, begun ? "the last copy is " + state : "", how);
  }

  bool is_equal() const {
    return compares_everything(at(facts_.status, {"verify"})) &&
           text_at(facts_.status, {"verify", "state"}) == "done" && number_at(facts_.status, {"verify", "job"}) > 0 &&
           number_at(facts_.status, {"verify", "differences_count"}) == 0;
  }

  void verify() {
    const std::string state = text_at(facts_.status, {"verify", "state"});
    const std::uint64_t differences = number_at(facts_.status, {"verify", "differences_count"});
    const std::string rows = plan_count(number_at(facts_.status, {"verify", "rows"}), "row");
    if (state == "running") {
      return add("verify", PlanState::under_way, rows + " so far", "crossfade verify status --wait");
    }
    if (differences > 0) {
      return add("verify", PlanState::later,
                 plan_count(differences, "row") + (differences == 1 ? " differs" : " differ"),
                 "crossfade repair, then crossfade verify start");
    }
    if (is_equal()) return add("verify", PlanState::done, rows + ", no difference", "");
    const bool begun = !state.empty() && state != "none" && state != "unknown";
    const std::string seen = state == "done" ? "the last comparison was not of all tables and rows"
                             : begun         ? "the last comparison is " + state
                                             : "";
    add("verify", PlanState::later, seen, "crossfade verify start");
  }

  void shadow() {
    const std::string how = "shadow_read: { percent: 20 } in the flags, then crossfade report";
    const std::string verdict = text_at(facts_.report, {"verdict"});
    const std::string percent = text_at(facts_.status, {"flags", "shadow_read", "percent"});
    const bool on = !percent.empty() && percent != "0";
    if (verdict == "SAFE") return add("compare reads", PlanState::done, "the report says SAFE", how);
    add("compare reads", on ? PlanState::under_way : PlanState::later,
        on ? percent + " % of reads are compared" + (verdict.empty() ? "" : ", the report says " + verdict) : "",
        on ? "crossfade report" : how);
  }

  void reads() {
    const std::string percent = text_at(facts_.status, {"flags", "read_from_new", "percent"});
    const bool on = !percent.empty() && percent != "0";
    const PlanState state = percent == "100" ? PlanState::done : on ? PlanState::under_way : PlanState::later;
    add("move reads", state, on ? percent + " % of reads are answered by new" : "",
        "read_from_new: { percent: 5 } in the flags, then more, up to 100");
  }

  void leader() {
    add("switch", PlanState::later, leads_new() ? "new leads" : "",
        "crossfade migrate --big-bang --copied: freezes writes, compares everything, and lets new lead");
  }

  void order() {
    bool before = true;  // all are done up to here
    for (PlanStep& step : out_) {
      if (step.state == PlanState::done || step.state == PlanState::under_way) {
        before = before && step.state == PlanState::done;
        continue;
      }
      step.state = before ? PlanState::next : PlanState::later;
      before = false;
    }
  }

  const PlanFacts& facts_;
  std::vector<PlanStep> out_;
};

}  // namespace

std::string_view name(PlanStep::State state) {
  switch (state) {
    case PlanState::done:
      return "done";
    case PlanState::under_way:
      return "under way";
    case PlanState::next:
      return "next";
    case PlanState::later:
      return "later";
  }
  return "";
}

std::vector<PlanStep> migration_plan(const PlanFacts& facts) { return Steps(facts).all(); }

std::string plan_text(const std::vector<PlanStep>& steps) {
  constexpr std::size_t kStateWidth = 11, kNameWidth = 15;
  std::string out;
  for (const PlanStep& step : steps) {
    std::string line(name(step.state));
    line.resize(kStateWidth, ' ');
    std::string what = step.name;
    what.resize(kNameWidth, ' ');
    line += what + step.seen;
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
    const bool now = step.state == PlanState::next || step.state == PlanState::under_way;
    if (now && !step.how.empty()) out += std::string(kStateWidth + kNameWidth, ' ') + "-> " + step.how + "\n";
  }
  return out;
}

json plan_json(const std::vector<PlanStep>& steps) {
  json out = json::array();
  for (const PlanStep& step : steps) {
    out.push_back({{"step", step.name}, {"state", name(step.state)}, {"seen", step.seen}, {"how", step.how}});
  }
  return {{"steps", out}};
}

}  // namespace crossfade::migrate
