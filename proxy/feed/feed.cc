#include "proxy/feed/feed.h"

namespace crossfade::proxy {

std::string_view name(FeedKind kind) {
  switch (kind) {
    case FeedKind::undecided:
      return "undecided";
    case FeedKind::log:
      return "log";
    case FeedKind::trigger:
      return "trigger";
  }
  return "";
}

}  // namespace crossfade::proxy
