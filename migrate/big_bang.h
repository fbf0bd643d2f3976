// `crossfade migrate --big-bang`: its steps as a state machine, and what is read out of a proxy's answers. Time, HTTP
// and SQL are its driver's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nlohmann/json.hpp"

namespace crossfade::migrate {

// Exit code of what ended before it was whole.
inline constexpr int kNotWholeCode = 8;

// What somebody who looks at something has seen.
struct Progress {
  enum class Kind : std::uint8_t { under_way, done, failed } kind = Kind::under_way;
  std::string why{};  // of `failed`
  int exit_code = 0;  // of `failed`
  friend bool operator==(const Progress&, const Progress&) = default;
};

// Of what preflight has found, as preflight_json(). Triggers and events run on `old` alone until `new` leads, so they
// are not on `new`: `refuse` if there are any.
enum class ForLater : std::uint8_t { refuse, accept };
Progress preflight_progress(const nlohmann::json& report, ForLater for_later);
// Of the job `number`, as GET /jobs/backfill and /jobs/verify tell it. Another job there: `failed`.
Progress copy_progress(const nlohmann::json& job, std::uint64_t number);
Progress verify_progress(const nlohmann::json& job, std::uint64_t number);
// Of what GET /jobs/switch tells, to whoever holds the freeze. `failed`: it has ended, and nothing is frozen.
Progress freeze_progress(const nlohmann::json& told, std::string_view holder);
Progress switch_progress(const nlohmann::json& told, std::string_view holder);

// What must be so, beside the freeze, before `new` may lead; empty: it is. `verify`, `backfill`: the jobs; a comparison
// counts if its number is above `verify_before`, the last one's when writes were frozen.
struct SwitchFacts {
  nlohmann::json verify{};
  nlohmann::json backfill{};
  std::uint64_t verify_before = 0;
  std::uint64_t stopped_tables = 0;
  std::uint64_t ledger_open = 0;
  bool follower_up = false;
};
std::string why_not_to_switch(const SwitchFacts& facts);

// Goes through the steps in their order. Whatever fails once writes were frozen leads to `thaw`, and then to the end.
//
// Invariant: the end is reached with `new` leading (succeeded()), or with nothing frozen.
class BigBang {
 public:
  enum class Step : std::uint8_t { preflight, freeze, copy, verify, change_leader, thaw, over };
  enum class Copy : std::uint8_t { wanted, already_there };
  explicit BigBang(Copy copy) : copy_(copy) {}

  Step step() const { return step_; }
  // The present step is over: `done` or `failed`.
  void take(const Progress& end);
  bool succeeded() const { return step_ == Step::over && why_.empty(); }
  const std::string& why() const { return why_; }
  Step failed_in() const { return failed_in_; }
  int exit_code() const { return exit_code_; }

 private:
  Step after() const;

  Copy copy_;
  Step step_ = Step::preflight;
  Step failed_in_ = Step::over;
  std::string why_;
  int exit_code_ = 0;
};
std::string_view name(BigBang::Step step);  // "copy"

}  // namespace crossfade::migrate
