#include "proxy/serve/feed_order.h"

namespace crossfade::proxy {
namespace {

constexpr auto kFeedOrderMax = std::chrono::seconds(1);  // the admin server waits that long

}  // namespace

nlohmann::json feed_json(const FeedStatus& feed) {
  return {{"kind", name(feed.kind)},
          {"why", feed.why},
          {"change", feed.change},
          {"outcome", feed.change_outcome},
          {"state", feed.state}};
}

absl::StatusOr<std::string> order_feed(RowFeed& feed, const nlohmann::json& order) {
  const nlohmann::json to_log = {{"verb", "switch"}, {"to", "log"}};
  const nlohmann::json to_trigger = {{"verb", "switch"}, {"to", "trigger"}};
  if (order != to_log && order != to_trigger) {
    return absl::InvalidArgumentError("send " + to_log.dump() + " or " + to_trigger.dump());
  }
  if (feed.kind() == FeedKind::undecided) return absl::FailedPreconditionError("no feed has begun yet");
  return feed.switch_to(order == to_log ? FeedKind::log : FeedKind::trigger, kFeedOrderMax);
}

}  // namespace crossfade::proxy
