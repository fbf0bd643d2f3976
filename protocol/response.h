// Generic response packets and column definitions (manual pages "OK_Packet", "ERR_Packet",
// "EOF_Packet", "Column Definition"): decode and encode.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/capabilities.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

struct Ok {
  std::uint64_t affected_rows = 0;
  std::uint64_t last_insert_id = 0;
  std::uint16_t status = kStatusAutocommit;
  std::uint16_t warnings = 0;
  std::string info{};
  std::string session_state{};  // raw session track block, without its length
};
// Header 0x00, or 0xfe as the terminator of a result set under kDeprecateEof. The info is
// length-prefixed whether or not kSessionTrack was agreed when there is one (both servers do so);
// an OK of an older server that ends in plain text is taken too.
absl::StatusOr<Ok> decode_ok(Bytes payload, Capabilities capabilities);
Buffer encode_ok(const Ok& ok, Capabilities capabilities, std::uint8_t header = 0x00);

struct Err {
  std::uint16_t code = 0;
  std::string sqlstate = "HY000";
  std::string message{};
};
absl::StatusOr<Err> decode_err(Bytes payload);
Buffer encode_err(const Err& err);
// Instead of a greeting: without a SQLSTATE, as the servers write it. A client that does not know yet what it talks
// to would take the state for part of the message.
Buffer encode_err_before_greeting(std::uint16_t code, std::string_view message);

struct Eof {
  std::uint16_t warnings = 0;
  std::uint16_t status = 0;
};
absl::StatusOr<Eof> decode_eof(Bytes payload);
Buffer encode_eof(const Eof& eof);

enum class ColumnType : std::uint8_t {
  decimal = 0x00,
  tiny = 0x01,
  short_ = 0x02,
  long_ = 0x03,
  float_ = 0x04,
  double_ = 0x05,
  null = 0x06,
  timestamp = 0x07,
  longlong = 0x08,
  int24 = 0x09,
  date = 0x0a,
  time = 0x0b,
  datetime = 0x0c,
  year = 0x0d,
  varchar = 0x0f,
  bit = 0x10,
  json = 0xf5,
  newdecimal = 0xf6,
  enum_ = 0xf7,
  set = 0xf8,
  tiny_blob = 0xf9,
  medium_blob = 0xfa,
  long_blob = 0xfb,
  blob = 0xfc,
  var_string = 0xfd,
  string = 0xfe,
  geometry = 0xff,
};

inline constexpr std::uint16_t kColumnUnsigned = 0x0020;
inline constexpr std::uint16_t kColumnBinary = 0x0080;
inline constexpr std::uint16_t kBinaryCollation = 63;

struct ColumnDefinition {
  std::string schema{}, table{}, org_table{}, name{}, org_name{};
  std::uint16_t collation = 0;
  std::uint32_t length = 0;
  ColumnType type = ColumnType::null;
  std::uint16_t flags = 0;
  std::uint8_t decimals = 0;
};
absl::StatusOr<ColumnDefinition> decode_column(Bytes payload);
Buffer encode_column(const ColumnDefinition& column);

}  // namespace crossfade::protocol
