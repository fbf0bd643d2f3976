#include "proxy/catalogue/unique_keys.h"

#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "dualwrite/sql_text.h"

namespace crossfade::proxy {

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string name_is(const char* column, const std::string& name) {
  return std::string(column) + "=" + dualwrite::quote_text(name);
}

// Rows of INDEX_NAME, COLUMN_NAME, NULLABLE, SUB_PART.
UniqueKeys::Keys keys_from(const std::vector<std::vector<protocol::Cell>>& rows) {
  std::map<std::string, UniqueKeys::Key> keys;
  std::set<std::string> unfit;
  for (const auto& row : rows) {
    const std::string index = row[0].value_or("");
    // A part that is an expression has no name. Of a text that is known by its first characters, those that sorting
    // looks at may be fewer.
    if (row[2].value_or("YES") == "YES" || !row[1] || row[3]) unfit.insert(index);
    keys[index].push_back(lower(row[1].value_or("")));
  }
  for (const std::string& index : unfit) keys.erase(index);
  UniqueKeys::Keys found;
  for (auto& [index, key] : keys) found.push_back(std::move(key));
  return found;
}

}  // namespace

UniqueKeys::UniqueKeys(Reactor& reactor, Ask ask)
    : reactor_(reactor),
      ask_(std::move(ask)),
      cache_({.refresh_after = kFresh / 2,
              .fresh_for = kFresh,
              .usable_for = kFresh,
              .patience = {},
              .failure_for = std::chrono::milliseconds(200),
              .entries_max = kTablesMax},
             [this](const Question& question, Cache::Land land) { reactor_.spawn(fly(question, std::move(land))); }) {}

Task<absl::StatusOr<UniqueKeys::Keys>> UniqueKeys::get(Question question, TimePoint deadline) {
  co_return co_await cache_.get(reactor_, std::move(question), deadline);
}

Task<void> UniqueKeys::fly(Question question, Cache::Land land) {
  auto keys = co_await ask_(std::move(question));
  land({.value = std::move(keys), .fresh_for = std::nullopt});
}

Task<absl::StatusOr<UniqueKeys::Keys>> UniqueKeys::read(BackendLink& link, Question question, TimePoint deadline) {
  // A LIMIT of its own, since the session may have set sql_select_limit; no hash, under which long texts may sort
  // alike.
  const std::string sql = "SELECT INDEX_NAME,COLUMN_NAME,NULLABLE,SUB_PART FROM information_schema.STATISTICS WHERE " +
                          name_is("TABLE_SCHEMA", question.schema) + " AND " + name_is("TABLE_NAME", question.table) +
                          " AND NON_UNIQUE=0 AND INDEX_TYPE='BTREE' ORDER BY INDEX_NAME,SEQ_IN_INDEX LIMIT 10000";
  auto rows = co_await link.query_rows(sql, 4, deadline);
  if (!rows.ok()) co_return rows.status();
  co_return keys_from(*rows);
}

}  // namespace crossfade::proxy
