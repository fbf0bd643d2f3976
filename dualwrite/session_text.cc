#include "dualwrite/session_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dualwrite/ddl_text.h"
#include "routing/session_variables.h"

namespace crossfade::dualwrite {
namespace {

// Modes that only MariaDB has, and the combination names that MySQL has dropped or means otherwise
// (their parts are listed beside them).
constexpr std::array<std::string_view, 16> kMariadbOnly = {"NO_AUTO_CREATE_USER",
                                                           "IGNORE_BAD_TABLE_OPTIONS",
                                                           "EMPTY_STRING_IS_NULL",
                                                           "SIMULTANEOUS_ASSIGNMENT",
                                                           "TIME_ROUND_FRACTIONAL",
                                                           "ORACLE",
                                                           "MSSQL",
                                                           "DB2",
                                                           "MAXDB",
                                                           "POSTGRESQL",
                                                           "MYSQL323",
                                                           "MYSQL40",
                                                           "NO_KEY_OPTIONS",
                                                           "NO_TABLE_OPTIONS",
                                                           "NO_FIELD_OPTIONS",
                                                           "ANSI"};
constexpr std::array<std::string_view, 2> kMysqlOnly = {"TIME_TRUNCATE_FRACTIONAL", "ANSI"};
// What changes the meaning of a write and has no counterpart.
constexpr std::array<std::string_view, 3> kMeansMoreOnMariadb = {"EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT",
                                                                 "ORACLE"};

std::vector<std::string> split_modes(const std::string& sql_mode) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin < sql_mode.size()) {
    const std::size_t end = std::min(sql_mode.find(',', begin), sql_mode.size());
    if (end > begin) out.push_back(sql_mode.substr(begin, end - begin));
    begin = end + 1;
  }
  for (std::string& mode : out) {
    std::transform(mode.begin(), mode.end(), mode.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  return out;
}

bool has_mode(const std::vector<std::string>& modes, std::string_view mode) {
  return std::find(modes.begin(), modes.end(), mode) != modes.end();
}

// All of MySQL's 0900 do not pad.
std::string mariadb_collation(const std::string& collation) {
  // MariaDB has no case-sensitive collation of an older Unicode: bytes are the nearest.
  if (collation == "utf8mb4_0900_bin" || collation.find("_0900_as_cs") != std::string::npos) return "utf8mb4_nopad_bin";
  if (collation.find("_0900_") != std::string::npos) return "utf8mb4_unicode_520_nopad_ci";
  if (collation == "utf8mb3_tolower_ci") return "utf8_general_ci";
  // Known under this name to every version of MariaDB.
  if (collation.starts_with("utf8mb3_")) return "utf8_" + collation.substr(8);
  return collation;
}

std::string mysql_collation(std::string collation) {
  if (collation.starts_with("uca1400_")) collation = "utf8mb4_" + collation;
  if (collation.starts_with("utf8_")) collation = "utf8mb3_" + collation.substr(5);
  // Of one language, and unknown to MySQL.
  for (const std::string_view own : {"_croatian_mysql561_ci", "_myanmar_ci", "_thai_520_w2"}) {
    if (collation.ends_with(own)) return collation.substr(0, collation.size() - own.size()) + "_unicode_520_ci";
  }
  const bool nopad = collation.find("nopad") != std::string::npos;
  const bool uca1400 = collation.find("_uca1400_") != std::string::npos;
  if (!nopad && !uca1400) return collation;
  const std::string charset = collation.substr(0, collation.find('_'));
  if (charset == "utf8mb4") {
    if (collation.ends_with("_bin")) return "utf8mb4_0900_bin";
    if (collation.find("_as_cs") != std::string::npos) return "utf8mb4_0900_as_cs";
    return "utf8mb4_0900_ai_ci";
  }
  if (uca1400) return charset + "_unicode_ci";
  const std::size_t at = collation.find("_nopad");
  return collation.substr(0, at) + collation.substr(at + std::string_view("_nopad").size());
}

std::string flag(bool value) { return value ? "1" : "0"; }

}  // namespace

std::string translate_charset(const std::string& charset, const FollowerTraits& traits) {
  if (traits.follower_is_mariadb == traits.leader_is_mariadb) return charset;
  if (traits.follower_is_mariadb) return charset == "utf8mb3" ? "utf8" : charset;
  return charset == "utf8" ? "utf8mb3" : charset;
}

bool has_charset(const std::string& charset, const FollowerTraits& traits) {
  return !traits.follower_is_mariadb || charset != "gb18030";
}

std::string translate_sql_mode(const std::string& sql_mode, const FollowerTraits& traits) {
  if (traits.follower_is_mariadb == traits.leader_is_mariadb) return sql_mode;
  std::vector<std::string> modes = split_modes(sql_mode);
  const bool rounds = traits.leader_is_mariadb ? has_mode(modes, "TIME_ROUND_FRACTIONAL")
                                               : !has_mode(modes, "TIME_TRUNCATE_FRACTIONAL");
  const bool to_mysql = !traits.follower_is_mariadb;
  modes.erase(std::remove_if(modes.begin(), modes.end(),
                             [to_mysql](const std::string& mode) {
                               return to_mysql ? contains(kMariadbOnly, mode) : contains(kMysqlOnly, mode);
                             }),
              modes.end());
  // MariaDB truncates unless told to round, MySQL rounds unless told to truncate.
  if (traits.follower_is_mariadb && rounds) modes.push_back("TIME_ROUND_FRACTIONAL");
  if (!traits.follower_is_mariadb && !rounds) modes.push_back("TIME_TRUNCATE_FRACTIONAL");
  std::string out;
  for (const std::string& mode : modes) out += (out.empty() ? "" : ",") + mode;
  return out;
}

std::string untranslatable_sql_mode(const std::string& sql_mode, const FollowerTraits& traits) {
  if (!traits.leader_is_mariadb || traits.follower_is_mariadb) return "";
  for (const std::string& mode : split_modes(sql_mode)) {
    if (contains(kMeansMoreOnMariadb, mode)) return mode;
  }
  return "";
}

std::string translate_collation(const std::string& collation, const FollowerTraits& traits) {
  if (traits.follower_is_mariadb == traits.leader_is_mariadb) return collation;
  return traits.follower_is_mariadb ? mariadb_collation(collation) : mysql_collation(collation);
}

std::string set_context(const StatementContext& context, const FollowerTraits& traits) {
  std::string out = "SET ";
  const auto text = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += std::string(name) + "='" + value + "',";
  };
  // SET NAMES would not do: the client's set and the connection's may differ.
  text("character_set_client", translate_charset(context.character_set_client, traits));
  text("collation_connection", translate_collation(context.collation_connection, traits));
  text("time_zone", context.time_zone);
  out += "sql_mode='" + translate_sql_mode(context.sql_mode, traits) + "'";
  out += ",foreign_key_checks=" + flag(context.foreign_key_checks);
  out += ",unique_checks=" + flag(context.unique_checks);
  out += ",auto_increment_increment=" + std::to_string(context.auto_increment_increment);
  out += ",auto_increment_offset=" + std::to_string(context.auto_increment_offset);
  for (const routing::SessionVariable& variable : routing::session_variables()) {
    if (variable.effect != routing::VariableEffect::carried) continue;
    const auto set = std::find_if(context.variables.begin(), context.variables.end(),
                                  [&variable](const auto& pair) { return pair.first == variable.name; });
    out += "," + std::string(variable.name) + "=" +
           routing::value_literal(set == context.variables.end() ? *variable.neutral : std::string_view(set->second));
  }
  return out;
}

}  // namespace crossfade::dualwrite
