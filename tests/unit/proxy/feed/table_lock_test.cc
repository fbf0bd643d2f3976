#include "proxy/feed/table_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TableLock, WhoStandsInTheWayIsAskedOfEachTableAsItIsLocked) {
  const TableLock lock{
      .changes = "cf", .write = {{.schema = "app", .table = "t"}}, .read = {{.schema = "app", .table = "child"}}};
  const std::string question = holders_query(lock);
  EXPECT_THAT(
      question,
      HasSubstr("((OBJECT_SCHEMA='cf' AND OBJECT_NAME='changes') OR (OBJECT_SCHEMA='app' AND OBJECT_NAME='t'))"));
  // Who reads what is locked for reading does not.
  EXPECT_THAT(question, HasSubstr("OR (LOCK_TYPE<>'SHARED_READ' AND ((OBJECT_SCHEMA='app' AND OBJECT_NAME='child')))"));
  const TableLock alone{.changes = "cf", .write = {{.schema = "app", .table = "t"}}};
  EXPECT_THAT(holders_query(alone), Not(HasSubstr("SHARED_READ'")));
}

}  // namespace
}  // namespace crossfade::proxy
