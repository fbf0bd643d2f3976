// Feed `trigger`: a schema change is said before it runs, and its tables are captured again before its client hears of
// it (proxy/feed/captured_ddl.h).
#pragma once

#include <memory>
#include <string>

#include "proxy/feed/captured_ddl.h"
#include "proxy/session/links/leader_session.h"
#include "routing/facts.h"

namespace crossfade::proxy {

// At most one is said and not concluded. Also while writes are not duplicated: the triggers stand, and what they tell
// is followed later. Several statements in a text are carried out one by one if one of them is a schema change; in a
// text that cannot be read it is as one past the proxy: its table stops.
class DdlAnnouncement {
 public:
  DdlAnnouncement(Site& site, const KnownState& known, LeaderSession& leader)
      : site_(site), known_(known), leader_(leader) {}

  bool is_due(const routing::StatementFacts& facts) const;
  // A Status: it must not run. Of what the follower has nothing of, temporary tables above all, nothing is said, and
  // is_open() stays false. `schema`: the default one.
  Task<absl::Status> say(const routing::StatementFacts& facts, std::string text, std::string schema);
  // Said, and not concluded.
  bool is_open() const { return said_ != nullptr; }
  // It is open; the statement has run, and ended in `error` or 0. It is open no more, whatever comes of it. What fails
  // here is taken up by whoever applies: nothing behind the intent is followed until then.
  Task<void> conclude(std::uint16_t error);

 private:
  Site& site_;
  const KnownState& known_;
  LeaderSession& leader_;
  std::unique_ptr<CapturedDdl> said_;
};

}  // namespace crossfade::proxy
