#include "migrate/verify_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/difference_control.h"
#include "migrate/row_compare.h"
#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::migrate {
namespace {

using dualwrite::defined;
using dualwrite::DefinedColumn;
using dualwrite::DefinedKey;
using dualwrite::key_over;
using dualwrite::ServerMakes;
using dualwrite::TableDefinition;
using protocol::Cell;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr ServerMakes kAcross{.leader_is_mariadb = true, .follower_is_mariadb = false};
constexpr ServerMakes kMariadb{.leader_is_mariadb = true, .follower_is_mariadb = true};

// Types as `name type charset`; the first column is the primary key.
TableDefinition made_of(const std::vector<std::pair<std::string, std::string>>& types) {
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  table.engine = "InnoDB";
  for (const auto& [type, charset] : types) {
    DefinedColumn column = defined("c" + std::to_string(table.columns.size()), type, charset);
    column.nullable = !table.columns.empty();
    table.columns.push_back(column);
  }
  DefinedKey primary = key_over("PRIMARY", {"c0"});
  primary.unique = true;
  table.keys.push_back(primary);
  return table;
}

VerifyPlan plan_of(const TableDefinition& leader, const TableDefinition& follower, ServerMakes makes = kAcross) {
  absl::StatusOr<VerifyPlan> plan = plan_verify(leader, follower, makes);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : VerifyPlan();
}

VerifyPlan plan_of(const std::vector<std::pair<std::string, std::string>>& types, ServerMakes makes = kAcross) {
  const TableDefinition table = made_of(types);
  return plan_of(table, table, makes);
}

TEST(VerifyPlan, TheDatabasesCompareWhereBothGiveTheSameText) {
  for (const char* type : {"int(11)", "bigint(20) unsigned", "decimal(10,2)", "bit(5)", "year(4)", "date",
                           "datetime(3)", "timestamp", "binary(4)", "varbinary(9)", "blob"}) {
    EXPECT_TRUE(plan_of({{"int(11)", ""}, {type, ""}}).by_checksum) << type;
  }
  EXPECT_TRUE(plan_of({{"int(11)", ""}, {"varchar(20)", "utf8mb4"}}).by_checksum);
  EXPECT_TRUE(plan_of({{"int(11)", ""}, {"enum('a','b')", "utf8mb4"}}).by_checksum);
  EXPECT_FALSE(plan_of({{"int(11)", ""}, {"double", ""}}).by_checksum);
  EXPECT_TRUE(plan_of({{"int(11)", ""}, {"double", ""}}, kMariadb).by_checksum);
}

TEST(VerifyPlan, AnotherScaleOrPrecisionIsComparedByValue) {
  const auto both = [](const char* leader, const char* follower) {
    return plan_of(made_of({{"int(11)", ""}, {leader, ""}}), made_of({{"int(11)", ""}, {follower, ""}})).by_checksum;
  };
  EXPECT_TRUE(both("int(11)", "bigint(20)"));
  EXPECT_FALSE(both("decimal(10,2)", "decimal(12,4)"));
  EXPECT_FALSE(both("datetime", "datetime(6)"));
  EXPECT_FALSE(both("binary(4)", "varbinary(4)"));
}

TEST(VerifyPlan, TextsOfTwoCharacterSetsMeetInUtf8) {
  const VerifyPlan plan = plan_of(made_of({{"int(11)", ""}, {"varchar(9)", "latin1"}}),
                                  made_of({{"int(11)", ""}, {"varchar(9)", "utf8mb4"}}));
  EXPECT_THAT(plan.leader.list, HasSubstr("CONVERT(`c1` USING utf8mb4)"));
  EXPECT_THAT(plan_of({{"int(11)", ""}, {"varchar(9)", "latin1"}}).leader.list, Not(HasSubstr("CONVERT")));
}

TEST(VerifyPlan, ARangeHoldsTheSameRowsOnlyUnderOneOrder) {
  TableDefinition leader = made_of({{"varchar(9)", "utf8mb4"}}), follower = leader;
  leader.columns[0].collation = "utf8mb4_general_ci";
  follower.columns[0].collation = "utf8mb4_general_ci";
  EXPECT_TRUE(plan_of(leader, follower).same_order);
  follower.columns[0].collation = "utf8mb4_bin";
  EXPECT_FALSE(plan_of(leader, follower).same_order);
}

TEST(VerifyPlan, AColumnThatIsMissingIsNamed) {
  const absl::StatusOr<VerifyPlan> plan =
      plan_verify(made_of({{"int(11)", ""}, {"int(11)", ""}}), made_of({{"int(11)", ""}}), kAcross);
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr("app.t: the follower has no column c1"));
}

TEST(VerifyPlan, SqlOfARangeAndOfKeys) {
  const VerifyPlan plan = plan_of({{"int(11)", ""}, {"varchar(9)", "utf8mb4"}});
  EXPECT_EQ(in_range(plan, {}, {}), "(TRUE)");
  EXPECT_EQ(in_range(plan, {"1"}, {"5"}), "(`c0`>1) AND (`c0`<5 OR (`c0`=5))");
  EXPECT_EQ(with_keys(plan, {{"1"}, {"2"}}), "`c0` IN (1,2)");
  EXPECT_THAT(select_bound(plan, Side::leader, {"1"}, 100), HasSubstr("ORDER BY `c0` LIMIT 99,1"));
  EXPECT_THAT(select_checksum(plan, Side::follower, "TRUE"),
              HasSubstr("SUM(CRC32(CRC32(CONCAT_WS('#',`c0`,CAST(`c1` AS BINARY),LENGTH(CAST(`c1` AS BINARY)),"));
  EXPECT_THAT(plan.leader.index, HasSubstr("FORCE INDEX (`PRIMARY`)"));
}

SeenRows seen(const VerifyPlan& plan, const std::vector<std::vector<Cell>>& rows, ShowRows show = ShowRows::keys) {
  SeenRows out;
  for (const std::vector<Cell>& row : rows) EXPECT_TRUE(see_row(plan, RowParts::values, show, row, &out).ok());
  return out;
}

TEST(RowCompare, MissingExtraAndDifferentRows) {
  const VerifyPlan plan = plan_of({{"int(11)", ""}, {"varchar(9)", "utf8mb4"}, {"int(11)", ""}});
  const SeenRows leader = seen(plan, {{"1", "a", "1"}, {"2", "b", std::nullopt}, {"3", "", "3"}});
  const SeenRows follower = seen(plan, {{"2", "b", "0"}, {"3", std::nullopt, "4"}, {"4", "d", "4"}});
  const std::vector<Difference> found = compare_rows(plan, differing(leader, follower), leader, follower);
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_EQ(found[0].kind, Difference::Kind::missing);
  EXPECT_EQ(found[0].row, "c0=1");
  EXPECT_THAT(found[1].columns, SizeIs(1));
  EXPECT_EQ(found[1].columns[0].name, "c2");
  EXPECT_THAT(found[2].columns, SizeIs(2));
  EXPECT_EQ(found[3].kind, Difference::Kind::extra);
  EXPECT_THAT(differing(leader, leader), IsEmpty());
}

TEST(RowCompare, ValuesAreHashedUnlessTheyMayBeShown) {
  const VerifyPlan plan = plan_of({{"int(11)", ""}, {"varchar(9)", "utf8mb4"}});
  for (const ShowRows show : {ShowRows::keys, ShowRows::values}) {
    const SeenRows leader = seen(plan, {{"1", "secret"}}, show), follower = seen(plan, {{"1", "other"}}, show);
    const auto found = compare_rows(plan, leader, leader, follower);
    ASSERT_THAT(found, SizeIs(1));
    const bool is_shown = found[0].columns[0].leader == "'secret'";
    EXPECT_EQ(is_shown, show == ShowRows::values) << found[0].columns[0].leader;
  }
}

TEST(RowCompare, OneValueInTwoSpellings) {
  const auto same = [](ValueClass how, const char* a, const char* b) {
    const VerifiedColumn column{.name = "c", .how = how, .same_text = false};
    return value_mark(column, a) == value_mark(column, b);
  };
  EXPECT_TRUE(same(ValueClass::number, "1.50", "1.5000"));
  EXPECT_FALSE(same(ValueClass::number, "1.50", "1.51"));
  EXPECT_TRUE(same(ValueClass::floating, "1e2", "100"));
  EXPECT_TRUE(same(ValueClass::temporal, "2024-01-01 00:00:00", "2024-01-01 00:00:00.000"));
  EXPECT_TRUE(same(ValueClass::document, "{\"a\": 1, \"b\": [2]}", "{\"b\":[2],\"a\":1}"));
  EXPECT_FALSE(same(ValueClass::document, "[1,2]", "[2,1]"));
  EXPECT_FALSE(same(ValueClass::text, "a", "a "));
  EXPECT_FALSE(same(ValueClass::text, "a", "A"));
  const VerifiedColumn text{.name = "c", .how = ValueClass::text};
  EXPECT_NE(value_mark(text, std::nullopt), value_mark(text, ""));
}

TEST(RowCompare, KeysAreTheSameOnlyByteByByte) {
  const VerifyPlan plan = plan_of({{"varchar(9)", "utf8mb4"}});
  const SeenRows leader = seen(plan, {{"Abc"}}), follower = seen(plan, {{"abc"}});
  EXPECT_THAT(differing(leader, follower), SizeIs(2));
  EXPECT_EQ(leader.begin()->second.key, KeyPlace{"_utf8mb4 x'416263'"});
}

TEST(DifferenceControl, ManyRowsAreAFewStatements) {
  std::vector<Difference> many(250, Difference{.row = "id=1", .key = {"1"}});
  EXPECT_THAT(insert_differences("crossfade", 3, {.schema = "app", .table = "t"}, many), SizeIs(3));
  EXPECT_THAT(insert_differences("crossfade", 3, {.schema = "app", .table = "t"}, {}), IsEmpty());
}

}  // namespace
}  // namespace crossfade::migrate
