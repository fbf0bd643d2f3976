#include "dualwrite/table_ties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using How = TieVerdict::How;

using Tables = std::map<TableRef, TableDefinition>;

TableRef app(const char* name) { return {.schema = "app", .table = name}; }

struct Key {
  const char* child;
  const char* parent;
  const char* on_delete = "RESTRICT";
  const char* on_update = "NO ACTION";
};

Tables tables_with(const std::vector<Key>& keys) {
  Tables out;
  for (const Key& key : keys) {
    out[app(key.parent)].name = app(key.parent);
    out[app(key.child)].name = app(key.child);
    out[app(key.child)].foreign_keys.push_back({.name = "f",
                                                .columns = {"v"},
                                                .parent = app(key.parent),
                                                .parent_columns = {"id"},
                                                .on_update = key.on_update,
                                                .on_delete = key.on_delete});
  }
  return out;
}

// A change of a table with the columns id and v; an update of 1 to 2 in `changed`.
RowsChange change_of(RowsKind kind, std::string_view changed = "") {
  auto table = std::make_shared<LogTable>();
  table->columns = {{.name = "id", .type = 3, .nullable = false}, {.name = "v", .type = 3}};
  RowsChange out{.table = table, .kind = kind};
  const auto image = [&](std::uint8_t id, std::uint8_t v) {
    const std::uint8_t zero = 0;
    for (const std::uint8_t byte : {zero, id, zero, zero, zero, v, zero, zero, zero}) out.images.push_back(byte);
  };
  image(1, 1);
  if (kind == RowsKind::update) image(changed == "id" ? 2 : 1, changed == "v" ? 2 : 1);
  return out;
}

struct Verdicts {
  TableTies ties;
  TieVerdict operator()(RowsKind kind, std::string_view changed = "") const {
    return judge_ties(ties, change_of(kind, changed));
  }
};

Verdicts verdicts(const Tables& tables, const char* table, const std::map<TableRef, Standing>& others,
                  bool silent = true) {
  return {ties_of(tables, app(table), silent, [&](const TableRef& other) {
    const auto found = others.find(other);
    return found == others.end() ? Standing::in_step : found->second;
  })};
}

TieVerdict stops_with(const char* table) { return {.how = How::stopped, .with = app(table)}; }
const TieVerdict kAsLogged{.how = How::as_logged};
const TieVerdict kUnchecked{.how = How::unchecked};

TEST(TableTies, RowsThatReferToAHeldTableGoUnchecked) {
  const Tables tables = tables_with({{"c", "p"}});
  const Verdicts c = verdicts(tables, "c", {{app("p"), Standing::held}});
  EXPECT_EQ(c(RowsKind::insert), kUnchecked);
  EXPECT_EQ(c(RowsKind::update, "v"), kUnchecked);
  EXPECT_EQ(c(RowsKind::delete_), kAsLogged) << "nothing refers to it";
  EXPECT_EQ(verdicts(tables, "c", {{app("p"), Standing::part}})(RowsKind::insert), kUnchecked);
  EXPECT_EQ(verdicts(tables, "c", {})(RowsKind::insert), kAsLogged);
  EXPECT_EQ(verdicts(tables, "p", {})(RowsKind::delete_), kAsLogged);
}

TEST(TableTies, RowsThatAHeldTableMayStillReferToAreDeletedUnchecked) {
  const Tables tables = tables_with({{"c", "p"}});
  const Verdicts p = verdicts(tables, "p", {{app("c"), Standing::held}});
  EXPECT_EQ(p(RowsKind::insert), kAsLogged);
  EXPECT_EQ(p(RowsKind::update, "v"), kAsLogged);
  EXPECT_EQ(p(RowsKind::update, "id"), kUnchecked);
  EXPECT_EQ(p(RowsKind::delete_), kUnchecked);
  EXPECT_EQ(verdicts(tables, "p", {{app("c"), Standing::part}})(RowsKind::delete_), kAsLogged)
      << "it has no row that the leader has not";
}

TEST(TableTies, ATableWhoseCascadeWouldReachAHeldOneStopsThere) {
  const Tables tables = tables_with({{"c", "p", "CASCADE", "SET NULL"}});
  const Verdicts p = verdicts(tables, "p", {{app("c"), Standing::held}});
  EXPECT_EQ(p(RowsKind::insert), kAsLogged);
  EXPECT_EQ(p(RowsKind::delete_), stops_with("c"));
  EXPECT_EQ(p(RowsKind::update, "id"), stops_with("c"));
  EXPECT_EQ(p(RowsKind::update, "v"), kAsLogged);
  const Verdicts told = verdicts(tables, "p", {{app("c"), Standing::held}}, false);
  EXPECT_EQ(told(RowsKind::delete_), kUnchecked) << "the log has what the cascade did";
}

TEST(TableTies, ATableThatMustPassDeletesOnStopsWithAHeldOneThatRefersToIt) {
  const Tables tables = tables_with({{"held", "p"}, {"follows", "p", "CASCADE"}});
  EXPECT_EQ(verdicts(tables, "p", {{app("held"), Standing::held}})(RowsKind::delete_), stops_with("held"));
  EXPECT_EQ(verdicts(tables, "p", {{app("held"), Standing::apart}})(RowsKind::delete_), kAsLogged);
  const Tables itself = tables_with({{"held", "p"}, {"p", "p", "CASCADE"}});
  EXPECT_EQ(verdicts(itself, "p", {{app("held"), Standing::held}})(RowsKind::delete_), stops_with("held"));
}

TEST(TableTies, AKeyThatIsPassedOnNeedsItsChecks) {
  const Tables tables = tables_with({{"t", "p"}, {"c", "t", "RESTRICT", "CASCADE"}});
  const Verdicts t = verdicts(tables, "t", {{app("p"), Standing::held}});
  EXPECT_EQ(t(RowsKind::update, "id"), stops_with("p"));
  EXPECT_EQ(t(RowsKind::update, "v"), kUnchecked);
  EXPECT_EQ(verdicts(tables, "t", {{app("p"), Standing::apart}})(RowsKind::update, "id"), kAsLogged);
}

TEST(TableTies, WhatAHeldTableChangesUnseenStopsWithIt) {
  const Tables tables = tables_with({{"c", "p", "CASCADE"}, {"g", "c", "SET NULL"}, {"x", "g"}});
  const Verdicts g = verdicts(tables, "g", {{app("p"), Standing::held}});
  EXPECT_EQ(g(RowsKind::insert), stops_with("p"));
  EXPECT_EQ(g(RowsKind::update, "v"), stops_with("p"));
  EXPECT_EQ(g(RowsKind::delete_), stops_with("p"));
  EXPECT_EQ(verdicts(tables, "x", {{app("p"), Standing::held}})(RowsKind::delete_), kAsLogged);
  EXPECT_EQ(verdicts(tables, "g", {{app("p"), Standing::held}}, false)(RowsKind::insert), kAsLogged);
}

TEST(TableTies, WhatWasLoggedWithoutChecksStaysSo) {
  const Tables tables = tables_with({{"c", "p", "CASCADE"}});
  RowsChange change = change_of(RowsKind::delete_);
  change.flags = kRowsNoForeignKeyChecks;
  EXPECT_EQ(judge_ties(verdicts(tables, "p", {{app("c"), Standing::held}}).ties, change), kAsLogged);
}

TEST(TablesStoppedWith, AreThoseThatItsKeysChangeAndWhatElseRefersToIt) {
  const Tables tables = tables_with({{"c", "p", "CASCADE"}, {"g", "c"}, {"r", "p"}, {"lone", "r"}});
  EXPECT_THAT(tables_stopped_with(tables, {app("p")}), ElementsAre(app("c"), app("r")));
  EXPECT_THAT(tables_stopped_with(tables, {app("r")}), IsEmpty());
  EXPECT_THAT(tables_stopped_with(tables_with({{"p", "p", "CASCADE"}, {"r", "p"}}), {app("p")}), ElementsAre(app("r")));
  EXPECT_THAT(tables_stopped_with(tables_with({{"a", "b", "CASCADE"}, {"b", "a", "CASCADE"}}), {app("a")}),
              ElementsAre(app("b")));
}

TEST(ConnectedTables, AreReachedInBothDirectionsThroughThoseThatAreAsked) {
  const Tables tables = tables_with({{"c", "p"}, {"g", "c"}, {"other", "g"}});
  EXPECT_THAT(connected_tables(tables, app("p"), {app("g"), app("c"), app("p")}), ElementsAre(app("c"), app("g")));
  EXPECT_THAT(connected_tables(tables, app("g"), {app("p"), app("c")}), ElementsAre(app("c"), app("p")));
  EXPECT_THAT(connected_tables(tables, app("p"), {app("g")}), IsEmpty()) << "the one between follows";
  EXPECT_THAT(connected_tables(tables, app("unknown"), {app("g")}), IsEmpty());
}

}  // namespace
}  // namespace crossfade::dualwrite
