// Quick looks: what is asked of each side, and what is said of the answers.
#include "migrate/look_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "migrate/job_options.h"
#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::migrate {
namespace {

using dualwrite::defined;
using dualwrite::DefinedColumn;
using dualwrite::DefinedForeignKey;
using dualwrite::key_over;
using dualwrite::ServerMakes;
using dualwrite::TableDefinition;
using protocol::Cell;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr ServerMakes kLookMakes{.leader_is_mariadb = true, .follower_is_mariadb = false};

// Columns as `name type charset`; the first is the primary key.
TableDefinition looked_table(const std::vector<std::array<std::string, 3>>& columns) {
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  table.engine = "InnoDB";
  for (const auto& [name, type, charset] : columns) {
    DefinedColumn column = defined(name, type, charset);
    column.nullable = !table.columns.empty();
    table.columns.push_back(column);
  }
  if (!columns.empty()) {
    table.keys.push_back(key_over("PRIMARY", {columns.front()[0]}));
    table.keys.back().unique = true;
  }
  return table;
}

std::vector<LookQuery> looks_of(const TableDefinition& leader, const TableDefinition& follower,
                                const std::vector<Look>& looks, const std::string& by = "") {
  absl::StatusOr<std::vector<LookQuery>> queries = plan_looks(leader, follower, kLookMakes, looks, by);
  EXPECT_TRUE(queries.ok()) << queries.status();
  return queries.ok() ? *std::move(queries) : std::vector<LookQuery>();
}

LookQuery look_of(const TableDefinition& table, Look look, const std::string& by = "") {
  const std::vector<LookQuery> queries = looks_of(table, table, {look}, by);
  EXPECT_THAT(queries, SizeIs(1));
  return queries.empty() ? LookQuery() : queries.front();
}

std::vector<std::string> figures_of(const LookQuery& query) {
  std::vector<std::string> out;
  for (const LookQuery::Cell& cell : query.cells) out.push_back(cell.column.name);
  return out;
}

LookAnswer answer_of(const LookQuery& query, const std::vector<std::vector<Cell>>& rows,
                     ShowRows show = ShowRows::keys) {
  LookAnswer out;
  for (const std::vector<Cell>& row : rows) {
    const absl::Status seen = see_answer(query, show, row, &out);
    EXPECT_TRUE(seen.ok()) << seen;
  }
  return out;
}

TEST(LookPlan, AggregatesOfEachColumnThatHasThem) {
  const LookQuery query =
      look_of(looked_table({{"id", "int(11)", ""}, {"price", "decimal(10,2)", ""}}), Look::aggregates);
  EXPECT_THAT(figures_of(query),
              ElementsAre("count(*)", "distinct(id)", "sum(id)", "min(id)", "max(id)", "count(price)",
                          "distinct(price)", "sum(price)", "min(price)", "max(price)"));
  EXPECT_EQ(query.leader,
            "SELECT COUNT(*),COUNT(DISTINCT `id`),SUM(`id`),MIN(`id`),MAX(`id`),COUNT(`price`),COUNT(DISTINCT "
            "`price`),SUM(`price`),MIN(`price`),MAX(`price`) FROM `app`.`t`");
  EXPECT_EQ(query.leader, query.follower);
}

TEST(LookPlan, TextsAreOrderedAndToldApartByTheirBytes) {
  TableDefinition leader = looked_table({{"id", "int(11)", ""}, {"s", "varchar(20)", "latin1"}});
  TableDefinition follower = looked_table({{"id", "int(11)", ""}, {"s", "varchar(20)", "utf8mb4"}});
  const LookQuery query = looks_of(leader, follower, {Look::aggregates}).front();
  EXPECT_THAT(query.leader, AllOf(HasSubstr("COUNT(DISTINCT CAST(CONVERT(`s` USING utf8mb4) AS BINARY))"),
                                  HasSubstr("MIN(LEFT(CAST(CONVERT(`s` USING utf8mb4) AS BINARY),64))")));
  EXPECT_THAT(query.leader, Not(HasSubstr("SUM(CONVERT")));
}

TEST(LookPlan, SumsOfFloatingNumbersDoNotDependOnTheOrderOfRows) {
  const LookQuery query = look_of(looked_table({{"id", "int(11)", ""}, {"f", "double", ""}}), Look::aggregates);
  EXPECT_THAT(query.leader, HasSubstr("SUM(CAST(`f` AS DECIMAL(65,20)))"));
  EXPECT_THAT(query.follower, HasSubstr("JSON_ARRAY(MIN(`f`)*1e0)")) << "all digits, of this make, too";
}

TEST(LookPlan, WhatHasNoCommonTextIsOnlyCounted) {
  TableDefinition table = looked_table(
      {{"id", "int(11)", ""}, {"j", "longtext", "utf8mb4"}, {"g", "geometry", ""}, {"x", "binary(4)", ""}});
  table.columns[1].json = true;
  const LookQuery query = look_of(table, Look::aggregates);
  const std::vector<std::string> names = figures_of(query);
  EXPECT_THAT(names, testing::IsSupersetOf({"count(j)", "count(g)", "min(x)"}));
  EXPECT_THAT(names, Not(testing::Contains("distinct(j)")));
  EXPECT_THAT(names, Not(testing::Contains("min(g)")));
}

TEST(LookPlan, GroupsAreDaysOfMomentsAndValuesOfOthers) {
  const TableDefinition table =
      looked_table({{"id", "int(11)", ""}, {"at", "datetime(3)", ""}, {"kind", "varchar(9)", "utf8mb4"}});
  const LookQuery days = look_of(table, Look::aggregates, "at");
  EXPECT_THAT(days.leader, AllOf(HasSubstr("SELECT DATE(`at`),COUNT(*)"), HasSubstr(" GROUP BY DATE(`at`)")));
  EXPECT_THAT(look_of(table, Look::aggregates, "kind").leader, HasSubstr(" GROUP BY LEFT(CAST(`kind` AS BINARY),64)"));
  EXPECT_FALSE(look_of(table, Look::aggregates, "nothing").group.has_value()) << "another table has it";
}

TEST(LookPlan, RowsCannotBeGroupedByADocument) {
  TableDefinition table = looked_table({{"id", "int(11)", ""}, {"j", "longtext", "utf8mb4"}});
  table.columns[1].json = true;
  const auto queries = plan_looks(table, table, kLookMakes, {Look::aggregates}, "j");
  EXPECT_THAT(std::string(queries.status().message()), HasSubstr("cannot be grouped by column j"));
}

TEST(LookPlan, LengthsOfTextsAreCharactersAndOfBytesBytes) {
  const LookQuery query = look_of(
      looked_table(
          {{"id", "int(11)", ""}, {"s", "varchar(9)", "utf8mb4"}, {"b", "varbinary(9)", ""}, {"n", "int(11)", ""}}),
      Look::lengths);
  EXPECT_THAT(figures_of(query),
              ElementsAre("count(*)", "sum(length(s))", "max(length(s))", "sum(length(b))", "max(length(b))"));
  EXPECT_THAT(query.leader, AllOf(HasSubstr("SUM(CHAR_LENGTH(`s`))"), HasSubstr("MAX(LENGTH(CAST(`b` AS BINARY)))")));
}

TEST(LookPlan, WhatHasNoSnapshotsIsRefused) {
  const TableDefinition table = looked_table({{"id", "int(11)", ""}});
  TableDefinition other = table;
  other.engine = "MyISAM";
  for (const auto& [leader, follower] : {std::pair(table, other), std::pair(other, table)}) {
    const auto queries = plan_looks(leader, follower, kLookMakes, {Look::lengths}, "");
    EXPECT_THAT(std::string(queries.status().message()), HasSubstr("engine MyISAM has no snapshots"));
  }
}

TEST(LookPlan, OrphansOfEachSideByItsOwnForeignKeys) {
  TableDefinition leader = looked_table({{"id", "int(11)", ""}, {"up", "int(11)", ""}}), follower = leader;
  DefinedForeignKey key;
  key.name = "f";
  key.columns = {"up"};
  key.parent = {.schema = "app", .table = "parent"};
  key.parent_columns = {"id"};
  leader.foreign_keys = {key};
  key.name = "g";
  follower.foreign_keys = {key};
  EXPECT_THAT(looks_of(leader, follower, {Look::foreign_keys}), SizeIs(1)) << "by whichever name";
  key.parent.table = "other";
  follower.foreign_keys.push_back(key);
  const std::vector<LookQuery> queries = looks_of(leader, follower, {Look::foreign_keys});
  ASSERT_THAT(queries, SizeIs(2));
  EXPECT_EQ(queries[0].leader,
            "SELECT `id` FROM `app`.`t` WHERE `app`.`t`.`up` IS NOT NULL AND NOT EXISTS (SELECT 1 FROM `app`.`parent` "
            "crossfade_parent WHERE crossfade_parent.`id`=`app`.`t`.`up`)");
  EXPECT_EQ(queries[1].leader, "") << "it is none of the leader's";
  EXPECT_THAT(
      looks_of(looked_table({{"id", "int(11)", ""}}), looked_table({{"id", "int(11)", ""}}), {Look::foreign_keys}),
      IsEmpty());
}

TEST(LookAnswers, FiguresThatDifferAreNamed) {
  const LookQuery query = look_of(looked_table({{"id", "int(11)", ""}}), Look::aggregates);
  const LookAnswer leader = answer_of(query, {{"3", "3", "6", "1", "3"}});
  EXPECT_EQ(leader.rows, 3u);
  EXPECT_THAT(compare_answers(query, leader, answer_of(query, {{"3", "3", "6.0", "1", "3"}})), IsEmpty())
      << "one value in two spellings";
  const auto found = compare_answers(query, leader, answer_of(query, {{"2", "3", "6", "1", "4"}}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, Difference::Kind::aggregate);
  EXPECT_EQ(found[0].row, "all rows");
  EXPECT_THAT(found[0].key, IsEmpty());
  ASSERT_THAT(found[0].columns, SizeIs(2));
  EXPECT_EQ(found[0].columns[0].name, "count(*)");
  EXPECT_EQ(found[0].columns[0].leader, "3");
  EXPECT_EQ(found[0].columns[1].name, "max(id)");
  EXPECT_THAT(found[0].columns[1].leader, HasSubstr("#")) << "values are hashed";
}

TEST(LookAnswers, ValuesAreShownIfTheyMayBe) {
  const LookQuery query = look_of(looked_table({{"id", "int(11)", ""}}), Look::aggregates);
  const auto found = compare_answers(query, answer_of(query, {{"1", "1", "7", "7", "7"}}, ShowRows::values),
                                     answer_of(query, {{"1", "1", "8", "8", "8"}}, ShowRows::values));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].columns[0].leader, "7");
  EXPECT_EQ(found[0].columns[0].follower, "8");
}

TEST(LookAnswers, AGroupThatOneSideDoesNotHave) {
  const LookQuery query = look_of(looked_table({{"id", "int(11)", ""}}), Look::aggregates, "id");
  const auto found = compare_answers(query, answer_of(query, {{"1", "1", "1", "1", "1", "1"}}),
                                     answer_of(query, {{"2", "4", "1", "8", "2", "2"}}));
  ASSERT_THAT(found, SizeIs(2));
  for (const Difference& each : found) {
    ASSERT_THAT(each.columns, SizeIs(1));
    EXPECT_EQ(each.columns[0].name, "count(*)");
    const bool is_mine = each.row == "id=1";
    EXPECT_EQ(each.columns[0].leader, is_mine ? "1" : "0");
    EXPECT_EQ(each.columns[0].follower, is_mine ? "0" : "4");
  }
}

TEST(LookAnswers, TooManyGroupsAreRefused) {
  const LookQuery query = look_of(looked_table({{"id", "int(11)", ""}}), Look::aggregates, "id");
  LookAnswer answer;
  absl::Status seen;
  for (int i = 0; i < 200000 && seen.ok(); ++i) {
    seen = see_answer(query, ShowRows::keys, {std::to_string(i), "1", "1", "1", "1", "1"}, &answer);
  }
  EXPECT_THAT(std::string(seen.message()), HasSubstr("it has more than 100000 groups by id"));
}

TEST(LookAnswers, OrphansAreToldWhereASideHasSome) {
  TableDefinition table = looked_table({{"id", "int(11)", ""}, {"up", "int(11)", ""}});
  DefinedForeignKey key;
  key.name = "f";
  key.columns = {"up"};
  key.parent = {.schema = "app", .table = "t"};
  key.parent_columns = {"id"};
  table.foreign_keys = {key};
  const LookQuery query = look_of(table, Look::foreign_keys);
  EXPECT_THAT(compare_answers(query, answer_of(query, {}), answer_of(query, {})), IsEmpty());
  std::vector<std::vector<Cell>> many;
  for (int i = 0; i < 500; ++i) many.push_back({std::to_string(i)});
  const auto found = compare_answers(query, answer_of(query, {{"7"}}), answer_of(query, many));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, Difference::Kind::orphans);
  EXPECT_EQ(found[0].row, "foreign key f");
  EXPECT_EQ(found[0].columns[0].leader, "1");
  EXPECT_EQ(found[0].columns[0].follower, "500");
  EXPECT_THAT(found[0].columns, SizeIs(1 + 100)) << "the first hundred are named, id=7 of both sides";
  EXPECT_THAT(compare_answers(query, answer_of(query, {{"7"}}), answer_of(query, {{"7"}})), SizeIs(1))
      << "both sides have it, and yet it is an orphan";
}

TEST(VerifyOptions, LooksAndWhatGoesWithThem) {
  using nlohmann::json;
  const auto options =
      parse_verify_options({{"looks", {"aggregates", "lengths"}}, {"by", "day"}, {"since_ms", 7200000}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->looks, ElementsAre(Look::aggregates, Look::lengths));
  EXPECT_EQ(options->since, std::chrono::hours(2));
  EXPECT_FALSE(options->is_of_all_rows());
  EXPECT_EQ(to_json(*parse_verify_options(to_json(*options))), to_json(*options));
  const auto why = [](const json& asked) { return std::string(parse_verify_options(asked).status().message()); };
  EXPECT_THAT(why({{"looks", {"counts"}}}), HasSubstr("a list of aggregates, lengths, foreign_keys is wanted"));
  EXPECT_THAT(why({{"by", "day"}}), HasSubstr("groups aggregates"));
  EXPECT_THAT(why({{"looks", {"lengths"}}, {"sample_ppm", 1000}}), HasSubstr("are looked at in all rows"));
  EXPECT_THAT(why({{"since_ms", -5}}), HasSubstr("since_ms: a number from 0"));
}

}  // namespace
}  // namespace crossfade::migrate
