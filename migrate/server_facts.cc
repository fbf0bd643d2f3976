#include "migrate/server_facts.h"

#include <array>
#include <charconv>

#include "absl/strings/ascii.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_plan.h"

namespace crossfade::migrate {
namespace {

using ObjectKind = StoredObject::Kind;

enum Query : std::size_t {
  kVariablesQuery,
  kStatusQuery,
  kSchemasQuery,
  kSizesQuery,
  kEventsQuery,
  kRoutinesQuery,
  kTriggersQuery,
  kZonesQuery,
  kQueries
};
constexpr std::array<std::size_t, kQueries> kWidths = {2, 2, 2, 6, 3, 3, 5, 1};

std::string text(const protocol::Cell& cell) { return cell.value_or(""); }

std::optional<std::uint64_t> number_in(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (!cell) return std::nullopt;
  const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
  static_cast<void>(end);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::string not_own(std::string_view column, const std::string& control_schema) {
  return std::string(column) + " NOT IN ('mysql','information_schema','performance_schema','sys'," +
         dualwrite::quote_text(control_schema) + ")";
}

}  // namespace

std::string_view name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::procedure:
      return "procedure";
    case ObjectKind::function:
      return "function";
    case ObjectKind::trigger:
      return "trigger";
    case ObjectKind::event:
      return "event";
  }
  return "";
}

std::string ServerFacts::variable(std::string_view variable_name) const {
  const auto found = variables.find(std::string(variable_name));
  return found == variables.end() ? std::string() : found->second;
}

std::uint64_t ServerFacts::number(std::string_view variable_name) const {
  return number_in(variable(variable_name)).value_or(0);
}

std::vector<std::string> facts_queries(const std::string& control_schema) {
  std::vector<std::string> out(kQueries);
  out[kVariablesQuery] = "SHOW GLOBAL VARIABLES";
  out[kStatusQuery] = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime','Innodb_os_log_written')";
  out[kSchemasQuery] = "SELECT SCHEMA_NAME,DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE " +
                       not_own("SCHEMA_NAME", control_schema) + " ORDER BY 1";
  out[kSizesQuery] =
      "SELECT TABLE_SCHEMA,TABLE_NAME,DATA_LENGTH,INDEX_LENGTH,AUTO_INCREMENT,TIMESTAMPDIFF(SECOND,CREATE_TIME,NOW()) "
      "FROM information_schema.TABLES WHERE TABLE_TYPE='BASE TABLE' AND " +
      not_own("TABLE_SCHEMA", control_schema);
  out[kEventsQuery] = "SELECT EVENT_SCHEMA,EVENT_NAME,STATUS FROM information_schema.EVENTS WHERE " +
                      not_own("EVENT_SCHEMA", control_schema);
  out[kRoutinesQuery] =
      "SELECT ROUTINE_SCHEMA,ROUTINE_NAME,ROUTINE_TYPE FROM information_schema.ROUTINES WHERE ROUTINE_TYPE IN "
      "('PROCEDURE','FUNCTION') AND " +
      not_own("ROUTINE_SCHEMA", control_schema);
  out[kTriggersQuery] =
      "SELECT EVENT_OBJECT_SCHEMA,TRIGGER_NAME,EVENT_OBJECT_TABLE,ACTION_TIMING,EVENT_MANIPULATION FROM "
      "information_schema.TRIGGERS WHERE " +
      not_own("EVENT_OBJECT_SCHEMA", control_schema);
  out[kZonesQuery] = "SELECT CONVERT_TZ('2024-07-01','UTC','Europe/Berlin') IS NOT NULL";
  return out;
}

absl::Status read_facts(const std::vector<protocol::ResultSet>& results, ServerFacts& out) {
  if (results.size() != kQueries) return absl::InternalError("not the answers to the questions about a server");
  for (std::size_t i = 0; i < kQueries; ++i) {
    for (const auto& row : results[i].rows) {
      if (row.size() != kWidths[i]) return absl::InternalError("a server's answer has another shape");
    }
  }
  for (const auto& row : results[kVariablesQuery].rows)
    out.variables[absl::AsciiStrToLower(text(row[0]))] = text(row[1]);
  for (const auto& row : results[kStatusQuery].rows)
    out.status[absl::AsciiStrToLower(text(row[0]))] = number_in(row[1]).value_or(0);
  for (const auto& row : results[kSchemasQuery].rows)
    out.schemas.push_back({.name = text(row[0]), .collation = text(row[1])});
  for (const auto& row : results[kSizesQuery].rows) {
    out.sizes[{.schema = text(row[0]), .table = text(row[1])}] = {.data_bytes = number_in(row[2]).value_or(0),
                                                                  .index_bytes = number_in(row[3]).value_or(0),
                                                                  .auto_increment = number_in(row[4]),
                                                                  .age_seconds = number_in(row[5]).value_or(0)};
  }
  for (const auto& row : results[kEventsQuery].rows)
    out.objects.push_back(
        {.kind = ObjectKind::event, .schema = text(row[0]), .name = text(row[1]), .detail = text(row[2])});
  for (const auto& row : results[kRoutinesQuery].rows) {
    const ObjectKind kind = text(row[2]) == "FUNCTION" ? ObjectKind::function : ObjectKind::procedure;
    out.objects.push_back({.kind = kind, .schema = text(row[0]), .name = text(row[1])});
  }
  for (const auto& row : results[kTriggersQuery].rows) {
    if (dualwrite::is_capture_trigger(text(row[1]))) continue;  // feed `trigger`'s own
    out.objects.push_back({.kind = ObjectKind::trigger,
                           .schema = text(row[0]),
                           .name = text(row[1]),
                           .table = text(row[2]),
                           .detail = text(row[3]) + " " + text(row[4])});
  }
  out.has_named_zones = !results[kZonesQuery].rows.empty() && text(results[kZonesQuery].rows.front()[0]) == "1";
  return absl::OkStatus();
}

std::string replica_query(bool mariadb) {
  return mariadb ? "SHOW ALL SLAVES STATUS"
                 : "SELECT CHANNEL_NAME FROM performance_schema.replication_connection_configuration "
                   "WHERE HOST<>''";
}

}  // namespace crossfade::migrate
