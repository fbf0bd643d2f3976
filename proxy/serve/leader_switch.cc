#include "proxy/serve/leader_switch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace crossfade::proxy {
namespace {

constexpr auto kTendPause = std::chrono::milliseconds(50);
constexpr std::chrono::milliseconds kLeaseMax{120'000};
constexpr std::chrono::milliseconds kHoldMax{3'600'000};
constexpr std::size_t kInTheWayShown = 20;
constexpr std::chrono::milliseconds kApplyingMax{15'000};  // of a feed that has just begun
constexpr std::chrono::milliseconds kCountedMax{5'000};    // the ledger is counted now and then

std::string option_text(const nlohmann::json& options, const char* member) {
  const auto found = options.find(member);
  return found != options.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Within what is sensible, whatever was sent.
std::chrono::milliseconds option_time(const nlohmann::json& options, const char* member,
                                      std::chrono::milliseconds otherwise, std::chrono::milliseconds most) {
  const auto found = options.find(member);
  if (found == options.end() || !found->is_number_integer()) return otherwise;
  return std::clamp(std::chrono::milliseconds(found->get<std::int64_t>()), std::chrono::milliseconds(0), most);
}

// What still stands in the way when all has been counted.
std::string last_reason(const std::function<std::string()>& look) {
  const TimePoint until = Clock::now() + kCountedMax;
  std::string why = look();
  while (!why.empty() && Clock::now() < until) {
    std::this_thread::sleep_for(kTendPause);
    why = look();
  }
  return why;
}

}  // namespace

std::string_view LeaderSwitch::name(State state) {
  switch (state) {
    case State::open:
      return "open";
    case State::closing:
      return "closing";
    case State::closed:
      return "closed";
    case State::changing:
      return "changing";
    case State::changed:
      return "changed";
  }
  return "";
}

void LeaderSwitch::start() {
  setting_.reactor.spawn(tend());
  if (setting_.shared.leader != config::Backend::old_db) return;
  Reactor& control = setting_.shared.control_links.reactor();
  control.post([this, &control] { control.spawn(watch()); });
}

std::shared_ptr<const config::Flags> LeaderSwitch::over(std::shared_ptr<const config::Flags> flags) const {
  const bool follows = setting_.shared.leader == config::Backend::old_db;
  const std::lock_guard lock(mutex_);
  if (freeze_.state == State::open && follows) return flags;
  auto changed = std::make_shared<config::Flags>(*flags);
  if (freeze_.state != State::open) changed->freeze_writes = true;
  if (!follows) changed->dual_write.enabled = false;
  return changed;
}

std::chrono::milliseconds LeaderSwitch::hold() const {
  const std::lock_guard lock(mutex_);
  return freeze_.state == State::open ? std::chrono::milliseconds(0) : freeze_.hold;
}

nlohmann::json LeaderSwitch::status() const {
  const std::lock_guard lock(mutex_);
  nlohmann::json in_the_way = nlohmann::json::array();
  for (const OpenWrite& each : freeze_.in_the_way) {
    if (in_the_way.size() == kInTheWayShown) break;
    in_the_way.push_back({{"connection", each.connection_id},
                          {"user", each.user},
                          {"what", each.in_transaction ? "a transaction is open" : "a statement runs"}});
  }
  const auto leader = freeze_.state == State::changed ? config::Backend::new_db : setting_.shared.leader;
  return {{"leader", config::name(leader)}, {"state", name(freeze_.state)},
          {"holder", freeze_.holder},       {"why", freeze_.why},
          {"in_the_way", in_the_way},       {"in_the_way_count", freeze_.in_the_way.size()}};
}

absl::StatusOr<std::string> LeaderSwitch::order(const nlohmann::json& order) {
  const bool is_order = order.is_object() && order.value("options", nlohmann::json::object()).is_object();
  const std::string verb = is_order ? option_text(order, "verb") : "";
  const nlohmann::json options = is_order ? order.value("options", nlohmann::json::object()) : nlohmann::json();
  const std::string holder = is_order ? option_text(options, "holder") : "";
  if (holder.empty() || holder.size() > 64) {
    return absl::InvalidArgumentError("send a verb (freeze, renew, switch, unfreeze) and options with a holder");
  }
  if (verb == "freeze") return freeze(options);
  {
    const std::lock_guard lock(mutex_);
    if (freeze_.holder != holder) {
      return absl::FailedPreconditionError("'" + holder + "' does not freeze writes" +
                                           (freeze_.why.empty() ? "" : ": " + freeze_.why));
    }
    if (verb == "renew") {
      freeze_.until = Clock::now() + option_time(options, "lease_ms", std::chrono::milliseconds(15'000), kLeaseMax);
      return std::string("renewed");
    }
    if (freeze_.state == State::changing || freeze_.state == State::changed) {
      return absl::FailedPreconditionError("the leader is just being changed");
    }
  }
  if (verb == "switch") return change(options);
  if (verb != "unfreeze") return absl::InvalidArgumentError("send a verb: freeze, renew, switch or unfreeze");
  const std::string why = option_text(options, "why");
  thaw(State::closing, why.empty() ? "unfrozen" : why);
  thaw(State::closed, why.empty() ? "unfrozen" : why);
  return std::string("writes go on");
}

absl::StatusOr<std::string> LeaderSwitch::freeze(const nlohmann::json& options) {
  absl::Status fit = fit_to_freeze();
  for (const TimePoint until = Clock::now() + kApplyingMax; absl::IsUnavailable(fit) && Clock::now() < until;) {
    std::this_thread::sleep_for(kTendPause);
    fit = fit_to_freeze();
  }
  if (!fit.ok()) return fit;
  const absl::Status probed = wait_for_probe();
  if (!probed.ok()) return probed;
  const nlohmann::json compared = setting_.verify();
  {
    const std::lock_guard lock(mutex_);
    if (freeze_.state != State::open) {
      return absl::FailedPreconditionError("writes are frozen already, by '" + freeze_.holder + "'");
    }
    freeze_ = {.state = State::closing,
               .holder = option_text(options, "holder"),
               .why = {},
               .until = Clock::now() + option_time(options, "lease_ms", std::chrono::milliseconds(15'000), kLeaseMax),
               .hold = option_time(options, "hold_ms", std::chrono::milliseconds(30'000), kHoldMax),
               .in_the_way = {},
               .verify_before = compared.value("job", std::uint64_t{0}),
               .number = freeze_.number + 1};
    spdlog::warn("writes=frozen holder={} hold_ms={}", freeze_.holder, freeze_.hold.count());
  }
  setting_.flags_changed();
  return std::string("writes are being frozen");
}

// Unavailable: it may be, in a moment.
absl::Status LeaderSwitch::fit_to_freeze() const {
  if (setting_.shared.leader != config::Backend::old_db) return absl::FailedPreconditionError("'new' leads already");
  if (setting_.shared.feed.kind() == FeedKind::undecided) return absl::UnavailableError("no feed has begun yet");
  const std::string feed = setting_.shared.feed.status().state;
  if (feed.starts_with("standing by") || feed.starts_with("paused")) {
    return absl::FailedPreconditionError("this proxy does not apply changes (" + feed + "): ask the one that does");
  }
  for (const nlohmann::json& job : {setting_.backfill(), setting_.verify()}) {
    const std::string state = job.value("state", "unknown");
    if (state == "unknown") {
      return absl::UnavailableError(job.value("waiting", "this proxy does not apply changes now"));
    }
    if (state == "running" || state == "paused") {
      return absl::FailedPreconditionError("a copy or a comparison is " + state);
    }
  }
  return absl::OkStatus();
}

migrate::SwitchFacts LeaderSwitch::facts() const {
  const FeedStatus feed = setting_.shared.feed.status();
  migrate::SwitchFacts facts{.verify = setting_.verify(),
                             .backfill = setting_.backfill(),
                             .verify_before = 0,
                             .stopped_tables = feed.parked.size(),
                             .ledger_open = feed.ledger_open,
                             .follower_up = feed.follower_up};
  const std::lock_guard lock(mutex_);
  facts.verify_before = freeze_.verify_before;
  return facts;
}

absl::StatusOr<std::string> LeaderSwitch::change(const nlohmann::json& options) {
  const std::string why = last_reason([this] { return migrate::why_not_to_switch(facts()); });
  if (!why.empty()) return absl::FailedPreconditionError(why);
  const std::string holder = option_text(options, "holder");
  {
    const std::lock_guard lock(mutex_);
    if (freeze_.state != State::closed || freeze_.holder != holder) {
      return absl::FailedPreconditionError("not all writes are frozen yet");
    }
    freeze_.state = State::changing;
  }
  Reactor& control = setting_.shared.control_links.reactor();
  control.post([this, &control, holder] { control.spawn(carry_out(holder)); });
  return std::string("the leader is being changed");
}

// If that is how it stands.
void LeaderSwitch::thaw(State from, std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (freeze_.state != from) return;
    spdlog::warn("writes=unfrozen holder={} why=\"{}\"", freeze_.holder, why);
    freeze_.state = State::open;
    freeze_.holder.clear();
    freeze_.in_the_way.clear();
    freeze_.why = std::move(why);
  }
  setting_.flags_changed();
}

Task<void> LeaderSwitch::tend() {
  for (;;) {
    co_await setting_.reactor.sleep_for(kTendPause);
    State state = State::open;
    std::uint64_t number = 0;
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      state = freeze_.state;
      number = freeze_.number;
      over = Clock::now() > freeze_.until;
    }
    if (over && (state == State::closing || state == State::closed)) {
      thaw(state, "nobody renewed the freeze");
    } else if (state == State::closing) {
      ask_workers(number);
    }
  }
}

// What was posted to a worker before, its flags among it, it has done by then.
void LeaderSwitch::ask_workers(std::uint64_t number) {
  const std::vector<Worker*>& workers = setting_.shared.workers;
  auto round = std::make_shared<Round>();
  round->left = workers.size();
  round->freeze = number;
  for (Worker* worker : workers) {
    worker->reactor.post([this, worker, round] {
      std::vector<OpenWrite> open = worker->open_writes();
      const std::lock_guard lock(round->mutex);
      round->open.insert(round->open.end(), open.begin(), open.end());
      if (--round->left == 0) take(*round);
    });
  }
}

void LeaderSwitch::take(const Round& round) {
  const std::lock_guard lock(mutex_);
  if (freeze_.state != State::closing || freeze_.number != round.freeze) return;
  freeze_.in_the_way = round.open;
  if (round.open.empty()) freeze_.state = State::closed;
}

}  // namespace crossfade::proxy
