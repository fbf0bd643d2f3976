#include "proxy/feed/ddl_state.h"

#include <xxhash.h>

#include <cstdio>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/table_ids.h"
#include "protocol/error_codes.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

namespace {

constexpr auto kShowMax = std::chrono::minutes(1);

// AUTO_INCREMENT=7 among the options.
std::string without_counter(std::string text) {
  constexpr std::string_view kCounter = " AUTO_INCREMENT=";
  const std::size_t begin = text.rfind(kCounter);
  if (begin == std::string::npos) return text;
  const std::size_t end = text.find_first_not_of("0123456789", begin + kCounter.size());
  return text.erase(begin, (end == std::string::npos ? text.size() : end) - begin);
}

std::string hashed(const std::string& text) { return std::to_string(XXH3_64bits(text.data(), text.size())); }

std::string cells_of(const protocol::ResultSet& answer) {
  std::string all;
  for (const auto& row : answer.rows) {
    for (const protocol::Cell& cell : row) all += without_counter(cell.value_or("")) + ";";
  }
  return all;
}

// All cells; what the server refuses to show is not there.
Task<absl::StatusOr<std::string>> shown(BackendLink& server, std::string question) {
  auto answer = co_await server.run(std::move(question), Clock::now() + kShowMax);
  if (!answer.ok()) co_return answer.status();
  if (answer->failed()) {
    const protocol::Err& err = answer->last().err;
    if (err.code == protocol::kErrLockWaitTimeout) co_return absl::AbortedError(err_text(err));
    co_return std::string("none;");
  }
  auto taken = protocol::decode_response(answer->wire, protocol::ResponseKind::query, server.capabilities());
  if (!taken.ok()) co_return taken.status();
  co_return cells_of(taken->front());
}

Task<absl::StatusOr<std::string>> shown_tables(BackendLink& server, std::vector<TableRef> tables) {
  std::string all;
  for (const TableRef& table : tables) {
    auto one = co_await shown(server, show_definition(table));
    if (!one.ok()) co_return one.status();
    all += *one;
  }
  co_return all;
}

}  // namespace

std::string show_definition(const TableRef& table) { return "SHOW CREATE TABLE " + dualwrite::quote_name(table); }

std::string definition_state(const protocol::ResultSet& shown) { return hashed(cells_of(shown)); }

Task<absl::StatusOr<std::string>> tables_state(BackendLink& server, std::vector<TableRef> tables) {
  auto all = co_await shown_tables(server, std::move(tables));
  if (!all.ok()) co_return all.status();
  co_return hashed(*all);
}

Task<absl::StatusOr<std::string>> ddl_state(BackendLink& server, dualwrite::DdlAnalysis analysis) {
  auto all = co_await shown_tables(server, analysis.tables);
  if (!all.ok()) co_return all.status();
  std::vector<std::string> questions;
  for (const std::string& schema : analysis.schemas) {
    questions.push_back("SHOW CREATE DATABASE " + dualwrite::quote_name(schema));
  }
  if (analysis.tables.empty() && analysis.schemas.empty()) {
    questions.emplace_back(
        "SELECT ROUTINE_SCHEMA,ROUTINE_NAME,ROUTINE_TYPE,CREATED,LAST_ALTERED FROM information_schema.ROUTINES "
        "ORDER BY 1,2,3");
  }
  for (std::string& question : questions) {
    auto one = co_await shown(server, std::move(question));
    if (!one.ok()) co_return one.status();
    *all += *one;
  }
  if (!analysis.tables.empty()) {
    auto rows = co_await server.query_rows(dualwrite::table_ids_query(server.is_mariadb(), kShowMax), 2,
                                           Clock::now() + kShowMax);
    if (!rows.ok()) co_return rows.status();
    const dualwrite::TableIds ids(*rows);
    for (const TableRef& table : analysis.tables) *all += ids.of(table) + ";";
  }
  co_return hashed(*all);
}

// Such names may have 64 characters.
std::string ddl_turn(std::string_view control_schema, const TableRef& of) {
  const std::string all =
      std::string(control_schema) + "\n" + of.schema + (of.table.empty() ? std::string() : "." + of.table);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(XXH3_64bits(all.data(), all.size())));
  return "crossfade_ddl_" + std::string(text);
}

std::string ddl_lock(std::string_view control_schema) {
  return dualwrite::quote_text("crossfade_ddl_" + std::string(control_schema));
}

}  // namespace crossfade::proxy
