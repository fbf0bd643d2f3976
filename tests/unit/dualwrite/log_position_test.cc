#include "dualwrite/log_position.h"

#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

TEST(LogPosition, IsOrderedByTheFilesNumberThenByTheOffset) {
  const LogPosition ascending[] = {{"", 0},           {"bin.000009", 4},  {"bin.000009", 5}, {"bin.000010", 4},
                                   {"bin.999999", 9}, {"bin.1000000", 4}, {"bin.1000001", 1}};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      EXPECT_EQ(ascending[i] <=> ascending[j], i <=> j) << ascending[i].text() << " " << ascending[j].text();
      EXPECT_EQ(ascending[i] == ascending[j], i == j);
    }
  }
}

TEST(LogPosition, ANameWithoutNumberHasAPlaceInTheOrderToo) {
  EXPECT_LT((LogPosition{"bin", 4}), (LogPosition{"bin.000001", 4}));
  EXPECT_NE((LogPosition{"a.000001", 4}) <=> (LogPosition{"b.000001", 4}), std::strong_ordering::equal);
}

TEST(LogPosition, TextIsFileAndOffset) {
  EXPECT_EQ((LogPosition{"bin.000012", 4711}.text()), "bin.000012:4711");
  EXPECT_EQ((LogPosition{"odd:name.000001", 18446744073709551615u}.text()), "odd:name.000001:18446744073709551615");
}

}  // namespace
}  // namespace crossfade::dualwrite
