// Character sets and collations of both makes, as far as the exact travel of texts needs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crossfade::dualwrite {

// The character set of a collation's id on that make ("binary" for 63); empty: not known.
std::string_view charset_of_collation(std::uint16_t id, bool mariadb);
// The name of a collation that keys are often made of; empty: not known by its id alone.
std::string_view name_of_collation(std::uint16_t id, bool mariadb);
// "utf8" is "utf8mb3" under its old name, in collations too.
std::string modern_name(std::string_view charset_or_collation);

// The longest and the shortest character; 0: not known.
std::size_t longest_character(std::string_view charset);
std::size_t shortest_character(std::string_view charset);

// Every text of `from` is exactly one text of `to`, by the conversion that both makes' servers do; but for texts with a
// byte that is_unmapped() names.
bool charset_carries(std::string_view from, std::string_view to);
// The byte stands for no character there: a column may hold it, but no conversion keeps it.
bool is_unmapped(std::string_view charset, std::uint8_t byte);

// Two texts (each carried from the leader's character set to the follower's) that are equal under the follower's
// collation are equal under the leader's: what is unique there stays unique here.
bool folds_no_more(std::string_view leader_collation, std::string_view follower_collation);

}  // namespace crossfade::dualwrite
