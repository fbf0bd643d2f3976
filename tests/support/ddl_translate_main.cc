// For tests against real servers: dualwrite's definitions and translations behind a pipe. One JSON object a line in,
// one out. What is asked for is in "do":
//   queries {mariadb, schemas?, tables?}                        {statements}
//   session | translate | analyze {sql, schema, leader, ...}    {statements} or {error}
//   compare {leader, follower, leader_rows, follower_rows}      {findings: [[severity, table, object, code, text,
//   advice]]} create {leader, follower, leader_rows, schema, table}       {statements} or {error}
// leader and follower are "mariadb" or "mysql"; rows are what the queries gave, a list of rows each.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "dualwrite/ddl.h"
#include "dualwrite/schema_compare.h"
#include "dualwrite/table_definition.h"

namespace {

using namespace crossfade::dualwrite;
using nlohmann::json;

ServerMakes makes(const json& in) {
  return {.leader_is_mariadb = in.at("leader") == "mariadb", .follower_is_mariadb = in.at("follower") == "mariadb"};
}

LoggedStatement statement(const json& in) {
  LoggedStatement out;
  out.schema = in.value("schema", "");
  out.sql = in.at("sql").get<std::string>();
  out.sql_mode = in.value("sql_mode", std::uint64_t{0});
  out.client_collation = out.connection_collation = in.value("collation", std::uint16_t{45});
  out.server_collation = in.value("server_collation", std::uint16_t{0});
  out.explicit_defaults_for_timestamp = in.value("explicit_defaults", true);
  return out;
}

std::map<TableRef, TableDefinition> definitions(const json& results, bool mariadb) {
  std::vector<crossfade::protocol::ResultSet> all;
  for (const json& result : results) {
    crossfade::protocol::ResultSet& set = all.emplace_back();
    for (const json& row : result) {
      auto& cells = set.rows.emplace_back();
      for (const json& cell : row)
        cells.push_back(cell.is_null() ? crossfade::protocol::Cell()
                                       : crossfade::protocol::Cell(cell.get<std::string>()));
    }
  }
  auto out = definitions_from(all, mariadb);
  if (!out.ok()) throw std::runtime_error(out.status().ToString());
  return *std::move(out);
}

json said(const absl::StatusOr<std::vector<std::string>>& statements) {
  if (!statements.ok()) return {{"error", std::string(statements.status().message())}};
  return {{"statements", *statements}};
}

json answer(const json& in) {
  const auto what = in.at("do").get<std::string>();
  if (what == "queries") {
    DefinitionScope scope{.tables = {}, .excluded_schemas = in.value("excluded", std::vector<std::string>())};
    for (const json& table : in.value("tables", json::array()))
      scope.tables.push_back({table.at(0).get<std::string>(), table.at(1).get<std::string>()});
    return {{"statements", definition_queries(scope, in.at("mariadb").get<bool>())}};
  }
  if (what == "session") return {{"statements", follower_session(statement(in), makes(in))}};
  if (what == "analyze") {
    const DdlAnalysis analysis = analyze_ddl(statement(in), makes(in).leader_is_mariadb);
    json tables = json::array();
    for (const TableRef& table : analysis.tables) tables.push_back({table.schema, table.table});
    return {{"kind", static_cast<int>(analysis.kind)}, {"verb", analysis.verb}, {"tables", tables}};
  }
  if (what == "translate") {
    DdlContext context{.schema_collation = in.value("schema_collation", "")};
    std::map<TableRef, TableDefinition> follower;
    if (in.contains("follower_rows")) {
      follower = definitions(in.at("follower_rows"), makes(in).follower_is_mariadb);
      context.follower = &follower;
    }
    return said(translate_ddl(statement(in), makes(in), context));
  }
  const auto leader = definitions(in.at("leader_rows"), makes(in).leader_is_mariadb);
  if (what == "create") {
    const auto made = create_statements(
        leader.at({in.at("schema").get<std::string>(), in.at("table").get<std::string>()}), makes(in));
    if (!made.ok()) return said(made.status());
    std::vector<std::string> all{made->table};
    for (const NamedStatement& each : made->indexes) all.push_back(each.sql);
    for (const NamedStatement& each : made->foreign_keys) all.push_back(each.sql);
    return said(all);
  }
  json findings = json::array();
  const auto follower = definitions(in.at("follower_rows"), makes(in).follower_is_mariadb);
  for (const SchemaFinding& each : compare_schemas(leader, follower, makes(in)))
    findings.push_back(
        {static_cast<int>(each.severity), each.table.table, each.object, each.code, each.text, each.advice});
  return {{"findings", findings}, {"tables", leader.size()}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    json out;
    try {
      out = answer(json::parse(line));
    } catch (const std::exception& error) {
      out = {{"broken", error.what()}};
    }
    std::cout << out.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
}
