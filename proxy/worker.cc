#include "proxy/worker.h"

#include <unistd.h>

#include "protocol/error_codes.h"
#include "proxy/link_options.h"
#include "proxy/session/session.h"

namespace crossfade::proxy {

void BackendTraitsTable::set(config::Backend which, const protocol::Greeting& greeting) {
  const std::lock_guard lock(mutex_);
  traits_[static_cast<std::size_t>(which)] = {.known = true,
                                              .make = protocol::make_of(greeting),
                                              .version = greeting.server_version,
                                              .capabilities = greeting.capabilities};
}

BackendTraits BackendTraitsTable::get(config::Backend which) const {
  const std::lock_guard lock(mutex_);
  return traits_[static_cast<std::size_t>(which)];
}

LinkOptions Shared::link_options(config::Backend which, const KnownUser::Credential& credential) const {
  LinkOptions options = link_options_of(config, which, backend_tls[static_cast<std::size_t>(which)], credential);
  options.at_the_door = &doors[static_cast<std::size_t>(which)];
  return options;
}

LinkOptions Shared::control_link_options(config::Backend which) const {
  return link_options(which, control[static_cast<std::size_t>(which)]);
}

bool Shared::make_room(config::Backend which) {
  const bool asked = control_links.give_up_idle(which);
  return shadow.make_room(which) || asked;
}

std::optional<LinkOptions> Shared::user_link_options(config::Backend which, const std::string& user) const {
  const auto known = users.find(user, Clock::now());
  if (!known) return std::nullopt;
  return link_options(which, known->backend[static_cast<std::size_t>(which)]);
}

std::vector<std::pair<std::uint64_t, CallCounts::Count>> CallCounts::take() {
  std::vector<std::pair<std::uint64_t, Count>> taken;
  for (auto& [digest, count] : counts_) {
    if (count.calls != 0) taken.emplace_back(digest, Count{count.text, std::exchange(count.calls, 0)});
  }
  if (uncounted_ != 0) taken.emplace_back(0, Count{"(other)", std::exchange(uncounted_, 0)});
  return taken;
}

Worker::Worker(Shared& shared_state, std::shared_ptr<const config::Flags> initial_flags)
    : shared(shared_state),
      counters(shared_state.metrics.make()),
      flags(std::move(initial_flags)),
      random(std::random_device{}() * 0x9e3779b97f4a7c15ull ^ std::random_device{}()),
      calls(shared_state.config.shadow.digests_max) {
  shared_state.workers.push_back(this);
}

void Worker::accept(int fd, std::shared_ptr<const Entrance> entrance) {
  counters.clients_accepted.add();
  auto stream = std::make_unique<Stream>(reactor, fd);
  if (shared.draining.load(std::memory_order_relaxed) ||
      shared.clients.load(std::memory_order_relaxed) >= shared.config.limits.connections_max) {
    counters.clients_refused.add();
    protocol::Buffer wire;
    std::uint8_t sequence = 0;
    protocol::append_message(
        wire, protocol::encode_err_before_greeting(protocol::kErrConnectionCount, "Too many connections"), sequence);
    stream->try_write(wire);
    return;
  }
  const std::uint32_t id = shared.next_connection_id.fetch_add(1, std::memory_order_relaxed);
  auto* session = new Session(*this, std::move(stream), id, std::move(entrance));  // deletes itself
  reactor.spawn(session->run());
}

void Worker::begin_drain() {
  for (Session* session : sessions) session->begin_drain();
}

void Worker::end_sessions() {
  for (Session* session : sessions) session->end_now();
}

void Worker::note_kill(const routing::KillTarget& target) {
  for (Session* session : sessions) session->note_kill(target);
}

}  // namespace crossfade::proxy
