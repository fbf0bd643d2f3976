// Any bytes as a logged statement: analysis and translation agree on what it is, and neither falls over. What a
// translation says is cut into tokens by the other make.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dualwrite/ddl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade::dualwrite;
  if (size < 2) return 0;
  LoggedStatement statement;
  statement.schema = (data[0] & 1) != 0 ? "app" : "";
  statement.sql_mode = ((data[0] & 2) != 0 ? 4u : 0u) | ((data[0] & 4) != 0 ? 1u << 20 : 0u);
  statement.client_collation = (data[0] & 8) != 0 ? 28 : 45;  // gbk or utf8mb4
  statement.sql = std::string_view(reinterpret_cast<const char*>(data) + 2, size - 2);
  const ServerMakes makes{.leader_is_mariadb = (data[0] & 16) != 0, .follower_is_mariadb = (data[0] & 32) != 0};
  const DdlAnalysis analysis = analyze_ddl(statement, makes.leader_is_mariadb);
  for (const TableRef& table : analysis.tables) {
    if (table.schema.empty()) std::abort();
  }
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  const std::map<TableRef, TableDefinition> follower = {{table.name, table}};
  const DdlContext context{.schema_collation = (data[1] & 1) != 0 ? "utf8mb4_uca1400_ai_ci" : "",
                           .follower = (data[1] & 2) != 0 ? &follower : nullptr};
  const auto said = translate_ddl(statement, makes, context);
  const bool understood = analysis.kind != LoggedKind::unknown && analysis.kind != LoggedKind::data;
  if (said.ok() && !understood) std::abort();
  if (follower_session(statement, makes).empty()) std::abort();
  return 0;
}
