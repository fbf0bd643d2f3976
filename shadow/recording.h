// A bounded copy of one response, as it went past.
#pragma once

#include <cstdint>

#include "protocol/wire.h"

namespace crossfade::shadow {

// append() while the response is relayed; past the limit the bytes are dropped and the recording is
// too large for good: never a partial comparison.
class Recording {
 public:
  explicit Recording(std::uint64_t bytes_max = 0) : bytes_max_(bytes_max) {}
  void append(protocol::Bytes bytes);
  bool too_large() const { return too_large_; }
  protocol::Bytes wire() const { return wire_; }
  std::uint64_t bytes() const { return wire_.size(); }

 private:
  std::uint64_t bytes_max_;
  bool too_large_ = false;
  protocol::Buffer wire_;
};

}  // namespace crossfade::shadow
