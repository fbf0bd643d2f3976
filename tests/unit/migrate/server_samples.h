// Servers and tables as preflight reads them, for tests.
#pragma once

#include <string>
#include <utility>

#include "migrate/judge_tables.h"
#include "migrate/server_facts.h"
#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::migrate {

// app.NAME (id INT PRIMARY KEY)
inline dualwrite::TableDefinition table(std::string name) {
  dualwrite::TableDefinition out;
  out.name = {.schema = "app", .table = std::move(name)};
  out.engine = "InnoDB";
  out.charset = "utf8mb4";
  out.collation = "utf8mb4_general_ci";
  out.columns = {dualwrite::defined("id", "int")};
  out.columns.front().nullable = false;
  out.keys = {dualwrite::key_over("PRIMARY", {"id"})};
  return out;
}

inline dualwrite::DefinedForeignKey refers(std::string name, std::string child, std::string parent) {
  return {.name = std::move(name),
          .columns = {std::move(child)},
          .parent = {.schema = "app", .table = std::move(parent)},
          .parent_columns = {"id"},
          .on_update = "RESTRICT",
          .on_delete = "RESTRICT"};
}

// Two of one make that agree in everything.
inline ServerFacts server(config::Backend which, bool mariadb = true) {
  ServerFacts out;
  out.which = which;
  out.mariadb = mariadb;
  out.version = mariadb ? "10.11.6-MariaDB" : "9.7.4";
  out.version_number = mariadb ? 101106 : 90704;
  out.schemas = {{.name = "app", .collation = "utf8mb4_general_ci"}};
  out.control.account = "`crossfade`@`%`";
  out.control.grants = Grants::parse({"GRANT ALL PRIVILEGES ON *.* TO `crossfade`@`%`"});
  out.is_replica = false;
  out.has_named_zones = true;
  out.variables = {{"sql_mode", "STRICT_TRANS_TABLES"},
                   {"time_zone", "SYSTEM"},
                   {"system_time_zone", "UTC"},
                   {"log_bin", "ON"},
                   {"max_allowed_packet", "1000"},
                   {"lower_case_table_names", "0"},
                   {"transaction_isolation", "REPEATABLE-READ"}};
  out.variables["collation_server"] = "utf8mb4_general_ci";
  return out;
}

inline void add(ServerFacts& facts, dualwrite::TableDefinition definition) {
  const dualwrite::TableRef name = definition.name;
  facts.tables[name] = std::move(definition);
}

}  // namespace crossfade::migrate
