// The server's answers to a wrapped write, as they would have been without the wrapping.
#pragma once

#include "protocol/response_tracker.h"

namespace crossfade::proxy {

inline bool in_transaction(const protocol::ResultEnd& end) {
  return (end.ok.status & protocol::kStatusInTransaction) != 0;
}

// The OK of a statement that ran inside our transaction, as it would have been on its own.
protocol::Ok unwrapped(protocol::Ok ok);

// What a client hears when the server has lost its transaction: 1213, as after a deadlock.
protocol::Err lost_transaction();

// One result out of several, as it would have been alone: numbered from 1, with no result to follow. Where its status
// flags are the response tracker knows: the bytes of a row can look like an EOF.
protocol::Buffer standalone(protocol::Bytes wire, protocol::Capabilities capabilities);

}  // namespace crossfade::proxy
