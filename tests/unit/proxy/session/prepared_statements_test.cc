#include "proxy/session/state/prepared_statements.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using config::Backend;

PreparedStatement statement(std::string sql, std::uint64_t version = 1) {
  PreparedStatement out;
  out.sql = std::move(sql);
  out.context_version = version;
  return out;
}

TEST(PreparedStatements, AnIdIsGivenOnce) {
  PreparedStatements statements(10);
  const std::uint32_t first = statements.add(statement("SELECT 1"));
  statements.erase(first);
  const std::uint32_t second = statements.add(statement("SELECT 2"));
  EXPECT_NE(second, first);
  EXPECT_EQ(statements.find(first), nullptr);
  ASSERT_NE(statements.find(second), nullptr);
  EXPECT_EQ(statements.find(second)->sql, "SELECT 2");
  statements.clear();
  EXPECT_EQ(statements.find(second), nullptr);
  EXPECT_GT(statements.add(statement("SELECT 3")), second);
}

TEST(PreparedStatements, IsFullAtItsLimit) {
  PreparedStatements statements(2);
  statements.add(statement("SELECT 1"));
  EXPECT_FALSE(statements.full());
  const std::uint32_t second = statements.add(statement("SELECT 2"));
  EXPECT_TRUE(statements.full());
  statements.erase(second);
  EXPECT_FALSE(statements.full());
}

TEST(PreparedStatements, TheLastOneIsNobodyOnceItFailedOrWasClosed) {
  PreparedStatements statements(10);
  EXPECT_EQ(statements.last(), 0u);
  const std::uint32_t first = statements.add(statement("SELECT 1"));
  const std::uint32_t second = statements.add(statement("SELECT 2"));
  EXPECT_EQ(statements.last(), second);
  statements.erase(first);
  EXPECT_EQ(statements.last(), second);
  statements.erase(second);
  EXPECT_EQ(statements.last(), 0u);
  statements.add(statement("SELECT 3"));
  statements.note_prepare_begun();
  EXPECT_EQ(statements.last(), 0u);
  statements.add(statement("SELECT 4"));
  statements.clear();
  EXPECT_EQ(statements.last(), 0u);
}

TEST(PreparedStatements, ForgetsTheIdsOfTheBackendThatIsGoneAlone) {
  PreparedStatements statements(10);
  const std::uint32_t id = statements.add(statement("SELECT 1"));
  statements.find(id)->id_on(Backend::old_db) = 7;
  statements.find(id)->id_on(Backend::new_db) = 8;
  statements.forget_ids_of(Backend::new_db);
  EXPECT_EQ(statements.find(id)->id_on(Backend::old_db), 7u);
  EXPECT_FALSE(statements.find(id)->id_on(Backend::new_db).has_value());
}

TEST(PreparedStatements, ACursorAndAnOlderStateBindThemToTheConnection) {
  PreparedStatements statements(10);
  EXPECT_EQ(statements.why_bound(1), "");
  const std::uint32_t id = statements.add(statement("SELECT 1", 1));
  EXPECT_EQ(statements.why_bound(1), "");
  EXPECT_EQ(statements.why_bound(2), "a statement prepared in another state of the session");
  statements.find(id)->cursor = true;
  EXPECT_EQ(statements.why_bound(1), "an open cursor");
}

}  // namespace
}  // namespace crossfade::proxy
