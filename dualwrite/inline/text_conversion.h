// Does a text reach its column in the same way on every server of this family, under any sql_mode? Of what is
// malformed, or has no place in the column's character set, one server makes question marks, another cuts it off,
// a third refuses it.
#pragma once

#include <string_view>

namespace crossfade::dualwrite {

// What a session's text goes through before it reaches a column; names as the leader has them, lower case.
struct TextPath {
  std::string_view client = "utf8mb4";      // character_set_client
  std::string_view connection = "utf8mb4";  // the character set of collation_connection
  bool strict = false;                      // what does not fit is an error, and nothing is written
};

// Why not; empty: it does. `from` is what the text's bytes are in, `to` what the column's are; empty: bytes, kept as
// they are.
std::string_view conversion_problem(std::string_view text, std::string_view from, std::string_view to, bool strict);
// The same for a text that comes from the client and has no introducer.
std::string_view conversion_problem(std::string_view text, const TextPath& path, std::string_view to);

}  // namespace crossfade::dualwrite
