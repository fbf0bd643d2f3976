// The steps of a migration at once, and what is read out of a proxy's answers.
#include "migrate/big_bang.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace crossfade::migrate {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Kind = Progress::Kind;
using Step = BigBang::Step;
using Copy = BigBang::Copy;

const Progress kDone{.kind = Kind::done};
Progress failure(std::string why, int code = 1) {
  return {.kind = Kind::failed, .why = std::move(why), .exit_code = code};
}

json job(const std::string& state, const std::string& table_state = "done") {
  return {{"job", 7},
          {"state", state},
          {"why", ""},
          {"differences_count", 0},
          {"options",
           {{"sample_ppm", 1000000}, {"tables", json::array()}, {"exclude", json::array()}, {"of_ledger", false}}},
          {"tables", {{{"table", "shop.orders"}, {"state", table_state}, {"reason", "no key"}}}}};
}

std::vector<Step> steps_of(BigBang bang) {
  std::vector<Step> out;
  for (; bang.step() != Step::over; bang.take(kDone)) out.push_back(bang.step());
  return out;
}

TEST(BigBang, GoesThroughAllStepsInTheirOrder) {
  EXPECT_EQ(steps_of(BigBang(Copy::wanted)),
            (std::vector{Step::preflight, Step::freeze, Step::copy, Step::verify, Step::change_leader}));
  EXPECT_EQ(steps_of(BigBang(Copy::already_there)),
            (std::vector{Step::preflight, Step::freeze, Step::verify, Step::change_leader}));
}

TEST(BigBang, EndsWithNothingFrozenWhateverStepFails) {
  for (const Step failing : {Step::preflight, Step::freeze, Step::copy, Step::verify, Step::change_leader}) {
    BigBang bang(Copy::wanted);
    while (bang.step() != failing) bang.take(kDone);
    bang.take(failure("no", 4));
    EXPECT_EQ(bang.failed_in(), failing);
    if (failing != Step::preflight) {  // nothing was frozen yet
      ASSERT_EQ(bang.step(), Step::thaw) << name(failing);
      bang.take(kDone);
    }
    EXPECT_EQ(bang.step(), Step::over);
    EXPECT_FALSE(bang.succeeded());
    EXPECT_EQ(bang.why(), "no");
    EXPECT_EQ(bang.exit_code(), 4);
  }
}

TEST(BigBang, AThawThatCannotBeOrderedKeepsTheFirstReason) {
  BigBang bang(Copy::wanted);
  bang.take(kDone);
  bang.take(failure("an open transaction"));
  bang.take(failure("the proxy is gone"));
  EXPECT_EQ(bang.step(), Step::over);
  EXPECT_EQ(bang.why(), "an open transaction");
}

TEST(BigBang, StaysInAStepThatIsUnderWay) {
  BigBang bang(Copy::wanted);
  bang.take(Progress());
  EXPECT_EQ(bang.step(), Step::preflight);
}

TEST(BigBang, AFailureWithoutAWordIsOneAllTheSame) {
  BigBang bang(Copy::wanted);
  bang.take(failure("", 0));
  EXPECT_FALSE(bang.succeeded());
  EXPECT_EQ(bang.exit_code(), 1);
}

TEST(PreflightProgress, NamesBlockersAndWhatNewWouldLack) {
  const json note{{"severity", "note"}, {"object", "old"}, {"code", "version"}, {"reason", "10.11"}};
  EXPECT_EQ(preflight_progress({{"findings", {note}}}, ForLater::refuse), kDone);
  const json blocker{
      {"severity", "blocker"}, {"object", "shop.t column v"}, {"code", "narrower"}, {"reason", "too narrow"}};
  EXPECT_EQ(preflight_progress({{"findings", {note, blocker}}}, ForLater::accept),
            failure("1 blocker (crossfade preflight)\n  shop.t column v: too narrow", 4));
  const json trigger{{"severity", "note"}, {"object", "shop.t trigger t_ai"}, {"code", "trigger_for_later"}};
  EXPECT_THAT(preflight_progress({{"findings", {trigger}}}, ForLater::refuse).why,
              HasSubstr("without shop.t trigger t_ai"));
  EXPECT_EQ(preflight_progress({{"findings", {trigger}}}, ForLater::accept), kDone);
  EXPECT_EQ(preflight_progress(json(), ForLater::accept).kind, Kind::failed);
}

TEST(CopyProgress, IsDoneWithEveryTable) {
  EXPECT_EQ(copy_progress(job("done"), 7), kDone);
  EXPECT_EQ(copy_progress(job("running", "copying"), 7).kind, Kind::under_way);
  EXPECT_EQ(copy_progress({{"state", "unknown"}}, 7).kind, Kind::under_way) << "a server is away";
  EXPECT_EQ(copy_progress(job("done", "failed"), 7), failure("a table was not copied: shop.orders: failed: no key"));
  EXPECT_EQ(copy_progress(job("done", "partial"), 7).kind, Kind::failed);
}

TEST(CopyProgress, SaysWhyItEnded) {
  EXPECT_EQ(copy_progress(job("failed", "failed"), 7), failure("the copy is failed (shop.orders: failed: no key)"));
  EXPECT_EQ(copy_progress(job("orphans"), 7).exit_code, 4);
  EXPECT_EQ(copy_progress(job("cancelled"), 7).exit_code, 8);
  EXPECT_EQ(copy_progress(job("paused"), 7).exit_code, 8);
  EXPECT_THAT(copy_progress(job("done"), 6).why, HasSubstr("another copy")) << "somebody else's";
}

TEST(VerifyProgress, NeedsEveryRowEqual) {
  EXPECT_EQ(verify_progress(job("done"), 7), kDone);
  json differs = job("failed", "failed");
  differs["differences_count"] = 2;
  EXPECT_EQ(verify_progress(differs, 7), failure("2 rows differ", 4));
  differs["state"] = "running";
  EXPECT_EQ(verify_progress(differs, 7).kind, Kind::under_way);
  EXPECT_EQ(verify_progress(job("done", "failed"), 7).exit_code, 8);
}

TEST(FreezeProgress, IsDoneOnceNoWriteIsOpen) {
  const json closing{{"state", "closing"}, {"holder", "me"}, {"leader", "old"}, {"why", ""}};
  EXPECT_EQ(freeze_progress(closing, "me").kind, Kind::under_way);
  json closed = closing;
  closed["state"] = "closed";
  EXPECT_EQ(freeze_progress(closed, "me"), kDone);
  EXPECT_EQ(freeze_progress(closed, "you").kind, Kind::failed);
  EXPECT_THAT(freeze_progress({{"state", "open"}, {"holder", ""}, {"why", "nobody renewed the freeze"}}, "me").why,
              HasSubstr("nobody renewed the freeze"));
}

TEST(SwitchProgress, IsDoneWhenNewLeads) {
  EXPECT_EQ(switch_progress({{"leader", "new"}, {"state", "open"}, {"holder", ""}}, "me"), kDone) << "begun anew";
  EXPECT_EQ(switch_progress({{"leader", "old"}, {"state", "changing"}, {"holder", "me"}}, "me").kind, Kind::under_way);
  EXPECT_THAT(switch_progress({{"leader", "old"}, {"state", "open"}, {"holder", ""}, {"why", "XA"}}, "me").why,
              HasSubstr("XA"));
}

TEST(WhyNotToSwitch, EveryGateHasAWord) {
  const SwitchFacts good{.verify = job("done"), .backfill = job("done"), .verify_before = 6, .follower_up = true};
  EXPECT_EQ(why_not_to_switch(good), "");
  const auto with = [&good](const std::function<void(SwitchFacts&)>& change) {
    SwitchFacts facts = good;
    change(facts);
    return why_not_to_switch(facts);
  };
  EXPECT_THAT(with([](SwitchFacts& f) { f.follower_up = false; }), HasSubstr("cannot be reached"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.stopped_tables = 1; }), HasSubstr("stopped"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.ledger_open = 1; }), HasSubstr("ledger"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.backfill["state"] = "running"; }), HasSubstr("copy is running"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.backfill["state"] = "orphans"; }), HasSubstr("refer to none"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify_before = 7; }), HasSubstr("nothing was compared since"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify = {{"state", "unknown"}}; }), HasSubstr("nothing was compared"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["state"] = "running"; }), HasSubstr("under way"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["differences_count"] = 3; }), HasSubstr("3 rows differ"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["options"]["sample_ppm"] = 1000; }), HasSubstr("not of all"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["options"]["tables"] = {"shop"}; }), HasSubstr("not of all"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["options"]["exclude"] = {"shop"}; }), HasSubstr("not of all"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["options"]["looks"] = {"lengths"}; }), HasSubstr("not of all"));
  EXPECT_THAT(with([](SwitchFacts& f) { f.verify["options"]["since_ms"] = 1000; }), HasSubstr("not of all"));
  EXPECT_EQ(with([](SwitchFacts& f) { f.backfill = {{"state", "none"}}; }), "") << "the rows came by other means";
}

}  // namespace
}  // namespace crossfade::migrate
