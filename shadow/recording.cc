#include "shadow/recording.h"

namespace crossfade::shadow {

void Recording::append(protocol::Bytes bytes) {
  if (too_large_) {
    return;
  }
  if (bytes.size() > bytes_max_ - wire_.size()) {
    too_large_ = true;
    wire_ = protocol::Buffer();  // Moved-from capacity goes too: a cut recording must not hold memory.
    return;
  }
  wire_.insert(wire_.end(), bytes.begin(), bytes.end());
}

}  // namespace crossfade::shadow
