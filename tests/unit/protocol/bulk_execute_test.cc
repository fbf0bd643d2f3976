#include "protocol/bulk_execute.h"

#include <gtest/gtest.h>

#include "protocol/response.h"
#include "tests/unit/protocol/recorded_responses.h"

namespace crossfade::protocol {
namespace {

using Types = std::vector<ParameterType>;

ParameterType of(ColumnType type) { return {.type = static_cast<std::uint8_t>(type), .flags = 0}; }

// Statement 5, a LONG and a string; rows (7, "ab"), (NULL, ""), (8, NULL).
const char* const kThreeRows =
    "fa0500000080000300fe00"
    "0007000000000261"
    "62"
    "010000"
    "000800000001";

std::vector<BulkRow> rows_of(const BulkExecute& bulk) {
  std::vector<BulkRow> rows;
  Reader reader(bulk.rows);
  while (!reader.at_end()) {
    auto row = take_bulk_row(reader, bulk.types);
    if (!row.ok()) {
      ADD_FAILURE() << row.status();
      break;
    }
    rows.push_back(*std::move(row));
  }
  return rows;
}

TEST(BulkExecute, HasTypesOnceAndRowsOfValuesAndNulls) {
  const Buffer payload = from_hex(kThreeRows);
  Types known;
  const auto bulk = decode_bulk_execute(payload, 2, known);
  ASSERT_TRUE(bulk.ok()) << bulk.status();
  EXPECT_EQ(bulk->statement_id, 5u);
  EXPECT_EQ(bulk->flags, kBulkSendsTypes);
  EXPECT_EQ(known, (Types{of(ColumnType::long_), of(ColumnType::string)}));
  const auto rows = rows_of(*bulk);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(parameter_text(rows[0].parameters[0]), "7");
  EXPECT_EQ(parameter_text(rows[0].parameters[1]), "ab");
  EXPECT_TRUE(rows[1].parameters[0].is_null);
  EXPECT_FALSE(rows[1].parameters[1].is_null);
  EXPECT_EQ(parameter_text(rows[1].parameters[1]), "");
  EXPECT_EQ(parameter_text(rows[2].parameters[0]), "8");
  EXPECT_TRUE(rows[2].parameters[1].is_null);
  for (const BulkRow& row : rows) EXPECT_FALSE(row.instead_of_a_value.has_value());
  EXPECT_EQ(encode_bulk_execute(*bulk), payload);
}

TEST(BulkExecute, WithoutTypesTakesThoseOfTheLastExecution) {
  const Buffer payload = from_hex(
      "fa050000000000"
      "000700000000016101"
      "00");
  Types known;
  EXPECT_FALSE(decode_bulk_execute(payload, 2, known).ok());
  known = {of(ColumnType::long_), of(ColumnType::string)};
  const auto bulk = decode_bulk_execute(payload, 2, known);
  ASSERT_TRUE(bulk.ok());
  EXPECT_EQ(bulk->types, known);
  // Sent on with its types: the connection may be another one by now.
  Types none;
  const Buffer again = encode_bulk_execute(*bulk);
  const auto decoded = decode_bulk_execute(again, 2, none);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->flags, kBulkSendsTypes);
  EXPECT_EQ(Buffer(decoded->rows.begin(), decoded->rows.end()), Buffer(bulk->rows.begin(), bulk->rows.end()));
}

TEST(BulkExecute, CutAnywhereIsRefusedOrEndsWithARow) {
  const Buffer payload = from_hex(kThreeRows);
  constexpr std::size_t kHead = 11;
  const std::vector<std::size_t> row_ends = {kHead, kHead + 9, kHead + 12, kHead + 18};
  ASSERT_EQ(payload.size(), row_ends.back());
  for (std::size_t bytes = 0; bytes <= payload.size(); ++bytes) {
    Types known;
    const auto bulk = decode_bulk_execute(Bytes(payload).first(bytes), 2, known);
    EXPECT_EQ(bulk.ok(), bytes >= kHead) << bytes;
    if (!bulk.ok()) {
      EXPECT_TRUE(known.empty()) << bytes;
      continue;
    }
    Reader reader(bulk->rows);
    bool whole = true;
    while (whole && !reader.at_end()) whole = take_bulk_row(reader, bulk->types).ok();
    EXPECT_EQ(whole, std::find(row_ends.begin(), row_ends.end(), bytes) != row_ends.end()) << bytes;
  }
}

TEST(BulkExecute, TellsOfDefaultAndIgnoreAndRefusesOtherIndicators) {
  const Types types = {of(ColumnType::long_), of(ColumnType::string)};
  const std::pair<const char*, std::optional<BulkIndicator>> cases[] = {{"0201", BulkIndicator::default_},
                                                                        {"0103", BulkIndicator::ignore},
                                                                        {"0302", BulkIndicator::ignore},
                                                                        {"0101", {}}};
  for (const auto& [hex, expected] : cases) {
    const Buffer bytes = from_hex(hex);
    Reader reader(bytes);
    const auto row = take_bulk_row(reader, types);
    ASSERT_TRUE(row.ok()) << hex;
    EXPECT_EQ(row->instead_of_a_value, expected) << hex;
    EXPECT_EQ(row->parameters.size(), 2u);
    EXPECT_TRUE(reader.at_end());
  }
  const Buffer bytes = from_hex("0401");
  Reader reader(bytes);
  EXPECT_FALSE(take_bulk_row(reader, types).ok());
}

TEST(BulkExecute, IsNoOtherCommand) {
  Buffer payload = from_hex(kThreeRows);
  payload[0] = 0x17;
  Types known;
  EXPECT_FALSE(decode_bulk_execute(payload, 2, known).ok());
}

}  // namespace
}  // namespace crossfade::protocol
