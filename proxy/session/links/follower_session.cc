#include "proxy/session/links/follower_session.h"

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

Task<absl::StatusOr<BackendLink*>> FollowerSession::ready() {
  if (state_.known.context() == nullptr) co_return absl::UnavailableError("the session's state is not known");
  if (link_ && !link_->alive()) link_.reset();
  if (!link_) {
    const absl::Status opened = co_await open();
    if (!opened.ok()) co_return opened;
  }
  if (version_ != state_.known.version()) {
    const absl::Status repeated = co_await repeat_state();
    if (!repeated.ok()) co_return repeated;
  }
  co_return link_.get();
}

Task<absl::Status> FollowerSession::open() {
  LinkOptions options = client_link_options(site_, client_, site_.follower(), "");
  options.mirrored &= ~protocol::kLocalFiles;  // nothing sent there may ask for a file
  auto opened = co_await open_client_link(site_, std::move(options), nullptr);
  if (!opened.ok()) co_return opened.status();
  link_ = *std::move(opened);
  version_ = 0;
  state_.prepared.forget_ids_of(site_.follower());
  co_return absl::OkStatus();
}

Task<absl::Status> FollowerSession::repeat_state() {
  const std::vector<std::string> statements =
      context_statements(*state_.known.context(), protocol::make_of(link_->greeting()), leader_.make());
  for (const std::string& sql : statements) {
    auto captured = co_await link_->run(sql, site_.in(kStateMax));
    if (captured.ok() && captured->failed()) {
      // Until the session's state changes it would fail again.
      state_.known.pin("has a state that the other side refuses: " + err_code(captured->last().err));
    }
    if (!captured.ok() || captured->failed()) {
      link_.reset();
      co_return absl::UnavailableError("the session's state cannot be repeated there");
    }
  }
  version_ = state_.known.version();
  co_return absl::OkStatus();
}

void FollowerSession::leave(const absl::Status& why) {
  if (absl::IsFailedPrecondition(why)) {
    site_.counters.reads_fallen_back.add();
  } else {
    link_.reset();
  }
}

void FollowerSession::quit() {
  if (link_) link_->send_quit();
  link_.reset();
}

void FollowerSession::interrupt(routing::KillTarget::What what) {
  if (!read_.running()) return;
  const config::Backend which = site_.follower();
  LinkOptions control = site_.shared.control_link_options(which);
  read_.interrupt(site_.reactor, site_.counters, std::move(control), what,
                  site_.in(site_.shared.config.backend(which).connect_timeout));
  if (what == routing::KillTarget::What::connection) link_->stream().cancel_read();
}

}  // namespace crossfade::proxy
