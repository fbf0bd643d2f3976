#include "migrate/load_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrate {
namespace {

using ::testing::HasSubstr;

TEST(LoadControl, ReadsWhatItWrites) {
  protocol::ResultSet result;
  const dualwrite::TableRef table{.schema = "shop", .table = "orders"};
  EXPECT_FALSE(load_from(result, table)->has_value());
  result.rows.push_back({"3", "{}", "keys"});
  const auto load = load_from(result, table);
  ASSERT_TRUE(load.ok() && load->has_value());
  EXPECT_EQ((*load)->id, 3u);
  EXPECT_EQ((*load)->state, LoadState::keys);
  result.rows.front()[2] = "dreaming";
  EXPECT_FALSE(load_from(result, table).ok());

  protocol::ResultSet files;
  files.rows.push_back({"1", "a.csv", "100", "t", "40", "5", "4", "0", "2"});
  const auto read = loaded_files_from(files);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->front().offset, 40u);
  EXPECT_EQ(read->front().epoch, 2u);
  EXPECT_FALSE(read->front().done);
  files.rows.front().pop_back();
  EXPECT_FALSE(loaded_files_from(files).ok());
}

TEST(LoadControl, AFileMovesOnlyFromWhereItWas) {
  const LoadedFile from{.number = 2, .offset = 40, .epoch = 7};
  LoadedFile to = from;
  to.offset = 90;
  to.done = true;
  const std::string sql = move_loaded_file("crossfade", 3, from, to);
  EXPECT_THAT(sql, HasSubstr("SET `offset`=90"));
  EXPECT_THAT(sql, HasSubstr("`done`=1 WHERE `load`=3 AND `number`=2 AND `offset`=40 AND `done`=0 AND `epoch`=7"));
}

}  // namespace
}  // namespace crossfade::migrate
