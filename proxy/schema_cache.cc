#include "proxy/schema_cache.h"

#include <utility>

#include "dualwrite/sql_text.h"
#include "protocol/rows.h"

namespace crossfade::proxy {
namespace {

constexpr auto kAnswerAtMost = std::chrono::seconds(10);

std::string is_named(const char* column, const std::string& name) {
  return std::string(column) + "=" + dualwrite::quote_text(name);
}

}  // namespace

SchemaCache::SchemaCache(ControlLinks& links)
    : links_(links),
      cache_({.refresh_after = std::chrono::seconds(5),
              .fresh_for = std::chrono::seconds(10),
              .usable_for = std::chrono::seconds(10),
              .patience = {},
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
  if (landed.value.ok() && *landed.value == TableKind::none) landed.fresh_for = Clock::duration::zero();
  land(std::move(landed));
}

Task<absl::StatusOr<TableKind>> SchemaCache::read(Key key, TimePoint deadline) {
  auto taken = co_await links_.take(key.which, deadline);
  if (!taken.ok()) co_return taken.status();
  ControlLinks::Lease& link = *taken;
  const std::string sql = "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE " +
                          is_named("TABLE_SCHEMA", key.schema) + " AND " + is_named("TABLE_NAME", key.table);
  auto results = co_await link->query(sql, deadline);
  if (!results.ok()) co_return results.status();
  if (absl::Status shape = protocol::expect_shape(*results, {1}); !shape.ok()) co_return shape;
  link.keep();
  if ((*results)[0].rows.empty()) co_return TableKind::none;
  co_return (*results)[0].rows[0][0].value_or("") == "BASE TABLE" ? TableKind::base_table : TableKind::other;
}

}  // namespace crossfade::proxy
