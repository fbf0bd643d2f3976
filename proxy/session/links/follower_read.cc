#include "proxy/session/links/follower_read.h"

#include "proxy/counts/log_limit.h"

namespace crossfade::proxy {
namespace {

Task<void> kill_there(Reactor& reactor, Counters& counters, LinkOptions control, std::string sql, TimePoint deadline,
                      std::shared_ptr<const bool> running) {
  const config::Backend which = control.which;
  auto opened = co_await BackendLink::open(reactor, std::move(control), counters, deadline, nullptr);
  absl::Status done = opened.status();
  if (done.ok() && *running) {
    auto killed = co_await (*opened)->run(std::move(sql), deadline);
    done = killed.status();
    if (done.ok() && killed->failed()) done = absl::InternalError(err_code(killed->last().err));
  }
  if (opened.ok()) (*opened)->send_quit();
  if (!done.ok())
    limited_log().warn(LogKind::kill_failed, "backend={} kill=failed why=\"{}\"", config::name(which),
                       std::string(done.message()));
}

}  // namespace

void FollowerRead::begin(const BackendLink& link) {
  connection_id_ = link.greeting().connection_id;
  running_ = std::make_shared<bool>(true);
}

void FollowerRead::end() {
  if (running_) *running_ = false;
  running_.reset();
}

void FollowerRead::interrupt(Reactor& reactor, Counters& counters, LinkOptions control, routing::KillTarget::What what,
                             TimePoint deadline) const {
  if (!running_) return;
  std::string sql =
      (what == routing::KillTarget::What::query ? "KILL QUERY " : "KILL ") + std::to_string(connection_id_);
  // A connection is killed even if the session has let go of its read by then.
  std::shared_ptr<bool> wanted = what == routing::KillTarget::What::query ? running_ : std::make_shared<bool>(true);
  reactor.spawn(kill_there(reactor, counters, std::move(control), std::move(sql), deadline, std::move(wanted)));
}

}  // namespace crossfade::proxy
