#include <algorithm>
#include <cctype>

#include "dualwrite/inline/outbox.h"
#include "proxy/session_state.h"
#include "proxy/worker.h"

namespace crossfade::proxy {
namespace {

std::string literal(const std::string& text) {
  return text.empty() ? "''" : "0x" + dualwrite::hex(protocol::as_bytes(text));
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

dualwrite::Column column_from(const std::vector<protocol::Cell>& row) {
  dualwrite::Column column;
  column.name = lower(row[0].value_or(""));
  column.type = dualwrite::column_class(row[1].value_or(""));
  column.nullable = row[2].value_or("") == "YES";
  const std::string value = lower(row[3].value_or(""));
  const std::string extra = lower(row[4].value_or(""));
  const std::string full_type = lower(row[5].value_or(""));
  column.auto_increment = contains(extra, "auto_increment");
  column.generated = contains(extra, "virtual generated") || contains(extra, "stored generated") ||
                     contains(extra, "persistent") || row[6].value_or("") != "";
  column.invisible = contains(extra, "invisible");
  const bool json = row[7].value_or("") != "0";  // MariaDB's is a LONGTEXT with a check
  if (json) column.type = dualwrite::ColumnClass::json;
  column.charset = lower(row[8].value_or(""));
  if (json && column.charset.empty()) column.charset = "utf8mb4";  // MySQL's
  const bool temporal = column.type == dualwrite::ColumnClass::temporal || column.type == dualwrite::ColumnClass::date;
  column.default_now = temporal && (value.starts_with("current_timestamp") || value.starts_with("now("));
  column.on_update_now = contains(extra, "on update current_timestamp");
  // MySQL marks expression defaults; MariaDB shows literals quoted or as numbers and the rest as text.
  const bool is_literal = value.empty() || value == "null" || value.front() == '\'' || value.front() == '-' ||
                          (std::isdigit(static_cast<unsigned char>(value.front())) != 0 && !contains(value, "("));
  const bool mysql_expression = contains(extra, "default_generated");
  column.default_expression =
      !column.default_now && !column.generated && (mysql_expression || (!is_literal && contains(value, "(")));
  return column;
}

}  // namespace

// A hex literal is binary, so it is given a character set.
std::string SchemaCache::name_is(const char* column, const std::string& name) {
  return std::string(column) + "=CONVERT(" + literal(name) + " USING utf8mb4)";
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> SchemaCache::take_link(TimePoint deadline) {
  std::unique_ptr<BackendLink> link = std::move(idle_link_);
  if (link && link->alive()) co_return std::move(link);
  LinkOptions options = shared_.link_options(shared_.leader, shared_.control[static_cast<std::size_t>(shared_.leader)]);
  options.statements = LinkOptions::Statements::multiple;
  auto opened = co_await BackendLink::open(reactor_, std::move(options), counters_, deadline);
  if (!opened.ok()) co_return opened.status();
  link = *std::move(opened);
  // Whatever the server's defaults are: every look must see the present.
  auto fresh = co_await link->query("SET autocommit=1", deadline);
  if (!fresh.ok()) co_return fresh.status();
  co_return std::move(link);
}

Task<absl::StatusOr<SchemaCache::Answer>> SchemaCache::ask(std::string sql) {
  const TimePoint deadline = reactor_.now() + std::chrono::seconds(10);
  auto taken = co_await take_link(deadline);
  if (!taken.ok()) co_return taken.status();
  std::unique_ptr<BackendLink> link = *std::move(taken);
  auto captured = co_await link->run(std::move(sql), deadline);
  if (!captured.ok()) co_return captured.status();
  auto results = protocol::decode_response(captured->wire, protocol::ResponseKind::query, link->capabilities());
  if (!results.ok()) co_return results.status();
  Answer answer;
  answer.results = *std::move(results);
  answer.mariadb = link->is_mariadb();
  answer.server_version = version_number(link->greeting().server_version);
  idle_link_ = std::move(link);
  co_return answer;
}

Task<absl::StatusOr<std::shared_ptr<const dualwrite::TableSchema>>> SchemaCache::get(std::string schema,
                                                                                     std::string table) {
  const std::string key = schema + '\0' + table;
  const auto found = cache_.find(key);
  if (found != cache_.end() && found->second.read_at + kFresh > reactor_.now()) co_return found->second.schema;
  auto fresh = co_await read(schema, table);
  if (!fresh.ok()) co_return fresh.status();
  if (cache_.size() >= kTablesMax) cache_.clear();
  // A table that is missing is looked up again each time: it may be made at any moment.
  if (*fresh) cache_[key] = {.schema = *fresh, .read_at = reactor_.now()};
  co_return *fresh;
}

Task<absl::StatusOr<std::shared_ptr<const dualwrite::TableSchema>>> SchemaCache::read(std::string schema,
                                                                                      std::string table) {
  const TimePoint deadline = reactor_.now() + std::chrono::seconds(10);
  auto taken = co_await take_link(deadline);
  if (!taken.ok()) co_return taken.status();
  std::unique_ptr<BackendLink> link = *std::move(taken);
  const std::string here = name_is("TABLE_SCHEMA", schema) + " AND " + name_is("TABLE_NAME", table);
  const std::string json = link->is_mariadb()
                               ? "EXISTS(SELECT 1 FROM information_schema.CHECK_CONSTRAINTS c WHERE " +
                                     name_is("c.CONSTRAINT_SCHEMA", schema) + " AND " + name_is("c.TABLE_NAME", table) +
                                     " AND c.CONSTRAINT_NAME=COLUMN_NAME AND c.CHECK_CLAUSE LIKE 'json\\_valid(%')"
                               : "DATA_TYPE='json'";
  const std::string sql =
      "SELECT TABLE_TYPE,ENGINE FROM information_schema.TABLES WHERE " + here +
      ";SELECT COLUMN_NAME,DATA_TYPE,IS_NULLABLE,COLUMN_DEFAULT,EXTRA,COLUMN_TYPE,COALESCE(GENERATION_EXPRESSION,'')," +
      json + ",CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE " + here +
      " ORDER BY ORDINAL_POSITION"
      ";SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE " +
      here +
      " AND INDEX_NAME='PRIMARY' ORDER BY SEQ_IN_INDEX"
      ";SELECT EVENT_MANIPULATION FROM information_schema.TRIGGERS WHERE " +
      name_is("EVENT_OBJECT_SCHEMA", schema) + " AND " + name_is("EVENT_OBJECT_TABLE", table) +
      ";SELECT UPDATE_RULE,DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE " +
      name_is("UNIQUE_CONSTRAINT_SCHEMA", schema) + " AND " + name_is("REFERENCED_TABLE_NAME", table) +
      ";SELECT DISTINCT REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE " +
      name_is("REFERENCED_TABLE_SCHEMA", schema) + " AND " + name_is("REFERENCED_TABLE_NAME", table);
  auto results = co_await link->query(sql, deadline);
  if (!results.ok()) co_return results.status();
  if (absl::Status shape = protocol::expect_shape(*results, {2, 9, 1, 1, 2, 1}); !shape.ok()) co_return shape;
  idle_link_ = std::move(link);
  if ((*results)[0].rows.empty()) co_return std::shared_ptr<const dualwrite::TableSchema>();
  auto found = std::make_shared<dualwrite::TableSchema>();
  const auto& kind = (*results)[0].rows[0];
  found->base_table = kind[0].value_or("") == "BASE TABLE";
  found->innodb = lower(kind[1].value_or("")) == "innodb";
  for (const auto& row : (*results)[1].rows) found->columns.push_back(column_from(row));
  for (const auto& row : (*results)[2].rows) found->primary_key.push_back(lower(row[0].value_or("")));
  for (const auto& row : (*results)[3].rows) {
    const std::string event = row[0].value_or("");
    found->insert_trigger |= event == "INSERT";
    found->update_trigger |= event == "UPDATE";
    found->delete_trigger |= event == "DELETE";
  }
  const auto cascades = [](const protocol::Cell& rule) {
    return rule.value_or("") == "CASCADE" || rule.value_or("") == "SET NULL" || rule.value_or("") == "SET DEFAULT";
  };
  for (const auto& row : (*results)[4].rows) {
    found->cascades_on_update |= cascades(row[0]);
    found->cascades_on_delete |= cascades(row[1]);
  }
  for (const auto& row : (*results)[5].rows) found->cascading_columns.push_back(lower(row[0].value_or("")));
  co_return std::shared_ptr<const dualwrite::TableSchema>(std::move(found));
}

}  // namespace crossfade::proxy
