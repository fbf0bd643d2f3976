// Another feed takes over while everything goes on (dualwrite::FeedChange): its steps on the leader, up to the fence,
// and whoever asked for it.
//
// Where it stands is in the anchor, on the leader, so that whoever applies next goes on from there. Each step is
// written down before the next one begins, and only by whoever applies.
#pragma once

#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "proxy/feed/feed_fault.h"
#include "proxy/feed/source_change.h"

namespace crossfade::proxy {

// The feed's thread only, unless it says otherwise.
class FeedChanger {
 public:
  FeedChanger(SourceSetting setting, FeedFault& fault) : setting_(std::move(setting)), fault_(fault) {}

  // Any thread but the feed's. Done, or why it cannot be; after `at_most` that it is under way, as text() is not empty.
  absl::StatusOr<std::string> switch_to(FeedKind kind, std::chrono::milliseconds at_most);
  // Any thread: "to trigger: triggers are made"; empty: nothing changes, and nobody has asked for it.
  std::string text() const;
  // Any thread: what became of what was asked for last; empty: nothing yet.
  std::string outcome() const;

  // What whoever applies has; the anchor as it is on the leader.
  struct Applying {
    BackendLink& leader;
    dualwrite::Anchor& anchor;
    ChangeSource& source;
    const StoppedTables& stopped;
  };
  bool is_due(const dualwrite::Anchor& anchor) const { return anchor.change.has_value() || !requests_.empty(); }
  // Whoever waits for what cannot even begin is told so in time, and until then what it waits for.
  void give_up_waiting(const std::string& reason = "");
  bool is_under_way() const { return to_ != FeedKind::undecided; }
  // One step, between two transactions of the applier. A failure of the connection alone fails.
  Task<absl::Status> step(Applying now);
  // The follower has crossed the fence: now the anchor says so.
  Task<absl::Status> finish(BackendLink& leader, dualwrite::Anchor& anchor);
  // Goes by the anchor again.
  void forget();
  // Those who asked for the feed that has begun are told.
  void conclude(const dualwrite::Anchor& anchor);
  void answer_all(const absl::StatusOr<std::string>& answer);
  // What the other feed has on the leader goes, if there is anything.
  void retire_other(FeedKind kind);

 private:
  struct Request {
    FeedKind to = FeedKind::undecided;
    bool begun = false;
    TimePoint until{};  // it is to have begun
    std::promise<absl::StatusOr<std::string>> answer;
  };
  void note_outcome(std::string outcome);
  Task<absl::Status> begin(Applying now);
  std::string why_not(const Applying& now, FeedKind to) const;
  Task<absl::Status> prepare(Applying now);
  Task<absl::Status> try_fence(Applying now);
  Task<absl::Status> give_up(Applying now, absl::Status why);
  Task<absl::Status> write(BackendLink& leader, dualwrite::Anchor& anchor, dualwrite::Anchor next);
  void publish(const dualwrite::Anchor& anchor);

  const SourceSetting setting_;
  FeedFault& fault_;
  std::deque<std::shared_ptr<Request>> requests_;
  FeedKind to_ = FeedKind::undecided;  // nothing changes, as far as this process knows
  TimePoint give_up_at_{};             // unless the fence is there by then
  TimePoint known_at_{};               // every proxy has told its sessions
  TimePoint next_try_{};
  int fence_tries_ = 0;
  std::shared_ptr<Preparation> preparation_;
  std::string waits_for_;
  std::shared_ptr<bool> retiring_;
  mutable std::mutex mutex_;  // guards said_
  struct {
    std::string text, outcome;
  } said_;
};

}  // namespace crossfade::proxy
