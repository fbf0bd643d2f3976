#include "proxy/worker/worker.h"

#include "proxy/backend/link_options.h"
#include "proxy/shadow_run/shadow_pool.h"

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
  LinkOptions options = link_options(which, control[static_cast<std::size_t>(which)]);
  options.session = LinkOptions::Session::own;
  return options;
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

}  // namespace crossfade::proxy
