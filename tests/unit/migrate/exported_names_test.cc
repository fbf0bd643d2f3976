// Which files among exported ones have rows.
#include "migrate/exported_names.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossfade::migrate {
namespace {

TEST(ExportedNames, WhatAnExportLeavesBesideItsRowsIsNoData) {
  for (const char* name : {"_SUCCESS", ".part-0.csv.crc", "_temporary/0/part-0.csv", "a/.hidden/part-0.csv", "manifest",
                           "venue_manifest", "day=1/_SUCCESS"}) {
    EXPECT_TRUE(is_no_data(name)) << name;
  }
  for (const char* name :
       {"part-0.csv", "day=1/part_0.csv", "0000_part_00", "manifest.csv", "manifests/a.csv", "a.b"}) {
    EXPECT_FALSE(is_no_data(name)) << name;
  }
}

TEST(ExportedNames, WhatIsAskedForByNameIsWanted) {
  const std::string key = "dumps/_tmp/part-0.csv";
  EXPECT_TRUE(is_no_data(key));
  EXPECT_FALSE(is_no_data(key, std::string("dumps/_tmp/").size()));
  EXPECT_FALSE(is_no_data("dumps/_part-0.csv", std::string("dumps/_p").size()));
  EXPECT_TRUE(is_no_data("dumps/_SUCCESS", std::string("dumps/").size()));
  EXPECT_FALSE(is_no_data("dumps/manifest", std::string("dumps/manifest").size()));
}

TEST(ExportedNames, AreCountedAndOfManyTheFirstAreNamed) {
  EXPECT_EQ(left_out_text(std::vector<std::string>{"_SUCCESS"}), "1 file left out: _SUCCESS");
  EXPECT_EQ(left_out_text(std::vector<std::string>{"_1", "_2", "_3", "_4", "_5", "_6"}),
            "6 files left out: _1, _2, _3, _4, _5, ..");
}

}  // namespace
}  // namespace crossfade::migrate
