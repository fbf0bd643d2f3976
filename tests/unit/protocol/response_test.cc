#include "protocol/response.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/recorded_responses.h"

namespace crossfade::protocol {
namespace {

constexpr Capabilities kPlain = kProtocol41;

TEST(Ok, OfAnUpdateIsReadWithItsPrefixedInfoThoughNoSessionTrackWasAgreed) {
  const Buffer payload = from_hex(
      "00010022000000"
      "28526f7773206d6174636865643a203120204368616e6765643a203120205761726e696e67733a2030");
  const auto ok = decode_ok(payload, kPlain);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->affected_rows, 1u);
  EXPECT_EQ(ok->last_insert_id, 0u);
  EXPECT_EQ(ok->status, 0x0022);
  EXPECT_EQ(ok->warnings, 0);
  EXPECT_EQ(ok->info, "Rows matched: 1  Changed: 1  Warnings: 0");
  EXPECT_EQ(encode_ok(*ok, kPlain), payload);
}

TEST(Ok, WithSessionStateOfMariaDbIsReadAndWrittenBack) {
  const Buffer payload =
      from_hex("000000024000000023000e0a6175746f636f6d6d6974024f4e00110974696d655f7a6f6e65062b30303a3030");
  const auto ok = decode_ok(payload, kTrack);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->info, "");
  EXPECT_EQ(ok->session_state.size(), 35u);
  EXPECT_EQ(ok->session_state.substr(3, 10), "autocommit");
  EXPECT_EQ(encode_ok(*ok, kTrack), payload);
}

TEST(Ok, WithTheTransactionStateOfMySqlIsReadAndWrittenBack) {
  const Buffer payload = from_hex("00000003400000000b050908545f5f5f5f5f5f5f");
  const auto ok = decode_ok(payload, kTrack);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->status, kStatusSessionStateChanged | kStatusAutocommit | kStatusInTransaction);
  EXPECT_EQ(ok->session_state, "\x05\x09\x08T_______");
  EXPECT_EQ(encode_ok(*ok, kTrack), payload);
}

TEST(Ok, OfMariaDbInAUtf16SchemaHasAZeroBeforeTheStateAndIsTaken) {
  const auto ok = decode_ok(from_hex("00000002400000000009010706"
                                     "6170705f6431"),
                            kTrack);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->status, kStatusSessionStateChanged | kStatusAutocommit);
  EXPECT_EQ(ok->session_state, "");
}

TEST(Ok, CarriesInfoAndSessionStateTogether) {
  const Ok ok{.status = kStatusSessionStateChanged, .info = "hello", .session_state = "abc"};
  const auto read = decode_ok(encode_ok(ok, kTrack), kTrack);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->info, "hello");
  EXPECT_EQ(read->session_state, "abc");
}

TEST(Ok, LeavesTheSessionStateOutWhenTrackingWasNotAgreed) {
  const Ok ok{.status = kStatusSessionStateChanged, .info = "hello", .session_state = "abc"};
  const auto read = decode_ok(encode_ok(ok, kPlain), kPlain);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->info, "hello");
  EXPECT_EQ(read->session_state, "");
}

TEST(Ok, WithAChangedStateMayEndBeforeTheStateAndBeforeTheInfo) {
  EXPECT_TRUE(decode_ok(from_hex("00000000400000"), kTrack).ok());
  EXPECT_TRUE(decode_ok(from_hex("0000000040000000"), kTrack).ok());
}

TEST(Ok, TakesPlainTextOfAnOlderServerAsInfo) {
  Buffer payload = from_hex("00000002000000");
  put_text(payload, "Records: 3  Duplicates: 0");
  const auto ok = decode_ok(payload, kPlain);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->info, "Records: 3  Duplicates: 0");
}

TEST(Ok, TakesTextWhoseFirstByteIsTooSmallALengthWhole) {
  Buffer payload = from_hex("00000002000000");
  put_text(payload,
           "\x02"
           "abc");
  const auto ok = decode_ok(payload, kPlain);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->info,
            "\x02"
            "abc");
}

TEST(Ok, OfATerminatorHasTheHeaderOfAnEof) {
  const Ok ok{.status = kStatusMoreResults, .warnings = 7};
  const Buffer payload = encode_ok(ok, kPlain, 0xfe);
  EXPECT_EQ(payload.front(), 0xfe);
  const auto read = decode_ok(payload, kPlain);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->warnings, 7);
  EXPECT_EQ(read->status, kStatusMoreResults);
}

TEST(Ok, KeepsCountsOfEightBytes) {
  const Ok ok{.affected_rows = 0xfffffffffffffffe, .last_insert_id = 0x10000000000};
  const auto read = decode_ok(encode_ok(ok, kPlain), kPlain);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->affected_rows, 0xfffffffffffffffe);
  EXPECT_EQ(read->last_insert_id, 0x10000000000u);
}

TEST(Ok, IsRefusedWhenCutAtAnyByteOfItsFixedPart) {
  const Buffer payload = from_hex("00fc2c010022000000");
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    EXPECT_FALSE(decode_ok(Bytes(payload).first(bytes), kPlain).ok()) << bytes;
  }
  EXPECT_TRUE(decode_ok(payload, kPlain).ok());
}

TEST(Ok, IsRefusedWithAnotherHeader) { EXPECT_FALSE(decode_ok(from_hex("01000002000000"), kPlain).ok()); }

TEST(Ok, IsRefusedWhenItsSessionStateIsCut) {
  EXPECT_FALSE(decode_ok(from_hex("000000004000000003ab"), kTrack).ok());
  EXPECT_FALSE(decode_ok(from_hex("000000004000000541"), kTrack).ok());
}

TEST(Err, IsReadWithItsSqlstateAndWrittenBack) {
  const Buffer payload =
      from_hex("ff1e04233432533232556e6b6e6f776e20636f6c756d6e20276e6f70652720696e202753454c45435427");
  const auto err = decode_err(payload);
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err->code, 1054);
  EXPECT_EQ(err->sqlstate, "42S22");
  EXPECT_EQ(err->message, "Unknown column 'nope' in 'SELECT'");
  EXPECT_EQ(encode_err(*err), payload);
}

TEST(Err, FromBeforeTheHandshakeHasNoSqlstate) {
  Buffer payload = from_hex("ff1004");
  put_text(payload, "Too many connections");
  const auto err = decode_err(payload);
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err->code, 1040);
  EXPECT_EQ(err->sqlstate, "HY000");
  EXPECT_EQ(err->message, "Too many connections");
}

TEST(Err, MayHaveAnEmptyMessage) {
  const auto err = decode_err(from_hex("ff1004"));
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err->message, "");
}

TEST(Err, IsRefusedWhenCutOrWithAnotherHeader) {
  EXPECT_FALSE(decode_err({}).ok());
  EXPECT_FALSE(decode_err(from_hex("ff10")).ok());
  EXPECT_FALSE(decode_err(from_hex("fe1004")).ok());
  EXPECT_FALSE(decode_err(from_hex("ff10042334325332")).ok());
}

TEST(Err, WritesAGeneralSqlstateInPlaceOfOneThatDoesNotFit) {
  const auto err = decode_err(encode_err({.code = 1, .sqlstate = "42", .message = "text"}));
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err->sqlstate, "HY000");
  EXPECT_EQ(err->message, "text");
}

TEST(Eof, IsReadAndWrittenBack) {
  const Buffer payload = from_hex("fe01000a00");
  const auto eof = decode_eof(payload);
  ASSERT_TRUE(eof.ok());
  EXPECT_EQ(eof->warnings, 1);
  EXPECT_EQ(eof->status, kStatusAutocommit | kStatusMoreResults);
  EXPECT_EQ(encode_eof(*eof), payload);
}

TEST(Eof, IsRefusedWithAnyOtherSizeOrHeader) {
  EXPECT_FALSE(decode_eof({}).ok());
  EXPECT_FALSE(decode_eof(from_hex("fe01000a")).ok());
  EXPECT_FALSE(decode_eof(from_hex("fe01000a0000")).ok());
  EXPECT_FALSE(decode_eof(from_hex("0001000a00")).ok());
}

TEST(Column, OfARealServerIsReadAndWrittenBack) {
  const Buffer payload = from_hex("0364656605727463617001740174016901690c3f0004000000010000000000");
  const auto column = decode_column(payload);
  ASSERT_TRUE(column.ok());
  EXPECT_EQ(column->schema, "rtcap");
  EXPECT_EQ(column->table, "t");
  EXPECT_EQ(column->org_table, "t");
  EXPECT_EQ(column->name, "i");
  EXPECT_EQ(column->org_name, "i");
  EXPECT_EQ(column->collation, kBinaryCollation);
  EXPECT_EQ(column->length, 4u);
  EXPECT_EQ(column->type, ColumnType::tiny);
  EXPECT_EQ(column->flags, 0);
  EXPECT_EQ(column->decimals, 0);
  EXPECT_EQ(encode_column(*column), payload);
}

TEST(Column, KeepsEveryFieldThroughEncoding) {
  const ColumnDefinition column{.schema = "a",
                                .table = "bb",
                                .org_table = "ccc",
                                .name = std::string(300, 'n'),
                                .org_name = "",
                                .collation = 255,
                                .length = 0xfffffffe,
                                .type = ColumnType::geometry,
                                .flags = 0x9001,
                                .decimals = 31};
  const auto read = decode_column(encode_column(column));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->schema, column.schema);
  EXPECT_EQ(read->table, column.table);
  EXPECT_EQ(read->org_table, column.org_table);
  EXPECT_EQ(read->name, column.name);
  EXPECT_EQ(read->org_name, column.org_name);
  EXPECT_EQ(read->collation, column.collation);
  EXPECT_EQ(read->length, column.length);
  EXPECT_EQ(read->type, column.type);
  EXPECT_EQ(read->flags, column.flags);
  EXPECT_EQ(read->decimals, column.decimals);
}

TEST(Column, OfAFieldListMayBeFollowedByADefaultValue) {
  Buffer payload = encode_column({.name = "a", .type = ColumnType::long_});
  put_u8(payload, 0xfb);
  const auto column = decode_column(payload);
  ASSERT_TRUE(column.ok());
  EXPECT_EQ(column->name, "a");
}

TEST(Column, IsRefusedWhenCutAtAnyByteOrWithAnotherTail) {
  Buffer payload = encode_column({.schema = "s", .name = "a"});
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    EXPECT_FALSE(decode_column(Bytes(payload).first(bytes)).ok()) << bytes;
  }
  payload[payload.size() - 13] = 0x0b;
  EXPECT_FALSE(decode_column(payload).ok());
}

}  // namespace
}  // namespace crossfade::protocol
