#include "proxy/catalogue/schema_cache.h"

#include <utility>

namespace crossfade::proxy {
namespace {

constexpr auto kAnswerAtMost = std::chrono::seconds(10);
constexpr auto kMissingKept = std::chrono::seconds(2);

}  // namespace

SchemaCache::SchemaCache(ControlLinks& links)
    : links_(links),
      cache_({.refresh_after = std::chrono::seconds(5),
              .fresh_for = std::chrono::seconds(10),
              .usable_for = std::chrono::seconds(10),
              .patience = kAnswerAtMost,  // what is too old is waited for
              .failure_for = std::chrono::milliseconds(200),
              .entries_max = 20000},
             [this](const Key& key, Cache::Land land) {
               links_.reactor().post([this, key, land = std::move(land)] { links_.reactor().spawn(fly(key, land)); });
             }) {}

Task<absl::StatusOr<TableKind>> SchemaCache::get(Reactor& reactor, config::Backend which, std::string schema,
                                                 std::string table) {
  Key key{.which = which, .schema = std::move(schema), .table = std::move(table)};
  co_return co_await cache_.get(reactor, std::move(key), reactor.now() + kAnswerAtMost);
}

Task<void> SchemaCache::fly(Key key, Cache::Land land) {
  auto found = co_await read(std::move(key), links_.reactor().now() + kAnswerAtMost);
  Cache::Landed landed{.value = std::move(found), .fresh_for = std::nullopt};
  if (landed.value.ok() && *landed.value == TableKind::none) landed.fresh_for = kMissingKept;
  land(std::move(landed));
}

Task<absl::StatusOr<TableKind>> SchemaCache::read(Key key, TimePoint deadline) {
  auto taken = co_await links_.take(key.which, deadline);
  if (!taken.ok()) co_return taken.status();
  ControlLinks::Lease& link = *taken;
  dualwrite::TableRef name{.schema = std::move(key.schema), .table = std::move(key.table)};
  auto kind = co_await ask_table_kind(*link, std::move(name), deadline);
  if (kind.ok()) link.keep();
  co_return kind;
}

}  // namespace crossfade::proxy
