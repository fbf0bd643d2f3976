#include "dualwrite/format_description.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dualwrite/log_event_header.h"

namespace crossfade::dualwrite {

using protocol::Buffer;
using protocol::Bytes;

namespace {

constexpr std::uint8_t kFormatDescription = 15;
constexpr std::uint8_t kCommonHeaderBytes = 19;
constexpr std::size_t kVersionBytes = 50;

// The length of the header behind the common one, of event types 1, 2, ...
constexpr std::array<std::uint8_t, 42> kMysqlHeaders = {0,  13, 0,  8,  0,  0,  0, 0,  4,  0, 4,  0,  0, 0,
                                                        99, 0,  4,  26, 8,  0,  0, 0,  0,  0, 0,  2,  0, 0,
                                                        0,  10, 10, 10, 42, 42, 0, 18, 52, 0, 10, 40, 0, 0};
constexpr std::array<std::uint8_t, 41> kMariadbHeaders = {56,  13, 0,  8,  0, 18, 0, 4, 4, 4, 4,  18, 0, 0,
                                                          228, 0,  4,  26, 8, 0,  0, 0, 8, 8, 8,  2,  0, 0,
                                                          0,   10, 10, 10, 0, 0,  0, 0, 0, 0, 10, 10, 10};
// MariaDB's own types, from ANNOTATE_ROWS (160) to DELETE_ROWS_COMPRESSED (171).
constexpr std::size_t kMariadbOwnFirst = 160;
constexpr std::array<std::uint8_t, 12> kMariadbOwnHeaders = {0, 4, 19, 4, 0, 13, 8, 8, 8, 10, 10, 10};

// 19 common header | 2 binlog version | 50 server version | 4 created | 1 common header length | lengths | 1 checksum
// algorithm (0: none) | 4 checksum
Buffer event(std::string_view server_version, Bytes headers) {
  const std::size_t size = kCommonHeaderBytes + 2 + kVersionBytes + 4 + 1 + headers.size() + 1 + kChecksumBytes;
  Buffer out;
  protocol::put_u32(out, 0);
  protocol::put_u8(out, kFormatDescription);
  protocol::put_u32(out, 1);
  protocol::put_u32(out, static_cast<std::uint32_t>(size));
  protocol::put_u32(out, 0);
  protocol::put_u16(out, 0);
  constexpr std::uint16_t kBinlogVersion = 4;
  protocol::put_u16(out, kBinlogVersion);
  const std::string_view version = server_version.substr(0, kVersionBytes - 1);
  protocol::put_text(out, version);
  protocol::put_zeros(out, kVersionBytes - version.size());
  protocol::put_u32(out, 0);
  protocol::put_u8(out, kCommonHeaderBytes);
  protocol::put_bytes(out, headers);
  protocol::put_u8(out, 0);
  protocol::put_zeros(out, kChecksumBytes);
  return out;
}

}  // namespace

Buffer mysql_format_description(std::string_view server_version) { return event(server_version, kMysqlHeaders); }

Buffer mariadb_format_description(std::string_view server_version) {
  // In front of the version MariaDB's greeting has what old replicas want to see.
  constexpr std::string_view kPrefix = "5.5.5-";
  if (server_version.starts_with(kPrefix)) server_version.remove_prefix(kPrefix.size());
  Buffer headers(kMariadbOwnFirst - 1, 0);
  std::copy(kMariadbHeaders.begin(), kMariadbHeaders.end(), headers.begin());
  headers.insert(headers.end(), kMariadbOwnHeaders.begin(), kMariadbOwnHeaders.end());
  return event(server_version, headers);
}

}  // namespace crossfade::dualwrite
