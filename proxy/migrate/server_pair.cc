#include "proxy/migrate/server_pair.h"

#include <random>
#include <utility>

#include "dualwrite/sql_text.h"
#include "proxy/backend/link_options.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/server_reader.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_control_link(VerbContext context, config::Backend which) {
  const auto at = static_cast<std::size_t>(which);
  LinkOptions options =
      link_options_of(context.config, which, context.credentials.backend_tls[at], context.credentials.control[at]);
  options.session = LinkOptions::Session::own;
  co_return co_await BackendLink::open(context.reactor, std::move(options), context.counters,
                                       Clock::now() + kConnectMax);
}

Task<absl::StatusOr<OpenPair>> open_pair(VerbContext context) {
  OpenPair out;
  auto old_link = co_await open_control_link(context, config::Backend::old_db);
  if (!old_link.ok()) co_return old_link.status();
  out.old_link = *std::move(old_link);
  auto new_link = co_await open_control_link(context, config::Backend::new_db);
  if (!new_link.ok()) co_return new_link.status();
  out.new_link = *std::move(new_link);
  auto old_server = co_await read_server(*out.old_link, context.config.control.schema);
  if (!old_server.ok()) co_return old_server.status();
  out.old_server = *std::move(old_server);
  auto new_server = co_await read_server(*out.new_link, context.config.control.schema);
  if (!new_server.ok()) co_return new_server.status();
  out.new_server = *std::move(new_server);
  co_return out;
}

Task<absl::StatusOr<bool>> is_one_server(BackendLink& one, BackendLink& other) {
  std::random_device random;
  const std::string name =
      dualwrite::quote_text("crossfade_preflight_" + std::to_string(random()) + "_" + std::to_string(random()));
  std::string take = "GET_LOCK(" + name + ",0)";
  auto taken = co_await one.ask_row(std::move(take), 1, soon());
  if (!taken.ok()) co_return taken.status();
  std::string look = "IS_USED_LOCK(" + name + ") IS NOT NULL";
  auto seen = co_await other.ask_row(std::move(look), 1, soon());
  if (!seen.ok()) co_return seen.status();
  std::string release = "RELEASE_LOCK(" + name + ")";
  auto released = co_await one.ask_row(std::move(release), 1, soon());
  if (!released.ok()) co_return released.status();
  co_return first_number(*taken) == 1 && first_number(*seen) == 1;
}

}  // namespace crossfade::proxy
