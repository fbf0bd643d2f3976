#include "proxy/session/state/session_objects.h"

#include <gtest/gtest.h>

#include "routing/classify.h"

namespace crossfade::proxy {
namespace {

void note(SessionObjects& objects, std::string_view sql) { objects.note(routing::classify(sql, {}), "shop"); }

TEST(SessionObjects, FollowsTemporaryTables) {
  SessionObjects objects;
  note(objects, "CREATE TEMPORARY TABLE a (id INT)");
  note(objects, "ALTER TABLE a RENAME TO other.b");
  EXPECT_FALSE(objects.temporary_tables().contains({.schema = {}, .table = "a"}, "shop"));
  EXPECT_TRUE(objects.temporary_tables().contains({.schema = "other", .table = "b"}, "shop"));
  note(objects, "DROP TABLE other.b");
  EXPECT_TRUE(objects.temporary_tables().empty());
  note(objects, "CREATE TEMPORARY TABLE c (id INT)");
  EXPECT_FALSE(objects.temporary_tables().empty());
  objects.clear();
  EXPECT_TRUE(objects.temporary_tables().empty());
}

TEST(SessionObjects, FollowsLocksUntilTheyAreGivenUp) {
  SessionObjects objects;
  note(objects, "LOCK TABLES a READ, b AS c READ LOCAL");
  EXPECT_TRUE(objects.has_table_locks());
  note(objects, "UNLOCK TABLES");
  EXPECT_FALSE(objects.has_table_locks());
}

}  // namespace
}  // namespace crossfade::proxy
