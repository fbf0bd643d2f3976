#include "migrate/judge_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using config::Backend;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

class JudgeServers : public testing::Test {
 protected:
  Findings judge(bool is_one = false) const {
    return judge_servers({.old_server = old_, .new_server = new_, .is_one_server = is_one});
  }
  static auto finding(Severity severity, const std::string& code, const std::string& advice = "") {
    return AllOf(Field(&Finding::severity, severity), Field(&Finding::code, code),
                 Field(&Finding::advice, HasSubstr(advice)));
  }
  static auto has_code(const std::string& code) { return Contains(Field(&Finding::code, code)); }

  ServerFacts old_ = server(Backend::old_db);
  ServerFacts new_ = server(Backend::new_db);
};

TEST_F(JudgeServers, HaveNothingButNotesOnTwoThatAgree) {
  EXPECT_THAT(judge(), Each(Field(&Finding::severity, Severity::note)));
  new_ = server(Backend::new_db, false);
  new_.variables["sql_mode"] = "STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL";
  EXPECT_THAT(judge(), Each(Field(&Finding::severity, Severity::note)));
}

TEST_F(JudgeServers, MustBeTwo) { EXPECT_THAT(judge(true), Contains(finding(Severity::blocker, "same_server"))); }

TEST_F(JudgeServers, WarnOfVersionsThatAreNotTested) {
  old_.version_number = 100500;
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "version_not_tested")));
  old_.version_number = 110400;
  EXPECT_THAT(judge(), Not(has_code("version_not_tested")));
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "version_older")));
}

TEST_F(JudgeServers, AFollowerMustReplicateFromNobodyElse) {
  new_.is_replica = true;
  EXPECT_THAT(judge(), Contains(finding(Severity::blocker, "is_replica", "RESET SLAVE ALL")));
  new_.is_replica = std::nullopt;
  EXPECT_THAT(judge(), Contains(finding(Severity::note, "replica_not_known", "GRANT REPLICA MONITOR ON *.*")));
  new_.is_replica = false;
  old_.is_replica = true;
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "is_replica")));
}

TEST_F(JudgeServers, NamesInUpperCaseMakeTheirCaseABlocker) {
  new_.variables["lower_case_table_names"] = "1";
  add(old_, table("orders"));
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "lower_case_table_names_differs", "=0")));
  add(old_, table("Orders"));
  EXPECT_THAT(judge(), Contains(finding(Severity::blocker, "lower_case_table_names_differs", "=0")));
}

TEST_F(JudgeServers, SqlModesAreComparedAsTheOtherMakeSaysThem) {
  new_ = server(Backend::new_db, false);
  old_.variables["sql_mode"] = "NO_AUTO_CREATE_USER,STRICT_TRANS_TABLES";
  new_.variables["sql_mode"] = "STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY";
  EXPECT_THAT(judge(),
              Contains(finding(Severity::warning, "sql_mode_differs",
                               "on new: SET PERSIST sql_mode='STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL'")));
}

TEST_F(JudgeServers, LessOnNewIsAWarningMoreIsNone) {
  new_.variables["max_allowed_packet"] = "999";
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "variable_smaller", "SET GLOBAL max_allowed_packet=1000")));
  new_.variables["max_allowed_packet"] = "1001";
  EXPECT_THAT(judge(), Not(has_code("variable_smaller")));
}

TEST_F(JudgeServers, TimeZonesByNameAndByOffset) {
  new_.has_named_zones = false;
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "time_zones_not_loaded", "tzinfo")));
  old_.has_named_zones = false;
  EXPECT_THAT(judge(), Not(has_code("time_zones_not_loaded")));
  new_.variables["time_zone"] = "UTC";  // the same as SYSTEM here
  EXPECT_THAT(judge(), Not(has_code("time_zone_differs")));
  new_.variables["time_zone"] = "+02:00";
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "time_zone_differs")));
}

TEST_F(JudgeServers, AFollowerThatIsReadOnlyNeedsAnAccountThatPasses) {
  new_.variables["read_only"] = "ON";
  EXPECT_THAT(judge(), Not(has_code("read_only")));
  new_.control.grants = Grants::parse({"GRANT SELECT ON *.* TO `crossfade`@`%`"});
  EXPECT_THAT(judge(),
              Contains(finding(Severity::blocker, "read_only", "GRANT READ_ONLY ADMIN ON *.* TO `crossfade`@`%`")));
  new_.variables["super_read_only"] = "ON";
  EXPECT_THAT(judge(), Contains(finding(Severity::blocker, "super_read_only")));
}

TEST_F(JudgeServers, AFollowerThatRunsTriggersForRowsIsABlocker) {
  new_.variables["slave_run_triggers_for_rbr"] = "NO";
  EXPECT_THAT(judge(), Not(has_code("triggers_run_for_rows")));
  new_.variables["slave_run_triggers_for_rbr"] = "YES";
  EXPECT_THAT(judge(), Contains(finding(Severity::blocker, "triggers_run_for_rows")));
}

TEST_F(JudgeServers, FunctionsNeedTrustWhereTheFollowerLogs) {
  old_.objects = {{.kind = StoredObject::Kind::function, .schema = "app", .name = "f"}};
  new_.control.grants = Grants();
  new_.variables["log_bin_trust_function_creators"] = "OFF";
  EXPECT_THAT(judge(), Contains(finding(Severity::warning, "functions_refused", "log_bin_trust_function_creators=1")));
  new_.variables["log_bin_trust_function_creators"] = "ON";
  EXPECT_THAT(judge(), Not(has_code("functions_refused")));
}

}  // namespace
}  // namespace crossfade::migrate
