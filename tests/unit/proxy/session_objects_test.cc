#include "proxy/session_objects.h"

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
  EXPECT_FALSE(objects.has_temporary_tables());
  note(objects, "CREATE TEMPORARY TABLE c (id INT)");
  EXPECT_TRUE(objects.has_temporary_tables());
  objects.clear();
  EXPECT_FALSE(objects.has_temporary_tables());
}

TEST(SessionObjects, FollowsLocksUntilTheyAreGivenUp) {
  SessionObjects objects;
  note(objects, "LOCK TABLES a READ, b AS c READ LOCAL");
  EXPECT_TRUE(objects.has_table_locks());
  note(objects, "UNLOCK TABLES");
  EXPECT_FALSE(objects.has_table_locks());
}

TEST(SessionObjects, FollowsHandlersByTheNameTheyHave) {
  SessionObjects objects;
  note(objects, "HANDLER shop.a OPEN");
  note(objects, "HANDLER a OPEN AS h");
  note(objects, "HANDLER a CLOSE");
  EXPECT_TRUE(objects.has_open_handlers());
  note(objects, "HANDLER h CLOSE");
  EXPECT_FALSE(objects.has_open_handlers());
}

TEST(SessionObjects, TakesHandlersPastItsLimitForOpenToTheEnd) {
  SessionObjects objects;
  for (std::size_t i = 0; i < SessionObjects::kHandlersMax; ++i)
    note(objects, "HANDLER h" + std::to_string(i) + " OPEN");
  for (std::size_t i = 0; i < SessionObjects::kHandlersMax; ++i)
    note(objects, "HANDLER h" + std::to_string(i) + " CLOSE");
  EXPECT_FALSE(objects.has_open_handlers());
  for (std::size_t i = 0; i <= SessionObjects::kHandlersMax; ++i)
    note(objects, "HANDLER h" + std::to_string(i) + " OPEN");
  for (std::size_t i = 0; i <= SessionObjects::kHandlersMax; ++i)
    note(objects, "HANDLER h" + std::to_string(i) + " CLOSE");
  EXPECT_TRUE(objects.has_open_handlers());
}

}  // namespace
}  // namespace crossfade::proxy
