#include "dualwrite/inline/text_conversion.h"

#include <gtest/gtest.h>

#include <string>

namespace crossfade::dualwrite {
namespace {

bool arrives(const std::string& text, std::string_view from, std::string_view to, bool strict = false) {
  return conversion_problem(text, from, to, strict).empty();
}

TEST(TextConversion, AsciiArrivesFromAnywhereAnywhere) {
  for (const char* from : {"utf8mb4", "latin1", "gbk", "ascii", "koi8r"}) {
    for (const char* to : {"utf8mb4", "latin1", "", "gbk", "ascii", "utf32"}) EXPECT_TRUE(arrives("a~", from, to));
  }
  EXPECT_TRUE(arrives("a~", "binary", "utf8mb4"));
}

TEST(TextConversion, AsciiIsSomethingElseInUnitsOfSeveralBytesAndInSwe7) {
  EXPECT_FALSE(arrives("hello", "binary", "utf32"));
  EXPECT_FALSE(arrives("hello", "utf32", "utf8mb4"));
  EXPECT_FALSE(arrives("[a]", "utf8mb4", "swe7"));
  EXPECT_TRUE(arrives("hello", "binary", ""));
}

TEST(TextConversion, BytesArriveInColumnsOfBytes) {
  EXPECT_TRUE(arrives("\xff\xfe", "utf8mb4", ""));
  EXPECT_TRUE(arrives("\xff\xfe", "gbk", "binary"));
}

TEST(TextConversion, WhatIsMalformedDoesNotArrive) {
  for (const char* to : {"utf8mb4", "utf8mb3", "latin1", "utf16", "gbk"}) {
    EXPECT_FALSE(arrives("a\xff", "utf8mb4", to, true)) << to;
    EXPECT_FALSE(arrives("a\xff", "utf8", to, true)) << to;
  }
  EXPECT_FALSE(arrives("\xf0\x9f\x98\x80", "utf8mb3", "utf8mb4"));  // no character of four bytes there
  EXPECT_FALSE(arrives("\xe9", "ascii", "utf8mb4"));
  EXPECT_FALSE(arrives("\xe9", "binary", "utf8mb4"));
  EXPECT_TRUE(arrives("\xc3\xa9", "binary", "utf8mb4"));
  EXPECT_FALSE(arrives("\xf0\x9f\x98\x80", "binary", "utf8mb3"));
  EXPECT_TRUE(arrives("\xe9", "binary", "latin1"));
}

TEST(TextConversion, CharactersNeedAPlace) {
  EXPECT_TRUE(arrives("\xf0\x9f\x98\x80", "utf8mb4", "utf8mb4"));
  EXPECT_TRUE(arrives("\xf0\x9f\x98\x80", "utf8mb4", "utf16"));
  EXPECT_FALSE(arrives("\xf0\x9f\x98\x80", "utf8mb4", "utf8mb3"));
  EXPECT_FALSE(arrives("\xc3\xa9", "utf8mb4", "ascii"));
  for (const char* fits : {"\xc2\xa0", "\xc3\xbf", "\xe2\x82\xac", "\xe2\x80\x9d", "\xc5\x92"}) {
    EXPECT_TRUE(arrives(fits, "utf8mb4", "latin1")) << fits;
  }
  for (const char* lacks : {"\xc2\x85", "\xc4\x80", "\xe6\x97\xa5", "\xe2\x82\xad", "\xf0\x9f\x98\x80"}) {
    EXPECT_FALSE(arrives(lacks, "utf8mb4", "latin1", true)) << lacks;
  }
}

TEST(TextConversion, BytesThatAreCharactersGoToUnicodeOrStay) {
  EXPECT_TRUE(arrives("\xe9\x81", "latin1", "utf8mb4"));
  EXPECT_TRUE(arrives("\xe9\x81", "latin1", "latin1"));
  EXPECT_TRUE(arrives("\xd0", "koi8r", "utf8mb3"));
  EXPECT_TRUE(arrives("\xd0", "koi8r", "koi8r"));
  EXPECT_FALSE(arrives("\xd0", "latin1", "koi8r"));
}

TEST(TextConversion, WhatIsNotKnownIsLeftToAStrictLeader) {
  for (const auto& [from, to] :
       {std::pair("gbk", "big5"), {"gbk", "utf8mb4"}, {"latin1", "koi8r"}, {"big5", "latin1"}}) {
    EXPECT_FALSE(arrives("\xb0\xa1", from, to)) << from;
    EXPECT_TRUE(arrives("\xb0\xa1", from, to, true)) << from;
  }
  EXPECT_FALSE(arrives("\xc3\xa9", "utf8mb4", "gbk"));
  EXPECT_TRUE(arrives("\xc3\xa9", "utf8mb4", "gbk", true));
}

TEST(TextConversion, OnlyAsciiWhereTheSessionHasTwoCharsets) {
  const TextPath two{.client = "utf8mb4", .connection = "latin1"};
  for (const char* to : {"utf8mb4", "latin1", ""}) {
    EXPECT_FALSE(conversion_problem("\xc3\xa9", two, to).empty());
    EXPECT_TRUE(conversion_problem("e", two, to).empty());
  }
  EXPECT_FALSE(conversion_problem("\xe9", TextPath{.client = "latin1", .connection = "binary"}, "utf8mb4").empty());
  EXPECT_FALSE(conversion_problem("\xe9", TextPath{.client = "binary", .connection = "utf8mb4"}, "latin1").empty());
  EXPECT_TRUE(conversion_problem("\xe6\x97\xa5", TextPath{}, "utf8mb4").empty());
}

TEST(TextConversion, AStrictLeaderTakesABoundTextThatIsNoText) {
  for (const char* from : {"gbk", "sjis", "big5", "euckr", "gb2312", "ujis", "eucjpms"}) {
    EXPECT_FALSE(arrives("a\xe9", from, "utf8mb4", true)) << from;
    EXPECT_FALSE(arrives("a\xe9", from, from, true)) << from;
  }
  EXPECT_TRUE(arrives("\x95\\", "gbk", "utf8mb4", true));
  EXPECT_TRUE(arrives("\x95\\", "sjis", "sjis"));
  EXPECT_TRUE(arrives("v + 1", "swe7", "utf8mb4", true));  // a byte a character, but not ASCII's
}

}  // namespace
}  // namespace crossfade::dualwrite
