#include "proxy/migrate/server_reader.h"

#include <utility>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_control.h"
#include "proxy/backend/definitions.h"
#include "proxy/context/session_context.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {
namespace {

constexpr auto kCatalogueMax = std::chrono::minutes(2);

// `crossfade`@`10.%` of crossfade@10.%: a host has no @.
std::string account_name(const std::string& current_user) {
  const std::size_t at = current_user.rfind('@');
  if (at == std::string::npos) return dualwrite::quote_name(current_user);
  return dualwrite::quote_name(current_user.substr(0, at)) + "@" + dualwrite::quote_name(current_user.substr(at + 1));
}

// The rows of an answer, none where the account may not ask. A Status: the connection broke.
Task<absl::StatusOr<std::optional<protocol::ResultSet>>> ask_if_allowed(BackendLink& link, std::string sql) {
  auto answer = co_await link.query(std::move(sql), Clock::now() + kCatalogueMax);
  if (absl::IsFailedPrecondition(answer.status())) co_return std::optional<protocol::ResultSet>();
  if (!answer.ok()) co_return answer.status();
  if (answer->size() != 1) co_return absl::InternalError("a question gave no single result");
  co_return std::optional<protocol::ResultSet>(std::move(answer->front()));
}

// A server that does not know one of these settings says so in place of all of them.
Task<absl::Status> read_log_settings(BackendLink& link, migrate::ServerFacts& out) {
  auto settings = co_await link.query(dualwrite::leader_settings_query(out.mariadb), soon());
  if (absl::IsFailedPrecondition(settings.status())) {
    out.log.problems = {{.setting = "the log's settings",
                         .found = "not all known to this version (" + std::string(settings.status().message()) + ")",
                         .advice = "use a version that has them: MariaDB 10.5, MySQL 8"}};
    co_return absl::OkStatus();
  }
  if (!settings.ok()) co_return settings.status();
  auto end = co_await ask_if_allowed(link, dualwrite::log_end_query(out.mariadb, out.version_number));
  if (!end.ok()) co_return end.status();
  const protocol::ResultSet log_end = end->value_or(protocol::ResultSet());
  auto verdict = dualwrite::judge_leader(settings->front(), log_end, out.mariadb);
  if (!verdict.ok()) co_return verdict.status();
  out.log = *std::move(verdict);
  auto variables = co_await ask_if_allowed(link, dualwrite::retention_query());
  if (!variables.ok()) co_return variables.status();
  auto logs = co_await ask_if_allowed(link, dualwrite::kListLogs);
  if (!logs.ok()) co_return logs.status();
  if (*variables) out.retention = dualwrite::retention_from(**variables, logs->value_or(protocol::ResultSet()));
  co_return absl::OkStatus();
}

Task<absl::Status> read_settings_of_feeds(BackendLink& link, migrate::ServerFacts& out) {
  const absl::Status log = co_await read_log_settings(link, out);
  if (!log.ok()) co_return log;
  auto settings = co_await link.query(dualwrite::capture_settings_query(link.is_mariadb()), soon());
  if (!settings.ok()) co_return settings.status();
  auto problems = dualwrite::judge_capture(settings->front());
  if (!problems.ok()) co_return problems.status();
  out.by_triggers = *std::move(problems);
  auto replica = co_await ask_if_allowed(link, migrate::replica_query(out.mariadb));
  if (!replica.ok()) co_return replica.status();
  if (*replica) out.is_replica = !(*replica)->rows.empty();
  co_return absl::OkStatus();
}

}  // namespace

Task<absl::Status> read_account(BackendLink& link, migrate::AccountFacts& out) {
  auto user = co_await link.ask_row("CURRENT_USER()", 1, soon());
  if (!user.ok()) co_return user.status();
  out.account = account_name(user->front().value_or(""));
  // Of roles that are active MySQL tells the grants only when asked; MariaDB tells them with the account's.
  std::string question = "SHOW GRANTS";
  if (!link.is_mariadb()) {
    auto role = co_await link.ask_row("CURRENT_ROLE()", 1, soon());
    if (!role.ok()) co_return role.status();
    const std::string roles = role->front().value_or("NONE");
    if (roles != "NONE") question += " FOR CURRENT_USER() USING " + roles;
  }
  auto lines = co_await link.query_rows(std::move(question), 1, soon());
  if (!lines.ok()) co_return lines.status();
  std::vector<std::string> texts;
  for (const auto& line : *lines) texts.push_back(line.front().value_or(""));
  out.grants = migrate::Grants::parse(texts);
  co_return absl::OkStatus();
}

Task<absl::StatusOr<migrate::ServerFacts>> read_server(BackendLink& link, std::string control_schema) {
  migrate::ServerFacts out;
  out.which = link.which();
  out.mariadb = link.is_mariadb();
  out.version = link.greeting().server_version;
  out.version_number = version_number(out.version);
  if (!out.mariadb) {
    // Sizes as they are, not as they were yesterday.
    auto prepared = co_await link.query("SET SESSION information_schema_stats_expiry=0", soon());
    if (!prepared.ok()) co_return prepared.status();
  }
  std::vector<protocol::ResultSet> results;
  for (const std::string& sql : migrate::facts_queries(control_schema)) {
    auto answer = co_await link.query(sql, Clock::now() + kCatalogueMax);
    if (!answer.ok()) co_return answer.status();
    if (answer->size() != 1) co_return absl::InternalError("a question gave no single result");
    results.push_back(std::move(answer->front()));
  }
  const absl::Status read = migrate::read_facts(results, out);
  if (!read.ok()) co_return read;
  // MariaDB's greeting has a prefix for old replicas.
  if (const std::string version = out.variable("version"); !version.empty()) out.version = version;
  dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {control_schema}};
  auto tables = co_await ask_definitions(link, std::move(all));
  if (!tables.ok()) co_return tables.status();
  out.tables = *std::move(tables);
  const absl::Status account = co_await read_account(link, out.control);
  if (!account.ok()) co_return account;
  const absl::Status settings = co_await read_settings_of_feeds(link, out);
  if (!settings.ok()) co_return settings;
  co_return out;
}

}  // namespace crossfade::proxy
