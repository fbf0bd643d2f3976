// Which collation of the follower's make stands for one of the leader's, and whether it takes more texts for equal.
// Found by sorting 130,000 characters into classes under each collation of MariaDB 10.11 and MySQL 9.7: those of the
// same name agree in all of them.
#pragma once

#include <string>

#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

// Names as the servers print them; "utf8_" is taken for "utf8mb3_".
std::string nearest_collation(const std::string& leader, ServerMakes makes);
// For a column of a unique key: one that takes no texts for equal that the leader tells apart, but for the exceptions
// of Folding::nearly.
std::string key_collation(const std::string& leader, ServerMakes makes);
// Of a character set, where a statement names none.
std::string default_collation(const std::string& charset, bool mariadb);

// By which a leader's column tells values apart: its own; of a type that becomes a text on the other make, one that
// tells the same texts apart. Empty: not by a collation.
std::string comparing_collation(const DefinedColumn& column);

// What the follower's collation takes for equal, measured by the leader's.
enum class Folding {
  same,
  less,    // only what is equal on the leader, and not all of it
  nearly,  // as `less` but for some characters that no key is made of: ARABIC START OF RUB EL HIZB, circled Hangul
  more,    // what the leader tells apart, or it is not known
};
Folding folding(const std::string& leader, const std::string& follower, ServerMakes makes);

}  // namespace crossfade::dualwrite
