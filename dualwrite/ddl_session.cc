#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/ddl.h"
#include "dualwrite/session_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

// By bit, from the lowest. What is empty has no name any more, or is a combination whose parts have bits of their own.
constexpr std::array<std::string_view, 32> kModes = {"REAL_AS_FLOAT",
                                                     "PIPES_AS_CONCAT",
                                                     "ANSI_QUOTES",
                                                     "IGNORE_SPACE",
                                                     "",
                                                     "ONLY_FULL_GROUP_BY",
                                                     "NO_UNSIGNED_SUBTRACTION",
                                                     "NO_DIR_IN_CREATE",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "",
                                                     "NO_AUTO_VALUE_ON_ZERO",
                                                     "NO_BACKSLASH_ESCAPES",
                                                     "STRICT_TRANS_TABLES",
                                                     "STRICT_ALL_TABLES",
                                                     "NO_ZERO_IN_DATE",
                                                     "NO_ZERO_DATE",
                                                     "ALLOW_INVALID_DATES",
                                                     "ERROR_FOR_DIVISION_BY_ZERO",
                                                     "",
                                                     "",
                                                     "HIGH_NOT_PRECEDENCE",
                                                     "NO_ENGINE_SUBSTITUTION",
                                                     "PAD_CHAR_TO_FULL_LENGTH"};
// MariaDB's own, and what MySQL has in their place.
constexpr std::array<std::pair<int, std::string_view>, 9> kOfMariadb = {{{4, "IGNORE_BAD_TABLE_OPTIONS"},
                                                                         {9, "ORACLE"},
                                                                         {13, "NO_KEY_OPTIONS"},
                                                                         {14, "NO_TABLE_OPTIONS"},
                                                                         {15, "NO_FIELD_OPTIONS"},
                                                                         {28, "NO_AUTO_CREATE_USER"},
                                                                         {32, "EMPTY_STRING_IS_NULL"},
                                                                         {33, "SIMULTANEOUS_ASSIGNMENT"},
                                                                         {34, "TIME_ROUND_FRACTIONAL"}}};

}  // namespace

std::string sql_mode_text(std::uint64_t bits, bool mariadb) {
  std::string out;
  const auto add = [&out](std::string_view mode) { out += (out.empty() ? "" : ",") + std::string(mode); };
  for (std::size_t bit = 0; bit < kModes.size(); ++bit) {
    if (((bits >> bit) & 1) != 0 && !kModes[bit].empty()) add(kModes[bit]);
  }
  if (!mariadb && ((bits >> 32) & 1) != 0) add("TIME_TRUNCATE_FRACTIONAL");
  for (const auto& [bit, mode] : kOfMariadb) {
    if (mariadb && ((bits >> bit) & 1) != 0) add(mode);
  }
  return out;
}

std::uint64_t sql_mode_bits(std::string_view text, bool mariadb) {
  constexpr int kBits = 36;
  const std::string listed = "," + std::string(text) + ",";
  std::uint64_t bits = 0;
  for (int bit = 0; bit < kBits; ++bit) {
    const std::string name = sql_mode_text(std::uint64_t{1} << bit, mariadb);
    if (!name.empty() && listed.find("," + name + ",") != std::string::npos) bits |= std::uint64_t{1} << bit;
  }
  return bits;
}

std::vector<std::string> follower_session(const LoggedStatement& statement, ServerMakes makes) {
  const FollowerTraits traits{.follower_is_mariadb = makes.follower_is_mariadb,
                              .leader_is_mariadb = makes.leader_is_mariadb};
  std::string set = "SET ";
  // MariaDB's foreign keys may point at any key of the parent.
  if (makes.leader_is_mariadb && !makes.follower_is_mariadb) set += "/*!80400 restrict_fk_on_non_standard_key=0,*/ ";
  const std::string mode = sql_mode_text(statement.sql_mode, makes.leader_is_mariadb);
  set += "sql_mode='" + translate_sql_mode(mode, traits) + "'";
  // A CREATE TABLE may leave the engine to the server; rows must become visible together with the position they are
  // from.
  set += ",default_storage_engine=InnoDB";
  set += std::string(",foreign_key_checks=") + (statement.no_foreign_key_checks ? "0" : "1");
  set += std::string(",explicit_defaults_for_timestamp=") + (statement.explicit_defaults_for_timestamp ? "1" : "0");
  const auto collation = [&](std::uint16_t id) {
    const std::string name = collation_name(id, makes.leader_is_mariadb);
    return name.empty() ? name : nearest_collation(name, makes);
  };
  if (const std::string client = collation(statement.client_collation); !client.empty())
    set += ",character_set_client=" + translate_charset(charset_of(client), traits);
  if (const std::string connection = collation(statement.connection_collation); !connection.empty())
    set += ",collation_connection=" + connection;
  if (const std::string server = collation(statement.server_collation); !server.empty())
    set += ",collation_server=" + server;
  // What the rows that a table has get from the statement: the client's clock and zone, and numbers by its steps.
  std::string microseconds = std::to_string(statement.microseconds);
  microseconds.insert(0, 6 - std::min<std::size_t>(microseconds.size(), 6), '0');
  set += ",timestamp=" + std::to_string(statement.timestamp) + "." + microseconds;
  set += ",auto_increment_increment=" + std::to_string(statement.auto_increment_increment);
  set += ",auto_increment_offset=" + std::to_string(statement.auto_increment_offset);
  if (!statement.time_zone.empty()) set += ",time_zone=" + quote_text(statement.time_zone);
  return {set};
}

}  // namespace crossfade::dualwrite
