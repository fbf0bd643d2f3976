// What a session that relays its writes knows of the last thing it has committed on the leader.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/capabilities.h"
#include "protocol/handshake.h"
#include "protocol/response_tracker.h"
#include "protocol/session_track_filter.h"
#include "proxy/feed/feed.h"

namespace crossfade::proxy {

// Where the leader tells GTIDs (begin_tracking), the client's own OK names the commit, and an OK that names none has
// committed nothing. Elsewhere, and where an answer ends without an OK, whatever could have committed something counts
// as if it had, and is known by its time alone: too much is waited for then, never too little.
class CommitTracker {
 public:
  void begin_tracking(const protocol::OwnTracking& own) {
    own_ = own;
    tracks_ = true;
  }
  // What was asked for may not hold any more: what the server still tells is left out of answers, and not believed.
  void distrust() { tracks_ = false; }
  // The server's session has been reset.
  void end_tracking() {
    own_ = {};
    tracks_ = false;
  }
  const protocol::OwnTracking& own() const { return own_; }

  // When the statement about to run could commit something, as far as is known here. Holds for one response.
  enum class Expect : std::uint8_t {
    nothing,
    outside_transactions,  // when its answer says that none is open
    anywhere               // it may have committed one, and another is open
  };
  void expect(Expect when) { expect_ = when; }
  // SETs of the client's own may take tracking over: one is about to run; it has run.
  void expect_client_set(const std::vector<std::string>& names);
  void note_client_set(const std::vector<std::string>& names);
  struct Answer {
    const protocol::ResultEnd& end;  // of its last result
    protocol::ToldBySession told;
    protocol::Capabilities server = 0;
    TimePoint now;  // its bytes have been read by then
  };
  // What has to arrive on the other side before the answer says "both"; nullopt: nothing.
  std::optional<Commit> note(const Answer& answer);

  // Not known to have arrived.
  const std::optional<Commit>& last() const { return last_; }
  void arrived() { last_.reset(); }
  // The last answer proves that the session's variables, temporary tables and the like are as they were.
  bool state_unchanged() const { return state_unchanged_; }
  // It says that they are not.
  bool state_changed() const { return state_changed_; }
  // Nobody tells, and nothing is expected.
  bool is_idle() const { return !tracks_ && expect_ == Expect::nothing; }

 private:
  protocol::OwnTracking own_;
  bool tracks_ = false;
  Expect expect_ = Expect::nothing;
  bool state_unchanged_ = false;
  bool state_changed_ = false;
  std::optional<Commit> last_;
};

// The statements, one packet of two, that have the leader tell GTIDs and changes of state in each OK; the first asks
// what was in force.
std::string track_statements(protocol::Make make);
struct Tracking {
  protocol::OwnTracking own = {};
  // A MySQL without GTIDs in its log has none to tell, whatever is asked of it.
  bool names_commits = true;
};
// What the answer to them means. nullopt: it is none.
std::optional<Tracking> tracking_from(const std::vector<protocol::ResultSet>& results, protocol::Make make);

}  // namespace crossfade::proxy
