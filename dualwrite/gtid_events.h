// The events that name a transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "dualwrite/log_event_header.h"
#include "dualwrite/xid.h"

namespace crossfade::dualwrite {

struct GtidEvent {
  std::string gtid;  // "0-1-54", "uuid:54", "uuid:tag:54"; empty: anonymous
  // MariaDB says here what follows; MySQL's transactions begin by a QUERY.
  enum class Follows : std::uint8_t {
    query,         // which says what it is
    statement,     // one event by itself, no end
    announcement,  // as `statement`, of an ALTER that has begun or was rolled back: nothing happens there
    rows,          // a transaction, up to its XID or COMMIT
    prepared,      // the rows of the XA branch `xid`, up to XA_PREPARE
    completed      // XA COMMIT or XA ROLLBACK of `xid`
  } follows = Follows::query;
  std::optional<Xid> xid = std::nullopt;
};

// u64 number | u32 domain | u8 flags | flag 2: u64 commit id | flags 0x40, 0x80: xid | u8 more flags: 2 an
// ALTER begins, 4 it ends, 8 it was rolled back. The server is the header's.
absl::StatusOr<GtidEvent> decode_mariadb_gtid(const FramedEvent& event);
// u8 flags | u8[16] uuid | i64 number | ..
absl::StatusOr<GtidEvent> decode_mysql_gtid(const FramedEvent& event);
// Fields of variable length (manual: mysql::serialization): format, size, last field; then id and value of each: 0
// flags, 1 uuid, 2 number, 3 tag.
absl::StatusOr<GtidEvent> decode_tagged_gtid(const FramedEvent& event);

}  // namespace crossfade::dualwrite
