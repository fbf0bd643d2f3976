// The feed, as the admin server has it: /jobs/feed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

nlohmann::json feed_json(const FeedStatus& feed);
// {"verb": "switch", "to": "log"}: what was done, or that it is under way: it may take a minute and more, and
// feed_json() has how far it is and what has become of it.
absl::StatusOr<std::string> order_feed(RowFeed& feed, const nlohmann::json& order);

}  // namespace crossfade::proxy
