// The feed, as the admin server has it: /jobs/feed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

nlohmann::json feed_json(const FeedStatus& feed);
// {"verb": "switch", "to": "log"}: what was done; may take a minute and more.
absl::StatusOr<std::string> order_feed(RowFeed& feed, const nlohmann::json& order);

}  // namespace crossfade::proxy
