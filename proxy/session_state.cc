#include "proxy/session_state.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "dualwrite/apply_batch.h"

namespace crossfade::proxy {
namespace {

bool has_mode(const std::string& modes, std::string_view mode) {
  std::size_t at = 0;
  while (at <= modes.size()) {
    const std::size_t comma = std::min(modes.find(',', at), modes.size());
    if (std::string_view(modes).substr(at, comma - at) == mode) return true;
    at = comma + 1;
  }
  return false;
}

std::string quoted(const std::string& text) {
  // Names and modes only: context_from() has refused everything that would need escaping.
  return "'" + text + "'";
}

bool plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == ',' || c == '+' || c == ':' || c == '/' || c == '-' || c == ' ';
  });
}

// The zone as an offset, when it has the same one in winter and in summer: two hosts may call different
// zones SYSTEM. The arguments are what the server takes the two noons of 2026 for, in unix seconds.
std::optional<std::string> fixed_offset(const std::string& winter, const std::string& summer) {
  constexpr long long kWinterNoon = 1768478400;  // 2026-01-15 12:00:00 UTC
  constexpr long long kSummerNoon = 1784116800;  // 2026-07-15 12:00:00 UTC
  const long long east = kWinterNoon - std::atoll(winter.c_str());
  if (east != kSummerNoon - std::atoll(summer.c_str()) || east % 60 != 0 || std::abs(east) > 14 * 3600)
    return std::nullopt;
  const long long minutes = std::abs(east) / 60;
  char text[8];
  std::snprintf(text, sizeof text, "%c%02d:%02d", east < 0 ? '-' : '+', static_cast<int>(minutes / 60),
                static_cast<int>(minutes % 60));
  return text;
}

}  // namespace

bool is_fixed_offset(const std::string& time_zone) {
  return time_zone.size() == 6 && (time_zone[0] == '+' || time_zone[0] == '-') && time_zone[3] == ':';
}

std::string context_query(bool mariadb) {
  return std::string(
             "SELECT DATABASE(),@@sql_mode,@@time_zone,@@character_set_client,@@collation_connection,"
             "@@foreign_key_checks,@@unique_checks,@@auto_increment_increment,@@auto_increment_offset,"
             "@@character_set_results,@@") +
         (mariadb ? "tx_isolation" : "transaction_isolation") +
         ",UNIX_TIMESTAMP('2026-01-15 12:00:00'),UNIX_TIMESTAMP('2026-07-15 12:00:00')";
}

absl::StatusOr<SessionContext> context_from(const protocol::ResultSet& result) {
  if (result.rows.size() != 1 || result.rows[0].size() != 13)
    return absl::InternalError("unexpected answer to the context query");
  const auto& row = result.rows[0];
  const auto text = [&](std::size_t i) { return row[i].value_or(""); };
  SessionContext context;
  dualwrite::StatementContext& s = context.statement;
  s.schema = text(0);
  s.sql_mode = text(1);
  s.time_zone = text(2);
  s.character_set_client = text(3);
  s.collation_connection = text(4);
  s.foreign_key_checks = text(5) == "1";
  s.unique_checks = text(6) == "1";
  s.auto_increment_increment = static_cast<std::uint32_t>(std::strtoul(text(7).c_str(), nullptr, 10));
  s.auto_increment_offset = static_cast<std::uint32_t>(std::strtoul(text(8).c_str(), nullptr, 10));
  if (s.time_zone == "SYSTEM") s.time_zone = fixed_offset(text(11), text(12)).value_or(s.time_zone);
  context.character_set_results = text(9);
  const std::string isolation = text(10);
  context.read_committed = isolation.starts_with("READ-");
  context.no_auto_value_on_zero = has_mode(s.sql_mode, "NO_AUTO_VALUE_ON_ZERO");
  for (const std::string* field :
       {&s.sql_mode, &s.time_zone, &s.character_set_client, &s.collation_connection, &context.character_set_results}) {
    if (!plain(*field)) return absl::InternalError("a session variable has an unexpected value");
  }
  return context;
}

std::vector<std::string> context_statements(const SessionContext& context, bool target_is_mariadb,
                                            bool source_is_mariadb) {
  const dualwrite::FollowerTraits traits{.follower_is_mariadb = target_is_mariadb,
                                         .leader_is_mariadb = source_is_mariadb};
  const dualwrite::StatementContext& s = context.statement;
  std::vector<std::string> out;
  out.push_back("SET character_set_client=" + quoted(s.character_set_client) + ",collation_connection=" +
                quoted(dualwrite::translate_collation(s.collation_connection, traits)) + ",character_set_results=" +
                (context.character_set_results.empty() ? "NULL" : quoted(context.character_set_results)) +
                ",sql_mode=" + quoted(dualwrite::translate_sql_mode(s.sql_mode, traits)) +
                ",time_zone=" + quoted(s.time_zone));
  // Only reads are sent there; what hides behind one must not write.
  out.push_back("SET SESSION TRANSACTION READ ONLY");
  if (!s.schema.empty()) out.push_back("USE " + dualwrite::quote_name(s.schema));
  return out;
}

routing::LexerMode lexer_mode(const std::string& sql_mode, bool mariadb, std::uint32_t server_version) {
  return {.ansi_quotes = has_mode(sql_mode, "ANSI_QUOTES"),
          .no_backslash_escapes = has_mode(sql_mode, "NO_BACKSLASH_ESCAPES"),
          .mariadb = mariadb,
          .server_version = server_version,
          .ignore_space = has_mode(sql_mode, "IGNORE_SPACE")};
}

std::uint32_t version_number(const std::string& version) {
  std::string_view text = version;
  if (text.starts_with("5.5.5-")) text.remove_prefix(6);
  std::array<std::uint32_t, 3> parts = {};
  std::size_t part = 0;
  for (const char c : text) {
    if (c == '.') {
      if (++part == parts.size()) break;
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      parts[part] = parts[part] * 10 + static_cast<std::uint32_t>(c - '0');
    } else {
      break;
    }
  }
  return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

VariableEffect effect_of(std::string_view variable) {
  static constexpr std::array<std::string_view, 15> kReplayed = {"names",
                                                                 "character set",
                                                                 "charset",
                                                                 "character_set_client",
                                                                 "character_set_connection",
                                                                 "character_set_results",
                                                                 "collation_connection",
                                                                 "sql_mode",
                                                                 "time_zone",
                                                                 "foreign_key_checks",
                                                                 "unique_checks",
                                                                 "auto_increment_increment",
                                                                 "auto_increment_offset",
                                                                 "autocommit",
                                                                 "tx_isolation"};
  static constexpr std::array<std::string_view, 25> kHarmless = {"transaction_isolation",
                                                                 "tx_read_only",
                                                                 "transaction_read_only",
                                                                 "wait_timeout",
                                                                 "interactive_timeout",
                                                                 "net_read_timeout",
                                                                 "net_write_timeout",
                                                                 "lock_wait_timeout",
                                                                 "innodb_lock_wait_timeout",
                                                                 "max_execution_time",
                                                                 "max_statement_time",
                                                                 "sql_notes",
                                                                 "sql_warnings",
                                                                 "profiling",
                                                                 "sql_quote_show_create",
                                                                 "long_query_time",
                                                                 "session_track_schema",
                                                                 "session_track_system_variables",
                                                                 "session_track_state_change",
                                                                 "session_track_transaction_info",
                                                                 "session_track_gtids",
                                                                 "last_insert_id",
                                                                 "identity",
                                                                 "sql_safe_updates",
                                                                 "net_buffer_length"};
  static constexpr std::array<std::string_view, 14> kReads = {
      "sql_select_limit",          "group_concat_max_len",  "optimizer_switch",    "join_buffer_size",
      "sort_buffer_size",          "tmp_table_size",        "max_heap_table_size", "max_sort_length",
      "sql_big_selects",           "max_join_size",         "sql_auto_is_null",    "sql_buffer_result",
      "eq_range_index_dive_limit", "optimizer_search_depth"};
  const auto in = [&](const auto& list) { return std::find(list.begin(), list.end(), variable) != list.end(); };
  if (in(kReplayed)) return VariableEffect::replayed;
  if (in(kHarmless)) return VariableEffect::harmless;
  if (in(kReads)) return VariableEffect::reads;
  return VariableEffect::writes;
}

}  // namespace crossfade::proxy
