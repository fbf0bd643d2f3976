#include "proxy/misspelling.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

const std::vector<std::string> kVerbs = {"serve", "check", "status", "report", "version"};

TEST(Misspelling, LettersAddedLeftOutChangedOrSwappedAreSeen) {
  EXPECT_EQ(nearest_word("serve", kVerbs), "serve");
  EXPECT_EQ(nearest_word("server", kVerbs), "serve");
  EXPECT_EQ(nearest_word("erve", kVerbs), "serve");
  EXPECT_EQ(nearest_word("sarve", kVerbs), "serve");
  EXPECT_EQ(nearest_word("esrve", kVerbs), "serve");
}

TEST(Misspelling, TheNearestIsMeant) {
  EXPECT_EQ(nearest_word("ab", {"abcd", "abc"}), "abc");
  EXPECT_EQ(nearest_word("abc", {"acb", "abcde"}), "acb");
}

TEST(Misspelling, WhatIsFarFromAllIsNone) {
  EXPECT_EQ(nearest_word("frobnicate", kVerbs), "");
  EXPECT_EQ(nearest_word("", kVerbs), "");
  EXPECT_EQ(nearest_word("x", kVerbs), "");
  EXPECT_EQ(nearest_word(std::string(100000, 'e'), kVerbs), "");
}

}  // namespace
}  // namespace crossfade::proxy
