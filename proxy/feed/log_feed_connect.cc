// The feed's connections, and whether the leader can be followed by its log at all.

#include <spdlog/spdlog.h>

#include "dualwrite/sql_text.h"
#include "proxy/deadlines.h"
#include "proxy/feed/log_feed.h"
#include "proxy/feed/server_answers.h"
#include "proxy/log_limit.h"
#include "proxy/session_state.h"

namespace crossfade::proxy {
Task<absl::Status> LogFeed::connect_leader() {
  auto opened = co_await BackendLink::open(reactor_, leader_link(), counters_, Clock::now() + kConnectMax);
  {
    const std::lock_guard lock(status_mutex_);
    status_.leader_up = opened.ok();
    status_.leader_error = opened.ok() ? "" : std::string(opened.status().message());
    if (opened.ok()) status_.leader_version = (*opened)->greeting().server_version;
  }
  if (!opened.ok()) {
    usable_.store(false);
    co_return opened.status();
  }
  leader_ = *std::move(opened);
  if (on_connected) on_connected(options_.leader, leader_->greeting());
  co_return absl::OkStatus();
}

Task<absl::Status> LogFeed::check_leader() {
  const bool mariadb = leader_->is_mariadb();
  auto settings = co_await leader_->query(dualwrite::leader_settings_query(mariadb), soon());
  if (!settings.ok()) co_return settings.status();
  auto end = co_await leader_->query(
      dualwrite::log_end_query(mariadb, version_number(leader_->greeting().server_version)), soon());
  if (!end.ok()) co_return end.status();
  if (settings->empty() || end->empty()) co_return absl::InternalError("the leader gave no settings");
  auto verdict = dualwrite::judge_leader(settings->front(), end->front(), mariadb);
  if (!verdict.ok()) co_return verdict.status();
  identity_ = verdict->identity;
  if (!verdict->problems.empty()) {
    co_return absl::FailedPreconditionError("the leader's row log cannot be followed: " +
                                            dualwrite::describe(verdict->problems));
  }
  co_return absl::OkStatus();
}

// Judged before anything is followed, and watched since.
Task<absl::Status> LogFeed::anchor() {
  for (const std::string& sql : dualwrite::anchor_setup_statements(options_.schema)) {
    auto made = co_await leader_->query(sql, soon());
    if (!made.ok()) {
      co_return absl::UnavailableError("cannot make the control schema with account '" + leader_link().user +
                                       "': " + std::string(made.status().message()));
    }
  }
  auto asked = co_await leader_->query(dualwrite::select_anchor(options_.schema), soon());
  if (!asked.ok()) co_return asked.status();
  auto found = dualwrite::anchor_from(asked->front());
  if (!found.ok()) co_return found.status();
  const absl::Status fit = co_await check_leader();
  const bool log_was_used = found->has_value();
  const bool automatic = options_.config.feed == config::DualWriteConfig::Feed::automatic;
  if (!log_was_used && automatic && absl::IsFailedPrecondition(fit) && on_unsuitable) {
    unsuitable_ = true;
    on_unsuitable(std::string(fit.message()));
    call_anchored();
    co_return absl::OkStatus();
  }
  if (!fit.ok()) co_return fit;
  if (!log_was_used) {
    auto end = co_await ask_log_end(*leader_);
    if (!end.ok()) co_return end.status();
    auto made = co_await leader_->query(dualwrite::insert_anchor(options_.schema, identity_.server, *end), soon());
    if (made.ok()) made = co_await leader_->query(dualwrite::select_anchor(options_.schema), soon());
    if (!made.ok()) co_return made.status();
    found = dualwrite::anchor_from(made->front());
    if (!found.ok()) co_return found.status();
    if (!*found) co_return absl::InternalError("the leader has lost the anchor");
    spdlog::info("feed=log anchored={}", (*found)->at.text());
  }
  anchor_ = **found;
  on_anchored();
  call_anchored();
  co_return absl::OkStatus();
}

Task<absl::Status> LogFeed::connect_follower() {
  auto opened = co_await FollowerWriter::open(reactor_, follower_link(), counters_, Clock::now() + kConnectMax);
  absl::Status status = opened.status();
  if (opened.ok()) {
    follower_ = *std::move(opened);
    for (const std::string& sql : dualwrite::log_setup_statements(options_.schema)) {
      auto done = co_await follower_->link().query(sql, soon());
      if (done.ok()) continue;
      status = absl::UnavailableError("cannot make the control schema with account '" + follower_link().user +
                                      "': " + std::string(done.status().message()));
      break;
    }
  }
  if (status.ok() && follower_->link().is_mariadb()) {
    auto triggers = co_await follower_->link().ask_row("@@GLOBAL.slave_run_triggers_for_rbr", 1, soon());
    status = triggers.status();
    if (triggers.ok() && !triggers->empty() && triggers->front().value_or("NO") != "NO") {
      status = absl::FailedPreconditionError(
          "the follower would run triggers for rows that have run them on the leader: SET GLOBAL "
          "slave_run_triggers_for_rbr='NO' there");
    }
  }
  {
    const std::lock_guard lock(status_mutex_);
    status_.follower_up = status.ok();
    status_.follower_tried = true;
    status_.follower_error = status.ok() ? "" : std::string(status.message());
    if (status.ok()) status_.follower_version = follower_->link().greeting().server_version;
  }
  if (!status.ok()) {
    follower_.reset();
    usable_.store(false);
    co_return status;
  }
  if (on_connected) on_connected(config::other(options_.leader), follower_->link().greeting());
  if (!follower_->may_run_events())
    limited_log().warn(LogKind::applier_state, "apply=sql why=\"{}\"", follower_->why_no_events());
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
