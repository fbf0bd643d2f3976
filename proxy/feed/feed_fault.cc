#include "proxy/feed/feed_fault.h"

#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace crossfade::proxy {

FeedFault FeedFault::from_environment() {
  FeedFault fault;
  const char* const given = std::getenv("CROSSFADE_TEST_FAULT");
  if (given == nullptr) return fault;
  const std::string_view text(given);
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  std::uint64_t every = 0;
  if (colon != std::string_view::npos) std::from_chars(text.data() + colon + 1, text.data() + text.size(), every);
  if (kind == "skip") fault.kind_ = Kind::skip;
  if (kind == "twice") fault.kind_ = Kind::twice;
  if (kind == "early") fault.kind_ = Kind::early;
  if (kind == "die") fault.kind_ = Kind::die;
  if (every == 0) fault.kind_ = Kind::none;
  fault.every_ = every == 0 ? 1 : every;
  spdlog::error("test_fault={} what=\"this proxy loses data on purpose\"", text);
  return fault;
}

}  // namespace crossfade::proxy
