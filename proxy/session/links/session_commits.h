// What a session has committed on the leader, and who waits until the other side has it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/session/links/commit_tracker.h"
#include "proxy/session/state/site.h"
#include "proxy/session/state/transaction.h"
#include "routing/facts.h"

namespace crossfade::proxy {

// The flags decide what is waited for, the tracker knows what; this asks the feed. Never waits longer than the
// configuration says.
//
// Invariant: each answer of the leader's that may have committed something is noted before its last byte goes to the
// client; also while writes are not duplicated, for they may be by the time that somebody reads.
class SessionCommits {
 public:
  SessionCommits(Site& site, const Transaction& transaction) : site_(site), transaction_(transaction) {}

  bool duplicates() const { return transaction_.flags().dual_write.enabled; }
  // Somebody will wait for commits, so that the leader is to name them.
  bool wants_tracking() const;
  // After the server has given the session a fresh state. A Status: the connection is lost.
  Task<absl::Status> begin_tracking(BackendLink& leading);
  void end_tracking() { tracker_.end_tracking(); }
  const protocol::OwnTracking& own_tracking() const { return tracker_.own(); }
  void distrust() { tracker_.distrust(); }
  void expect_client_set(const std::vector<std::string>& names) { tracker_.expect_client_set(names); }
  void note_client_set(const std::vector<std::string>& names) { tracker_.note_client_set(names); }
  bool state_unchanged() const { return tracker_.state_unchanged(); }
  bool state_changed() const { return tracker_.state_changed(); }

  // A statement is about to run on the leader.
  void expect_of(const routing::StatementFacts& facts);
  void expect_anywhere() { tracker_.expect(CommitTracker::Expect::anywhere); }
  // Its response is whole. `server`: what was agreed with the leader. A value: `ack: both` waits for this.
  std::optional<Commit> note(protocol::Capabilities server, const protocol::ResultEnd& end,
                             const protocol::ToldBySession& told);
  // `ack: both`. Past the time-out this behaves as `ack: leader`, counted, as semi-synchronous replication does.
  Task<void> wait_for(Commit commit);
  // What this session's reads elsewhere have to see; nullptr: nothing.
  const Commit* last_to_wait_for() const {
    return tracker_.last() && (duplicates() || last_is_followed_) ? &*tracker_.last() : nullptr;
  }
  // False when the other side does not have in time what a read must see: this session's last write, or, if asked to be
  // strict, all that is committed by now.
  Task<bool> follower_is_current();

 private:
  Site& site_;
  const Transaction& transaction_;
  CommitTracker tracker_;
  bool last_is_followed_ = false;  // the last commit was one while writes were duplicated
};

}  // namespace crossfade::proxy
