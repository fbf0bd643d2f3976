// The feed's connections, and by what source the leader can be followed.

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/leader_record.h"
#include "proxy/feed/row_feed.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {
Task<absl::Status> RowFeed::connect_leader() {
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
  const absl::Status leads = co_await still_leads(*leader_, options_.schema);
  if (!leads.ok()) co_return leads;
  if (on_connected) on_connected(options_.leader, leader_->greeting());
  co_return absl::OkStatus();
}

Task<absl::Status> RowFeed::judge_leader(ChangeSource& source) {
  auto identity = co_await source.judge(*leader_);
  if (!identity.ok()) co_return identity.status();
  identity_ = *std::move(identity);
  const std::lock_guard lock(status_mutex_);
  status_.logs_cascades = identity_.logs_cascades;
  co_return absl::OkStatus();
}

// Even IF NOT EXISTS waits for open transactions, on MySQL for all that have written in the schema: it is asked for
// first.
Task<absl::Status> RowFeed::make_anchor_table() {
  auto there = co_await query_number(*leader_, dualwrite::count_anchor_change_columns(options_.schema), soon());
  if (!there.ok()) co_return there.status();
  if (*there == dualwrite::kAnchorChangeColumns) co_return absl::OkStatus();
  there = co_await query_number(*leader_,
                                "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=" +
                                    dualwrite::quote_text(options_.schema) + " AND TABLE_NAME='anchor'",
                                soon());
  if (!there.ok()) co_return there.status();
  std::vector<std::string> statements = dualwrite::anchor_setup_statements(options_.schema);
  if (*there == 1) {
    statements = {dualwrite::add_anchor_change_columns(options_.schema)};
  }
  for (const std::string& sql : statements) {
    auto made = co_await leader_->query(sql, soon());
    if (!made.ok()) {
      co_return absl::UnavailableError("cannot make the control schema with account '" + leader_link().user +
                                       "': " + std::string(made.status().message()));
    }
  }
  co_return absl::OkStatus();
}

// Which source it is, judged before anything is followed, and where it begins.
Task<absl::Status> RowFeed::anchor() {
  const absl::Status table = co_await make_anchor_table();
  if (!table.ok()) co_return table;
  auto found = co_await read_anchor(*leader_);
  if (!found.ok()) co_return found.status();
  if (!*found && anchor_ && kind_of_place(anchor_->at) == FeedKind::trigger) {
    co_return absl::FailedPreconditionError("the triggers on the leader were removed while this proxy ran (`" +
                                            options_.schema +
                                            "`.`anchor` is gone), and what is written since is told by nobody: stop "
                                            "this proxy; to begin anew, start it again");
  }
  if (!*found) *found = anchor_;  // somebody has removed it
  auto chosen = co_await choose_source(*found);
  if (!chosen.ok()) {
    // Sessions go on, and are to say what the others' feed needs to know.
    if (*found && settled_.load()) tell_kind(**found, std::string(chosen.status().message()));
    co_return chosen.status();
  }
  const absl::Status prepared = co_await source_->prepare(*leader_);
  publish_source();
  if (!prepared.ok()) co_return prepared;
  {
    const std::lock_guard lock(status_mutex_);
    status_.undecided.is_over();
  }
  if (*found) {
    anchor_ = **found;
  } else {
    const absl::Status made = co_await make_anchor();
    if (!made.ok()) co_return made;
  }
  tell_kind(*anchor_, *chosen);
  call_anchored();
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::optional<dualwrite::Anchor>>> RowFeed::read_anchor(BackendLink& leader) {
  auto asked = co_await leader.query(dualwrite::select_anchor_with_change(options_.schema), soon());
  if (!asked.ok()) co_return asked.status();
  co_return dualwrite::anchor_from(asked->front());
}

// What is known of places is of the source before it, or of this one before another had its turn.
void RowFeed::take_source(ChangeSource& source, const std::optional<dualwrite::Anchor>& found) {
  if (source_ == &source && (!anchor_ || anchor_->at == found->at)) return;
  if (source_ != nullptr) {
    usable_.store(false, std::memory_order_release);
    source_->close();
    commits_.begin_anew();
    careful_through_ = {};
    retries_.clear();
    const std::lock_guard lock(status_mutex_);
    retention_findings_.clear();
    status_.retention = {};
    status_.captured.clear();
    status_.changes = {};
  }
  source_ = &source;
  source.begin_anew();
  catalog_.follow(source);
  kind_.store(source.kind(), std::memory_order_release);
  names_commits_.store(source.kind() == FeedKind::log, std::memory_order_release);
}

// Sessions announce schema changes from before the first one that triggers have to tell of.
void RowFeed::tell_kind(const dualwrite::Anchor& anchor, const std::string& why) {
  using Phase = dualwrite::FeedChange::Phase;
  const auto& change = anchor.change;
  const bool is_announced = change && change->phase != Phase::preparing && dualwrite::is_changes_place(change->next);
  on_anchored(is_announced ? FeedKind::trigger : kind_of_place(anchor.at), why);
}

// Says why. The one that was used before; else the first that this leader is fit for, of those that are configured.
Task<absl::StatusOr<std::string>> RowFeed::choose_source(const std::optional<dualwrite::Anchor>& found) {
  using Choice = config::DualWriteConfig::Feed;
  const Choice wanted = options_.config.feed;
  std::string why;
  for (const auto& source : sources_) {
    const bool is_configured = wanted == Choice::automatic ||
                               (wanted == Choice::log && source->kind() == FeedKind::log) ||
                               (wanted == Choice::trigger && source->kind() == FeedKind::trigger);
    if (found && kind_of_place(found->at) != source->kind()) {
      if (wanted != Choice::automatic) continue;
      auto declined = co_await source->judge(*leader_);
      if (absl::IsFailedPrecondition(declined.status())) why = std::string(declined.status().message());
      continue;
    }
    if (found && !is_configured) {
      const std::string kind(proxy::name(source->kind()));
      co_return absl::FailedPreconditionError("this migration is fed by " + kind + " since " + found->at.text() +
                                              "; by another feed what it holds would be lost. Set feed: " + kind +
                                              ", or auto and run crossfade feed switch");
    }
    if (!is_configured) continue;
    const absl::Status fit = co_await judge_leader(*source);
    if (fit.ok()) {
      take_source(*source, found);
      std::string chosen = source_->kind() == FeedKind::log ? "the leader's row log tells every change"
                                                            : "triggers on the leader tell every change";
      if (!why.empty()) {
        limited_log().warn(LogKind::applier_state, "feed={} chosen=auto not_by_log=\"{}\"",
                           proxy::name(source_->kind()), why);
        chosen += "; its row log does not: " + why;
      }
      co_return chosen;
    }
    if (found || wanted != Choice::automatic || !absl::IsFailedPrecondition(fit)) co_return fit;
    why += (why.empty() ? "" : "; ") + std::string(fit.message());
  }
  co_return absl::FailedPreconditionError(why);
}

Task<absl::Status> RowFeed::make_anchor() {
  auto place = co_await source_->first_place(*leader_);
  if (!place.ok()) co_return place.status();
  auto made = co_await leader_->query(dualwrite::insert_anchor(options_.schema, identity_.server, *place), soon());
  if (!made.ok()) co_return made.status();
  const auto found = co_await read_anchor(*leader_);
  if (!found.ok()) co_return found.status();
  if (!*found) co_return absl::InternalError("the leader has lost the anchor");
  if (kind_of_place((*found)->at) != source_->kind()) {
    co_return absl::UnavailableError("another proxy has chosen another feed; trying again");
  }
  limited_log().info(LogKind::applier_state, "feed={} anchored={}", name_of(source_), (*found)->at.text());
  anchor_ = **found;
  co_return absl::OkStatus();
}

Task<absl::Status> RowFeed::connect_follower() {
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
  co_await guard_.end_lost(*follower_);
  if (!follower_->may_run_events())
    limited_log().warn(LogKind::applier_state, "apply=sql why=\"{}\"", follower_->why_no_events());
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
