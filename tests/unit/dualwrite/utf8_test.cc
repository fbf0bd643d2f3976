#include "dualwrite/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace crossfade::dualwrite {
namespace {

TEST(IsUtf8, IsStrict) {
  for (const std::string good :
       {"", "a", "\xc3\xa9", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8mb4(good)) << good;
  }
  for (const std::string bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3\x28", "a\xff"}) {
    EXPECT_FALSE(is_utf8mb4(bad)) << bad;
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
