#include "proxy/feed/changed_tables.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using namespace std::chrono_literals;

const dualwrite::TableRef kOrders{.schema = "shop", .table = "orders"};
const dualwrite::TableRef kOthers{.schema = "shop", .table = "others"};

TEST(ChangedTables, KnowsWhatWasChangedSinceItLooks) {
  ChangedTables changed;
  const TimePoint start{100h};
  changed.begin(start);
  changed.note(kOrders, start + 1h);
  EXPECT_TRUE(changed.may_have_changed(kOrders, start + 30min));
  EXPECT_FALSE(changed.may_have_changed(kOrders, start + 2h));
  EXPECT_FALSE(changed.may_have_changed(kOthers, start + 30min));
  EXPECT_TRUE(changed.may_have_changed({.schema = "SHOP", .table = "Orders"}, start + 30min));
}

TEST(ChangedTables, InDoubtATableMayHaveChanged) {
  ChangedTables changed;
  const TimePoint start{100h};
  EXPECT_TRUE(changed.may_have_changed(kOthers, start)) << "nothing is known yet";
  changed.begin(start);
  EXPECT_TRUE(changed.may_have_changed(kOthers, start - 1s)) << "before it looked";
  changed.begin(start + 1h);
  EXPECT_FALSE(changed.may_have_changed(kOthers, start)) << "it has not looked away";
  changed.forget();
  changed.begin(start + 2h);
  EXPECT_TRUE(changed.may_have_changed(kOthers, start + 1h)) << "others may have applied meanwhile";
  EXPECT_FALSE(changed.may_have_changed(kOthers, start + 2h));
}

}  // namespace
}  // namespace crossfade::proxy
