// What a copy refuses is said before.
#include "migrate/judge_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/table_order.h"
#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using config::Backend;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JudgeCopy : public testing::Test {
 protected:
  void both(const dualwrite::TableDefinition& definition) {
    add(leader_, definition);
    add(follower_, definition);
  }
  std::vector<std::string> codes(FeedChoice feed = FeedChoice::log, Severity severity = Severity::blocker) const {
    std::vector<std::string> out;
    for (const Finding& each : judge_copy({.leader = leader_, .follower = follower_, .feed = feed})) {
      EXPECT_EQ(each.severity, severity);
      out.push_back(each.code);
    }
    return out;
  }

  ServerFacts leader_ = server(Backend::old_db);
  ServerFacts follower_ = server(Backend::new_db);
};

dualwrite::TableDefinition cascading(std::string name, const std::string& parent) {
  dualwrite::TableDefinition out = table(std::move(name));
  out.foreign_keys = {refers("f", "id", parent)};
  out.foreign_keys.front().on_delete = "CASCADE";
  return out;
}

TEST_F(JudgeCopy, TablesThatCanBeCopiedGiveNothing) {
  both(table("t"));
  both(cascading("child", "t"));
  EXPECT_THAT(codes(), IsEmpty());
}

TEST_F(JudgeCopy, AKeyThatNoCopyGoesBy) {
  dualwrite::TableDefinition hashed = table("t");
  hashed.keys.front().name = "u";
  hashed.keys.front().unique = true;
  hashed.keys.front().type = "HASH";
  both(hashed);
  EXPECT_THAT(codes(FeedChoice::log, Severity::warning), ElementsAre("key_not_followed")) << "it is read at once";
  leader_.sizes[hashed.name].data_bytes = kReadAtOnceBytesMax + 1;
  EXPECT_THAT(codes(), ElementsAre("key_not_followed"));
  EXPECT_THAT(codes(FeedChoice::trigger), ElementsAre("key_not_followed"));
}

TEST_F(JudgeCopy, CascadesThatNothingTellsOf) {
  both(cascading("a", "b"));
  both(cascading("b", "a"));
  EXPECT_THAT(codes(), ElementsAre("cascade_circle"));
  leader_.mariadb = false;
  leader_.log.identity.logs_cascades = true;
  EXPECT_THAT(codes(), IsEmpty());
}

TEST_F(JudgeCopy, ALargeTableThatCascadesOnItself) {
  both(cascading("t", "t"));
  leader_.sizes[{"app", "t"}] = {.data_bytes = kReadAtOnceBytesMax};
  EXPECT_THAT(codes(), IsEmpty());
  leader_.sizes[{"app", "t"}] = {.data_bytes = kReadAtOnceBytesMax + 1};
  EXPECT_THAT(codes(), ElementsAre("cascade_on_itself"));
}

TEST(RowsOnNew, NamesSomeOfTheTables) {
  EXPECT_THAT(rows_on_new({{"app", "t"}}).reason, HasSubstr("rows of 1 table (app.t), which"));
  std::vector<dualwrite::TableRef> many;
  for (int i = 0; i < 7; ++i) many.push_back({"app", "t" + std::to_string(i)});
  EXPECT_THAT(rows_on_new(many).reason, HasSubstr("rows of 7 tables (app.t0, app.t1, app.t2, app.t3, app.t4, ..)"));
}

}  // namespace
}  // namespace crossfade::migrate
