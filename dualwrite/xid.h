// The name of an XA transaction, as the log has it in three spellings.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/wire.h"

namespace crossfade::dualwrite {

struct Xid {
  std::int32_t format = 1;
  std::string global = {};
  std::string branch = {};
  friend bool operator==(const Xid&, const Xid&) = default;
  friend auto operator<=>(const Xid&, const Xid&) = default;
};

// X'61',X'',1 as in XA START, COMMIT and so on; leading spaces are skipped, what follows is left in `rest`.
std::optional<Xid> parse_xid(std::string_view text, std::string_view* rest);
// i32 format | i32 bytes of global | i32 bytes of branch | both. Of XA_PREPARE.
std::optional<Xid> read_prepared_xid(protocol::Reader& reader);
// i32 format | u8 bytes of global | u8 bytes of branch | both. Of MariaDB's GTID.
std::optional<Xid> read_gtid_xid(protocol::Reader& reader);
// "X'61',X'',1"
std::string xid_text(const Xid& xid);

}  // namespace crossfade::dualwrite
