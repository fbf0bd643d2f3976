// What is kept aside because it may still come to nothing: rows behind savepoints, of transactions that are rolled back
// in the log, and of prepared branches.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "dualwrite/log_decoder.h"
#include "log_dump.h"
#include "log_frames.h"

namespace crossfade::dualwrite {
namespace {

using protocol::Buffer;
using testing::HasSubstr;

Buffer prepared_body(std::uint8_t one_phase, std::string_view name) {
  Buffer body{one_phase};
  protocol::put_u32(body, 1);
  protocol::put_u32(body, static_cast<std::uint32_t>(name.size()));
  protocol::put_u32(body, 0);
  protocol::put_text(body, name);
  return body;
}

// The ids of the rows of one transaction with these steps: an id is inserted, a text is a QUERY.
using Steps = std::vector<std::variant<std::uint32_t, std::string>>;
std::string rows_left(const Steps& steps, LogDecoderOptions options = {}) {
  Dump dump(std::move(options));
  EXPECT_TRUE(dump.gtid(1).ok());
  EXPECT_TRUE(dump.query("BEGIN").ok());
  for (const auto& step : steps) {
    const auto* id = std::get_if<std::uint32_t>(&step);
    const absl::Status status = id != nullptr ? dump.insert(*id) : dump.query(std::get<std::string>(step));
    if (!status.ok()) return std::string(status.message());
  }
  EXPECT_TRUE(dump.feed(EventType::xid, Buffer(8)).ok());
  std::string left;
  for (const LogItem& item : dump.items) {
    if (const auto* change = std::get_if<RowsChange>(&item)) left += std::to_string(change->images.at(1)) + " ";
  }
  EXPECT_TRUE(std::holds_alternative<TransactionEnd>(dump.items.back()));
  return left;
}

TEST(LogDecoder, RowsBehindASavepointThatWasRolledBackToNeverHappened) {
  EXPECT_EQ(rows_left({1u, "SAVEPOINT `a`", 2u, "SAVEPOINT `b`", 3u}), "1 2 3 ");
  EXPECT_EQ(rows_left({1u, "SAVEPOINT `a`", 2u, "SAVEPOINT `b`", 3u, "ROLLBACK TO `b`", 4u}), "1 2 4 ");
  EXPECT_EQ(rows_left({1u, "SAVEPOINT `a`", 2u, "SAVEPOINT `b`", 3u, "ROLLBACK TO `a`", 4u}), "1 4 ");
  EXPECT_EQ(rows_left({"SAVEPOINT `a`", 1u, "ROLLBACK TO `a`", 2u, "ROLLBACK TO `a`", 3u}), "3 ") << "it stays";
  EXPECT_EQ(rows_left({1u, "SAVEPOINT `a`", "SAVEPOINT `b`", "SAVEPOINT `a`", 2u, "ROLLBACK TO `a`"}), "1 ");
  EXPECT_EQ(rows_left({"SAVEPOINT `a`", 1u, "RELEASE SAVEPOINT `a`", 2u}), "1 2 ");
  EXPECT_EQ(rows_left({"SAVEPOINT \"A\"", 1u, "ROLLBACK TO `a `", 2u, "ROLLBACK TO a", 3u}), "3 ");
}

// Of a log whose routines set no savepoints.
std::string rows_left_by_session(const Steps& steps) {
  return rows_left(steps, {.earlier = {.routines_set_savepoints = false}});
}

TEST(LogDecoder, ANameThatIsSetTwiceMeansTheLastSavepoint) {
  EXPECT_EQ(rows_left_by_session({"SAVEPOINT `a`", 1u, "SAVEPOINT `a`", 2u, "ROLLBACK TO `a`", 3u}), "1 3 ");
  EXPECT_EQ(
      rows_left_by_session({"SAVEPOINT `a`", 1u, "SAVEPOINT `b`", 2u, "SAVEPOINT `A`", 3u, "ROLLBACK TO `b`", 4u}),
      "1 4 ");
  EXPECT_EQ(rows_left_by_session({"SAVEPOINT `a`", 1u, "SAVEPOINT `a`", 2u, "ROLLBACK TO `a`", 3u, "ROLLBACK TO `a`"}),
            "1 ");
}

TEST(LogDecoder, WhichRowsStayBehindASavepointThatIsNotKnownIsNotKnown) {
  const auto is_unknown = HasSubstr("which of its rows stay is not known");
  EXPECT_THAT(rows_left({1u, "ROLLBACK TO `a`"}), is_unknown);
  EXPECT_THAT(rows_left({"SAVEPOINT `a`", "SAVEPOINT `b`", 1u, "ROLLBACK TO `a`", "ROLLBACK TO `b`"}), is_unknown);
  // The second may be a function's, and is over then.
  EXPECT_THAT(rows_left({"SAVEPOINT `a`", 1u, "SAVEPOINT `a`", 2u, "ROLLBACK TO `a`"}), is_unknown);
  EXPECT_EQ(rows_left({"SAVEPOINT `a`", 1u, "SAVEPOINT `a`", 2u}), "1 2 ");
  EXPECT_EQ(rows_left({"SAVEPOINT `\xc3\xa9`", 1u}), "1 ");
  EXPECT_THAT(rows_left({"SAVEPOINT `\xc3\xa9`", 1u, "ROLLBACK TO `\xc3\xa9`"}), is_unknown);
  EXPECT_THAT(rows_left({"SAVEPOINT `e`", 1u, "SAVEPOINT `\xc3\xa9`", 2u, "ROLLBACK TO `e`"}), is_unknown);
}

TEST(LogDecoder, PastTheLimitRowsBehindASavepointAreGivenAsTheyComeAndASecondReadingKeepsMore) {
  const auto is_unknown = HasSubstr("which of its rows stay is not known");
  Dump sample;
  const LogPosition begin = sample.decoder.position();
  ASSERT_TRUE(sample.gtid(1).ok() && sample.query("BEGIN").ok() && sample.insert(1).ok());
  const std::size_t bytes = item_bytes(sample.items.back());
  const LogDecoderOptions two{.kept_bytes_max = 3 * bytes, .at_savepoint_bytes_max = 2 * bytes};
  const Steps three{"SAVEPOINT `a`", 1u, 2u, 3u, "ROLLBACK TO `a`", 4u};
  EXPECT_EQ(rows_left({"SAVEPOINT `a`", 1u, 2u, "ROLLBACK TO `a`", 3u, 4u}, two), "3 4 ");
  EXPECT_EQ(rows_left({"SAVEPOINT `a`", 1u, 2u, 3u, "SAVEPOINT `b`", 4u, "ROLLBACK TO `b`", 5u}, two), "1 2 3 5 ");
  EXPECT_THAT(rows_left(three, two), is_unknown);
  LogDecoderOptions again = two;
  again.earlier.doubted = {begin};
  EXPECT_EQ(rows_left(three, again), "4 ");
  again.kept_bytes_max = 3 * bytes - 1;
  EXPECT_THAT(rows_left(three, again), is_unknown);
}

TEST(LogDecoder, ATransactionThatIsUnclearIsGivenInDoubtAndTheLogGoesOn) {
  Dump first;
  const LogPosition begin = first.decoder.position();
  ASSERT_TRUE(first.gtid(1).ok() && first.query("BEGIN").ok() && first.insert(1).ok());
  EXPECT_TRUE(absl::IsUnknown(first.query("ROLLBACK TO `a`")));
  EXPECT_EQ(first.decoder.last_undone(), begin);
  EXPECT_FALSE(first.query("COMMIT").ok()) << "it is read from the beginning again";

  Dump again({.earlier = {.doubted = {begin}, .unclear = {begin}}});
  ASSERT_TRUE(again.gtid(1).ok() && again.query("BEGIN").ok() && again.query("SAVEPOINT `b`").ok());
  ASSERT_TRUE(again.insert(1).ok() && again.query("ROLLBACK TO `a`").ok() && again.insert(2).ok());
  ASSERT_TRUE(again.feed(EventType::xid, Buffer(8)).ok());
  for (const std::size_t i : {1u, 2u}) {
    const auto& change = std::get<RowsChange>(again.items.at(i));
    EXPECT_EQ(change.doubt, RowsChange::Doubt::savepoint);
    EXPECT_TRUE(change.images.empty());
  }
  EXPECT_EQ(again.said(), "begin rows rows end");
  ASSERT_TRUE(again.gtid(2).ok() && again.query("BEGIN").ok() && again.insert(3).ok());
  EXPECT_EQ(std::get<RowsChange>(again.items.back()).doubt, RowsChange::Doubt::none) << "the next is another";
}

TEST(LogDecoder, WhereTablesHaveTriggersANameThatIsSetTwiceIsUnclear) {
  Dump dump({.earlier = {.routines_set_savepoints = false}}, Make::mariadb);
  const auto map = [&](std::uint16_t flags) {
    Buffer body = table_map_body(7);
    body[6] = static_cast<std::uint8_t>(flags & 0xff);
    body[7] = static_cast<std::uint8_t>(flags >> 8);
    return dump.feed(EventType::table_map, body);
  };
  ASSERT_TRUE(dump.query("BEGIN").ok() && dump.query("SAVEPOINT `a`").ok());
  ASSERT_TRUE(map(1).ok() && dump.feed(EventType::write_rows, insert_body(7, 1)).ok());
  ASSERT_TRUE(dump.query("SAVEPOINT `a`").ok());
  ASSERT_TRUE(map(1u << 14 | 1u).ok() && dump.feed(EventType::write_rows, insert_body(7, 2)).ok());
  EXPECT_TRUE(absl::IsUnknown(dump.query("ROLLBACK TO `a`"))) << dump.status;
}

TEST(LogDecoder, ASavepointOfABranchIsRolledBackToAsOfATransaction) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok());
  for (const char* sql : {"XA START X'61',X'',1", "SAVEPOINT `a`"}) ASSERT_TRUE(dump.query(sql).ok());
  ASSERT_TRUE(dump.insert(1).ok());
  ASSERT_TRUE(dump.query("ROLLBACK TO `a`").ok());
  ASSERT_TRUE(dump.insert(2).ok());
  ASSERT_TRUE(dump.query("XA END X'61',X'',1").ok());
  ASSERT_TRUE(dump.feed(EventType::xa_prepare, prepared_body(1, "a")).ok());
  EXPECT_EQ(std::get<RowsChange>(dump.items.at(1)).images.at(1), 2);
  EXPECT_EQ(dump.said(), "begin rows end");
}

TEST(LogDecoder, WhatWasKeptBehindASavepointGoesWithItsTransaction) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok() && dump.query("BEGIN").ok() && dump.query("SAVEPOINT `a`").ok() && dump.insert(1).ok());
  EXPECT_TRUE(absl::IsAborted(dump.query("ROLLBACK")));
  dump.items.clear();
  ASSERT_TRUE(dump.gtid(2).ok() && dump.query("BEGIN").ok() && dump.insert(2).ok());
  EXPECT_EQ(dump.said(), "begin rows") << "nothing of it is kept";
  EXPECT_FALSE(dump.query("ROLLBACK TO `a`").ok());
}

TEST(LogDecoder, WhatWasRolledBackInTheLogNeverHappenedAndTheLogGoesOn) {
  Dump dump;
  const LogPosition start = dump.decoder.position();
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  EXPECT_TRUE(absl::IsAborted(dump.query("ROLLBACK")));
  EXPECT_FALSE(dump.decoder.in_transaction());
  EXPECT_LT(start, dump.decoder.position());
  ASSERT_TRUE(dump.gtid(2).ok());
  EXPECT_TRUE(dump.query("BEGIN").ok());
}

TEST(LogDecoder, WhatIsKnownToHaveBeenRolledBackIsPassedByInSilence) {
  std::set<LogPosition> undone;
  for (const bool known : {false, true}) {
    Dump dump({.earlier = {.undone = undone}});
    ASSERT_TRUE(dump.gtid(1).ok());
    ASSERT_TRUE(dump.query("BEGIN").ok());
    for (const char* sql : {"SAVEPOINT `a`", "ROLLBACK TO `a`"}) ASSERT_TRUE(dump.query(sql).ok());
    ASSERT_TRUE(dump.insert(1).ok());
    EXPECT_EQ(absl::IsAborted(dump.query("ROLLBACK")), !known) << dump.status;
    EXPECT_EQ(dump.said(), known ? "advance" : "begin");
    EXPECT_EQ(dump.decoder.position().offset, dump.end());
    ASSERT_TRUE(dump.gtid(2).ok() && dump.query("BEGIN").ok() && dump.insert(2).ok());
    EXPECT_EQ(dump.said(), "begin rows") << "the next is another";
    undone.insert(dump.decoder.last_undone());
  }
}

TEST(LogDecoder, ACommitOfWhatWasRolledBackIsAnotherLog) {
  Dump dump({.earlier = {.undone = {LogPosition{"bin.000001", 4}}}});
  ASSERT_TRUE(dump.gtid(1).ok() && dump.query("BEGIN").ok() && dump.insert(1).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(dump.feed(EventType::xid, Buffer(8))));
  EXPECT_EQ(dump.said(), "");
}

TEST(LogDecoder, PreparedRowsComeAtTheirCommitAndHoldTheResumePlace) {
  Dump dump;
  const LogPosition start = dump.decoder.position();
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("XA START X'61',X'',1").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  ASSERT_TRUE(dump.query("XA END X'61',X'',1").ok());
  EXPECT_EQ(dump.said(), "");
  ASSERT_TRUE(dump.feed(EventType::xa_prepare, prepared_body(0, "a")).ok());
  EXPECT_EQ(dump.said(), "begin end");
  EXPECT_EQ(dump.decoder.resume_from(), start);
  EXPECT_GT(dump.decoder.position(), start);
  ASSERT_TRUE(dump.gtid(2).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  ASSERT_TRUE(dump.feed(EventType::xid, Buffer(8)).ok());
  EXPECT_EQ(dump.said(), "begin end");
  ASSERT_TRUE(dump.gtid(3).ok());
  ASSERT_TRUE(dump.query("XA COMMIT X'61',X'',1").ok());
  EXPECT_THAT(std::get<TransactionBegin>(dump.items.front()).gtid, HasSubstr(":3"));
  EXPECT_EQ(dump.said(), "begin rows end");
  EXPECT_EQ(dump.decoder.resume_from(), dump.decoder.position());
}

TEST(LogDecoder, OnePhaseAndRolledBackAndUnknownBranches) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("XA START X'61',X'',1").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  ASSERT_TRUE(dump.query("XA END X'61',X'',1").ok());
  ASSERT_TRUE(dump.feed(EventType::xa_prepare, prepared_body(1, "a")).ok());
  EXPECT_EQ(dump.said(), "begin rows end");
  ASSERT_TRUE(dump.gtid(2).ok());
  ASSERT_TRUE(dump.query("XA ROLLBACK X'62',X'',1").ok());
  EXPECT_EQ(dump.said(), "begin end");
  ASSERT_TRUE(dump.gtid(3).ok());
  EXPECT_THAT(std::string(dump.query("XA COMMIT X'62',X'',1").message()), HasSubstr("prepared before"));
}

TEST(LogDecoder, OfABranchPastTheLimitOnlyItsTablesAreKept) {
  for (const std::size_t spare : {std::size_t{0}, std::size_t{1}}) {
    Dump sample;
    ASSERT_TRUE(sample.gtid(1).ok());
    ASSERT_TRUE(sample.query("BEGIN").ok());
    ASSERT_TRUE(sample.insert(1).ok());
    const std::size_t bytes = item_bytes(sample.items.back());
    Dump dump({.kept_bytes_max = 2 * bytes - spare});
    ASSERT_TRUE(dump.gtid(1).ok() && dump.query("XA START X'61',X'',1").ok());
    for (const std::uint32_t id : {1u, 2u}) ASSERT_TRUE(dump.insert(id).ok());
    ASSERT_TRUE(dump.query("XA END X'61',X'',1").ok());
    ASSERT_TRUE(dump.feed(EventType::xa_prepare, prepared_body(0, "a")).ok());
    dump.items.clear();
    ASSERT_TRUE(dump.gtid(2).ok() && dump.query("XA COMMIT X'61',X'',1").ok());
    const bool is_whole = spare == 0;
    const auto& change = std::get<RowsChange>(dump.items.at(1));
    EXPECT_EQ(change.doubt, is_whole ? RowsChange::Doubt::none : RowsChange::Doubt::branch);
    EXPECT_EQ(change.images.empty(), !is_whole);
    EXPECT_EQ(dump.said(), is_whole ? "begin rows rows end" : "begin rows end");
    ASSERT_TRUE(dump.gtid(3).ok() && dump.query("BEGIN").ok() && dump.insert(3).ok());
    EXPECT_EQ(std::get<RowsChange>(dump.items.back()).doubt, RowsChange::Doubt::none);
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
