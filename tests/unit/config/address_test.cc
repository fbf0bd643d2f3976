#include "config/address.h"

#include <gtest/gtest.h>

#include <string>

namespace crossfade::config {
namespace {

std::string error(std::string_view text) { return std::string(parse_address(text).status().message()); }

TEST(Address, ParsesAHostAndPort) {
  const auto address = parse_address("db-old.example_1:3306");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->host, "db-old.example_1");
  EXPECT_EQ(address->port, 3306);
  EXPECT_FALSE(address->is_unix);
}

TEST(Address, ParsesIPv6InBracketsAndKeepsItsZone) {
  EXPECT_EQ(parse_address("[::1]:3306")->host, "::1");
  EXPECT_EQ(parse_address("[fe80::1%eth0]:3306")->host, "fe80::1%eth0");
  EXPECT_EQ(parse_address("[::ffff:10.0.0.1]:1")->host, "::ffff:10.0.0.1");
}

TEST(Address, ParsesAUnixPathWithoutAPort) {
  const auto address = parse_address("unix:/run/cross:fade.sock");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->host, "/run/cross:fade.sock");
  EXPECT_EQ(address->port, 0);
  EXPECT_TRUE(address->is_unix);
}

TEST(Address, WritesWhatItParsed) {
  for (const char* text : {"db:3306", "127.0.0.1:1", "[::1]:65535", "[fe80::1%eth0]:3306", "unix:/tmp/s"}) {
    EXPECT_EQ(parse_address(text)->text(), text);
  }
}

TEST(Address, TakesPortsFrom1To65535AndZeroOnlyForListening) {
  EXPECT_FALSE(parse_address("db:0").ok());
  EXPECT_EQ(parse_listen_address("db:0")->port, 0);
  EXPECT_EQ(parse_address("db:1")->port, 1);
  EXPECT_EQ(parse_address("db:65535")->port, 65535);
  EXPECT_FALSE(parse_address("db:65536").ok());
  EXPECT_FALSE(parse_listen_address("db:65536").ok());
  EXPECT_EQ(error("db:0"), "the port must be a whole number from 1 to 65535, in plain digits");
}

TEST(Address, SaysWhatIsWrong) {
  EXPECT_EQ(error("db"), "the port is missing: write host:port, [::1]:3306 or unix:/path");
  EXPECT_EQ(error(""), "the port is missing: write host:port, [::1]:3306 or unix:/path");
  EXPECT_EQ(error("[::1]"), "the port is missing: write host:port, [::1]:3306 or unix:/path");
  EXPECT_EQ(error("::1:3306"), "an IPv6 address goes in brackets, like [::1]:3306");
  EXPECT_EQ(error("unix:run/s"), "the path of a unix socket must be absolute, like unix:/run/crossfade.sock");
  EXPECT_EQ(error("unix:/"), "the path of a unix socket must be absolute, like unix:/run/crossfade.sock");
  EXPECT_EQ(error("unix:"), "the path of a unix socket must be absolute, like unix:/run/crossfade.sock");
}

TEST(Address, RefusesMalformedHostsAndPorts) {
  for (const char* text : {":3306",    "a b:3306", "a/b:3306", "user@db:3306", "tcp://db:3306", "db:",         "db:x",
                           "db:-1",    "db:03306", "db:0x10",  "db:3306 ",     "[]:1",          "[db]:1",      "[::1:1",
                           "[::1]x:1", "[:]:1",    "[::1%]:1", "[::g]:1",      "]:1",           "db\xC3\xA9:1"}) {
    EXPECT_FALSE(parse_address(text).ok()) << text;
  }
}

TEST(Address, BoundsTheUnixPathAndTheHostName) {
  EXPECT_TRUE(parse_address("unix:/" + std::string(106, 'x')).ok());
  EXPECT_FALSE(parse_address("unix:/" + std::string(107, 'x')).ok());
  EXPECT_TRUE(parse_address(std::string(253, 'x') + ":1").ok());
  EXPECT_FALSE(parse_address(std::string(254, 'x') + ":1").ok());
}

TEST(Address, IsLocalOnlyWhereNobodyElseCanReachIt) {
  for (const char* text : {"127.0.0.1:1", "127.8.9.10:1", "localhost:1", "LocalHost:1", "[::1]:1", "unix:/s"}) {
    EXPECT_TRUE(is_local(*parse_address(text))) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.com:1", "localhost.example.com:1", "db:1", "1127.0.0.1:1"}) {
    EXPECT_FALSE(is_local(*parse_address(text))) << text;
  }
}

TEST(Address, ComparesHostsWithoutCaseAndPathsWithIt) {
  EXPECT_TRUE(same_address(*parse_address("DB:1"), *parse_address("db:1")));
  EXPECT_FALSE(same_address(*parse_address("db:1"), *parse_address("db:2")));
  EXPECT_FALSE(same_address(*parse_address("da:1"), *parse_address("db:1")));
  EXPECT_TRUE(same_address(*parse_address("unix:/s"), *parse_address("unix:/s")));
  EXPECT_FALSE(same_address(*parse_address("unix:/S"), *parse_address("unix:/s")));
  EXPECT_FALSE(same_address(*parse_address("unix:/s"), *parse_address("s:1")));
}

}  // namespace
}  // namespace crossfade::config
