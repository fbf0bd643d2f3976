#include "dualwrite/format_description.h"

#include <gtest/gtest.h>

#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

// Captured from the servers themselves: MariaDB 10.11.19 and MySQL 9.7.4, the lengths of the headers.
constexpr char kMariadb[] =
    "380d000800120004040404120000e400041a08000000080808020000000a0a0a0000000000000a0a0a000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000041304000d080808"
    "0a0a0a";
constexpr char kMysql[] = "000d0008000000000400040000006300041a08000000000000020000000a0a0a2a2a001234000a280000";

std::string headers(const protocol::Buffer& event) {
  return hex(protocol::Bytes(event).subspan(19 + 57, event.size() - 19 - 57 - 5));
}

TEST(FormatDescription, HasTheServersOwnLengthsOfHeaders) {
  EXPECT_EQ(headers(mariadb_format_description("5.5.5-10.11.19-MariaDB-0+deb12u1")), kMariadb);
  EXPECT_EQ(headers(mysql_format_description("9.7.4-2")), kMysql);
}

TEST(FormatDescription, SaysItsSizeAndTheVersionWithoutThePrefixOfTheGreeting) {
  const protocol::Buffer event = mariadb_format_description("5.5.5-10.11.19-MariaDB");
  EXPECT_EQ(event.size(), 252u);
  EXPECT_EQ(event[9], 252u);
  EXPECT_EQ(protocol::as_text(protocol::Bytes(event).subspan(21, 17)), std::string_view("10.11.19-MariaDB\0", 17));
  EXPECT_EQ(mysql_format_description("9.7.4").size(), 123u);
}

TEST(FormatDescription, CutsAVersionThatIsTooLong) {
  EXPECT_EQ(mysql_format_description(std::string(80, '9')).size(), 123u);
}

}  // namespace
}  // namespace crossfade::dualwrite
