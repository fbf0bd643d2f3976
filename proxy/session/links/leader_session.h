// The client's session on the leader.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/backend/backend_link.h"
#include "proxy/session/links/identity.h"
#include "proxy/session/links/session_commits.h"
#include "proxy/session/state/leader_hold.h"
#include "proxy/session/state/state.h"

namespace crossfade::proxy {

// Owns the connection. If that is lost while nothing runs on it, another one is brought into the same state and takes
// its place, unless the lost one held what no other could be given (LeaderHold), or a KILL took it: only between
// statements, since what was sent is never sent again. Does not decide what is sent there.
//
// Invariant: from attach() on there is a link, alive or not; one that is lost keeps its greeting, by which another is
// found to be the same server's.
class LeaderSession {
 public:
  LeaderSession(Site& site, const Identity& client, SessionState& state, SessionCommits& commits)
      : site_(site), client_(client), state_(state), commits_(commits) {}
  ~LeaderSession();
  LeaderSession(const LeaderSession&) = delete;
  LeaderSession& operator=(const LeaderSession&) = delete;

  bool is_attached() const { return link_ != nullptr; }
  BackendLink& link() { return *link_; }
  const BackendLink& link() const { return *link_; }
  bool is_mariadb() const { return link_->is_mariadb(); }
  // What its answers look like in the form of that make.
  protocol::Make make() const { return link_ ? protocol::make_of(link_->greeting()) : protocol::Make::mariadb; }
  LinkOptions options(std::string schema) const;
  void attach(std::unique_ptr<BackendLink> link) { link_ = std::move(link); }

  // The connection, with everything done to it that must happen before `facts` runs there; nullptr: a question of ours.
  Task<absl::StatusOr<BackendLink*>> ready_for(const routing::StatementFacts* facts);
  // Has the leader say what bears on where this session's reads may go, for KnownState.
  Task<absl::Status> refresh_context();

  LeaderHold& hold() { return hold_; }
  void note_killed() { killed_ = true; }
  // It has ended this connection, or was told to: it is not attached again.
  bool killed() const { return killed_; }
  // What it said when it closed the connection, an ERR packet's payload; empty: nothing. Once.
  protocol::Buffer take_last_words();

 private:
  enum class Closing : std::uint8_t { open, in_good_order, broken };
  Task<absl::Status> reattach(const routing::StatementFacts* facts);
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_again();
  Task<absl::Status> restore(BackendLink& fresh);
  Task<absl::Status> set_again(BackendLink& fresh);
  std::string why_irreplaceable(const routing::StatementFacts* facts) const;
  Closing read_last_words();
  Task<absl::StatusOr<bool>> was_killed_before(BackendLink& fresh, Closing closing);

  Site& site_;
  const Identity& client_;
  SessionState& state_;
  SessionCommits& commits_;
  std::unique_ptr<BackendLink> link_;
  LeaderHold hold_;
  protocol::Buffer last_words_;
  bool killed_ = false;
};

}  // namespace crossfade::proxy
