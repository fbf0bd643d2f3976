// What becomes of a statement between makes, for tests.
#pragma once

#include <string>

#include "dualwrite/ddl.h"
#include "table_samples.h"

namespace crossfade::dualwrite {

inline LoggedStatement logged_sql(std::string sql) {
  LoggedStatement statement;
  statement.schema = "app";
  statement.sql = std::move(sql);
  statement.client_collation = statement.connection_collation = 45;
  return statement;
}

// The one statement it becomes, blanks made even; statements are parted by "; ", an error begins with "!".
inline std::string said(const std::string& sql, ServerMakes makes, const DdlContext& context = {}) {
  const auto statements = translate_ddl(logged_sql(sql), makes, context);
  if (!statements.ok()) return "!" + std::string(statements.status().message());
  std::string all, out;
  for (const std::string& statement : *statements) all += (all.empty() ? "" : "; ") + statement;
  for (const char c : all) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(c);
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}
inline std::string to_mysql(const std::string& sql, const DdlContext& context = {}) {
  return said(sql, kToMysql, context);
}
inline std::string to_mariadb(const std::string& sql, const DdlContext& context = {}) {
  return said(sql, kToMariadb, context);
}

}  // namespace crossfade::dualwrite
