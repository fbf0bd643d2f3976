// The FORMAT_DESCRIPTION event that a server must be shown before rows events in BINLOG: how the events that follow are
// laid out. Manual: "Binary Log Event", FORMAT_DESCRIPTION_EVENT.
#pragma once

#include <string_view>

#include "protocol/wire.h"

namespace crossfade::dualwrite {

// Without checksum. `server_version` as in the greeting, at most 49 bytes of it. The lengths of the headers are those
// of MariaDB 10.11 and of MySQL 9.7: an event of ours is read by what stands here, not by what that server would write.
protocol::Buffer mariadb_format_description(std::string_view server_version);
protocol::Buffer mysql_format_description(std::string_view server_version);

}  // namespace crossfade::dualwrite
