#include "protocol/prepared.h"

#include <gtest/gtest.h>

#include "protocol/response.h"
#include "tests/support/server_packets.h"
#include "tests/unit/protocol/recorded_responses.h"

namespace crossfade::protocol {
namespace {

constexpr std::uint8_t kUnsigned = 0x80;

std::uint8_t byte(ColumnType type) { return static_cast<std::uint8_t>(type); }

ParameterType of(ColumnType type, std::uint8_t flags = 0) { return {.type = byte(type), .flags = flags}; }

Parameter value(ColumnType type, Buffer bytes, std::uint8_t flags = 0) {
  return {.type = of(type, flags), .is_null = false, .value = std::move(bytes)};
}

Buffer text_bytes(std::string_view text) {
  Buffer bytes;
  put_text(bytes, text);
  return bytes;
}

absl::StatusOr<Execute> decode(const Buffer& payload, std::uint16_t parameters) {
  std::vector<ParameterType> types;
  return decode_execute(payload, parameters, types, {});
}

TEST(PrepareOk, OfARealServerIsReadAndWrittenBack) {
  const Buffer payload = from_hex(
      "00020000001c00020000"
      "0300");
  const auto ok = decode_prepare_ok(payload);
  ASSERT_TRUE(ok.ok());
  EXPECT_EQ(ok->statement_id, 2u);
  EXPECT_EQ(ok->columns, 28);
  EXPECT_EQ(ok->parameters, 2);
  EXPECT_EQ(ok->warnings, 3);
  EXPECT_EQ(support::encode_prepare_ok(*ok), payload);
}

TEST(PrepareOk, IsRefusedWithAnyOtherSizeOrHeader) {
  Buffer payload = support::encode_prepare_ok({.statement_id = 1});
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    EXPECT_FALSE(decode_prepare_ok(Bytes(payload).first(bytes)).ok()) << bytes;
  }
  payload.push_back(0);
  EXPECT_FALSE(decode_prepare_ok(payload).ok());
  payload.pop_back();
  payload[0] = 1;
  EXPECT_FALSE(decode_prepare_ok(payload).ok());
}

TEST(Execute, WithoutParametersIsTenBytes) {
  const Buffer payload = from_hex("17070000000001000000");
  const auto execute = decode(payload, 0);
  ASSERT_TRUE(execute.ok());
  EXPECT_EQ(execute->statement_id, 7u);
  EXPECT_EQ(execute->cursor_flags, 0);
  EXPECT_TRUE(execute->parameters.empty());
  EXPECT_EQ(encode_execute(*execute), payload);
}

TEST(Execute, KeepsTheCursorFlag) {
  const auto execute = decode(from_hex("17070000000101000000"), 0);
  ASSERT_TRUE(execute.ok());
  EXPECT_EQ(execute->cursor_flags, 1);
}

TEST(Execute, AsTheManualShowsIt) {
  // "COM_STMT_EXECUTE" example: one parameter, the string "foo".
  const Buffer payload = from_hex("1701000000000100000000010f0003666f6f");
  const auto execute = decode(payload, 1);
  ASSERT_TRUE(execute.ok());
  ASSERT_EQ(execute->parameters.size(), 1u);
  EXPECT_EQ(execute->parameters[0].type, of(ColumnType::varchar));
  EXPECT_FALSE(execute->parameters[0].is_null);
  EXPECT_EQ(execute->parameters[0].value, text_bytes("foo"));
  EXPECT_EQ(encode_execute(*execute), payload);
}

TEST(Execute, CarriesEveryTypeAndWidth) {
  Execute execute{.statement_id = 0x01020304, .cursor_flags = 0, .parameters = {}};
  auto& parameters = execute.parameters;
  parameters.push_back(value(ColumnType::tiny, {1}));
  parameters.push_back(value(ColumnType::short_, {1, 2}));
  parameters.push_back(value(ColumnType::year, {1, 2}));
  parameters.push_back(value(ColumnType::long_, {1, 2, 3, 4}, kUnsigned));
  parameters.push_back(value(ColumnType::int24, {1, 2, 3, 4}));
  parameters.push_back(value(ColumnType::longlong, {1, 2, 3, 4, 5, 6, 7, 8}));
  parameters.push_back(value(ColumnType::float_, {1, 2, 3, 4}));
  parameters.push_back(value(ColumnType::double_, {1, 2, 3, 4, 5, 6, 7, 8}));
  for (const ColumnType type : {ColumnType::date, ColumnType::datetime, ColumnType::timestamp}) {
    for (const std::size_t bytes : {0, 4, 7, 11, 13}) {
      parameters.push_back(value(type, Buffer(bytes, 1)));
    }
  }
  for (const std::size_t bytes : {0, 8, 12}) {
    parameters.push_back(value(ColumnType::time, Buffer(bytes, 1)));
  }
  for (const ColumnType type :
       {ColumnType::decimal, ColumnType::varchar, ColumnType::bit, ColumnType::json, ColumnType::newdecimal,
        ColumnType::enum_, ColumnType::set, ColumnType::tiny_blob, ColumnType::medium_blob, ColumnType::long_blob,
        ColumnType::blob, ColumnType::var_string, ColumnType::string, ColumnType::geometry}) {
    parameters.push_back(value(type, text_bytes("text")));
    parameters.push_back(value(type, {}));
    parameters.push_back(value(type, Buffer(300, 'x')));
    parameters.push_back({.type = of(type), .is_null = true, .value = {}});
  }
  parameters.push_back({.type = of(ColumnType::null), .is_null = true, .value = {}});

  const Buffer payload = encode_execute(execute);
  const auto read = decode(payload, static_cast<std::uint16_t>(parameters.size()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->statement_id, 0x01020304u);
  ASSERT_EQ(read->parameters.size(), parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_EQ(read->parameters[i].type, parameters[i].type) << i;
    EXPECT_EQ(read->parameters[i].is_null, parameters[i].is_null) << i;
    EXPECT_EQ(read->parameters[i].value, parameters[i].value) << i;
  }
  EXPECT_EQ(encode_execute(*read), payload);
}

TEST(Execute, HasABitmapByteForEachEightParameters) {
  for (const std::uint16_t count : std::initializer_list<std::uint16_t>{1, 7, 8, 9, 16, 17}) {
    Execute execute;
    for (std::uint16_t i = 0; i < count; ++i) {
      execute.parameters.push_back({.type = of(ColumnType::tiny), .is_null = i % 3 == 0, .value = {}});
      if (i % 3 != 0) {
        execute.parameters.back().value = {static_cast<std::uint8_t>(i)};
      }
    }
    const auto read = decode(encode_execute(execute), count);
    ASSERT_TRUE(read.ok()) << count;
    for (std::uint16_t i = 0; i < count; ++i) {
      EXPECT_EQ(read->parameters[i].is_null, i % 3 == 0) << i;
    }
    EXPECT_FALSE(decode(encode_execute(execute), static_cast<std::uint16_t>(count + 1)).ok());
  }
}

TEST(Execute, UsesTheTypesOfTheLastExecutionThatBoundSome) {
  std::vector<ParameterType> types;
  ASSERT_TRUE(decode_execute(from_hex("170100000000010000000001038001000000"), 1, types, {}).ok());
  ASSERT_EQ(types, std::vector<ParameterType>{of(ColumnType::long_, kUnsigned)});
  const auto again = decode_execute(from_hex("17010000000001000000000002000000"), 1, types, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->parameters[0].type, of(ColumnType::long_, kUnsigned));
  EXPECT_EQ(again->parameters[0].value, (Buffer{2, 0, 0, 0}));
  EXPECT_EQ(encode_execute(*again), from_hex("170100000000010000000001038002000000"));
}

TEST(Execute, IsRefusedWhenNoTypesWereEverBound) {
  EXPECT_FALSE(decode(from_hex("17010000000001000000000002000000"), 1).ok());
}

TEST(Execute, OfNullsAloneNeedsNoTypesAndBindsNone) {
  std::vector<ParameterType> types;
  const auto execute = decode_execute(from_hex("170100000000010000000300"), 2, types, {});
  ASSERT_TRUE(execute.ok()) << execute.status();
  EXPECT_TRUE(execute->parameters[0].is_null);
  EXPECT_TRUE(execute->parameters[1].is_null);
  EXPECT_TRUE(types.empty());
  EXPECT_TRUE(absl::IsFailedPrecondition(decode_execute(from_hex("170100000000010000000100"), 2, types, {}).status()));
}

TEST(Execute, SaysWhetherItEndsAmongTheTypesOrAmongTheValues) {
  EXPECT_TRUE(absl::IsOutOfRange(decode(from_hex("17010000000001000000000103"), 1).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(decode(from_hex("1701000000000100000000010300"), 1).status()));
}

TEST(Execute, LeavesTheKnownTypesAloneWhenItIsRefused) {
  std::vector<ParameterType> types = {of(ColumnType::tiny)};
  EXPECT_FALSE(decode_execute(from_hex("1701000000000100000000010300010000"), 1, types, {}).ok());
  EXPECT_EQ(types, std::vector<ParameterType>{of(ColumnType::tiny)});
}

TEST(Execute, TakesLongDataInPlaceOfAValueInThePacket) {
  std::vector<ParameterType> types;
  const std::map<std::uint16_t, Buffer> long_data = {{1, text_bytes("long")}, {9, text_bytes("of no parameter")}};
  // tiny 5, then a blob without a value, then the string "z".
  const Buffer payload = from_hex(
      "170100000000010000000001"
      "0100fc00fd00"
      "05017a");
  const auto execute = decode_execute(payload, 3, types, long_data);
  ASSERT_TRUE(execute.ok()) << execute.status();
  EXPECT_EQ(execute->parameters[0].value, (Buffer{5}));
  EXPECT_EQ(execute->parameters[1].value, text_bytes("long"));
  EXPECT_FALSE(execute->parameters[1].is_null);
  EXPECT_EQ(execute->parameters[2].value, text_bytes("z"));
  const auto again = decode(encode_execute(*execute), 3);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->parameters[1].value, text_bytes("long"));
}

TEST(Execute, TakesLongDataEvenWhenTheParameterIsMarkedNull) {
  std::vector<ParameterType> types;
  const auto execute = decode_execute(from_hex("170100000000010000000101fc00"), 1, types, {{0, text_bytes("long")}});
  ASSERT_TRUE(execute.ok()) << execute.status();
  EXPECT_FALSE(execute->parameters[0].is_null);
  EXPECT_EQ(execute->parameters[0].value, text_bytes("long"));
}

TEST(Execute, WithLongDataForANumberIsRefusedAsByTheServers) {
  std::vector<ParameterType> types;
  const auto execute = decode_execute(from_hex("1701000000000100000000010300"), 1, types, {{0, text_bytes("12")}});
  EXPECT_TRUE(absl::IsInvalidArgument(execute.status()));
  EXPECT_TRUE(types.empty());
}

TEST(Execute, TakesAParameterOfTypeNullAsNull) {
  const auto execute = decode(from_hex("1701000000000100000000010600"), 1);
  ASSERT_TRUE(execute.ok());
  EXPECT_TRUE(execute->parameters[0].is_null);
}

TEST(Execute, IsRefusedWhenCutAtAnyByteAndTakenWithATail) {
  Execute execute;
  execute.parameters = {value(ColumnType::long_, {1, 2, 3, 4}), value(ColumnType::string, text_bytes("text")),
                        value(ColumnType::datetime, Buffer(7, 1)), value(ColumnType::time, Buffer(12, 1))};
  Buffer payload = encode_execute(execute);
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    EXPECT_FALSE(decode(Buffer(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(bytes)), 4).ok())
        << bytes;
  }
  EXPECT_TRUE(decode(payload, 4).ok());
  payload.push_back(0);
  EXPECT_EQ(encode_execute(decode(payload, 4).value()), encode_execute(execute)) << "the servers do not look behind it";
  Buffer nothing_bound = encode_execute(Execute());
  nothing_bound.push_back(1);
  EXPECT_TRUE(decode(nothing_bound, 0).ok());
}

TEST(Execute, IsRefusedForAnotherCommandAFlagThatIsNoneAndADateThatIsTooLong) {
  EXPECT_FALSE(decode(from_hex("16070000000001000000"), 0).ok());
  EXPECT_FALSE(decode(from_hex("170100000000010000000002010001"), 1).ok());
  Execute date;
  date.parameters = {value(ColumnType::string, Buffer(14, 1))};
  Buffer payload = encode_execute(date);
  EXPECT_TRUE(decode(payload, 1).ok());
  payload[12] = byte(ColumnType::datetime);
  EXPECT_FALSE(decode(payload, 1).ok());
  date.parameters = {value(ColumnType::string, Buffer(13, 1))};
  payload = encode_execute(date);
  payload[12] = byte(ColumnType::time);
  EXPECT_FALSE(decode(payload, 1).ok());
  payload[12] = byte(ColumnType::datetime);
  EXPECT_TRUE(decode(payload, 1).ok());
}

TEST(StatementId, IsReadAndReplacedInPlace) {
  Buffer payload = from_hex("1704030201ff");
  EXPECT_EQ(statement_id_of(payload), 0x01020304u);
  replace_statement_id(payload, 0xa0b0c0d0);
  EXPECT_EQ(payload, from_hex("17d0c0b0a0ff"));
  EXPECT_EQ(statement_id_of(from_hex("1904030201")), 0x01020304u);
  EXPECT_EQ(statement_id_of(from_hex("19040302")), std::nullopt);
  EXPECT_EQ(statement_id_of({}), std::nullopt);
}

}  // namespace
}  // namespace crossfade::protocol
