#include "protocol/ip_address.h"

#include <gtest/gtest.h>

namespace crossfade::protocol {
namespace {

std::string canonical(std::string_view text) {
  const auto address = parse_ip_address(text);
  return address ? address->text() : "none";
}

TEST(IpAddress, IsWrittenAsRfc5952Says) {
  EXPECT_EQ(canonical("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("::1"), "::1");
  EXPECT_EQ(canonical("1::"), "1::");
  EXPECT_EQ(canonical("2001:0DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(canonical("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(canonical("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
}

TEST(IpAddress, AMappedIpv4AddressIsTheIpv4Address) {
  EXPECT_EQ(canonical("::ffff:10.1.2.3"), "10.1.2.3");
  EXPECT_TRUE(parse_ip_address("::ffff:a01:203")->is_v4());
  EXPECT_EQ(*parse_ip_address("::ffff:a01:203"), *parse_ip_address("10.1.2.3"));
}

TEST(IpAddress, WhatIsNoneIsRefused) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "256.1.1.1",
                           "1.2.3.04",
                           "1.2.3.-4",
                           "1.2..4",
                           "a.b.c.d",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1:2:3:4:5:6:7::8",
                           "::1.2.3",
                           "1.2.3.4:5",
                           "1:",
                           ":1",
                           "::1:"}) {
    EXPECT_FALSE(parse_ip_address(text).has_value()) << text;
  }
}

bool contains(std::string_view network, std::string_view address) {
  return parse_ip_network(network).value().contains(parse_ip_address(address).value());
}

TEST(IpNetwork, HoldsItsAddressesToTheBit) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  for (const char* text : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "/8", "10.0.0/8", "10.0.0.0/-1"}) {
    EXPECT_FALSE(parse_ip_network(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace crossfade::protocol
