#include "migrate/judge_accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ServerFacts with(config::Backend which, bool mariadb, std::vector<std::string> grants) {
  ServerFacts out = server(which, mariadb);
  out.control.grants = Grants::parse(grants);
  return out;
}

std::vector<std::string> advice(const Findings& findings) {
  std::vector<std::string> out;
  for (const Finding& each : findings) out.push_back(std::string(name(each.severity)) + " " + each.advice);
  return out;
}

TEST(ControlAccount, WithEverythingLacksNothing) {
  for (const ControlRole role : {ControlRole::leader_by_log, ControlRole::leader_by_triggers, ControlRole::follower}) {
    EXPECT_THAT(judge_control_account(server(config::Backend::old_db), role, "crossfade"), IsEmpty());
    EXPECT_THAT(judge_control_account(server(config::Backend::old_db, false), role, "crossfade"), IsEmpty());
  }
}

TEST(ControlAccount, OneGrantForAllThatIsMissingOfAKind) {
  const ServerFacts leader = with(config::Backend::old_db, true, {"GRANT SELECT ON *.* TO `crossfade`@`%`"});
  EXPECT_THAT(advice(judge_control_account(leader, ControlRole::leader_by_log, "crossfade")),
              ElementsAre("warning on old: GRANT TRIGGER, EVENT ON *.* TO `crossfade`@`%`",
                          "blocker on old: GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `crossfade`@`%`",
                          "blocker on old: GRANT CREATE, INSERT, UPDATE ON `crossfade`.* TO `crossfade`@`%`"));
}

TEST(ControlAccount, EachMakeIsAskedForItsOwn) {
  const std::string most =
      "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, EVENT, "
      "CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE";
  const std::string to = " ON *.* TO `crossfade`@`%`";
  EXPECT_THAT(
      advice(judge_control_account(with(config::Backend::new_db, true, {most + to}), ControlRole::follower, "c")),
      ElementsAre("warning on new: GRANT BINLOG REPLAY, BINLOG ADMIN, SET USER, CONNECTION ADMIN" + to));
  EXPECT_THAT(
      advice(judge_control_account(with(config::Backend::new_db, false, {most + to}), ControlRole::follower, "c")),
      ElementsAre("warning on new: GRANT REPLICATION_APPLIER, SET_ANY_DEFINER, CONNECTION_ADMIN" + to));
  EXPECT_THAT(
      judge_control_account(with(config::Backend::new_db, false, {most + ", SUPER" + to}), ControlRole::follower, "c"),
      IsEmpty());
}

TEST(ControlAccount, AnOlderNameWillDo) {
  const ServerFacts leader = with(config::Backend::old_db, true,
                                  {"GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT, TRIGGER, EVENT, CREATE, "
                                   "INSERT, UPDATE ON *.* TO `c`@`%`"});
  EXPECT_THAT(judge_control_account(leader, ControlRole::leader_by_log, "crossfade"), IsEmpty());
}

ApplicationUser user(std::vector<std::string> on_old, std::vector<std::string> on_new) {
  return {.on_old = {.login = "app", .account = "`app`@`%`", .grants = Grants::parse(on_old)},
          .on_new = {.login = "app", .account = "`app`@`10.%`", .grants = Grants::parse(on_new)}};
}

const std::vector<SchemaFacts> kSchemas = {{.name = "app", .collation = ""}, {.name = "shop", .collation = ""}};

TEST(ApplicationUser, MayDoOnNewWhatItMayOnOld) {
  EXPECT_THAT(judge_application_user(user({"GRANT SELECT, INSERT ON `app`.* TO `app`@`%`"},
                                          {"GRANT ALL PRIVILEGES ON `a%`.* TO `app`@`10.%`"}),
                                     kSchemas),
              IsEmpty());
  // What belongs to schemas that do not travel is no matter.
  EXPECT_THAT(
      judge_application_user(
          user({"GRANT SELECT ON `other`.* TO `app`@`%`", "GRANT SELECT ON `other`.`t` TO `app`@`%`"}, {}), kSchemas),
      IsEmpty());
}

TEST(ApplicationUser, LacksAreGrantedByScope) {
  const Findings found =
      judge_application_user(user({"GRANT SELECT, INSERT, PROCESS ON *.* TO `app`@`%`",
                                   "GRANT UPDATE (`a`), DELETE HISTORY ON `shop`.`t` TO `app`@`%`",
                                   "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `app`@`%`"},
                                  {"GRANT SELECT ON *.* TO `app`@`10.%`", "GRANT INSERT ON `app`.* TO `app`@`10.%`"}),
                             kSchemas);
  EXPECT_THAT(advice(found), ElementsAre("blocker on new: GRANT INSERT ON `shop`.* TO `app`@`10.%`",
                                         "blocker on new: GRANT UPDATE (`a`) ON `shop`.`t` TO `app`@`10.%`",
                                         "blocker on new: GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `app`@`10.%`",
                                         "warning on new: GRANT PROCESS ON *.* TO `app`@`10.%`"));
}

TEST(ApplicationUser, WhoCannotLogInIsABlockerAndNothingElseIsSaid) {
  ApplicationUser both = user({"GRANT SELECT ON `app`.* TO `app`@`%`"}, {});
  both.on_new.refused = "1045 (28000): Access denied";
  const Findings found = judge_application_user(both, kSchemas);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].code, "login_refused");
  EXPECT_THAT(found[0].reason, HasSubstr("1045"));
}

}  // namespace
}  // namespace crossfade::migrate
