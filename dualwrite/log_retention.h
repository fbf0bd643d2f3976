// How long the leader keeps its log, and how near that is to what is still needed of it.
#pragma once

#include <cstdint>
#include <string>

#include "dualwrite/log_position.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

struct LogRetention {
  std::uint64_t seconds = 0;  // files older than this may be deleted; 0: none is
  std::string oldest_file;    // empty: not known
  friend bool operator==(const LogRetention&, const LogRetention&) = default;
};

// Server variables: those of both makes and of old versions, as far as there are any.
std::string retention_query();
inline constexpr const char* kListLogs = "SHOW BINARY LOGS";
LogRetention retention_from(const protocol::ResultSet& variables, const protocol::ResultSet& logs);

// What is needed of the log, and for how long it has been waiting.
struct NeededLog {
  std::string by;  // "the feed", "table app.t"
  LogPosition from;
  std::uint64_t waiting_seconds = 0;
  bool is_prepared =
      false;  // an XA transaction that nobody has ended: the rows of it that have been read are in memory
};

enum class RetentionVerdict : std::uint8_t {
  fine,
  near,  // more than half of the time is over
  gone   // deleted already
};
RetentionVerdict judge_retention(const LogRetention& retention, const NeededLog& needed);
// What is to be done; empty where it is fine.
std::string retention_advice(const LogRetention& retention, const NeededLog& needed);

}  // namespace crossfade::dualwrite
