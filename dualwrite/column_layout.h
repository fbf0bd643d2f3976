// How the log lays out the values of a column type: what its metadata means, how many bytes a value takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "dualwrite/row_change.h"

namespace crossfade::dualwrite {

// The type bytes of TABLE_MAP.
enum class LogType : std::uint8_t {
  decimal = 0,
  tiny = 1,
  short_ = 2,
  long_ = 3,
  float_ = 4,
  double_ = 5,
  null = 6,
  timestamp = 7,
  longlong = 8,
  int24 = 9,
  date = 10,
  time = 11,
  datetime = 12,
  year = 13,
  newdate = 14,
  varchar = 15,
  bit = 16,
  timestamp2 = 17,
  datetime2 = 18,
  time2 = 19,
  typed_array = 20,
  mariadb_blob_compressed = 140,
  mariadb_varchar_compressed = 141,
  vector = 242,
  json = 245,
  newdecimal = 246,
  enum_ = 247,
  set = 248,
  tiny_blob = 249,
  medium_blob = 250,
  long_blob = 251,
  blob = 252,
  var_string = 253,
  string = 254,
  geometry = 255
};

// STRING stands for ENUM, SET and fixed texts: which of them is in the low byte of the metadata.
LogType real_type(const LogColumn& column);
// Of CHAR and BINARY: the most bytes a value has.
std::size_t string_bytes_max(const LogColumn& column);
// How many bytes the type has in TABLE_MAP's block of metadata; nullopt: a type that is not known.
std::optional<std::size_t> metadata_bytes(std::uint8_t type);
// "`name` (type 12)" or "column 3 (type 12)": for errors.
std::string column_label(const LogColumn& column);

}  // namespace crossfade::dualwrite
