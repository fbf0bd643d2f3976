#include "proxy/catalogue/unique_keys.h"

#include <cctype>
#include <map>
#include <set>

#include "dualwrite/sql_text.h"

namespace crossfade::proxy {

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string cache_key(const routing::TableName& table) { return table.schema + '\0' + table.table; }

std::string name_is(const char* column, const std::string& name) {
  return std::string(column) + "=" + dualwrite::quote_text(name);
}

// Rows of INDEX_NAME, COLUMN_NAME, NULLABLE, SUB_PART.
std::vector<UniqueKeys::Key> keys_from(const protocol::ResultSet& result) {
  std::map<std::string, UniqueKeys::Key> keys;
  std::set<std::string> unfit;
  for (const auto& row : result.rows) {
    const std::string index = row[0].value_or("");
    // A part that is an expression has no name. Of a text that is known by its first characters, those that sorting
    // looks at may be fewer.
    if (row[2].value_or("YES") == "YES" || !row[1] || row[3]) unfit.insert(index);
    keys[index].push_back(lower(row[1].value_or("")));
  }
  for (const std::string& index : unfit) keys.erase(index);
  std::vector<UniqueKeys::Key> found;
  for (auto& [index, key] : keys) found.push_back(std::move(key));
  return found;
}

}  // namespace

const std::vector<UniqueKeys::Key>* UniqueKeys::known(const routing::TableName& table, TimePoint now) const {
  const auto found = cache_.find(cache_key(table));
  return found != cache_.end() && found->second.read_at + kFresh > now ? &found->second.keys : nullptr;
}

Task<absl::StatusOr<std::vector<UniqueKeys::Key>>> UniqueKeys::read(BackendLink& link, routing::TableName table,
                                                                    TimePoint deadline) {
  // A LIMIT of its own, since the session may have set sql_select_limit; no hash, under which long texts may sort
  // alike.
  const std::string sql = "SELECT INDEX_NAME,COLUMN_NAME,NULLABLE,SUB_PART FROM information_schema.STATISTICS WHERE " +
                          name_is("TABLE_SCHEMA", table.schema) + " AND " + name_is("TABLE_NAME", table.table) +
                          " AND NON_UNIQUE=0 AND INDEX_TYPE='BTREE' ORDER BY INDEX_NAME,SEQ_IN_INDEX LIMIT 10000";
  auto results = co_await link.query(sql, deadline);
  if (!results.ok()) co_return results.status();
  std::vector<Key> keys;
  if (results->size() == 1 && results->front().columns.size() == 4) keys = keys_from(results->front());
  if (cache_.size() >= kTablesMax) cache_.clear();
  cache_[cache_key(table)] = {.keys = keys, .read_at = Clock::now()};
  co_return keys;
}

}  // namespace crossfade::proxy
