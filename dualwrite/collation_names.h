// Collations by the numbers that a row log has for them.
#pragma once

#include <cstdint>
#include <string>

namespace crossfade::dualwrite {

// As the make calls it, "utf8mb4_general_ci"; empty: a number of neither.
std::string collation_name(std::uint16_t id, bool mariadb);
// The inverse; 0: the make has no such collation.
std::uint16_t collation_id(const std::string& name, bool mariadb);
// "utf8mb4" of "utf8mb4_general_ci".
std::string charset_of(const std::string& collation);

}  // namespace crossfade::dualwrite
