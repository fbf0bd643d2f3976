#include "routing/multi_byte.h"

#include <gtest/gtest.h>

#include <string>

namespace crossfade::routing {
namespace {

// How many pairs of a byte over 0x7f and any other are a character: what both servers answered to all of them.
std::size_t pairs(MultiByte charset) {
  std::size_t count = 0;
  for (unsigned lead = 0x80; lead < 0x100; ++lead) {
    for (unsigned trail = 0; trail < 0x100; ++trail) {
      const std::string text = {static_cast<char>(lead), static_cast<char>(trail)};
      count += character_size(charset, text, 0) == 2 ? 1 : 0;
    }
  }
  return count;
}

TEST(MultiByte, KnowsThePairsOfTheServers) {
  EXPECT_EQ(pairs(MultiByte::none), 0u);
  EXPECT_EQ(pairs(MultiByte::gbk), 126u * 190);
  EXPECT_EQ(pairs(MultiByte::gb18030), 126u * 190);
  EXPECT_EQ(pairs(MultiByte::sjis), 60u * 188);
  EXPECT_EQ(pairs(MultiByte::big5), 89u * 157);
  EXPECT_EQ(pairs(MultiByte::euckr), 126u * 178);
  EXPECT_EQ(pairs(MultiByte::gb2312), 87u * 94);
  EXPECT_EQ(pairs(MultiByte::euc_jp), 94u * 94 + 63);
}

TEST(MultiByte, GoesByTheNamesOfTheServers) {
  EXPECT_EQ(multi_byte("gbk"), MultiByte::gbk);
  EXPECT_EQ(multi_byte("sjis"), multi_byte("cp932"));
  EXPECT_EQ(multi_byte("ujis"), multi_byte("eucjpms"));
  EXPECT_EQ(multi_byte("gb18030"), MultiByte::gb18030);
  for (const char* charset : {"utf8mb4", "latin1", "binary", ""}) EXPECT_EQ(multi_byte(charset), MultiByte::none);
}

TEST(MultiByte, MeasuresCharactersAndFindsWhatIsNone) {
  EXPECT_EQ(character_size(MultiByte::none, "\xff", 0), 1u);
  EXPECT_EQ(character_size(MultiByte::gbk, "a", 0), 1u);
  EXPECT_EQ(character_size(MultiByte::gbk, "\x95", 0), 0u);
  EXPECT_EQ(character_size(MultiByte::gbk,
                           "\x80"
                           "A",
                           0),
            0u);
  EXPECT_EQ(character_size(MultiByte::sjis, "\xb1", 0), 1u);
  EXPECT_EQ(character_size(MultiByte::sjis, "\xa0", 0), 0u);
  EXPECT_EQ(character_size(MultiByte::gb18030, "x\x81\x30\x81\x30", 1), 4u);
  EXPECT_EQ(character_size(MultiByte::gb18030, "\x81\x30\x81", 0), 0u);
  EXPECT_EQ(character_size(MultiByte::euc_jp, "\x8f\xa1\xfe", 0), 3u);
  EXPECT_EQ(character_size(MultiByte::euc_jp, "\x8f\xa1", 0), 0u);
}

}  // namespace
}  // namespace crossfade::routing
