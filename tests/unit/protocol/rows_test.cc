#include "protocol/rows.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "tests/unit/protocol/recorded_responses.h"

namespace crossfade::protocol {
namespace {

using Row = std::vector<Cell>;

Buffer binary_row(Bytes values, std::size_t columns = 1) {
  Buffer payload;
  put_zeros(payload, 1 + (columns + 9) / 8);
  put_bytes(payload, values);
  return payload;
}

// One value as a binary row of one column.
std::string rendered(const ColumnDefinition& column, Bytes value) {
  const auto row = decode_binary_row(binary_row(value), {column});
  if (!row.ok()) {
    return "refused: " + std::string(row.status().message());
  }
  return row->at(0).value_or("NULL");
}

template <typename Float>
Buffer float_bytes(Float value) {
  Buffer bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string rendered_double(double value, std::uint8_t decimals = 31) {
  return rendered({.type = ColumnType::double_, .decimals = decimals}, float_bytes(value));
}

bool is_refused(const ColumnDefinition& column, std::string_view hex) {
  return !decode_binary_row(binary_row(from_hex(hex)), {column}).ok();
}

const RecordedResponse& recorded(std::string_view name, ResponseKind kind) {
  for (const RecordedResponse& response : kRecordedResponses) {
    if (response.name == name && response.kind == kind) {
      return response;
    }
  }
  ADD_FAILURE() << "no recording named " << name;
  return kRecordedResponses[0];
}

std::vector<ResultSet> decode(const RecordedResponse& response) {
  const Buffer wire = from_hex(response.hex);
  auto results = decode_response(wire, response.kind, response.capabilities);
  EXPECT_TRUE(results.ok()) << response.name << results.status();
  return results.ok() ? *std::move(results) : std::vector<ResultSet>{};
}

TEST(TextRow, HasNullEmptyAndLongCells) {
  Buffer payload;
  put_lenenc_text(payload, "one");
  put_u8(payload, 0xfb);
  put_lenenc_text(payload, "");
  put_lenenc_text(payload, std::string(70000, 'x'));
  const auto row = decode_text_row(payload, 4);
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(*row, (Row{"one", std::nullopt, "", std::string(70000, 'x')}));
}

TEST(TextRow, IsRefusedWithTooFewOrTooManyCells) {
  const Buffer payload = from_hex("0161fb0162");
  EXPECT_TRUE(decode_text_row(payload, 3).ok());
  EXPECT_FALSE(decode_text_row(payload, 2).ok());
  EXPECT_FALSE(decode_text_row(payload, 4).ok());
  EXPECT_FALSE(decode_text_row(payload, std::numeric_limits<std::size_t>::max()).ok());
  EXPECT_FALSE(decode_text_row(Bytes(payload).first(4), 3).ok());
  EXPECT_FALSE(decode_text_row({}, 1).ok());
}

TEST(BinaryRow, OfRealServersReadsLikeTheirTextRow) {
  for (const std::string server : {"MariaDB", "MySQL"}) {
    SCOPED_TRACE(server);
    const std::vector<ResultSet> text = decode(recorded(server + " all types", ResponseKind::query));
    const std::vector<ResultSet> binary = decode(recorded(server + " all types", ResponseKind::execute));
    ASSERT_EQ(text.size(), 1u);
    ASSERT_EQ(binary.size(), 1u);
    ASSERT_EQ(text[0].rows.size(), 3u);
    EXPECT_EQ(text[0].rows, binary[0].rows);
    EXPECT_EQ(text[0].columns.size(), 28u);
    using namespace std::string_literals;
    const Row first = {"-128",
                       "255",
                       "-32768",
                       "-8388608",
                       "-2147483648",
                       "-9223372036854775808",
                       "18446744073709551615",
                       "00000042",
                       "1.5",
                       "0.1",
                       "12345.68",
                       "-12.345",
                       "2024",
                       "2024-02-29",
                       "2024-02-29 13:14:15.000123",
                       "2024-02-29 00:00:00",
                       "2024-02-29 13:14:15.250",
                       "-838:59:58.999999",
                       "-00:00:01",
                       "\x01\x01",
                       "b",
                       "x,y",
                       "ab",
                       "h\xc3\xa9llo",
                       "\x00\xff"s,
                       "blob",
                       "text",
                       "{\"a\": 1}"};
    EXPECT_EQ(binary[0].rows[0], first);
    EXPECT_EQ(binary[0].rows[1], Row(28, std::nullopt));
    EXPECT_EQ(binary[0].rows[2][13], "0000-00-00");
    EXPECT_EQ(binary[0].rows[2][14], "0000-00-00 00:00:00.000000");
    EXPECT_EQ(binary[0].rows[2][17], "00:00:00.000000");
    EXPECT_EQ(binary[0].rows[2][18], "25:00:00");
  }
}

TEST(BinaryRow, ReadsIntegersAsTheirFlagsSay) {
  const std::uint16_t unsigned_flag = kColumnUnsigned;
  EXPECT_EQ(rendered({.type = ColumnType::tiny}, from_hex("ff")), "-1");
  EXPECT_EQ(rendered({.type = ColumnType::tiny, .flags = unsigned_flag}, from_hex("ff")), "255");
  EXPECT_EQ(rendered({.type = ColumnType::short_}, from_hex("0080")), "-32768");
  EXPECT_EQ(rendered({.type = ColumnType::short_, .flags = unsigned_flag}, from_hex("0080")), "32768");
  EXPECT_EQ(rendered({.type = ColumnType::int24}, from_hex("000080ff")), "-8388608");
  EXPECT_EQ(rendered({.type = ColumnType::long_, .flags = unsigned_flag}, from_hex("ffffffff")), "4294967295");
  EXPECT_EQ(rendered({.type = ColumnType::longlong}, from_hex("0000000000000080")), "-9223372036854775808");
  EXPECT_EQ(rendered({.type = ColumnType::longlong, .flags = unsigned_flag}, from_hex("ffffffffffffffff")),
            "18446744073709551615");
}

TEST(BinaryRow, PadsZerofillColumnsToTheirWidth) {
  const ColumnDefinition column{.length = 5, .type = ColumnType::long_, .flags = std::uint16_t{kColumnUnsigned | 0x40}};
  EXPECT_EQ(rendered(column, from_hex("2a000000")), "00042");
  EXPECT_EQ(rendered(column, from_hex("40e20100")), "123456");
}

TEST(BinaryRow, ShowsAYearWithFourDigits) {
  EXPECT_EQ(rendered({.type = ColumnType::year}, from_hex("e807")), "2024");
  EXPECT_EQ(rendered({.type = ColumnType::year}, from_hex("0000")), "0000");
}

TEST(BinaryRow, WritesDoublesWithTheDigitsThatReadBack) {
  EXPECT_EQ(rendered_double(0.1), "0.1");
  EXPECT_EQ(rendered_double(0.0), "0");
  EXPECT_EQ(rendered_double(-0.0), "-0");
  EXPECT_EQ(rendered_double(-1500), "-1500");
  EXPECT_EQ(rendered_double(123456.75), "123456.75");
  EXPECT_EQ(rendered_double(1e14), "100000000000000");
  EXPECT_EQ(rendered_double(1e15), "1e15");
  EXPECT_EQ(rendered_double(1.5e300), "1.5e300");
  EXPECT_EQ(rendered_double(1e-15), "0.000000000000001");
  EXPECT_EQ(rendered_double(-1.25e-20), "-1.25e-20");
  EXPECT_EQ(rendered_double(1994043477104363.5), "1994043477104363.5");
  EXPECT_EQ(rendered_double(4054358746450241), "4.054358746450241e15");
  EXPECT_EQ(rendered_double(std::numeric_limits<double>::max()), "1.7976931348623157e308");
  EXPECT_EQ(rendered_double(std::numeric_limits<double>::denorm_min()), "5e-324");
}

TEST(BinaryRow, WritesAFloatWithTheDigitsOfAFloat) {
  EXPECT_EQ(rendered({.type = ColumnType::float_, .decimals = 31}, float_bytes(0.1f)), "0.1");
  EXPECT_EQ(rendered({.type = ColumnType::float_, .decimals = 31}, float_bytes(16777216.0f)), "16777216");
}

TEST(BinaryRow, PadsFloatsToTheDecimalsOfTheirColumn) {
  EXPECT_EQ(rendered_double(1.5, 2), "1.50");
  EXPECT_EQ(rendered_double(3, 3), "3.000");
  EXPECT_EQ(rendered_double(0, 2), "0.00");
  EXPECT_EQ(rendered_double(7, 0), "7");
  EXPECT_EQ(rendered_double(0.25, 1), "0.2");
  EXPECT_EQ(rendered_double(635371090301955.1, 3), "635371090301955.100");
  EXPECT_EQ(rendered_double(2.6715825212741317e42, 2), "2671582521274131700000000000000000000000000.00");
  EXPECT_EQ(rendered({.type = ColumnType::float_, .decimals = 2}, float_bytes(0.1f)), "0.10");
}

TEST(BinaryRow, WritesInfinitiesAndNanThoughNoServerSendsThem) {
  EXPECT_EQ(rendered_double(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(rendered_double(-std::numeric_limits<double>::infinity(), 2), "-inf");
  EXPECT_EQ(rendered_double(std::numeric_limits<double>::quiet_NaN(), 2), "nan");
}

TEST(BinaryRow, ReadsDatesOfEveryLength) {
  const ColumnDefinition date{.type = ColumnType::date};
  EXPECT_EQ(rendered(date, from_hex("00")), "0000-00-00");
  EXPECT_EQ(rendered(date, from_hex("04e807021d")), "2024-02-29");
  EXPECT_EQ(rendered(date, from_hex("07e807021d0d0e0f")), "2024-02-29");
  for (const ColumnType type : {ColumnType::datetime, ColumnType::timestamp}) {
    EXPECT_EQ(rendered({.type = type}, from_hex("00")), "0000-00-00 00:00:00");
    EXPECT_EQ(rendered({.type = type, .decimals = 2}, from_hex("00")), "0000-00-00 00:00:00.00");
    EXPECT_EQ(rendered({.type = type}, from_hex("04e807021d")), "2024-02-29 00:00:00");
    EXPECT_EQ(rendered({.type = type, .decimals = 3}, from_hex("07e807021d0d0e0f")), "2024-02-29 13:14:15.000");
    EXPECT_EQ(rendered({.type = type, .decimals = 6}, from_hex("0be807021d0d0e0f3f420f00")),
              "2024-02-29 13:14:15.999999");
    EXPECT_EQ(rendered({.type = type, .decimals = 1}, from_hex("0be807021d0d0e0f3f420f00")), "2024-02-29 13:14:15.9");
  }
}

TEST(BinaryRow, ReadsTimesOfEveryLength) {
  EXPECT_EQ(rendered({.type = ColumnType::time}, from_hex("00")), "00:00:00");
  EXPECT_EQ(rendered({.type = ColumnType::time, .decimals = 4}, from_hex("00")), "00:00:00.0000");
  EXPECT_EQ(rendered({.type = ColumnType::time}, from_hex("080122000000163b3b")), "-838:59:59");
  EXPECT_EQ(rendered({.type = ColumnType::time, .decimals = 6}, from_hex("0c000000000001020301000000")),
            "01:02:03.000001");
}

TEST(BinaryRow, ShowsAFractionOfAnExpressionOnlyWhenThereIsOne) {
  EXPECT_EQ(rendered({.type = ColumnType::time, .decimals = 31}, from_hex("080000000000010203")), "01:02:03");
  EXPECT_EQ(rendered({.type = ColumnType::time, .decimals = 31}, from_hex("0c000000000001020301000000")),
            "01:02:03.000001");
}

TEST(BinaryRow, RefusesDatesAndTimesOfOtherLengthsOrWithTooManyMicroseconds) {
  EXPECT_TRUE(is_refused({.type = ColumnType::date}, "03e80702"));
  EXPECT_TRUE(is_refused({.type = ColumnType::datetime}, "05e807021d00"));
  EXPECT_TRUE(is_refused({.type = ColumnType::datetime}, "0ce807021d0d0e0f0000000000"));
  EXPECT_TRUE(is_refused({.type = ColumnType::datetime}, "0be807021d0d0e0f40420f00"));
  EXPECT_TRUE(is_refused({.type = ColumnType::datetime}, "0be807021d"));
  EXPECT_TRUE(is_refused({.type = ColumnType::time}, "07000000000001"));
  EXPECT_TRUE(is_refused({.type = ColumnType::time}, "0c000000000001020340420f00"));
  EXPECT_TRUE(is_refused({.type = ColumnType::time}, "0d00000000000102030000000000"));
}

TEST(BinaryRow, GivesEveryOtherTypeAsAString) {
  for (const ColumnType type :
       {ColumnType::decimal, ColumnType::varchar, ColumnType::bit, ColumnType::json, ColumnType::newdecimal,
        ColumnType::enum_, ColumnType::set, ColumnType::tiny_blob, ColumnType::medium_blob, ColumnType::long_blob,
        ColumnType::blob, ColumnType::var_string, ColumnType::string, ColumnType::geometry,
        static_cast<ColumnType>(0x40)}) {
    EXPECT_EQ(rendered({.type = type}, from_hex("03616263")), "abc");
  }
}

TEST(BinaryRow, RefusesAValueInAColumnOfTypeNull) { EXPECT_TRUE(is_refused({.type = ColumnType::null}, "00")); }

TEST(BinaryRow, FindsNullsPastTheTwoReservedBits) {
  const std::vector<ColumnDefinition> columns(9, ColumnDefinition{.type = ColumnType::tiny});
  // The columns 0, 6 and 8 are the bits 2, 8 and 10.
  const auto row = decode_binary_row(from_hex("000405010203040506"), columns);
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(*row, (Row{std::nullopt, "1", "2", "3", "4", "5", std::nullopt, "6", std::nullopt}));
}

TEST(BinaryRow, IsRefusedWhenCutAtAnyByteWithATailOrAnotherHeader) {
  const std::vector<ColumnDefinition> columns = {
      {.type = ColumnType::long_}, {.type = ColumnType::string}, {.type = ColumnType::datetime}};
  Buffer payload = binary_row(from_hex("01000000"
                                       "0161"
                                       "04e807021d"),
                              3);
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    EXPECT_FALSE(decode_binary_row(Bytes(payload).first(bytes), columns).ok()) << bytes;
  }
  EXPECT_TRUE(decode_binary_row(payload, columns).ok());
  payload.push_back(0);
  EXPECT_FALSE(decode_binary_row(payload, columns).ok());
  payload.pop_back();
  payload[0] = 1;
  EXPECT_FALSE(decode_binary_row(payload, columns).ok());
}

TEST(RecordedResponses, AreAllTakenApart) {
  for (const RecordedResponse& response : kRecordedResponses) {
    SCOPED_TRACE(response.name);
    const Buffer wire = from_hex(response.hex);
    const auto results = decode_response(wire, response.kind, response.capabilities);
    if (response.kind == ResponseKind::fetch && response.name.find("error") == std::string_view::npos) {
      EXPECT_FALSE(results.ok()) << "rows cannot be read without their columns";
      continue;
    }
    ASSERT_TRUE(results.ok()) << results.status();
    for (const ResultSet& result : *results) {
      EXPECT_EQ(result.rows.size(), result.end.rows);
      EXPECT_EQ(result.columns.size(), result.end.columns);
    }
  }
}

TEST(RecordedResponses, OfSeveralStatementsGiveOneResultEach) {
  for (const std::string name : {"MariaDB several results", "MySQL several results, deprecated EOF"}) {
    const std::vector<ResultSet> results = decode(recorded(name, ResponseKind::query));
    ASSERT_EQ(results.size(), 4u);
    EXPECT_EQ(results[0].rows, std::vector<Row>{{"1"}});
    EXPECT_EQ(results[1].end.kind, ResultEnd::Kind::ok);
    EXPECT_EQ(results[2].rows, (std::vector<Row>{{"2", std::nullopt}}));
    EXPECT_EQ(results[3].end.kind, ResultEnd::Kind::err);
    EXPECT_EQ(results[3].end.err.code, 1064);
  }
}

TEST(RecordedResponses, KeepTheRowsBeforeAnError) {
  for (const std::string name : {"MariaDB error among the rows", "MySQL error among the rows, deprecated EOF"}) {
    const std::vector<ResultSet> results = decode(recorded(name, ResponseKind::query));
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].end.kind, ResultEnd::Kind::err);
    EXPECT_EQ(results[0].rows.size(), 2u);
    EXPECT_EQ(results[0].columns.at(0).name, "a");
  }
}

TEST(RecordedResponses, OfPrepareGiveTheColumnsAndNotTheParameters) {
  for (const std::string name : {"MariaDB prepare", "MySQL prepare, deprecated EOF"}) {
    const std::vector<ResultSet> results = decode(recorded(name, ResponseKind::prepare));
    ASSERT_EQ(results.size(), 1u);
    ASSERT_EQ(results[0].columns.size(), 2u);
    EXPECT_EQ(results[0].columns[0].name, "a");
    EXPECT_EQ(results[0].columns[1].name, "b");
  }
}

TEST(RecordedResponses, AreRefusedWhenCutOrWithATail) {
  const RecordedResponse& response = recorded("MySQL execute", ResponseKind::execute);
  Buffer wire = from_hex(response.hex);
  for (std::size_t bytes = 0; bytes < wire.size(); ++bytes) {
    EXPECT_FALSE(decode_response(Bytes(wire).first(bytes), response.kind, response.capabilities).ok()) << bytes;
  }
  wire.push_back(0);
  EXPECT_FALSE(decode_response(wire, response.kind, response.capabilities).ok());
}

TEST(RecordedResponses, AreRefusedWhenARowOrAColumnIsMalformed) {
  std::uint8_t sequence = 1;
  Buffer wire;
  append_message(wire, from_hex("01"), sequence);
  append_message(wire, from_hex("03646566"), sequence);
  append_message(wire, encode_ok({}, kDeprecateEof, 0xfe), sequence);
  EXPECT_FALSE(decode_response(wire, ResponseKind::query, kDeprecateEof).ok());
  wire.clear();
  sequence = 1;
  append_message(wire, from_hex("01"), sequence);
  append_message(wire, encode_column({.name = "a"}), sequence);
  append_message(wire, from_hex("0561"), sequence);
  append_message(wire, encode_ok({}, kDeprecateEof, 0xfe), sequence);
  EXPECT_FALSE(decode_response(wire, ResponseKind::query, kDeprecateEof).ok());
}

TEST(RecordedResponses, WithAnErrorInPlaceOfAColumnKeepTheColumnsBeforeIt) {
  std::uint8_t sequence = 1;
  Buffer wire;
  append_message(wire, from_hex("02"), sequence);
  append_message(wire, encode_column({.name = "a"}), sequence);
  append_message(wire, encode_err({.code = 9}), sequence);
  const auto results = decode_response(wire, ResponseKind::query, kProtocol41);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->at(0).columns.size(), 1u);
  EXPECT_EQ(results->at(0).end.err.code, 9);
}

ResultSet result_of(std::size_t columns, std::vector<Row> rows) {
  ResultSet result;
  result.columns.resize(columns);
  result.rows = std::move(rows);
  result.end.kind = ResultEnd::Kind::rows;
  return result;
}

TEST(Shape, IsAskedForBeforeAnythingIsRead) {
  const ResultSet one = result_of(1, {{"a"}});
  const ResultSet two = result_of(2, {{"a", std::nullopt}, {"b", "c"}});
  EXPECT_TRUE(expect_shape({one}, {1}).ok());
  EXPECT_TRUE(expect_shape({one, two}, {1, 2}).ok());
  EXPECT_TRUE(expect_shape({result_of(3, {})}, {3}).ok());
  EXPECT_TRUE(absl::IsInternal(expect_shape({}, {1})));
  EXPECT_TRUE(absl::IsInternal(expect_shape({one}, {2})));
  EXPECT_TRUE(absl::IsInternal(expect_shape({two}, {1})));
  EXPECT_TRUE(absl::IsInternal(expect_shape({one}, {1, 2})));
  EXPECT_TRUE(absl::IsInternal(expect_shape({one, two}, {1})));
  EXPECT_TRUE(absl::IsInternal(expect_shape({result_of(2, {{"a", "b"}, {"a"}})}, {2})));
  ResultSet ok;
  ok.end.kind = ResultEnd::Kind::ok;
  EXPECT_TRUE(absl::IsInternal(expect_shape({ok}, {0})));
  ResultSet failed = one;
  failed.end.kind = ResultEnd::Kind::err;  // in the middle of its rows
  EXPECT_TRUE(absl::IsInternal(expect_shape({failed}, {1})));
}

TEST(Shape, TheOnlyRowIsTheOneThatThereIs) {
  EXPECT_EQ(*only_row({result_of(2, {{"a", std::nullopt}})}, 2), (Row{"a", std::nullopt}));
  for (const ResultSet& other : {result_of(2, {}), result_of(2, {{"a", "b"}, {"c", "d"}}), result_of(1, {{"a"}}),
                                 result_of(3, {{"a", "b", "c"}}), ResultSet()}) {
    EXPECT_TRUE(absl::IsInternal(only_row({other}, 2).status()));
  }
  EXPECT_TRUE(absl::IsInternal(only_row({}, 1).status()));
  EXPECT_EQ(only_rows({result_of(1, {{"a"}, {"b"}})}, 1)->size(), 2u);
  EXPECT_TRUE(only_rows({result_of(1, {})}, 1)->empty());
  const ResultSet one = result_of(2, {{"a", std::nullopt}});
  EXPECT_EQ(sole_row(one, 2), &one.rows.front());
  EXPECT_EQ(sole_row(one, 1), nullptr);
  EXPECT_EQ(sole_row(result_of(1, {}), 1), nullptr);
  EXPECT_EQ(sole_row(result_of(1, {{"a"}, {"b"}}), 1), nullptr);
  EXPECT_EQ(sole_row({}, 0), nullptr);
}

TEST(Shape, AWholeNumberIsDigitsAlone) {
  EXPECT_EQ(*whole_number("0"), 0u);
  EXPECT_EQ(*whole_number("18446744073709551615"), UINT64_MAX);
  for (const Cell& other :
       {Cell(), Cell(""), Cell("-1"), Cell("1.0"), Cell(" 1"), Cell("1 "), Cell("x"), Cell("18446744073709551616")}) {
    EXPECT_TRUE(absl::IsInternal(whole_number(other).status())) << other.value_or("NULL");
  }
}

}  // namespace
}  // namespace crossfade::protocol
