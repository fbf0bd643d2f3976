#include "proxy/shadow_run/shadow_links.h"

#include <algorithm>
#include <charconv>

#include "protocol/error_codes.h"

namespace crossfade::proxy {

namespace {

constexpr auto kPingInterval = std::chrono::seconds(1);
constexpr auto kPingMax = std::chrono::seconds(5);

// The digits of a cell, whatever the session's character_set_results has put between them.
std::optional<std::uint32_t> number_in(const protocol::Cell& cell) {
  std::string digits;
  for (const char c : cell.value_or("")) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && !digits.empty() ? std::optional<std::uint32_t>(number) : std::nullopt;
}

std::optional<std::uint32_t> last_number(const absl::StatusOr<std::vector<protocol::ResultSet>>& answer) {
  if (!answer.ok() || answer->size() != 1) return std::nullopt;
  const std::size_t columns = answer->front().columns.size();
  const std::vector<protocol::Cell>* const row = protocol::sole_row(answer->front(), columns);
  return row != nullptr && columns > 0 ? number_in(row->back()) : std::nullopt;
}

}  // namespace

bool is_want_of_connections(const protocol::Err& err) {
  return err.code == protocol::kErrConnectionCount || err.code == protocol::kErrTooManyUserConnections ||
         err.code == protocol::kErrUserLimitReached;
}

Task<absl::StatusOr<ShadowLinks::Lease>> ShadowLinks::take(config::Backend which, std::string user,
                                                           TimePoint deadline) {
  using Kind = shadow::ConnectionShares::Choice::Kind;
  Side& here = side(which);
  for (;;) {
    const std::uint32_t allowed = here.budget.allowed(Clock::now());
    if (allowed == 0) co_return absl::ResourceExhaustedError("the server has no connection to spare");
    const shadow::ConnectionShares::Choice choice = here.shares.take(user, allowed);
    if (choice.close != 0) close(which, choice.close);
    if (choice.kind == Kind::wait) {
      const auto turn = std::make_shared<Signal>(reactor_);
      here.waiting.push_back(turn);
      const bool woken = co_await turn->wait(deadline);
      std::erase(here.waiting, turn);
      if (!woken) {
        wake(here);  // this one may have been woken just too late
        co_return absl::ResourceExhaustedError("all connections are in use");
      }
      continue;
    }
    if (choice.kind == Kind::reuse && !here.kept.at(choice.connection).link->alive()) {
      close(which, choice.connection);
      continue;
    }
    absl::Status ready = absl::OkStatus();
    if (choice.kind == Kind::open) ready = co_await open_link(which, user, choice.connection, deadline);
    const bool look_first = choice.kind == Kind::open || Clock::now() - here.looked > kPingInterval;
    if (ready.ok() && look_first) ready = co_await look(which, choice.connection, deadline);
    if (ready.ok() && (!here.shares.knows(choice.connection) || here.budget.allowed(Clock::now()) == 0)) {
      ready = absl::ResourceExhaustedError("the server has no connection to spare");
    }
    if (!ready.ok()) {
      close(which, choice.connection);
      co_return ready;
    }
    Kept& kept = here.kept.at(choice.connection);
    const Lease lease{.which = which, .id = choice.connection, .link = kept.link.get(), .state = &kept.state};
    co_return lease;
  }
}

void ShadowLinks::give_back(const Lease& lease, After after) {
  Side& here = side(lease.which);
  if (after == After::discard || !here.shares.knows(lease.id)) {
    if (after == After::discard) lease.link->abandon();
    close(lease.which, lease.id);
    return;
  }
  here.shares.give_back(lease.id, Clock::now());
  close_surplus(lease.which);
  wake(here);
}

Task<absl::Status> ShadowLinks::open_link(config::Backend which, std::string user, Id id, TimePoint deadline) {
  std::optional<LinkOptions> options = credentials_(which, user);
  if (!options) co_return absl::NotFoundError("the user's password is not known any more");
  options->mirrored = protocol::kDeprecateEof;
  std::optional<Refusal> refusal;
  auto opened = co_await BackendLink::open(reactor_, *std::move(options), counters_, deadline, &refusal);
  if (refusal && is_want_of_connections(refusal->err)) {
    refused(which);
    co_return absl::ResourceExhaustedError("the server refuses another connection");
  }
  if (!opened.ok()) co_return opened.status();
  Side& here = side(which);
  here.kept[id] = {.link = *std::move(opened), .state = {}};
  here.open.store(here.kept.size(), std::memory_order_relaxed);
  co_return absl::OkStatus();
}

// What the server says of its connections, asked on `id`. A server that does not say is taken at its refusals.
Task<absl::Status> ShadowLinks::look(config::Backend which, Id id, TimePoint deadline) {
  Side& here = side(which);
  here.looked = Clock::now();
  BackendLink& link = *here.kept.at(id).link;
  const auto most = co_await link.query("SELECT @@max_connections LIMIT 1", deadline);
  if (!most.ok() && !absl::IsFailedPrecondition(most.status())) co_return most.status();
  const auto now = co_await link.query("SHOW GLOBAL STATUS LIKE 'Threads_connected'", deadline);
  if (!now.ok() && !absl::IsFailedPrecondition(now.status())) co_return now.status();
  const std::optional<std::uint32_t> connections_max = last_number(most);
  const std::optional<std::uint32_t> connected = last_number(now);
  if (connections_max && connected) {
    const shadow::ConnectionBudget::ServerState state{.connections_max = *connections_max,
                                                      .connected = *connected,
                                                      .ours = static_cast<std::uint32_t>(here.kept.size())};
    here.budget.note(state, Clock::now());
    if (here.budget.allowed(Clock::now()) == 0) refused(which);
  }
  co_return absl::OkStatus();
}

Task<void> ShadowLinks::watch(config::Backend which) {
  Side& here = side(which);
  for (;;) {
    const auto pause = std::min<std::chrono::milliseconds>(kPingInterval, config_.idle_timeout);
    co_await reactor_.sleep_for(pause);
    close_surplus(which);
    const Id idle = Clock::now() - here.looked >= kPingInterval ? here.shares.take_idle() : 0;
    if (idle == 0) continue;
    const absl::Status looked = co_await look(which, idle, Clock::now() + kPingMax);
    if (looked.ok() && here.shares.knows(idle)) {
      here.shares.put_back(idle);
    } else {
      close(which, idle);
    }
    close_surplus(which);
    wake(here);
  }
}

bool ShadowLinks::give_up(config::Backend which) {
  const bool any = open(which) > 0;  // before the other thread closes them
  reactor_.post([this, which] {
    side(which).budget.note_refusal(Clock::now());
    refused(which);
  });
  return any;
}

// Busy connections are taken out of the book, and end with what they are waiting for.
void ShadowLinks::refused(config::Backend which) {
  Side& here = side(which);
  here.budget.note_refusal(Clock::now());
  std::vector<Id> idle;
  std::vector<Id> busy;
  for (auto& [id, kept] : here.kept) (here.shares.is_idle(id) ? idle : busy).push_back(id);
  for (const Id id : idle) close(which, id);
  for (const Id id : busy) {
    here.shares.drop(id);
    here.kept.at(id).link->stream().cancel_read();
  }
  while (!here.waiting.empty()) wake(here);
}

void ShadowLinks::close(config::Backend which, Id id) {
  Side& here = side(which);
  here.shares.drop(id);
  const auto found = here.kept.find(id);
  if (found != here.kept.end()) {
    found->second.link->send_quit();
    here.kept.erase(found);
    here.open.store(here.kept.size(), std::memory_order_relaxed);
  }
  wake(here);
}

void ShadowLinks::close_surplus(config::Backend which) {
  Side& here = side(which);
  const TimePoint now = Clock::now();
  for (const Id id : here.shares.take_surplus(now - config_.idle_timeout, here.budget.allowed(now))) close(which, id);
}

// One that waits for each event: it takes what there is, or waits on.
void ShadowLinks::wake(Side& here) {
  if (here.waiting.empty()) return;
  const std::shared_ptr<Signal> first = here.waiting.front();
  here.waiting.pop_front();
  reactor_.post([first] { first->notify(); });
}

}  // namespace crossfade::proxy
