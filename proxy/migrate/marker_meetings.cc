#include "proxy/migrate/marker_meetings.h"

#include <string>
#include <utility>

namespace crossfade::proxy {

namespace {

constexpr auto kMetMax = std::chrono::minutes(2);
constexpr auto kMetLook = std::chrono::milliseconds(100);

}  // namespace

std::shared_ptr<Chunk> MarkerMeetings::expect(std::uint64_t token, dualwrite::TableRef table, Applier applier) {
  auto chunk = std::make_shared<Chunk>();
  chunk->token = token;
  chunk->table = std::move(table);
  chunk->use = Chunk::Use::compare;
  chunk->holds = applier == Applier::stays;
  expect(chunk);
  return chunk;
}

void MarkerMeetings::expect(std::shared_ptr<Chunk> chunk) {
  chunk->on_done = [this](std::uint64_t met, std::chrono::microseconds) {
    reactor_.post([this, met] { on_met(met); });
  };
  waiting_.try_emplace(chunk->token, reactor_);
  chunks_.put(std::move(chunk));
}

Task<absl::Status> MarkerMeetings::wait(std::shared_ptr<Chunk> chunk, std::function<absl::Status()> why_not) {
  const TimePoint until = Clock::now() + kMetMax;
  for (;;) {
    const auto found = waiting_.find(chunk->token);
    if (found == waiting_.end()) co_return absl::CancelledError("nobody waits for the marker any more");
    if (found->second.is_met) co_return absl::OkStatus();
    const absl::Status why = why_not();
    if (!why.ok()) co_return why;
    if (Clock::now() > until) {
      co_return absl::UnavailableError("the applier has not come to marker " + std::to_string(chunk->token) +
                                       " in time");
    }
    co_await found->second.met.wait(Clock::now() + kMetLook);
  }
}

bool MarkerMeetings::end(const std::shared_ptr<Chunk>& chunk) {
  waiting_.erase(chunk->token);
  chunks_.forget(chunk->token);
  return !chunk->let_go.exchange(true);
}

void MarkerMeetings::forget_all() {
  // Whoever waits finds nothing here any more.
  std::map<std::uint64_t, Waiting> gone;
  gone.swap(waiting_);
  for (auto& [token, waiting] : gone) {
    chunks_.forget(token);
    waiting.met.notify();
  }
}

void MarkerMeetings::on_met(std::uint64_t token) {
  const auto found = waiting_.find(token);
  if (found == waiting_.end()) return;
  found->second.is_met = true;
  found->second.met.notify();
}

}  // namespace crossfade::proxy
