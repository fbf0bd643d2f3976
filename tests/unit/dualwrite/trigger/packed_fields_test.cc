#include "dualwrite/trigger/packed_fields.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossfade::dualwrite {
namespace {

TEST(PackedFields, AreReadAsTheyWereWritten) {
  const std::vector<std::optional<std::string_view>> fields = {
      "", std::nullopt, "n", "5:", std::string_view("\0:1", 3), "12:34"};
  std::string packed;
  for (const auto& field : fields) put_field(packed, field);
  EXPECT_EQ(packed, std::string("0:n1:n2:5:3:\0:15:12:34", 22));
  FieldReader reader(packed);
  for (const auto& field : fields) EXPECT_EQ(reader.next(), field);
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.failed());
}

TEST(PackedFields, WhatIsCutOffOrNoFieldFails) {
  for (const char* text : {"", ":", "1", "1:", "2:a", "x", "-1:a", "+1:a", " 1:a", "N", "99999999999999999999999:a"}) {
    FieldReader reader(text);
    EXPECT_EQ(reader.next(), std::nullopt) << text;
    EXPECT_TRUE(reader.failed()) << text;
    EXPECT_EQ(reader.next(), std::nullopt) << "it stays failed";
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
