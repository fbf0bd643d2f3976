#include "protocol/proxy_protocol.h"

#include <gtest/gtest.h>

namespace crossfade::protocol {
namespace {

const Buffer kSignature = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

Buffer text(std::string_view line) {
  const Bytes bytes = as_bytes(line);
  return {bytes.begin(), bytes.end()};
}

Buffer version2(std::uint8_t command, std::uint8_t family, const Buffer& body) {
  Buffer out = kSignature;
  put_u8(out, command);
  put_u8(out, family);
  put_u8(out, static_cast<std::uint8_t>(body.size() >> 8));
  put_u8(out, static_cast<std::uint8_t>(body.size()));
  put_bytes(out, body);
  return out;
}

// "kind host port rest", "more" or "bad".
std::string decoded(const Buffer& bytes) {
  Bytes input(bytes);
  const auto header = decode_proxy_header(input);
  if (!header.ok()) return "bad";
  if (!header->has_value()) {
    EXPECT_EQ(input.size(), bytes.size());
    return "more";
  }
  return std::string((*header)->kind == ProxyHeader::Kind::local ? "local" : "proxied") + " " + (*header)->host + " " +
         std::to_string((*header)->port) + " " + std::string(as_text(input));
}

const Buffer kV4 = {10, 1, 2, 3, 10, 9, 9, 9, 0x1f, 0x90, 0x0c, 0xea};

TEST(ProxyProtocol, ReadsALineAndLeavesWhatFollows) {
  EXPECT_EQ(decoded(text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 3306\r\nrest")), "proxied 192.0.2.1 56324 rest");
  EXPECT_EQ(decoded(text("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n")), "proxied 2001:db8::1 1 ");
  EXPECT_EQ(decoded(text("PROXY UNKNOWN\r\n")), "local  0 ");
  EXPECT_EQ(decoded(text("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\nx")), "local  0 x");
}

TEST(ProxyProtocol, ReadsVersion2) {
  EXPECT_EQ(decoded(version2(0x21, 0x11, kV4)), "proxied 10.1.2.3 8080 ");
  Buffer with_extensions = kV4;
  put_bytes(with_extensions, Buffer{0x03, 0x00, 0x04, 1, 2, 3, 4});
  EXPECT_EQ(decoded(version2(0x21, 0x11, with_extensions)), "proxied 10.1.2.3 8080 ");
  Buffer v6(36, 0);
  v6[15] = 1;
  EXPECT_EQ(decoded(version2(0x21, 0x21, v6)), "proxied ::1 0 ");
  EXPECT_EQ(decoded(version2(0x21, 0x31, Buffer(216, 0))), "proxied localhost 0 ");
  EXPECT_EQ(decoded(version2(0x20, 0x00, {})), "local  0 ");
  EXPECT_EQ(decoded(version2(0x20, 0x11, kV4)), "local  0 ");
  EXPECT_EQ(decoded(version2(0x21, 0x00, {})), "local  0 ");
}

TEST(ProxyProtocol, AnyBeginningOfAHeaderAsksForMore) {
  for (const Buffer& whole : {text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 3306\r\n"), version2(0x21, 0x11, kV4)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(decoded(Buffer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), "more") << size;
    }
    EXPECT_NE(decoded(whole), "more");
  }
}

TEST(ProxyProtocol, WhatIsNoHeaderIsRefusedAtItsFirstWrongByte) {
  for (const char* line :
       {"GET / HTTP/1.1\r\n", "PROXX", "proxy TCP4", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY \r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8  2\r\n"}) {
    EXPECT_EQ(decoded(text(line)), "bad") << line;
  }
  EXPECT_EQ(decoded(version2(0x22, 0x11, kV4)), "bad");  // an unknown command
  EXPECT_EQ(decoded(version2(0x11, 0x11, kV4)), "bad");  // version 1 in binary
  EXPECT_EQ(decoded(version2(0x21, 0x12, kV4)), "bad");  // datagrams
  EXPECT_EQ(decoded(version2(0x21, 0x41, Buffer(300, 0))), "bad");
  EXPECT_EQ(decoded(version2(0x21, 0x11, Buffer(11, 0))), "bad");
  EXPECT_EQ(decoded(version2(0x21, 0x21, Buffer(35, 0))), "bad");
  EXPECT_EQ(decoded(version2(0x21, 0x31, Buffer(215, 0))), "bad");
}

TEST(ProxyProtocol, HeadersHaveALimit) {
  const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
  EXPECT_EQ(longest.size(), 107u);
  EXPECT_EQ(decoded(text(longest)), "local  0 ");
  EXPECT_EQ(decoded(text("PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n")), "bad");
  EXPECT_EQ(decoded(text("PROXY UNKNOWN " + std::string(107 - 14, 'x'))), "bad");  // nothing more need come
  Buffer body = kV4;
  body.resize(kProxyHeaderBytesMax - 16);
  EXPECT_EQ(decoded(version2(0x21, 0x11, body)), "proxied 10.1.2.3 8080 ");
  body.push_back(0);
  EXPECT_EQ(decoded(version2(0x21, 0x11, body)), "bad");
}

TEST(ProxyProtocol, WritesWhatItReads) {
  for (const char* host : {"10.1.2.3", "2001:db8::1"}) {
    ProxyHeader header;
    header.kind = ProxyHeader::Kind::proxied;
    header.host = host;
    header.port = 51000;
    EXPECT_EQ(decoded(encode_proxy_header(header)), std::string("proxied ") + host + " 51000 ");
  }
  ProxyHeader unix_client;
  unix_client.kind = ProxyHeader::Kind::proxied;
  unix_client.host = "localhost";
  EXPECT_EQ(decoded(encode_proxy_header(unix_client)), "local  0 ");
  EXPECT_EQ(decoded(encode_proxy_header({})), "local  0 ");
}

}  // namespace
}  // namespace crossfade::protocol
