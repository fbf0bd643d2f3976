#include "dualwrite/chunk_marker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

TEST(ChunkMarker, IsReadBackFromTheChangeThatTheLogHas) {
  constexpr std::uint64_t kToken = 0xfedcba9876543210;
  RowsChange change = marker_change("crossfade", kToken);
  EXPECT_EQ(marker_token(change, "crossfade"), kToken);
  EXPECT_EQ(marker_token(change, "other"), std::nullopt);
  // A slot that is used again is an update: the image after counts.
  const RowsChange before = marker_change("crossfade", 5);
  change.images.insert(change.images.begin(), before.images.begin(), before.images.end());
  change.kind = RowsKind::update;
  EXPECT_EQ(marker_token(change, "crossfade"), kToken);
  change.kind = RowsKind::delete_;
  EXPECT_EQ(marker_token(change, "crossfade"), std::nullopt);
}

TEST(ChunkMarker, OfAnotherShapeIsNone) {
  RowsChange change = marker_change("crossfade", 5);
  change.images.pop_back();
  EXPECT_EQ(marker_token(change, "crossfade"), std::nullopt);
  change = marker_change("crossfade", 5);
  change.images[0] = 1;
  change.images.resize(1);
  EXPECT_EQ(marker_token(change, "crossfade"), std::nullopt);
}

TEST(ChunkMarker, IsWrittenByBothFeeds) {
  EXPECT_EQ(write_marker("crossfade", 3, 7),
            "INSERT INTO `crossfade`.`marker`(`token`,`slot`) VALUES(7,3) ON DUPLICATE KEY UPDATE `token`=7");
  EXPECT_THAT(write_captured_marker("crossfade", 7, false), testing::HasSubstr("VALUES(0,'M',CONNECTION_ID(),TRUE,"));
}

}  // namespace
}  // namespace crossfade::dualwrite
