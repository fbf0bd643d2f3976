#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>

namespace crossfade::sim {

namespace {
// Any moment but 0, which stands for never.
constexpr auto kBegin = proxy::TimePoint(std::chrono::hours(1));
}  // namespace

World::World(std::uint64_t seed, bool trace)
    : now_(kBegin),
      random_(seed * 0x9e3779b97f4a7c15ull + 1),
      trace_(trace),
      turner_([this](proxy::Reactor& reactor) { add(reactor); }) {
  proxy::Clock::tell(&now_);
  proxy::ReactorThread::hand_to(&turner_);
}

World::~World() {
  proxy::ReactorThread::hand_to(nullptr);
  proxy::Clock::tell(nullptr);
}

std::chrono::milliseconds World::passed() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - kBegin);
}

void World::step() {
  std::vector<Turned> order = turned_;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  const bool some_are_slow = chance(1, 2);
  bool active = some_are_slow;
  for (const Turned& each : order) {
    if (some_are_slow && chance(1, 3)) continue;
    now_ += std::chrono::microseconds(1);  // no two threads read one time
    active = each.reactor->turn(std::chrono::milliseconds(0)) || active;
  }
  if (!active) {
    proxy::TimePoint next = proxy::TimePoint::max();
    for (const Turned& each : turned_) next = std::min(next, each.reactor->next_due());
    now_ = std::max(now_, next);
  }
  if (!failure_.empty()) throw Violation(failure_);
}

void World::kill(int owner) {
  std::erase_if(turned_, [owner](const Turned& each) { return each.owner == owner; });
}

void World::note(const std::string& what) {
  const std::string line = std::to_string(passed().count()) + " " + what;
  for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  if (trace_) std::fprintf(stderr, "%s\n", line.c_str());
}

void World::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
}

}  // namespace crossfade::sim
