#include "proxy/context/session_context.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "dualwrite/session_text.h"
#include "dualwrite/sql_text.h"

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

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

using protocol::Make;
using Variables = std::vector<const routing::SessionVariable*>;

// What is asked for beyond the fixed columns, in the order of the columns.
Variables asked_for(Make make, const Variables& deciding) {
  const bool mariadb = make == Make::mariadb;
  Variables out;
  for (const routing::SessionVariable& variable : routing::session_variables()) {
    const bool carried = variable.effect == routing::VariableEffect::carried ||
                         variable.effect == routing::VariableEffect::carried_to_reads;
    if (carried && (mariadb ? variable.exists_on_mariadb() : variable.exists_on_mysql())) out.push_back(&variable);
  }
  out.insert(out.end(), deciding.begin(), deciding.end());
  return out;
}

// The part of the context that `variable` has, given its value.
absl::Status take_variable(const routing::SessionVariable& variable, const std::string& value, SessionContext& out) {
  using routing::VariableEffect;
  const bool carried =
      variable.effect == VariableEffect::carried || variable.effect == VariableEffect::carried_to_reads;
  if (carried && !routing::is_plain_value(value))
    return absl::InternalError("a session variable has an unexpected value");
  if (variable.effect == VariableEffect::carried_to_reads) {
    out.read_variables.emplace_back(variable.name, value);
    return absl::OkStatus();
  }
  if (variable.neutral && folded(value) == folded(*variable.neutral)) return absl::OkStatus();
  if (variable.effect == VariableEffect::carried) {
    out.statement.variables.emplace_back(variable.name, value);
    return absl::OkStatus();
  }
  std::string why = "has set `" + std::string(variable.name) + "`";
  if (variable.neutral) why += " to something else than '" + std::string(*variable.neutral) + "'";
  if (out.reads_pinned.empty()) out.reads_pinned = std::move(why);
  return absl::OkStatus();
}

dualwrite::FollowerTraits traits_of(Make target, Make source) {
  return {.follower_is_mariadb = target == Make::mariadb, .leader_is_mariadb = source == Make::mariadb};
}

}  // namespace

bool is_fixed_offset(const std::string& time_zone) {
  return time_zone.size() == 6 && (time_zone[0] == '+' || time_zone[0] == '-') && time_zone[3] == ':';
}

std::string context_query(Make make, const Variables& deciding) {
  std::string sql =
      "SELECT DATABASE(),@@sql_mode,@@time_zone,@@character_set_client,@@collation_connection,@@foreign_key_checks,"
      "@@unique_checks,@@auto_increment_increment,@@auto_increment_offset,@@character_set_results,@@system_time_zone,"
      "@@max_allowed_packet";
  for (const routing::SessionVariable* variable : asked_for(make, deciding)) {
    sql += ",@@" + std::string(variable->name);
  }
  return sql + " LIMIT 1";  // sql_select_limit may be 0
}

absl::StatusOr<SessionContext> context_from(const protocol::ResultSet& result, Make make, const Variables& deciding) {
  constexpr std::size_t kFixed = 12;
  const Variables more = asked_for(make, deciding);
  const std::vector<protocol::Cell>* const row = protocol::sole_row(result, kFixed + more.size());
  if (row == nullptr) return absl::InternalError("unexpected answer to the context query");
  const auto text = [row](std::size_t i) { return (*row)[i].value_or(""); };
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
  context.zone = s.time_zone;
  // Most servers' own zone; only this name is nobody else's, in no season.
  if (s.time_zone == "UTC" || (s.time_zone == "SYSTEM" && text(10) == "UTC")) s.time_zone = "+00:00";
  context.character_set_results = text(9);
  context.packet_bytes_max = std::strtoull(text(11).c_str(), nullptr, 10);
  for (const std::string* field :
       {&s.sql_mode, &s.time_zone, &s.character_set_client, &s.collation_connection, &context.character_set_results}) {
    if (!routing::is_plain_value(*field)) return absl::InternalError("a session variable has an unexpected value");
  }
  for (std::size_t i = 0; i < more.size(); ++i) {
    const absl::Status taken = take_variable(*more[i], text(kFixed + i), context);
    if (!taken.ok()) return taken;
  }
  return context;
}

std::vector<std::string> context_statements(const SessionContext& context, Make target, Make source) {
  const dualwrite::FollowerTraits traits = traits_of(target, source);
  const dualwrite::StatementContext& s = context.statement;
  std::vector<std::string> out;
  std::string variables = dualwrite::set_context(s, traits) + ",character_set_results=" +
                          (context.character_set_results.empty()
                               ? "NULL"
                               : quoted(dualwrite::translate_charset(context.character_set_results, traits)));
  for (const auto& [name, value] : context.read_variables) {
    std::optional<std::pair<std::string, std::string>> there = std::pair(name, value);
    if (target != source) {
      there = routing::for_other_make(*routing::find_session_variable(name), value);
    }
    if (there) variables += "," + there->first + "=" + routing::value_literal(there->second);
  }
  // A transaction there would end by nobody's word, and show its first read's moment for ever.
  out.push_back(std::move(variables) + ",autocommit=1,completion_type='NO_CHAIN'");
  // Only reads are sent there; what hides behind one must not write.
  out.push_back("SET SESSION TRANSACTION READ ONLY");
  if (!s.schema.empty()) out.push_back("USE " + dualwrite::quote_name(s.schema));
  return out;
}

std::string unknown_to_other_side(const SessionContext& context, Make target, Make source) {
  const dualwrite::FollowerTraits traits = traits_of(target, source);
  const std::string& client = context.statement.character_set_client;
  const std::string& connection = context.statement.collation_connection;
  if (!dualwrite::has_charset(client, traits)) return "character_set_client " + client;
  if (!dualwrite::has_charset(connection.substr(0, connection.find('_')), traits)) {
    return "collation_connection " + connection;
  }
  if (!dualwrite::has_charset(context.character_set_results, traits)) {
    return "character_set_results " + context.character_set_results;
  }
  const std::string mode = dualwrite::untranslatable_sql_mode(context.statement.sql_mode, traits);
  if (!mode.empty()) return "sql_mode " + mode;
  // The id that `IS NULL` stands for then.
  for (const auto& [name, value] : context.statement.variables) {
    if (name == "sql_auto_is_null") return "the LAST_INSERT_ID() of sql_auto_is_null";
  }
  return "";
}

routing::LexerMode lexer_mode(const std::string& sql_mode, const std::string& character_set_client, Make make,
                              std::uint32_t server_version) {
  return {.ansi_quotes = has_mode(sql_mode, "ANSI_QUOTES"),
          .no_backslash_escapes = has_mode(sql_mode, "NO_BACKSLASH_ESCAPES"),
          .mariadb = make == Make::mariadb,
          .server_version = server_version,
          .ignore_space = has_mode(sql_mode, "IGNORE_SPACE"),
          .multi_byte = routing::multi_byte(character_set_client)};
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

}  // namespace crossfade::proxy
