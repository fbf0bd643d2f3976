#include "proxy/backend/definitions.h"

#include <algorithm>
#include <string_view>
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

// A schema change that has a table for longer than that makes it (CREATE TABLE .. SELECT): it is not there yet.
constexpr auto kSkippedMax = std::chrono::seconds(3);
constexpr auto kSkippedPause = std::chrono::milliseconds(20);
constexpr std::string_view kSkipped = "1684";   // its definition is being changed
constexpr std::string_view kTimedOut = "1205";  // the same, after a while

Task<absl::StatusOr<bool>> has_skipped(BackendLink& link, TimePoint deadline) {
  if (!link.is_mariadb() || link.ended_clean()) co_return false;
  auto warnings = co_await link.query_rows("SHOW WARNINGS", 3, deadline);
  if (!warnings.ok()) co_return warnings.status();
  co_return std::any_of(warnings->begin(), warnings->end(), [](const auto& row) {
    const std::string code = row[1].value_or("");
    return code == kSkipped || code == kTimedOut;
  });
}

}  // namespace

Task<absl::StatusOr<std::vector<protocol::ResultSet>>> ask_catalogue(BackendLink& link, std::string sql,
                                                                     TimePoint patient_until) {
  const TimePoint deadline = Clock::now() + kCatalogMax;
  for (;;) {
    auto answer = co_await link.query(sql, deadline, kCatalogBytesMax);
    if (!answer.ok()) co_return answer.status();
    auto skipped = co_await has_skipped(link, deadline);
    if (!skipped.ok()) co_return skipped.status();
    if (!*skipped || Clock::now() >= patient_until) co_return answer;
    co_await link.stream().reactor().sleep_for(kSkippedPause);
  }
}

TimePoint patient_until() { return Clock::now() + kSkippedMax; }

Task<absl::StatusOr<Definitions>> ask_definitions(BackendLink& link, dualwrite::DefinitionScope scope) {
  const TimePoint until = patient_until();
  const bool mariadb = link.is_mariadb();
  std::vector<protocol::ResultSet> results;
  for (const std::string& sql : dualwrite::definition_queries(scope, mariadb)) {
    auto answer = co_await ask_catalogue(link, sql, until);
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
  TableKind kind = TableKind::none;
  for (const auto& row : *rows) kind = row[0] == "BASE TABLE" ? TableKind::base_table : TableKind::other;
  co_return kind;
}

}  // namespace crossfade::proxy
