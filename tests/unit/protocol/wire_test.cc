#include "protocol/wire.h"
#include "tests/support/server_packets.h"

#include <gtest/gtest.h>

#include <limits>

namespace crossfade::protocol {
namespace {

Buffer lenenc(std::uint64_t value) {
  Buffer out;
  put_lenenc(out, value);
  return out;
}

TEST(Reader, ReadsLittleEndianIntegersOfEveryWidth) {
  const Buffer bytes = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                        0x0a, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0xf8};
  Reader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0302);
  EXPECT_EQ(reader.u24(), 0x060504u);
  EXPECT_EQ(reader.u32(), 0x0a090807u);
  EXPECT_EQ(reader.u64(), 0xf817161514131211u);
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.failed());
}

TEST(Reader, FailsOneBytePastTheEndAndStaysFailed) {
  const Buffer bytes = {1, 2, 3};
  Reader reader(bytes);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.u8(), 0u);
  EXPECT_EQ(reader.lenenc(), 0u);
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_TRUE(reader.lenenc_text().empty());
  EXPECT_TRUE(reader.nul_text().empty());
  EXPECT_EQ(reader.peek(), 0u);
  EXPECT_TRUE(reader.failed());
  EXPECT_TRUE(reader.at_end());
}

TEST(Reader, EveryWidthFailsWhenOneByteIsMissing) {
  const Buffer bytes(7, 0xaa);
  Reader u8(Bytes{});
  u8.u8();
  EXPECT_TRUE(u8.failed());
  Reader u16(Bytes(bytes).first(1));
  u16.u16();
  EXPECT_TRUE(u16.failed());
  Reader u24(Bytes(bytes).first(2));
  u24.u24();
  EXPECT_TRUE(u24.failed());
  Reader u64{Bytes(bytes)};
  u64.u64();
  EXPECT_TRUE(u64.failed());
}

TEST(Reader, TakesAllButNotOneMoreByte) {
  const Buffer bytes = {1, 2, 3};
  Reader exact{Bytes(bytes)};
  EXPECT_EQ(exact.take(3).size(), 3u);
  EXPECT_FALSE(exact.failed());
  Reader past{Bytes(bytes)};
  EXPECT_TRUE(past.take(4).empty());
  EXPECT_TRUE(past.failed());
}

TEST(Reader, ReadsTextUpToItsNul) {
  Reader reader(as_bytes(std::string_view("ab\0\0c", 5)));
  EXPECT_EQ(reader.nul_text(), "ab");
  EXPECT_EQ(reader.nul_text(), "");
  EXPECT_EQ(reader.position(), 4u);
  EXPECT_EQ(reader.nul_text(), "");
  EXPECT_TRUE(reader.failed());
}

TEST(Reader, PeekDoesNotMove) {
  const Buffer bytes = {7, 8};
  Reader reader{Bytes(bytes)};
  EXPECT_EQ(reader.peek(), 7);
  reader.skip(1);
  EXPECT_EQ(reader.peek(), 8);
  EXPECT_EQ(reader.remaining(), 1u);
  EXPECT_EQ(reader.rest_text(), "\x08");
  EXPECT_EQ(reader.peek(), 0);
  EXPECT_FALSE(reader.failed());
}

TEST(Reader, LenencNullAndErrorMarksAreFailures) {
  for (const std::uint8_t mark : {std::uint8_t{0xfb}, std::uint8_t{0xff}}) {
    const Buffer bytes = {mark, 1, 2, 3, 4, 5, 6, 7, 8};
    Reader reader{Bytes(bytes)};
    EXPECT_EQ(reader.lenenc(), 0u);
    EXPECT_TRUE(reader.failed());
    EXPECT_TRUE(reader.at_end());
  }
}

TEST(Reader, CutLenencIntegersAreFailures) {
  for (const std::uint64_t value : {std::uint64_t{0xfb}, std::uint64_t{0x10000}, std::uint64_t{0x1000000}}) {
    const Buffer bytes = lenenc(value);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Reader reader(Bytes(bytes).first(size));
      EXPECT_EQ(reader.lenenc(), 0u);
      EXPECT_TRUE(reader.failed()) << value << " cut to " << size;
    }
  }
}

TEST(Reader, ALengthPastTheEndIsAFailureEvenWhenItIsHuge) {
  Buffer bytes = lenenc(std::numeric_limits<std::uint64_t>::max());
  put_text(bytes, "x");
  Reader huge{Bytes(bytes)};
  EXPECT_TRUE(huge.lenenc_bytes().empty());
  EXPECT_TRUE(huge.failed());
  const Buffer one_too_many = {2, 'x'};
  Reader reader{Bytes(one_too_many)};
  EXPECT_TRUE(reader.lenenc_text().empty());
  EXPECT_TRUE(reader.failed());
}

TEST(PutLenenc, UsesTheShortestFormAtEveryBoundary) {
  EXPECT_EQ(lenenc(0), (Buffer{0}));
  EXPECT_EQ(lenenc(0xfa), (Buffer{0xfa}));
  EXPECT_EQ(lenenc(0xfb), (Buffer{0xfc, 0xfb, 0}));
  EXPECT_EQ(lenenc(0xffff), (Buffer{0xfc, 0xff, 0xff}));
  EXPECT_EQ(lenenc(0x10000), (Buffer{0xfd, 0, 0, 1}));
  EXPECT_EQ(lenenc(0xffffff), (Buffer{0xfd, 0xff, 0xff, 0xff}));
  EXPECT_EQ(lenenc(0x1000000), (Buffer{0xfe, 0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(PutLenenc, IsReadBack) {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{0xfa}, std::uint64_t{0xfb}, std::uint64_t{0xff},
                                    std::uint64_t{0xffff}, std::uint64_t{0x10000}, std::uint64_t{0xffffff},
                                    std::uint64_t{0x1000000}, std::numeric_limits<std::uint64_t>::max()}) {
    const Buffer bytes = lenenc(value);
    Reader reader{Bytes(bytes)};
    EXPECT_EQ(reader.lenenc(), value);
    EXPECT_TRUE(reader.at_end());
    EXPECT_FALSE(reader.failed());
  }
}

TEST(Put, WritesLittleEndianIntegersAndTexts) {
  Buffer out;
  put_u8(out, 0x01);
  put_u16(out, 0x0302);
  put_u24(out, 0x060504);
  put_u32(out, 0x0a090807);
  support::put_u64(out, 0x1211100f0e0d0c0b);
  EXPECT_EQ(out, (Buffer{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}));
  out.clear();
  put_text(out, "a");
  put_nul_text(out, "b");
  put_lenenc_text(out, "cd");
  put_zeros(out, 2);
  put_lenenc_bytes(out, {});
  EXPECT_EQ(out, (Buffer{'a', 'b', 0, 2, 'c', 'd', 0, 0, 0}));
}

TEST(AsText, SharesTheBytesOfAsBytes) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_EQ(as_text({}), "");
}

}  // namespace
}  // namespace crossfade::protocol
