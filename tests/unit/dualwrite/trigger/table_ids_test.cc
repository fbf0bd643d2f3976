#include "dualwrite/trigger/table_ids.h"

#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

TEST(TableIds, AreThoseOfTheTableAndItsPartitions) {
  const TableIds ids({{"app/t", "20"},
                      {"app/t2", "21"},
                      {"app/p#P#b", "25"},
                      {"app/p#P#a", "24"},
                      {"my@002dapp/t@00231", "30"},
                      {"my@002dapp/t@00231#p#a#sp#asp0", "31"},
                      {"no row"}});
  EXPECT_EQ(ids.of({.schema = "app", .table = "t"}), "20");
  EXPECT_EQ(ids.of({.schema = "app", .table = "p"}), "#p#a:24 #p#b:25");
  EXPECT_EQ(ids.of({.schema = "my-app", .table = "t#1"}), "30 #p#a#sp#asp0:31");
  EXPECT_EQ(ids.of({.schema = "app", .table = "missing"}), "");
}

TEST(TableIds, ANameThatIsNoAsciiIsNotLookedFor) {
  EXPECT_EQ(encoded_name({.schema = "app", .table = "a b$"}), "app/a@0020b@0024");
  EXPECT_EQ(encoded_name({.schema = "app", .table = "\xc3\xbc"}), std::nullopt);
  std::vector<std::vector<protocol::Cell>> rows;
  rows.push_back({protocol::Cell("app/@1o"), protocol::Cell("7")});
  EXPECT_EQ(TableIds(rows).of({.schema = "app", .table = "\xc3\xbc"}), "");
}

}  // namespace
}  // namespace crossfade::dualwrite
