// One response, all its results, from a backend to the client: bytes through a small shared buffer, rows not decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/response_tracker.h"
#include "protocol/session_track_filter.h"
#include "proxy/session/conversation/conversation.h"
#include "proxy/shadow_run/sampled_read.h"

namespace crossfade::proxy {

// Reads no faster than the client takes the bytes. Holds back the first bytes of the follower's answer until it is
// known to be no error, which is the leader's to give; and the end of the leader's, until what it committed is where
// the flags say that it must be.
//
// Invariant: while answered() is false the client has seen nothing, and another backend may be asked.
class ResponseRelay {
 public:
  // `anew`: the backend's answer has other packet numbers than the client waits for.
  enum class Numbers : std::uint8_t { kept, anew };
  struct Order {
    protocol::ResponseKind kind = protocol::ResponseKind::query;
    Numbers numbers = Numbers::kept;
    SampledRead* sample = nullptr;
  };
  ResponseRelay(Conversation& s, BackendLink& link, Order order);

  // FailedPrecondition: the follower, whole and well, answered with an error. Cancelled: the client has left.
  Task<absl::Status> run();
  bool answered() const { return answered_; }
  // Of the last result, when run() has gone well.
  const protocol::ResultEnd& end() const { return tracker_.end(); }

 private:
  using Bytes = std::span<std::uint8_t>;
  absl::StatusOr<Bytes> take(Bytes piece);
  absl::StatusOr<Bytes> hold_back(Bytes chunk);
  bool may_be_error() const;
  Task<void> settle(std::optional<Commit> commit);
  Task<absl::Status> wait_for_client(Bytes rest);
  Task<absl::Status> relay_file_of_client();

  Conversation& s_;
  BackendLink& link_;
  Order order_;
  protocol::ResponseTracker tracker_;
  protocol::SessionTrackFilter filter_;
  protocol::PacketNumbering numbering_;
  protocol::Buffer held_;
  bool of_leader_;
  bool holding_;
  bool renumbers_;
  bool filters_;
  bool answered_ = false;
};

}  // namespace crossfade::proxy
