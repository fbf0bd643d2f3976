// Every variable that a session can set on MariaDB 10.11 and MySQL 9, and what a SET of it means for a proxy that
// runs the session's reads on two servers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace crossfade::routing {

enum class VariableEffect : std::uint8_t {
  harmless,          // changes no rows that are read: timeouts, buffers, plans, logs, DDL's defaults
  context,           // has a place of its own in what is known of a session (proxy/context/session_context.h)
  carried,           // its value goes to the other side's reads where it is not neutral
  carried_to_reads,  // its value goes to the other side's reads
  pins_reads,        // at another value than the neutral one reads stay with the leader
  read_only,         // the servers refuse to set it
};

enum class Makes : std::uint8_t { both, mariadb, mysql };

struct SessionVariable {
  std::string_view name;  // lower case
  VariableEffect effect = VariableEffect::harmless;
  Makes makes = Makes::both;
  // As `SELECT @@name` shows it. pins_reads: without one, whatever was set counts until the session is reset.
  std::optional<std::string_view> neutral = std::nullopt;

  bool exists_on_mariadb() const { return makes != Makes::mysql; }
  bool exists_on_mysql() const { return makes != Makes::mariadb; }
};

// In the order of their names.
std::span<const SessionVariable> session_variables();
// `name` in lower case, without scope; nullptr: of a plugin, a component or a later version.
const SessionVariable* find_session_variable(std::string_view name);

// A carried variable as the other make calls it, with its value: ("max_statement_time", "1.5") is
// ("max_execution_time", "1500") on MySQL. nullopt: that make has nothing like it.
std::optional<std::pair<std::string, std::string>> for_other_make(const SessionVariable& variable,
                                                                  std::string_view value);

// Letters, digits and what else values of variables are made of: may stand between quotes as it is.
bool is_plain_value(std::string_view value);
// The value as it stands in a SET: a number bare, anything else in quotes. It must be plain.
std::string value_literal(std::string_view value);

}  // namespace crossfade::routing
