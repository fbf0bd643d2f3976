// The session state block of an OK packet (manual pages "OK_Packet", "Session Track"): what the proxy has asked the
// server to tell there, and the block without that.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

// What the proxy has asked for. `removed`: the client has not asked for it as well, and must not see it.
struct OwnTracking {
  enum class Gtid : std::uint8_t {
    none,
    item,      // MySQL's session_track_gtids: an item of its own
    variable,  // MariaDB's: the system variable last_gtid
  } gtid = Gtid::none;
  enum class ClientSees : std::uint8_t { removed, left };
  ClientSees gtid_item = ClientSees::removed;
  ClientSees state_change_item = ClientSees::left;
};

struct SessionTrack {
  std::string gtid;            // the last one that the statement has committed; empty: not told
  bool state_changed = false;  // session_track_state_change says so
  Buffer others;               // the block without what is to be removed
};
absl::StatusOr<SessionTrack> read_session_track(Bytes block, const OwnTracking& own);

}  // namespace crossfade::protocol
