// The functions built into MySQL and MariaDB. Any other could be a stored function, and write.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "routing/tokenizer.h"

namespace crossfade::routing {

enum class FunctionTrait : std::uint16_t {
  time = 1u << 0,  // follows SET TIMESTAMP
  time_without_arguments = 1u << 1,
  random = 1u << 2,          // follows the seeds
  unrepeatable = 1u << 3,    // follows nothing
  session_status = 1u << 4,  // answers from the session or the server, not from tables
  last_insert_id = 1u << 5,
  row_count = 1u << 6,
  found_rows = 1u << 7,
  user_lock = 1u << 8,
  no_plain_read = 1u << 9,  // waits, reads files, or has another effect
  writes = 1u << 10,        // changes stored data: sequences
  touching = 1u << 11,      // built in only when `(` touches the name (or under IGNORE_SPACE)
  mariadb_only = 1u << 12,
  mysql_only = 1u << 13,
};

class FunctionTraits {
 public:
  constexpr FunctionTraits() = default;
  constexpr explicit FunctionTraits(unsigned bits) : bits_(static_cast<std::uint16_t>(bits)) {}
  constexpr bool has(FunctionTrait trait) const { return (bits_ & static_cast<std::uint16_t>(trait)) != 0; }

 private:
  std::uint16_t bits_ = 0;
};

// nullopt: not built into the server that `mode` describes.
std::optional<FunctionTraits> known_function(std::string_view name, const LexerMode& mode);

}  // namespace crossfade::routing
