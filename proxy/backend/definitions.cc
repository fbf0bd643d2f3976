#include "proxy/backend/definitions.h"

#include <utility>
#include <vector>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_plan.h"
#include "protocol/rows.h"

namespace crossfade::proxy {
namespace {

// A server with many tables takes a while over information_schema.
constexpr auto kCatalogMax = std::chrono::minutes(2);
constexpr std::size_t kCatalogBytesMax = 1u << 30;

}  // namespace

Task<absl::StatusOr<Definitions>> ask_definitions(BackendLink& link, dualwrite::DefinitionScope scope) {
  const TimePoint deadline = Clock::now() + kCatalogMax;
  const bool mariadb = link.is_mariadb();
  std::vector<protocol::ResultSet> results;
  for (const std::string& sql : dualwrite::definition_queries(scope, mariadb)) {
    auto answer = co_await link.query(sql, deadline, kCatalogBytesMax);
    if (!answer.ok()) co_return answer.status();
    if (answer->size() != 1) co_return absl::InternalError("a question for definitions gave no single result");
    results.push_back(std::move(answer->front()));
  }
  auto definitions = dualwrite::definitions_from(results, mariadb);
  if (!definitions.ok()) co_return definitions.status();
  for (auto& [name, definition] : *definitions) {
    std::erase_if(definition.triggers, [](const std::string& each) { return dualwrite::is_capture_trigger(each); });
  }
  co_return definitions;
}

Task<absl::StatusOr<TableKind>> ask_table_kind(BackendLink& link, dualwrite::TableRef table, TimePoint deadline) {
  std::string sql =
      "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA=" + dualwrite::quote_text(table.schema) +
      " AND TABLE_NAME=" + dualwrite::quote_text(table.table);
  auto rows = co_await link.query_rows(std::move(sql), 1, deadline);
  if (!rows.ok()) co_return rows.status();
  if (rows->empty()) co_return TableKind::none;
  co_return rows->front().front().value_or("") == "BASE TABLE" ? TableKind::base_table : TableKind::other;
}

}  // namespace crossfade::proxy
