// Which step of a migration is done and which is next.
#include "migrate/migration_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrate {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = PlanStep::State;

std::vector<std::string> states(const PlanFacts& facts) {
  std::vector<std::string> out;
  for (const PlanStep& step : migration_plan(facts)) out.emplace_back(name(step.state));
  return out;
}

json status_of_new_proxy() {
  return {{"leader", "old"},
          {"feed", {{"kind", "log"}}},
          {"applier", {{"state", "applying"}, {"parked", json::array()}}},
          {"backfill", {{"state", "none"}}},
          {"verify", {{"state", "none"}}},
          {"flags", {{"shadow_read", {{"percent", "0"}}}, {"read_from_new", {{"percent", "0"}}}}}};
}

json of_everything(json job) {
  job["options"] = {
      {"sample_ppm", 1000000}, {"subset_ppm", 1000000}, {"tables", json::array()}, {"where", json::object()}};
  return job;
}

PlanFacts facts_with(json status) {
  return {.preflight = {{"blockers", 0}}, .status = std::move(status), .report = {{"verdict", "HOLD"}}};
}

TEST(MigrationPlan, BeginsWithWhatStandsInTheWay) {
  const PlanFacts facts{.preflight = {{"blockers", 2}}, .status_error = "cannot reach the admin server"};
  EXPECT_THAT(states(facts), ElementsAre("next", "later", "later", "later", "later", "later", "later"));
  const std::string text = plan_text(migration_plan(facts));
  EXPECT_THAT(text, HasSubstr("next       preflight      2 blockers\n"));
  EXPECT_THAT(text, HasSubstr("-> crossfade preflight"));
  EXPECT_THAT(text, HasSubstr("later      follow         cannot reach the admin server\n"));
}

TEST(MigrationPlan, ServersThatCannotBeLookedAtAreNotClean) {
  const PlanFacts facts{.preflight_error = "backend 'new' is away", .status = status_of_new_proxy()};
  EXPECT_EQ(states(facts).front(), "next");
  EXPECT_THAT(plan_text(migration_plan(facts)), HasSubstr("backend 'new' is away"));
}

TEST(MigrationPlan, EachStepThatIsDoneMakesTheNextOne) {
  json status = status_of_new_proxy();
  EXPECT_THAT(states(facts_with(status)), ElementsAre("done", "done", "next", "later", "later", "later", "later"));
  status["backfill"] = of_everything({{"state", "running"}, {"rows", 10}});
  EXPECT_THAT(states(facts_with(status)), ElementsAre("done", "done", "under way", "later", "later", "later", "later"));
  status["backfill"]["state"] = "done";
  EXPECT_THAT(states(facts_with(status)), ElementsAre("done", "done", "done", "next", "later", "later", "later"));
  status["verify"] = of_everything({{"state", "done"}, {"job", 2}, {"rows", 10}, {"differences_count", 0}});
  EXPECT_THAT(states(facts_with(status)), ElementsAre("done", "done", "done", "done", "next", "later", "later"));
  status["flags"]["shadow_read"]["percent"] = "20";
  EXPECT_THAT(states(facts_with(status)), ElementsAre("done", "done", "done", "done", "under way", "later", "later"));
  PlanFacts safe = facts_with(status);
  safe.report["verdict"] = "SAFE";
  EXPECT_THAT(states(safe), ElementsAre("done", "done", "done", "done", "done", "next", "later"));
  safe.status["flags"]["read_from_new"]["percent"] = "100";
  EXPECT_THAT(states(safe), ElementsAre("done", "done", "done", "done", "done", "done", "next"));
  safe.status["leader"] = "new";
  EXPECT_THAT(states(safe), ElementsAre("done", "done", "done", "done", "done", "done", "done"));
}

TEST(MigrationPlan, NothingIsLeftToDoOnceNewLeads) {
  json status = status_of_new_proxy();
  status["leader"] = "new";
  const PlanFacts facts{.preflight = {{"blockers", 9}}, .status = std::move(status)};
  for (const PlanStep& step : migration_plan(facts)) {
    EXPECT_EQ(step.state, State::done) << step.name;
    EXPECT_EQ(step.how, "") << step.name;
  }
}

TEST(MigrationPlan, RowsThatDifferAreRepairedFirst) {
  json status = status_of_new_proxy();
  status["backfill"] = of_everything({{"state", "done"}, {"rows", 10}});
  status["verify"] = {{"state", "done"}, {"job", 2}, {"differences_count", 1}};
  const std::vector<PlanStep> steps = migration_plan(facts_with(status));
  EXPECT_EQ(steps[3].state, State::next);
  EXPECT_EQ(steps[3].seen, "1 row differs");
  EXPECT_THAT(steps[3].how, HasSubstr("crossfade repair"));
}

TEST(MigrationPlan, AStoppedTableIsInTheWay) {
  json status = status_of_new_proxy();
  status["applier"]["parked"] = {{{"tables", "shop.orders"}}};
  const std::vector<PlanStep> steps = migration_plan(facts_with(status));
  EXPECT_EQ(steps[1].state, State::next);
  EXPECT_THAT(steps[1].seen, HasSubstr("1 table stopped"));
  EXPECT_THAT(steps[1].how, HasSubstr("crossfade tables release"));
}

TEST(MigrationPlan, RowsThatCameByOtherMeansAreCopied) {
  json status = status_of_new_proxy();
  status["verify"] = of_everything({{"state", "done"}, {"job", 1}, {"rows", 10}, {"differences_count", 0}});
  EXPECT_EQ(migration_plan(facts_with(status))[2].state, State::done);
}

TEST(MigrationPlan, AComparisonOfAPartIsNotDone) {
  const json done = {{"state", "done"}, {"job", 1}, {"rows", 10}, {"differences_count", 0}};
  for (const json& part : std::vector<json>{{{"sample_ppm", 1000}},
                                            {{"tables", {"shop.orders"}}},
                                            {{"exclude", {"shop.orders"}}},
                                            {{"looks", {"aggregates"}}},
                                            {{"since_ms", 1000}},
                                            {{"of_ledger", true}}}) {
    json status = status_of_new_proxy();
    status["verify"] = of_everything(done);
    status["verify"]["options"].update(part);
    const std::vector<PlanStep> steps = migration_plan(facts_with(status));
    EXPECT_EQ(steps[2].state, State::next) << part;
    EXPECT_EQ(steps[3].state, State::later) << part;
    EXPECT_THAT(steps[3].seen, HasSubstr("not of all tables and rows")) << part;
  }
}

TEST(MigrationPlan, ACopyOfAPartIsNotDone) {
  for (const json& part : std::vector<json>{{{"subset_ppm", 10000}},
                                            {{"tables", {"shop.orders"}}},
                                            {{"exclude", {"shop.orders"}}},
                                            {{"where", {{"shop.orders", "v=1"}}}}}) {
    json status = status_of_new_proxy();
    status["backfill"] = of_everything({{"state", "done"}, {"rows", 10}});
    status["backfill"]["options"].update(part);
    const std::vector<PlanStep> steps = migration_plan(facts_with(status));
    EXPECT_EQ(steps[2].state, State::next) << part;
    EXPECT_THAT(steps[2].seen, HasSubstr("not of all tables and rows")) << part;
  }
}

TEST(MigrationPlan, WhatAProxyDoesNotSayWasNotOfEverything) {
  json status = status_of_new_proxy();
  status["backfill"] = {{"state", "done"}, {"rows", 10}};
  EXPECT_EQ(migration_plan(facts_with(status))[2].state, State::next);
}

TEST(MigrationPlan, AnyJsonIsTaken) {
  const PlanFacts facts{.preflight = json::array(), .status = {{"feed", 7}, {"backfill", "no"}}, .report = "x"};
  EXPECT_EQ(plan_json(migration_plan(facts))["steps"].size(), 7u);
}

}  // namespace
}  // namespace crossfade::migrate
