#include "proxy/feed/table_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/sql_text.h"

namespace crossfade::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TableLock, WhoStandsInTheWayIsAskedOfEachTableAsItIsLocked) {
  const TableLock lock{
      .changes = "cf", .write = {{.schema = "app", .table = "t"}}, .read = {{.schema = "app", .table = "child"}}};
  const auto named = [](const char* schema, const char* table) {
    return "(OBJECT_SCHEMA=" + dualwrite::quote_text(schema) + " AND OBJECT_NAME=" + dualwrite::quote_text(table) + ")";
  };
  const std::string question = holders_query(lock);
  EXPECT_THAT(question, HasSubstr("(" + named("cf", "changes") + " OR " + named("app", "t") + ")"));
  // Who reads what is locked for reading does not.
  EXPECT_THAT(question, HasSubstr("OR (LOCK_TYPE<>'SHARED_READ' AND (" + named("app", "child") + "))"));
  const TableLock alone{.changes = "cf", .write = {{.schema = "app", .table = "t"}}};
  EXPECT_THAT(holders_query(alone), Not(HasSubstr("SHARED_READ'")));
}

}  // namespace
}  // namespace crossfade::proxy
