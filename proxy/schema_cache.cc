#include "proxy/schema_cache.h"

#include <cctype>
#include <utility>

#include "dualwrite/inline/outbox.h"
#include "protocol/rows.h"
#include "proxy/control_question.h"
#include "proxy/session_state.h"

namespace crossfade::proxy {
namespace {

constexpr auto kAnswerAtMost = std::chrono::seconds(10);

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

Task<absl::StatusOr<SchemaCache::Answer>> answer_on(BackendLink& link, std::string sql, TimePoint deadline) {
  auto captured = co_await link.run(std::move(sql), deadline);
  if (!captured.ok()) co_return captured.status();
  auto results = protocol::decode_response(captured->wire, protocol::ResponseKind::query, link.capabilities());
  if (!results.ok()) co_return results.status();
  SchemaCache::Answer answer;
  answer.results = *std::move(results);
  answer.mariadb = link.is_mariadb();
  answer.server_version = version_number(link.greeting().server_version);
  co_return answer;
}

}  // namespace

// A hex literal is binary, so it is given a character set.
std::string SchemaCache::name_is(const char* column, const std::string& name) {
  return std::string(column) + "=CONVERT(" + literal(name) + " USING utf8mb4)";
}

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

Task<absl::StatusOr<SchemaCache::Definition>> SchemaCache::get(Reactor& reactor, config::Backend which,
                                                               std::string schema, std::string table) {
  Key key{.which = which, .schema = std::move(schema), .table = std::move(table)};
  co_return co_await cache_.get(reactor, std::move(key), reactor.now() + kAnswerAtMost);
}

Task<void> SchemaCache::fly(Key key, Cache::Land land) {
  auto found = co_await read(std::move(key), links_.reactor().now() + kAnswerAtMost);
  Cache::Landed landed{.value = std::move(found), .fresh_for = std::nullopt};
  if (landed.value.ok() && !*landed.value) landed.fresh_for = Clock::duration::zero();
  land(std::move(landed));
}

Task<absl::StatusOr<SchemaCache::Answer>> SchemaCache::ask(Reactor& reactor, config::Backend which, std::string sql) {
  const TimePoint deadline = reactor.now() + kAnswerAtMost;
  ControlQuestion<Answer> question = [sql = std::move(sql), deadline](BackendLink& link) {
    return answer_on(link, sql, deadline);
  };
  co_return co_await ask_control<Answer>(links_, reactor, which, deadline, std::move(question));
}

Task<absl::StatusOr<SchemaCache::Definition>> SchemaCache::read(Key key, TimePoint deadline) {
  auto taken = co_await links_.take(key.which, deadline);
  if (!taken.ok()) co_return taken.status();
  ControlLinks::Lease& link = *taken;
  const std::string& schema = key.schema;
  const std::string& table = key.table;
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
  link.keep();
  if ((*results)[0].rows.empty()) co_return Definition();
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
  co_return Definition(std::move(found));
}

}  // namespace crossfade::proxy
