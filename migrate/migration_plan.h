// The steps of a migration in the ordinary way: what is done, what is next. `crossfade migrate --plan`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace crossfade::migrate {

// What was seen. Each null where it could not be: then the error says why.
struct PlanFacts {
  nlohmann::json preflight{};  // as preflight_json()
  std::string preflight_error{};
  nlohmann::json status{};  // as GET /status
  std::string status_error{};
  nlohmann::json report{};  // as GET /report
};

struct PlanStep {
  enum class State : std::uint8_t { done, under_way, next, later };
  std::string name;  // "copy"
  State state = State::later;
  std::string seen;  // how it stands; empty: nothing is to be said
  std::string how;   // what to do; empty where it is done
  friend bool operator==(const PlanStep&, const PlanStep&) = default;
};
std::string_view name(PlanStep::State state);

// In their order. The first that is not done is the next, or under way; what is done behind it is shown as done.
std::vector<PlanStep> migration_plan(const PlanFacts& facts);
std::string plan_text(const std::vector<PlanStep>& steps);
nlohmann::json plan_json(const std::vector<PlanStep>& steps);

}  // namespace crossfade::migrate
