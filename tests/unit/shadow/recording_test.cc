#include "shadow/recording.h"

#include <gtest/gtest.h>

namespace crossfade::shadow {
namespace {

using protocol::as_bytes;
using protocol::as_text;

TEST(Recording, KeepsTheBytesInTheOrderTheyCame) {
  Recording recording(100);
  recording.append(as_bytes("abc"));
  recording.append(as_bytes(""));
  recording.append(as_bytes("def"));
  EXPECT_EQ(as_text(recording.wire()), "abcdef");
  EXPECT_EQ(recording.bytes(), 6u);
  EXPECT_FALSE(recording.too_large());
}

TEST(Recording, HoldsExactlyItsLimit) {
  Recording recording(6);
  recording.append(as_bytes("abc"));
  recording.append(as_bytes("def"));
  EXPECT_FALSE(recording.too_large());
  EXPECT_EQ(recording.bytes(), 6u);
}

TEST(Recording, DropsEverythingOneBytePastItsLimit) {
  Recording recording(6);
  recording.append(as_bytes("abc"));
  recording.append(as_bytes("defg"));
  EXPECT_TRUE(recording.too_large());
  EXPECT_EQ(recording.bytes(), 0u);
}

TEST(Recording, StaysTooLargeForGood) {
  Recording recording(2);
  recording.append(as_bytes("abc"));
  recording.append(as_bytes("a"));
  EXPECT_TRUE(recording.too_large());
  EXPECT_TRUE(recording.wire().empty());
}

TEST(Recording, WithoutALimitHoldsNothing) {
  Recording recording;
  recording.append(as_bytes(""));
  EXPECT_FALSE(recording.too_large());
  recording.append(as_bytes("a"));
  EXPECT_TRUE(recording.too_large());
}

}  // namespace
}  // namespace crossfade::shadow
