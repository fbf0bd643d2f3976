#include "dualwrite/log_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <optional>
#include <string>
#include <vector>

#include "log_dump.h"
#include "log_frames.h"
#include "log_text.h"
#include "tests/support/server_packets.h"

namespace crossfade::dualwrite {
namespace {

using protocol::Buffer;
using testing::HasSubstr;

TEST(LogDecoder, AFileThatWasMadeAnewIsNotTheOneThatWasFollowed) {
  const LogPosition start{.file = "bin.000001", .offset = 4};
  for (const std::uint32_t stored : {0u, 1700000000u}) {
    Dump same({.start = start, .start_file_time = stored});
    EXPECT_TRUE(same.status.ok()) << same.status;
    ASSERT_TRUE(same.gtid(1).ok() && same.query("BEGIN").ok() && same.query("COMMIT").ok()) << same.status;
    EXPECT_EQ(std::get<TransactionEnd>(same.items.back()).file_time, 1700000000u);
  }
  const Dump other({.start = start, .start_file_time = 1699999999});
  EXPECT_TRUE(absl::IsFailedPrecondition(other.status)) << other.status;
  EXPECT_THAT(std::string(other.status.message()), HasSubstr("began anew"));
}

TEST(LogDecoder, ATransactionIsBeginRowsEndAndMovesThePositionAtItsEndOnly) {
  Dump dump;
  const LogPosition before = dump.decoder.position();
  ASSERT_TRUE(dump.gtid(5).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  EXPECT_EQ(dump.decoder.position(), before);
  EXPECT_TRUE(dump.decoder.in_transaction());
  const auto& begin = std::get<TransactionBegin>(dump.items.at(0));
  EXPECT_EQ(begin.gtid, "abababab-abab-abab-abab-abababababab:5");
  EXPECT_EQ(begin.at, before);
  ASSERT_TRUE(dump.feed(EventType::xid, Buffer(8)).ok());
  EXPECT_EQ(dump.said(), "begin rows end");
  EXPECT_EQ(dump.decoder.position(), (LogPosition{.file = "bin.000001", .offset = dump.end()}));
  EXPECT_FALSE(dump.decoder.in_transaction());
}

TEST(LogDecoder, TheFirstRotateIsChecksummedAsAskedAndMustBeWhatWasAskedFor) {
  std::vector<LogItem> items;
  LogDecoder without_sum(LogDecoderOptions{});
  EXPECT_FALSE(without_sum.feed(framed({.type = EventType::rotate}, rotate_body("bin.000001", 4)), &items).ok());
  LogDecoder not_asked({.checksums = false});
  EXPECT_TRUE(not_asked.feed(framed({.type = EventType::rotate}, rotate_body("bin.000001", 4)), &items).ok());
  for (const LogPosition& start : {LogPosition{"bin.000002", 4}, LogPosition{"bin.000001", 400}}) {
    LogDecoder elsewhere({.start = start, .checksums = false});
    EXPECT_FALSE(elsewhere.feed(framed({.type = EventType::rotate}, rotate_body("bin.000001", 4)), &items).ok());
  }
}

TEST(LogDecoder, FilesOfMoreThanFourGibibytesHaveTheirFullOffsets) {
  const std::uint64_t offset = (std::uint64_t{1} << 32) - 100;
  Dump dump({.start = {"bin.000001", offset}}, Make::mysql, Checksum::none, "bin.000001", offset);
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  ASSERT_TRUE(dump.feed(EventType::xid, Buffer(8)).ok());
  EXPECT_GT(dump.end(), std::uint64_t{1} << 32);
  EXPECT_EQ(dump.decoder.position().offset, dump.end());
}

TEST(LogDecoder, AnEventThatEndsExactlyAtFourGibibytesIsNotTakenForAnArtificialOne) {
  const std::uint64_t size = kEventHeaderBytes + gtid_body(1).size();
  const std::uint64_t offset = (std::uint64_t{1} << 32) - size;
  LogDecoder decoder({.start = {"bin.000001", offset}, .checksums = false});
  std::vector<LogItem> items;
  ASSERT_TRUE(decoder.feed(framed({.type = EventType::rotate}, rotate_body("bin.000001", offset)), &items).ok());
  ASSERT_TRUE(
      decoder
          .feed(framed({.type = EventType::format_description}, format_description_body(Make::mysql, Checksum::none)),
                &items)
          .ok());
  Buffer gtid = framed({.type = EventType::gtid, .next_position = 1}, gtid_body(1));
  std::fill_n(gtid.begin() + 13, 4, std::uint8_t{0});
  ASSERT_TRUE(decoder.feed(gtid, &items).ok());
  const Buffer body = query_body("DROP TABLE t");
  const auto end = static_cast<std::uint32_t>(kEventHeaderBytes + body.size());
  ASSERT_TRUE(decoder.feed(framed({.type = EventType::query, .next_position = end}, body), &items).ok());
  EXPECT_EQ(decoder.position().offset, (std::uint64_t{1} << 32) + end);
}

TEST(LogDecoder, AStepBackStopsTheFeed) {
  Dump dump;
  ASSERT_TRUE(dump.query("DROP TABLE t").ok());
  const absl::Status status = dump.decoder.feed(
      framed({.type = EventType::query, .next_position = 30}, query_body("DROP TABLE u")), &dump.items);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it ends at 30, before"));
}

TEST(LogDecoder, WhatIsUnknownStopsTheFeedWithPlaceTypeAndReason) {
  Dump dump;
  const std::string at = dump.decoder.position().text();
  EXPECT_EQ(dump.feed(static_cast<EventType>(99), {}).message(),
            at + ": event (99): it is not known, or must not stand here");
  EXPECT_EQ(dump.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(dump.query("DROP TABLE t").ok()) << "dead";
}

TEST(LogDecoder, WhatCannotBeFollowedSaysWhatToDo) {
  for (const auto& [type, reason] : {std::pair{EventType::partial_update_rows, "binlog_row_value_options=''"},
                                     std::pair{EventType::incident, "copy the tables anew"},
                                     std::pair{EventType::begin_load_query, "binlog_format=ROW"}}) {
    Dump dump;
    ASSERT_TRUE(dump.gtid(1).ok());
    ASSERT_TRUE(dump.query("BEGIN").ok());
    EXPECT_THAT(std::string(dump.feed(type, Buffer(20)).message()), HasSubstr(reason));
  }
}

TEST(LogDecoder, RowsNeedAMapOfTheirOwnTransaction) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  const auto first = std::get<RowsChange>(dump.items.back()).table;
  ASSERT_TRUE(dump.insert(2).ok());
  EXPECT_EQ(std::get<RowsChange>(dump.items.back()).table, first) << "the same map is the same object";
  ASSERT_TRUE(dump.feed(EventType::xid, Buffer(8)).ok());
  ASSERT_TRUE(dump.gtid(2).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  EXPECT_THAT(std::string(dump.feed(EventType::write_rows, insert_body(7, 3)).message()), HasSubstr("was not mapped"));
}

TEST(LogDecoder, ARowsEventThatOnlyEndsItsStatementSaysNothing) {
  for (const std::uint64_t id : {std::uint64_t{0xffffff}, std::uint64_t{0xffffffff}, std::uint64_t{0xffffffffffff}}) {
    Dump dump;
    ASSERT_TRUE(dump.gtid(1).ok());
    ASSERT_TRUE(dump.query("BEGIN").ok());
    EXPECT_TRUE(dump.feed(EventType::write_rows, insert_body(id, 1)).ok());
    EXPECT_EQ(dump.said(), "begin");
  }
}

TEST(LogDecoder, AfterAStatementATableIsANewObject) {
  Dump dump;
  std::vector<std::shared_ptr<const LogTable>> tables;
  for (std::uint64_t number = 1; number <= 2; ++number) {
    ASSERT_TRUE(dump.gtid(2 * number).ok());
    ASSERT_TRUE(dump.query("BEGIN").ok());
    ASSERT_TRUE(dump.insert(1).ok());
    tables.push_back(std::get<RowsChange>(dump.items.back()).table);
    ASSERT_TRUE(dump.feed(EventType::xid, Buffer(8)).ok());
    ASSERT_TRUE(dump.gtid(2 * number + 1).ok());
    ASSERT_TRUE(dump.query("ALTER TABLE t RENAME COLUMN v TO w").ok());
  }
  EXPECT_NE(tables[0], tables[1]);
}

TEST(LogDecoder, AFileThatEndsInsideOfATransactionAbandonsItAndGoesOn) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  ASSERT_TRUE(dump.insert(1).ok());
  dump.items.clear();
  EXPECT_TRUE(absl::IsAborted(dump.artificial(EventType::rotate, rotate_body("bin.000002", 4))));
  EXPECT_EQ(dump.decoder.position(), (LogPosition{"bin.000002", 4}));
  EXPECT_FALSE(dump.decoder.in_transaction());
  EXPECT_TRUE(
      dump.artificial(EventType::format_description, format_description_body(Make::mysql, Checksum::none)).ok());
}

TEST(LogDecoder, ARealRotateInsideOfATransactionStopsTheFeed) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.query("BEGIN").ok());
  EXPECT_THAT(std::string(dump.feed(EventType::rotate, rotate_body("bin.000002", 4)).message()),
              HasSubstr("the file ends inside of a transaction"));
}

TEST(LogDecoder, HeartbeatsAdvanceBetweenTransactionsOnly) {
  Dump dump;
  ASSERT_TRUE(dump.query("DROP TABLE t").ok());
  dump.said();
  const auto beat = [&](std::uint64_t at) {
    return dump.decoder.feed(framed({.type = EventType::heartbeat, .next_position = static_cast<std::uint32_t>(at)},
                                    protocol::as_bytes("bin.000001")),
                             &dump.items);
  };
  EXPECT_TRUE(beat(dump.end() + 50).ok());
  EXPECT_EQ(dump.said(), "advance");
  EXPECT_EQ(dump.decoder.position().offset, dump.end() + 50);
  EXPECT_TRUE(beat(dump.end() - 1).ok());
  EXPECT_EQ(dump.decoder.position().offset, dump.end() + 50) << "never back";

  Dump inside;
  ASSERT_TRUE(inside.gtid(1).ok());
  ASSERT_TRUE(inside.query("BEGIN").ok());
  inside.said();
  const LogPosition before = inside.decoder.position();
  EXPECT_TRUE(
      inside.decoder
          .feed(framed({.type = EventType::heartbeat, .next_position = static_cast<std::uint32_t>(inside.end())}, {}),
                &inside.items)
          .ok());
  EXPECT_EQ(inside.said(), "");
  EXPECT_EQ(inside.decoder.position(), before);
}

TEST(LogDecoder, TheSecondHeartbeatHasItsPlaceInTheBody) {
  Dump dump;
  const std::uint64_t at = dump.end() + 1000;
  Buffer body{1, 10};
  protocol::put_text(body, "bin.000001");
  Buffer place;
  protocol::put_lenenc(place, at);
  protocol::put_u8(body, 2);
  protocol::put_lenenc_bytes(body, place);
  protocol::put_u8(body, 0);
  EXPECT_TRUE(dump.artificial(EventType::heartbeat_v2, body).ok()) << dump.status;
  EXPECT_EQ(dump.decoder.position().offset, at);
}

TEST(LogDecoder, StatementsAloneCarryTheirSession) {
  Dump dump;
  Buffer settings{0};
  protocol::put_u32(settings, 1u << 26);
  protocol::put_u8(settings, 1);
  support::put_u64(settings, 0x1234567890);
  for (const int byte : std::initializer_list<int>{3, 10,  0,   3,   0,  4,    45,   0, 46, 0, 255, 0,   5,
                                                   3, 'U', 'T', 'C', 13, 0x40, 0xE2, 1, 16, 0, 18,  255, 0}) {
    protocol::put_u8(settings, static_cast<std::uint8_t>(byte));
  }
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.feed(EventType::query, query_body("ALTER TABLE t ADD x INT", "shop", settings)).ok()) << dump.status;
  const auto statement = std::get<LoggedStatement>(dump.items.at(1));
  EXPECT_EQ(dump.said(), "begin statement end");
  EXPECT_EQ(statement.schema, "shop");
  EXPECT_EQ(statement.sql, "ALTER TABLE t ADD x INT");
  EXPECT_TRUE(statement.no_foreign_key_checks);
  EXPECT_EQ(statement.sql_mode, 0x1234567890u);
  EXPECT_EQ(statement.client_collation, 45);
  EXPECT_EQ(statement.connection_collation, 46);
  EXPECT_EQ(statement.server_collation, 255);
  EXPECT_EQ(statement.time_zone, "UTC");
  EXPECT_FALSE(statement.explicit_defaults_for_timestamp);
  EXPECT_EQ(statement.utf8mb4_collation, 255);
  EXPECT_EQ(statement.auto_increment_increment, 10);
  EXPECT_EQ(statement.auto_increment_offset, 3);
  EXPECT_EQ(statement.microseconds, 123456u);
  EXPECT_FALSE(statement.with_rows);
  EXPECT_FALSE(statement.unknown_setting);
}

TEST(LogDecoder, EverySettingOfAStatementsSessionIsPassedOver) {
  struct Setting {
    std::uint8_t kind;
    Buffer value;
  };
  const Buffer eight(8, 7);
  // clang-format off
  const Setting settings[] = {
      {0, {0, 0, 0, 0}}, {1, eight}, {2, {3, 's', 't', 'd', 0}}, {3, {1, 0, 1, 0}}, {4, {45, 0, 45, 0, 255, 0}},
      {5, {3, 'U', 'T', 'C'}}, {6, {3, 's', 't', 'd'}}, {7, {4, 0}}, {8, {45, 0}}, {9, eight}, {10, {1, 2, 3, 4}},
      {11, {1, 'u', 1, 'h'}}, {12, {2, 'a', 0, 'b', 'c', 0}}, {12, {254}}, {13, {1, 2, 3}}, {14, eight}, {15, eight},
      {16, {1}}, {17, eight}, {18, {255, 0}}, {19, {1}}, {20, {1}}, {21, {0}}, {128, {1, 2, 3}}, {129, eight}, {130, {2}},
      {130, {4, 1, 2, 3, 4, 5, 6, 7, 8}}, {130, {8, 1, 2, 3, 4, 5, 6, 7, 8}}};
  // clang-format on
  for (const Setting& setting : settings) {
    Dump dump;
    Buffer bytes{setting.kind};
    bytes.insert(bytes.end(), setting.value.begin(), setting.value.end());
    bytes.insert(bytes.end(), {18, 33, 1});  // found only if the one before was passed over
    ASSERT_TRUE(dump.gtid(1).ok());
    ASSERT_TRUE(dump.feed(EventType::query, query_body("DROP TABLE t", "shop", bytes)).ok()) << dump.status;
    const auto statement = std::get<LoggedStatement>(dump.items.at(1));
    EXPECT_EQ(statement.utf8mb4_collation, 0x121) << "behind " << int{setting.kind};
    EXPECT_FALSE(statement.unknown_setting);
  }
}

TEST(LogDecoder, AStatementWithASettingThatIsNotKnownIsStillSaid) {
  Dump dump;
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(
      dump.feed(EventType::query, query_body("UPDATE t SET v=1", "shop", Buffer{1, 0, 0, 0, 0, 0, 0, 0, 0, 77})).ok());
  const auto statement = std::get<LoggedStatement>(dump.items.at(1));
  EXPECT_EQ(statement.sql, "UPDATE t SET v=1");
  EXPECT_EQ(statement.unknown_setting, 77);
  EXPECT_FALSE(dump.gtid(2).ok() &&
               dump.feed(EventType::query, query_body("DROP TABLE t", "shop", Buffer{5, 9, 'U'})).ok());
}

// (field, value)* 0 payload
Buffer payload_body(std::uint8_t algorithm, std::size_t plain_bytes, Bytes payload) {
  Buffer body;
  const auto field = [&](std::uint8_t number, std::uint64_t value) {
    Buffer coded;
    protocol::put_lenenc(coded, value);
    protocol::put_u8(body, number);
    protocol::put_lenenc_bytes(body, coded);
  };
  field(2, algorithm);
  field(3, plain_bytes);
  field(1, payload.size());
  protocol::put_u8(body, 0);
  protocol::put_bytes(body, payload);
  return body;
}

Buffer inner_transaction(std::uint32_t rows) {
  Buffer all;
  const auto append = [&](EventType type, const Buffer& body) {
    protocol::put_bytes(all, framed({.type = type}, body));
  };
  append(EventType::query, query_body("BEGIN"));
  append(EventType::table_map, table_map_body(7));
  for (std::uint32_t i = 0; i < rows; ++i) append(EventType::write_rows, insert_body(7, i));
  append(EventType::xid, Buffer(8));
  return all;
}

Buffer zstd(Bytes plain) {
  Buffer packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

TEST(LogDecoder, ACompressedTransactionComesInStepsOfLimitedSize) {
  constexpr std::uint32_t kRows = 1000;
  const Buffer inner = inner_transaction(kRows);
  for (const bool packed : {true, false}) {
    Dump dump({.step_bytes_max = 10000});
    ASSERT_TRUE(dump.gtid(1).ok());
    const Buffer payload = packed ? zstd(inner) : inner;
    ASSERT_TRUE(dump.feed(EventType::transaction_payload, payload_body(packed ? 0 : 255, inner.size(), payload)).ok())
        << dump.status;
    std::size_t rows = 0;
    std::size_t steps = 1;
    for (;; ++steps) {
      std::size_t bytes = 0;
      for (const LogItem& item : dump.items) {
        bytes += item_bytes(item);
        rows += std::holds_alternative<RowsChange>(item) ? 1 : 0;
      }
      EXPECT_LT(bytes, 11000u);
      if (!dump.decoder.has_more()) break;
      dump.items.clear();
      ASSERT_TRUE(dump.decoder.more(&dump.items).ok());
    }
    EXPECT_GT(steps, 10u);
    EXPECT_EQ(rows, kRows);
    EXPECT_EQ(dump.decoder.position().offset, dump.end());
    EXPECT_FALSE(dump.decoder.in_transaction());
  }
}

TEST(LogDecoder, AnEventBeforeTheRestOfACompressedTransactionIsRefused) {
  const Buffer inner = inner_transaction(100);
  Dump dump({.step_bytes_max = 1});
  ASSERT_TRUE(dump.gtid(1).ok());
  ASSERT_TRUE(dump.feed(EventType::transaction_payload, payload_body(0, inner.size(), zstd(inner))).ok());
  ASSERT_TRUE(dump.decoder.has_more());
  EXPECT_FALSE(dump.gtid(2).ok());
}

TEST(LogDecoder, MalformedCompressionIsAnError) {
  const Buffer inner = inner_transaction(3);
  const Buffer good = zstd(inner);
  const auto feed = [](const Buffer& body) {
    Dump dump;
    (void)dump.gtid(1);
    return dump.feed(EventType::transaction_payload, body);
  };
  EXPECT_TRUE(feed(payload_body(0, inner.size(), good)).ok());
  EXPECT_FALSE(feed(payload_body(0, inner.size() - 1, good)).ok());
  EXPECT_FALSE(feed(payload_body(0, inner.size() + 1, good)).ok());
  EXPECT_FALSE(feed(payload_body(3, inner.size(), good)).ok());
  EXPECT_FALSE(feed(payload_body(0, inner.size(), Bytes(good).first(good.size() - 1))).ok());
  EXPECT_FALSE(feed(payload_body(255, inner.size(), Bytes(inner).first(inner.size() - 1))).ok());
  Buffer nested = framed({.type = EventType::rotate}, rotate_body("bin.000002", 4));
  EXPECT_FALSE(feed(payload_body(255, nested.size(), nested)).ok());
}

TEST(LogDecoder, MariaDbsCompressedRowsWithASizeThatCannotBeAreAnErrorWithoutTakingMemory) {
  Dump dump({}, Make::mariadb);
  Buffer gtid;
  support::put_u64(gtid, 1);
  protocol::put_zeros(gtid, 11);
  ASSERT_TRUE(dump.feed(EventType::mariadb_gtid, gtid).ok());
  ASSERT_TRUE(dump.feed(EventType::table_map, table_map_body(7)).ok());
  Buffer body = insert_body(7, 1);
  body.resize(body.size() - 7);
  for (const int byte : {0x84, 0x3f, 0xff, 0xff, 0xff, 0x78, 0x9c})
    protocol::put_u8(body, static_cast<std::uint8_t>(byte));
  EXPECT_THAT(std::string(dump.feed(EventType::write_rows_compressed, body).message()),
              HasSubstr("its size cannot be"));
}

TEST(LogDecoder, AnUnknownFormatIsRefused) {
  Buffer other = format_description_body(Make::mysql, Checksum::none);
  other[0] = 3;
  Dump dump;
  EXPECT_THAT(std::string(dump.artificial(EventType::format_description, other).message()), HasSubstr("log format 3"));
}

}  // namespace
}  // namespace crossfade::dualwrite
