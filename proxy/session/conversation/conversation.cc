#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

Conversation::Conversation(Worker& worker, std::unique_ptr<Stream> stream, std::uint32_t id)
    : site(worker, id),
      client({.reactor = worker.reactor, .scratch = worker.scratch, .counters = worker.counters}, std::move(stream)),
      state(site),
      commits(site, state.transaction),
      leader(site, identity, state, commits),
      follower(site, identity, state, leader),
      ddl(site, state.known, leader) {
  identity.host = client.stream().peer_host();
}

AnswerForm Conversation::answer_form() const {
  return {.make = leader.make(), .capabilities = identity.capabilities, .status = state.transaction.status_flags()};
}

void Conversation::forget_session() {
  state.known.reset();
  state.diagnostics.forget();
  state.prepared.clear();
  commits.end_tracking();
  leader.hold().clear();
  follower.quit();  // the other side's session is opened anew, in the new state
}

void Conversation::note_unobserved() {
  commits.distrust();
  state.known.note_unobserved();
}

}  // namespace crossfade::proxy
