#include "proxy/session/state/leader_hold.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "routing/classify.h"

namespace crossfade::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

routing::StatementFacts facts_of(const std::string& sql) { return routing::classify(sql, {.mariadb = true}); }

std::string held_after(const std::vector<std::string>& statements) {
  LeaderHold hold;
  for (const std::string& sql : statements) hold.note(facts_of(sql));
  return hold.irreplaceable();
}

std::vector<std::string> sets_after(const std::vector<std::string>& statements) {
  LeaderHold hold;
  for (const std::string& sql : statements) hold.note_set(facts_of(sql), sql);
  return hold.sets();
}

TEST(LeaderHold, ReadsAndPlainWritesLeaveNothing) {
  EXPECT_EQ(held_after({"SELECT * FROM t", "UPDATE t SET v = 1 WHERE id = 1", "INSERT INTO t VALUES (1)", "SHOW TABLES",
                        "SELECT IS_FREE_LOCK('a')", "SET NAMES utf8mb4", "SELECT * FROM t FOR UPDATE"}),
            "");
}

TEST(LeaderHold, NamesWhatNoOtherConnectionCanBeGiven) {
  EXPECT_THAT(held_after({"SELECT GET_LOCK('a', 1)"}), HasSubstr("user lock"));
  EXPECT_THAT(held_after({"SET @a = 1"}), HasSubstr("user variables"));
  EXPECT_THAT(held_after({"SELECT 1 INTO @a"}), HasSubstr("user variables"));
  EXPECT_THAT(held_after({"SELECT @a := 1"}), HasSubstr("user variables"));
  EXPECT_THAT(held_after({"CREATE TEMPORARY TABLE t (a INT)"}), HasSubstr("temporary tables"));
  EXPECT_THAT(held_after({"LOCK TABLES t READ"}), HasSubstr("locked tables"));
  EXPECT_THAT(held_after({"HANDLER t OPEN"}), HasSubstr("HANDLER"));
  EXPECT_THAT(held_after({"PREPARE p FROM 'SELECT 1'"}), HasSubstr("prepared by SQL"));
  EXPECT_THAT(held_after({"XA START 'a'"}), HasSubstr("XA"));
  EXPECT_THAT(held_after({"CALL p()"}), HasSubstr("not followed"));
  EXPECT_THAT(held_after({"SELECT f(1)"}), HasSubstr("not followed"));
}

TEST(LeaderHold, WhatIsReleasedForSureIsHeldNoLonger) {
  EXPECT_EQ(held_after({"SELECT GET_LOCK('a', 1)", "SELECT RELEASE_ALL_LOCKS()"}), "");
  EXPECT_NE(held_after({"SELECT GET_LOCK('a', 1)", "SELECT RELEASE_LOCK('a')"}), "");
  EXPECT_NE(held_after({"SELECT GET_LOCK('a', 1)", "SELECT RELEASE_ALL_LOCKS(), GET_LOCK('b', 1)"}), "");
  EXPECT_EQ(held_after({"LOCK TABLES t READ", "UNLOCK TABLES"}), "");
}

TEST(LeaderHold, SetsAreKeptInTheirOrderAndTheLastOfAKindWins) {
  EXPECT_THAT(sets_after({"SET sql_mode=''", "SET NAMES utf8mb4", "SET sql_mode='ANSI'"}),
              ElementsAre("SET NAMES utf8mb4", "SET sql_mode='ANSI'"));
  EXPECT_THAT(sets_after({"SET wait_timeout=1, sql_mode=''", "SET sql_mode='ANSI'"}),
              ElementsAre("SET wait_timeout=1, sql_mode=''", "SET sql_mode='ANSI'"));
}

TEST(LeaderHold, WhatALaterSetWasComputedFromIsKept) {
  const std::vector<std::string> sets = {"SET sql_mode=''", "SET sql_mode=CONCAT(@@sql_mode,',ANSI')"};
  EXPECT_EQ(sets_after(sets), sets);
  EXPECT_THAT(sets_after({sets[0], sets[1], "SET sql_mode='ANSI'"}), ElementsAre("SET sql_mode='ANSI'"));
  const std::vector<std::string> others = {"SET wait_timeout=9", "SET net_read_timeout=@@wait_timeout",
                                           "SET wait_timeout=7"};
  EXPECT_EQ(sets_after(others), others);
}

TEST(LeaderHold, WhatWouldSetAnotherValueIsNotSaidAgain) {
  for (const char* sql : {"SET timestamp=UNIX_TIMESTAMP()", "SET rand_seed1=7", "SET insert_id=500",
                          "SET net_read_timeout=(SELECT MAX(v) FROM t)", "SET wait_timeout=FLOOR(RAND()*100)+9"}) {
    LeaderHold hold;
    hold.note_set(facts_of(sql), sql);
    EXPECT_THAT(hold.sets(), IsEmpty()) << sql;
    EXPECT_THAT(hold.irreplaceable(), HasSubstr("not followed")) << sql;
  }
  EXPECT_THAT(sets_after({"SET sql_mode=(SELECT CONCAT(@@sql_mode,',ANSI'))"}), ::testing::SizeIs(1));
}

TEST(LeaderHold, WhatIsKnownByValueNeedsNoRepeating) {
  EXPECT_THAT(sets_after({"SET autocommit=0", "SET autocommit=1", "SET last_insert_id=5"}), IsEmpty());
}

TEST(LeaderHold, AccessAndIsolationAreApart) {
  EXPECT_THAT(
      sets_after({"SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                  "SET SESSION TRANSACTION READ WRITE"}),
      ElementsAre("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET SESSION TRANSACTION READ WRITE"));
}

TEST(LeaderHold, CharacteristicsOfTheNextTransactionWaitForItsEnd) {
  LeaderHold hold;
  const std::string sql = "SET TRANSACTION READ ONLY";
  hold.note_set(facts_of(sql), sql);
  EXPECT_TRUE(hold.next_transaction_set());
  EXPECT_THAT(hold.irreplaceable(), HasSubstr("next one"));
  EXPECT_THAT(hold.sets(), IsEmpty());
  hold.note_transaction_ended();
  EXPECT_FALSE(hold.next_transaction_set());
  EXPECT_EQ(hold.irreplaceable(), "");
}

TEST(LeaderHold, ACharacteristicOfTheNextTransactionHoldsUntilThatIsOver) {
  LeaderHold hold;
  hold.note_set(facts_of("SET TRANSACTION READ ONLY"), "SET TRANSACTION READ ONLY");
  EXPECT_TRUE(hold.next_transaction_set());
  EXPECT_THAT(hold.irreplaceable(), HasSubstr("SET TRANSACTION"));
  hold.note_transaction_ended();
  EXPECT_FALSE(hold.next_transaction_set());
  EXPECT_EQ(hold.irreplaceable(), "");
}

TEST(LeaderHold, AnIdOfTheLeadersOwnIsHeldUntilTheSessionIsReset) {
  LeaderHold hold;
  hold.note_last_insert_id();
  EXPECT_EQ(hold.irreplaceable(), "a LAST_INSERT_ID() of its own");
  hold.clear();
  EXPECT_EQ(hold.irreplaceable(), "");
}

TEST(LeaderHold, RemembersAsManySetsAsItsLimitAndNoneMore) {
  LeaderHold hold;
  const auto set = [&hold](std::size_t i) {
    // Each is computed, so none overrides another.
    const std::string sql = "SET sql_mode=CONCAT(@@sql_mode,'" + std::to_string(i) + "')";
    hold.note_set(facts_of(sql), sql);
  };
  for (std::size_t i = 0; i < LeaderHold::kSetsMax; ++i) set(i);
  EXPECT_EQ(hold.irreplaceable(), "");
  EXPECT_EQ(hold.sets().size(), LeaderHold::kSetsMax);
  set(LeaderHold::kSetsMax);
  EXPECT_THAT(hold.irreplaceable(), HasSubstr("more SETs"));
  EXPECT_EQ(hold.sets().size(), LeaderHold::kSetsMax);
}

TEST(LeaderHold, ASetLongerThanTheLimitIsNotRemembered) {
  for (const std::size_t size : {LeaderHold::kSetBytesMax, LeaderHold::kSetBytesMax + 1}) {
    LeaderHold hold;
    std::string sql = "SET sql_mode=''";
    sql.append(size - sql.size(), ' ');
    hold.note_set(facts_of(sql), sql);
    EXPECT_EQ(hold.irreplaceable().empty(), size == LeaderHold::kSetBytesMax);
  }
}

}  // namespace
}  // namespace crossfade::proxy
