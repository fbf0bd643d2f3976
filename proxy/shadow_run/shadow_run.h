// One sampled read, run once more on a connection of the shadow pool's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "protocol/wire.h"
#include "proxy/backend/backend_link.h"
#include "proxy/context/session_context.h"
#include "routing/tokenizer.h"
#include "shadow/recording.h"
#include "shadow/report.h"

namespace crossfade::proxy {

// One sampled read, with the control's answer.
struct ShadowJob {
  std::string sql;
  bool prepared = false;
  protocol::Buffer execute;  // prepared: self-contained COM_STMT_EXECUTE payload
  std::string user;          // whose credentials; also the pool's key
  SessionContext context;
  protocol::Make control_make = protocol::Make::mariadb;  // whose names `context` holds: the leader's
  bool ordered = false;                                   // ORDER BY at the top level
  bool total_order = false;  // which leaves no two rows to choose between; found out only when it matters
  routing::LexerMode lexer_mode;
  std::uint64_t digest = 0;
  std::string digest_text;
  std::string tables;
  config::Backend control = config::Backend::old_db;
  protocol::Capabilities capabilities = 0;  // the control link's: how `recording` is framed
  shadow::Recording recording;
  shadow::Latency control_latency;
  TimePoint finished;  // when the control read ended

  protocol::ResponseKind kind() const {
    return prepared ? protocol::ResponseKind::execute : protocol::ResponseKind::query;
  }
};

// How it went. A connection that is not `link_is_whole` stands in the middle of something.
struct ShadowRun {
  absl::Status status = absl::OkStatus();
  bool link_is_whole = false;
  bool too_large = false;
  protocol::Buffer wire = {};
  protocol::ResponseKind kind = protocol::ResponseKind::query;  // of `wire`
  protocol::Capabilities capabilities = 0;
  shadow::Latency latency = {};
};

struct ReadLimits {
  std::uint64_t bytes_max = 0;  // of the answer
  TimePoint deadline{};
  // The server ends the read by itself: one that was given up here would run on there.
  std::chrono::milliseconds runs_at_most{};
};
// `state`: the statements that have brought the connection to a session's state; brought up to date.
Task<ShadowRun> run_read(BackendLink& link, std::vector<std::string>& state, const ShadowJob& job, ReadLimits limits);

}  // namespace crossfade::proxy
