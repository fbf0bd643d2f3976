#include "tests/support/session_parts.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace crossfade::support {

namespace {

proxy::Task<absl::Status> attach_leader(proxy::Conversation& s) {
  proxy::LinkOptions options = s.leader.options(s.state.known.schema());
  auto opened = co_await proxy::open_client_link(s.site, std::move(options), nullptr);
  if (!opened.ok()) co_return opened.status();
  s.identity.connection_id = (*opened)->greeting().connection_id;
  s.state.transaction.note_status((*opened)->login_ok().status);
  s.leader.attach(*std::move(opened));
  s.state.known.begin({});
  co_return absl::OkStatus();
}

}  // namespace

SessionParts::SessionParts(ProxyStack& stack) : stack_(stack) {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("no socket pair");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  client_ = ends[1];
  stack_.on_worker([&](proxy::Worker& worker) {
    auto stream = std::make_unique<proxy::Stream>(worker.reactor, ends[0]);
    parts_ = std::make_unique<proxy::Conversation>(worker, std::move(stream), 1);
    parts_->identity.account.name = "app";
    parts_->identity.account.user = worker.shared.users.listed("app");
    parts_->identity.capabilities =
        protocol::kSupported & ~(protocol::kMultiStatements | protocol::kSessionTrack | protocol::kTls);
    parts_->state.known.set_schema("shop");
  });
}

SessionParts::~SessionParts() {
  stack_.on_worker([&](proxy::Worker&) { parts_.reset(); });
  if (client_ >= 0) close(client_);
}

void SessionParts::enter() {
  const absl::Status attached = await<absl::Status>(attach_leader);
  if (!attached.ok()) throw std::runtime_error("no connection to the leader: " + std::string(attached.message()));
}

void SessionParts::with(const std::function<void(proxy::Conversation&)>& work) {
  stack_.on_worker([&](proxy::Worker&) { work(*parts_); });
}

bool SessionParts::no_task_left() {
  return eventually([&] {
    std::size_t left = 0;
    with([&](proxy::Conversation& s) { left = s.site.reactor.spawned(); });
    return left == 0;
  });
}

}  // namespace crossfade::support
