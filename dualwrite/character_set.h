// Character sets of both makes, as far as the exact travel of texts needs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crossfade::dualwrite {

// "utf8" is "utf8mb3" under its old name, in collations too.
std::string modern_name(std::string_view charset_or_collation);

// The longest and the shortest character; 0: not known.
std::size_t longest_character(std::string_view charset);
std::size_t shortest_character(std::string_view charset);
// The bytes below 0x80 are ASCII's characters.
bool has_ascii(std::string_view charset);

// Every text of `from` is exactly one text of `to`, by the conversion that both makes' servers do; but for texts with a
// byte that is_unmapped() names.
bool charset_carries(std::string_view from, std::string_view to);
// The byte stands for no character there: a column may hold it, but no conversion keeps it.
bool is_unmapped(std::string_view charset, std::uint8_t byte);

}  // namespace crossfade::dualwrite
