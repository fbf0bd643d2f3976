#include "dualwrite/inline/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/unit/dualwrite/inline/entries.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kKey7(32, '7');

WrapOptions options() {
  WrapOptions out;
  out.schema = "crossfade";
  out.epoch = 3;
  out.key = key_of(0x77);
  return out;
}

std::vector<std::optional<std::string>> good_cells() {
  return {"12", "1", kKey7, "0", "1", "-1", "18446744073709551615", "1795222044.556984", std::string("p\0q", 3)};
}

TEST(Hex, WritesTwoDigitsForEachByte) {
  EXPECT_EQ(hex(Buffer{0x00, 0x0f, 0xa0, 0xff}), "000fa0ff");
  EXPECT_EQ(hex({}), "");
}

TEST(ParseKey, ReadsWhatHexWrites) {
  EntryKey key;
  for (std::size_t i = 0; i < 16; ++i) key.bytes[i] = static_cast<std::uint8_t>(i * 17);
  EXPECT_EQ(parse_key(hex(key.bytes)), key);
  EXPECT_EQ(parse_key("00112233445566778899AABBCCDDEEFF"), key) << "HEX() writes capitals";
}

TEST(ParseKey, RejectsAnythingElse) {
  EXPECT_FALSE(parse_key(""));
  EXPECT_FALSE(parse_key(std::string(31, '0')));
  EXPECT_FALSE(parse_key(std::string(33, '0')));
  EXPECT_FALSE(parse_key(std::string(31, '0') + "g"));
  EXPECT_FALSE(parse_key(" " + std::string(31, '0')));
}

TEST(QuoteName, DoublesBackticks) {
  EXPECT_EQ(quote_name("a`b"), "`a``b`");
  EXPECT_EQ(quote_name(""), "``");
}

TEST(SetupStatements, MakeTheFenceBeforeTheOutboxThatRefersToIt) {
  const std::vector<std::string> all = setup_statements("x`y");
  std::string joined;
  for (const std::string& one : all) joined += one + "\n";
  EXPECT_LT(joined.find("TABLE IF NOT EXISTS `x``y`.`fence`"), joined.find("TABLE IF NOT EXISTS `x``y`.`outbox`"));
  for (const char* table : {"applied", "applier", "ledger"}) {
    EXPECT_THAT(joined, HasSubstr("CREATE TABLE IF NOT EXISTS `x``y`.`" + std::string(table) + "`"));
  }
  EXPECT_THAT(joined, HasSubstr("FOREIGN KEY(`epoch`) REFERENCES `x``y`.`fence`(`epoch`)"));
  EXPECT_THAT(all.back(), HasSubstr("INSERT IGNORE INTO `x``y`.`fence`"));
}

TEST(SqlTexts, HoldNoQuotedLiteralOfAnyMode) {
  std::vector<std::string> all = setup_statements("crossfade");
  all.push_back(grant_statement("crossfade", "app", "%"));
  all.push_back(insert_ledger("crossfade", key_of(1), {"it's", "\\\"`"}, "'", 1, 2));
  for (const std::string& one : all) {
    EXPECT_EQ(one.find_first_of("'\"\\"), std::string::npos) << one;
  }
}

TEST(GrantStatement, NamesUserAndHostAsQuotedNames) {
  EXPECT_EQ(grant_statement("crossfade", "a`b", "10.%"), "GRANT INSERT ON `crossfade`.`outbox` TO `a``b`@`10.%`");
}

TEST(RecordStatements, PutASmallEntryIntoOneRow) {
  const std::vector<std::string> all = record_statements("crossfade", 9, key_of(0x77), Buffer{0xab});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0],
            "INSERT INTO `crossfade`.`outbox`(`epoch`,`entry_key`,`part`,`parts`,`affected`,`insert_id`,`at`,`payload`)"
            " VALUES(9,0x" +
                kKey7 + ",0,1,NULL,NULL,@@timestamp,0xab)");
}

TEST(RecordStatements, SplitOnePastTheLimitOfARow) {
  const Buffer exact(kRowPayloadBytesMax, 0x11);
  EXPECT_EQ(record_statements("crossfade", 1, key_of(1), exact).size(), 1u);
  Buffer more = exact;
  more.push_back(0xee);
  const std::vector<std::string> all = record_statements("crossfade", 1, key_of(1), more);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0], HasSubstr(",0,2,NULL"));
  EXPECT_THAT(all[1], HasSubstr(",1,2,NULL,NULL,@@timestamp,0xee)"));
}

TEST(RecordStatements, FitIntoThePacketsThatTheServerTakes) {
  const std::string longest(64, '`');
  for (const std::uint64_t packet : {1024u, 4096u, 65536u, 16u << 20}) {
    const std::size_t row = row_payload_max(packet);
    EXPECT_LE(row, kRowPayloadBytesMax);
    const Buffer payload(3 * row + 1, 0x11);
    const std::vector<std::string> all =
        record_statements(longest, std::numeric_limits<std::uint64_t>::max(), key_of(1), payload, row);
    ASSERT_EQ(all.size(), 4u) << packet;
    const std::string around = "SET foreign_key_checks=1;;SET foreign_key_checks=0;" + std::string(kCommit);
    for (const std::string& one : all) EXPECT_LT(one.size() + around.size() + 1, packet);
  }
  EXPECT_EQ(row_payload_max(16u << 20), kRowPayloadBytesMax);
  EXPECT_GT(row_payload_max(0), 0u);
}

TEST(RecordStatements, AreNoneOnePastTheNumberOfRowsThatAnEntryMayHave) {
  const Buffer most(65535, 0x11);
  EXPECT_EQ(record_statements("crossfade", 1, key_of(1), most, 1).size(), 65535u);
  EXPECT_TRUE(record_statements("crossfade", 1, key_of(1), Buffer(65536, 0x11), 1).empty());
}

TEST(RecordStatements, WriteAnEmptyPayloadAsAnEmptyText) {
  EXPECT_THAT(record_statements("crossfade", 1, key_of(1), {})[0], HasSubstr("@@timestamp,'')"));
}

TEST(WrapAutocommit, PutsStatementOutcomeAndCommitIntoOnePacket) {
  const std::optional<WrappedWrite> write = wrap_autocommit("DELETE FROM t WHERE id=1", Buffer{1, 2}, options());
  ASSERT_TRUE(write);
  EXPECT_EQ(write->sql,
            "START TRANSACTION;DELETE FROM t WHERE id=1\n;GET DIAGNOSTICS @crossfade_rows=ROW_COUNT;SHOW WARNINGS;"
            "INSERT INTO `crossfade`.`outbox`(`epoch`,`entry_key`,`part`,`parts`,`affected`,`insert_id`,`at`,`payload`)"
            " VALUES(3,0x" +
                kKey7 + ",0,1,@crossfade_rows,LAST_INSERT_ID(),@@timestamp,0x0102);COMMIT AND NO CHAIN NO RELEASE");
  EXPECT_EQ(write->results_before, 1u);
  EXPECT_EQ(write->results_after, 4u);
  EXPECT_EQ(write->results_after_commit, 0u);
}

TEST(WrapAutocommit, CountsAResultForEachCommandItSends) {
  for (const bool freeze : {false, true}) {
    for (const bool seeded : {false, true}) {
      WrapOptions pinned = options();
      pinned.freeze_time = freeze;
      if (seeded) pinned.seeds = RandSeeds{1, 2};
      const std::optional<WrappedWrite> write = wrap_autocommit("INSERT t VALUES(1)", Buffer{1}, pinned);
      ASSERT_TRUE(write);
      const auto commands = static_cast<std::size_t>(std::count(write->sql.begin(), write->sql.end(), ';')) + 1;
      EXPECT_EQ(write->results_before + 1 + write->results_after, commands) << write->sql;
      EXPECT_EQ(write->results_after_commit, freeze ? 1u : 0u);
    }
  }
}

TEST(WrapAutocommit, FreezesTimeBeforeAndFreesItAfterTheCommit) {
  WrapOptions pinned = options();
  pinned.freeze_time = true;
  pinned.seeds = RandSeeds{5, 6};
  const std::string sql = wrap_autocommit("INSERT t VALUES(1)", Buffer{1}, pinned)->sql;
  EXPECT_EQ(sql.rfind("SET timestamp=@@timestamp,rand_seed1=5,rand_seed2=6;START TRANSACTION;", 0), 0u);
  EXPECT_THAT(sql, HasSubstr(";COMMIT AND NO CHAIN NO RELEASE;SET timestamp=DEFAULT"));
}

TEST(WrapAutocommit, RemovesWhatWouldBeAnEmptyStatement) {
  for (const char* text : {"UPDATE t SET a=1;", "UPDATE t SET a=1 ; ;\n", "UPDATE t SET a=1 \t"}) {
    EXPECT_THAT(wrap_autocommit(text, Buffer{1}, options())->sql, HasSubstr("UPDATE t SET a=1\n;GET")) << text;
  }
  EXPECT_FALSE(wrap_autocommit(" ; ", Buffer{1}, options()));
  EXPECT_FALSE(wrap_autocommit("", Buffer{1}, options()));
}

TEST(WrapAutocommit, EndsACommentOfTheStatementBeforeItsOwnText) {
  EXPECT_THAT(wrap_autocommit("DELETE FROM t -- all", Buffer{1}, options())->sql, HasSubstr("-- all\n;GET"));
}

TEST(WrapAutocommit, GivesUpOnePastTheLimitOfARow) {
  EXPECT_TRUE(wrap_autocommit("x", Buffer(kRowPayloadBytesMax, 1), options()));
  EXPECT_FALSE(wrap_autocommit("x", Buffer(kRowPayloadBytesMax + 1, 1), options()));
}

TEST(SetTimestampAndSeeds, SaysOnlyWhatIsAsked) {
  EXPECT_EQ(set_timestamp_and_seeds(false, std::nullopt), "");
  EXPECT_EQ(set_timestamp_and_seeds(true, std::nullopt), "SET timestamp=@@timestamp");
  EXPECT_EQ(set_timestamp_and_seeds(false, RandSeeds{1, 2}), "SET rand_seed1=1,rand_seed2=2");
}

TEST(ReadOutbox, ReadsInOrderUpToALimit) {
  EXPECT_THAT(read_outbox("crossfade", 500), HasSubstr("FROM `crossfade`.`outbox` ORDER BY `id` LIMIT 500"));
  EXPECT_THAT(read_outbox_of("crossfade", {key_of(0x77)}), HasSubstr("WHERE `entry_key` IN (0x" + kKey7 + ") ORDER"));
  EXPECT_THAT(read_outbox_of("crossfade", {}), HasSubstr("WHERE FALSE"));
}

TEST(DecodeOutboxRow, ReadsEveryColumn) {
  const absl::StatusOr<OutboxRow> row = decode_outbox_row(good_cells());
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->id, 12u);
  EXPECT_EQ(row->epoch, 1u);
  EXPECT_EQ(row->key, key_of(0x77));
  EXPECT_EQ(row->part, 0);
  EXPECT_EQ(row->parts, 1);
  EXPECT_EQ(row->affected, -1);
  EXPECT_EQ(row->insert_id, ~std::uint64_t{0});
  EXPECT_EQ(row->at, "1795222044.556984");
  EXPECT_EQ(row->payload, (Buffer{'p', 0, 'q'}));
}

TEST(DecodeOutboxRow, TakesNullWhereTheOutcomeIsInTheEntry) {
  auto cells = good_cells();
  cells[5] = cells[6] = cells[7] = std::nullopt;
  const absl::StatusOr<OutboxRow> row = decode_outbox_row(cells);
  ASSERT_TRUE(row.ok());
  EXPECT_FALSE(row->affected);
  EXPECT_FALSE(row->insert_id);
  EXPECT_FALSE(row->at);
}

TEST(DecodeOutboxRow, RejectsEachColumnThatIsNotWhatItShouldBe) {
  const std::vector<std::pair<std::size_t, std::optional<std::string>>> bad = {
      {0, std::nullopt}, {0, "x"},  {0, "18446744073709551616"},
      {1, "-1"},         {1, ""},   {2, std::nullopt},
      {2, "77"},         {3, "1"},  {3, "65536"},
      {4, "0"},          {4, "1x"}, {5, "1.5"},
      {6, "-1"},         {7, "x"},  {7, "1."},
      {7, ".5"},         {7, ""},   {7, "1.2.3"},
      {8, std::nullopt}};
  for (const auto& one : bad) {
    auto cells = good_cells();
    cells[one.first] = one.second;
    EXPECT_FALSE(decode_outbox_row(cells).ok()) << one.first << " " << one.second.value_or("NULL");
  }
  auto cells = good_cells();
  cells.pop_back();
  EXPECT_FALSE(decode_outbox_row(cells).ok());
}

TEST(AppliedStatements, ListTheirKeys) {
  EXPECT_EQ(insert_applied("c", {{5, key_of(0x77)}, {6, key_of(0x77)}}),
            "INSERT INTO `c`.`applied`(`entry_key`,`id`) VALUES(0x" + kKey7 + ",5),(0x" + kKey7 + ",6)");
  EXPECT_THAT(select_applied("c", {key_of(0x77), key_of(0x77)}), HasSubstr("IN (0x" + kKey7 + ",0x" + kKey7 + ")"));
  EXPECT_THAT(select_applied("c", {}), HasSubstr("WHERE FALSE"));
  EXPECT_THAT(prune_applied("c", 3600, 100), HasSubstr("INTERVAL 3600 SECOND ORDER BY `applied_at` LIMIT 100"));
}

TEST(DeleteOutbox, NamesTheRowsAndNeverAll) {
  EXPECT_EQ(delete_outbox("c", {1, 20}), "DELETE FROM `c`.`outbox` WHERE `id` IN (1,20)");
  EXPECT_EQ(delete_outbox("c", {}), "DELETE FROM `c`.`outbox` WHERE FALSE");
}

TEST(Applier, IsTouchedOnlyByItsOwner) {
  EXPECT_THAT(claim_applier("c", key_of(0x77)), HasSubstr("ON DUPLICATE KEY UPDATE `owner`=0x" + kKey7));
  EXPECT_EQ(touch_applier("c", key_of(0x77)),
            "UPDATE `c`.`applier` SET `beats`=`beats`+1 WHERE `id`=1 AND `owner`=0x" + kKey7);
}

TEST(InsertLedger, WritesNamesOfAnyCharacterSetAndAnyLength) {
  const std::string sql = insert_ledger("c", key_of(0x77), {"s\xff", std::string(80, 'a')}, "w", -5, 6);
  EXPECT_THAT(sql, HasSubstr("VALUES(0x" + kKey7 + ",0x733f,"));
  std::string sixty_four;
  for (int i = 0; i < 64; ++i) sixty_four += "61";
  EXPECT_THAT(sql, HasSubstr(",0x" + sixty_four + ",0x77,-5,6)"));
  EXPECT_THAT(insert_ledger("c", key_of(1), {}, "", 0, 0), HasSubstr(",'','','',0,0)"));
}

TEST(LagQuery, AsksForCountBytesAndAge) {
  EXPECT_THAT(lag_query("c"), HasSubstr("SELECT COUNT(*),COALESCE(SUM(LENGTH(`payload`)),0),"));
  EXPECT_THAT(lag_query("c"), Not(HasSubstr("CURRENT_TIMESTAMP")));
}

}  // namespace
}  // namespace crossfade::dualwrite
