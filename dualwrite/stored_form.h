// What a column stores, in the row log's own terms: as TABLE_MAP says of a leader's column, and as the definition of a
// follower's column makes it (manual: "Binary Log Event", TABLE_MAP_EVENT; measured on both makes).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/column_layout.h"
#include "dualwrite/row_change.h"
#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

enum class StoredKind : std::uint8_t {
  integer,
  decimal,
  float_,
  double_,
  bit,
  year,
  date,
  time,
  datetime,
  timestamp,
  char_,      // trailing spaces are no part of the value
  varchar,    //
  text,       // TINYTEXT to LONGTEXT, MariaDB's JSON
  binary,     // padded with zeros; the log cuts them off
  varbinary,  //
  blob,       //
  enum_,
  set,
  json,      // MySQL's binary JSON
  geometry,  // four bytes of SRID, then WKB
  vector,    //
  opaque     // MariaDB's UUID, INET6 and INET4: their bytes are their own
};

struct StoredForm {
  StoredKind kind = StoredKind::integer;
  LogType type = LogType::null;
  std::uint16_t metadata = 0;  // as LogColumn has it
  bool is_unsigned = false;
  // Integers, ENUM, SET: bytes of the value. BIT: bits. CHAR, VARCHAR, BINARY, VARBINARY: the most bytes. The BLOB
  // family, JSON, GEOMETRY, VECTOR: bytes of the length (1 to 4).
  std::uint32_t size = 0;
  std::uint32_t precision = 0;   // of DECIMAL
  std::uint32_t scale = 0;       // of DECIMAL
  std::uint32_t fraction = 0;    // digits of seconds
  std::uint32_t characters = 0;  // CHAR, VARCHAR: the most characters
  std::string charset{};         // of texts, ENUM and SET
  friend bool operator==(const StoredForm&, const StoredForm&) = default;
};

// Errors (Unimplemented): a type whose bytes are not known here; the message says which and what to do.
absl::StatusOr<StoredForm> stored_form(const LogColumn& column, bool mariadb);
absl::StatusOr<StoredForm> stored_form(const DefinedColumn& column, bool mariadb);

// What only MariaDB has, as MySQL holds it: a text of at most so many characters, which MySQL's function makes of the
// type's bytes.
struct OwnType {
  std::string_view name;  // "uuid"
  std::string_view on_mysql;
  std::uint32_t characters = 0;
  std::string_view text_by;
};
const OwnType* own_type(std::string_view data_type);  // nullptr: it is none of these

// The texts of `enum('a','it''s')` or `set(..)`, UTF-8, as information_schema writes them, or the bytes of MySQL's
// `enum(x'e9')`; empty where it is neither.
std::vector<std::string> members_of(std::string_view column_type);
// MariaDB writes a question mark for bytes of a member that are no UTF-8: which they are cannot be told.
bool hides_members(const DefinedColumn& column, bool mariadb);

}  // namespace crossfade::dualwrite
