#include "dualwrite/log_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

protocol::ResultSet listed_rows(std::vector<std::vector<protocol::Cell>> all) {
  return {.columns = {}, .rows = std::move(all), .end = {}};
}

const protocol::ResultSet kLogs = listed_rows({{"bin.000003", "4711"}, {"bin.000004", "12"}});

TEST(LogRetention, IsReadOfEveryServer) {
  const auto seconds = [](std::vector<std::vector<protocol::Cell>> variables) {
    return retention_from(listed_rows(std::move(variables)), kLogs).seconds;
  };
  EXPECT_EQ(seconds({{"binlog_expire_logs_seconds", "2592000"}, {"expire_logs_days", "0"}}), 2592000u);
  EXPECT_EQ(seconds({{"binlog_expire_logs_seconds", "864000"}, {"expire_logs_days", "10.000000"}}), 864000u);
  EXPECT_EQ(seconds({{"expire_logs_days", "3"}}), 259200u);
  EXPECT_EQ(seconds({{"expire_logs_days", "0.5"}}), 43200u);
  EXPECT_EQ(seconds({{"binlog_expire_logs_seconds", "0"}, {"expire_logs_days", "0"}}), 0u) << "for ever";
  EXPECT_EQ(seconds({{"binlog_expire_logs_auto_purge", "OFF"}, {"binlog_expire_logs_seconds", "60"}}), 0u);
  EXPECT_EQ(seconds({{"binlog_expire_logs_auto_purge", "ON"}, {"binlog_expire_logs_seconds", "60"}}), 60u);
  EXPECT_EQ(seconds({}), 0u);
  EXPECT_EQ(retention_from(listed_rows({}), kLogs).oldest_file, "bin.000003");
  EXPECT_EQ(retention_from(listed_rows({}), listed_rows({})).oldest_file, "");
}

TEST(LogRetention, WarnsFromHalfOfTheTimeOn) {
  const LogRetention day{.seconds = 86400, .oldest_file = "bin.000003"};
  NeededLog needed{.by = "table app.t", .from = {.file = "bin.000003", .offset = 4}, .waiting_seconds = 43199};
  EXPECT_EQ(judge_retention(day, needed), RetentionVerdict::fine);
  EXPECT_THAT(retention_advice(day, needed), IsEmpty());
  needed.waiting_seconds = 43200;
  EXPECT_EQ(judge_retention(day, needed), RetentionVerdict::near);
  EXPECT_THAT(retention_advice(day, needed), HasSubstr("table app.t needs the leader's log from bin.000003:4"));
  EXPECT_THAT(retention_advice(day, needed), HasSubstr("waited for 12 hours"));
  EXPECT_EQ(judge_retention({.seconds = 0, .oldest_file = "bin.000003"}, needed), RetentionVerdict::fine);
}

TEST(LogRetention, SaysThatItIsGone) {
  const LogRetention kept{.seconds = 0, .oldest_file = "bin.000010"};
  NeededLog needed{.by = "the feed", .from = {.file = "bin.000009", .offset = 700}, .waiting_seconds = 0};
  EXPECT_EQ(judge_retention(kept, needed), RetentionVerdict::gone);
  EXPECT_THAT(retention_advice(kept, needed), HasSubstr("the oldest that is left is bin.000010"));
  needed.from.file = "bin.000010";
  EXPECT_EQ(judge_retention(kept, needed), RetentionVerdict::fine);
  needed.from = {};
  EXPECT_EQ(judge_retention(kept, needed), RetentionVerdict::fine) << "nothing was read yet";
}

TEST(LogRetention, SaysHowATransactionThatIsPreparedIsEnded) {
  NeededLog needed{.by = "an XA transaction",
                   .from = {.file = "bin.000009", .offset = 700},
                   .waiting_seconds = 2,
                   .is_prepared = true};
  EXPECT_THAT(retention_advice({.seconds = 4, .oldest_file = "bin.000001"}, needed), HasSubstr("XA RECOVER"));
  EXPECT_THAT(retention_advice({.seconds = 0, .oldest_file = "bin.000010"}, needed), HasSubstr("XA RECOVER"));
}

}  // namespace
}  // namespace crossfade::dualwrite
