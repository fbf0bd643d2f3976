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

TEST(BulkExecute, HasTypesOnceAndRowsAsTheyAre) {
  const Buffer payload = from_hex(kThreeRows);
  Types known;
  const auto bulk = decode_bulk_execute(payload, 2, known);
  ASSERT_TRUE(bulk.ok()) << bulk.status();
  EXPECT_EQ(bulk->statement_id, 5u);
  EXPECT_EQ(bulk->flags, kBulkSendsTypes);
  EXPECT_EQ(known, (Types{of(ColumnType::long_), of(ColumnType::string)}));
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

TEST(BulkExecute, CutWithinItsHeadIsRefused) {
  const Buffer payload = from_hex(kThreeRows);
  constexpr std::size_t kHead = 11;
  for (std::size_t bytes = 0; bytes <= payload.size(); ++bytes) {
    Types known;
    const auto bulk = decode_bulk_execute(Bytes(payload).first(bytes), 2, known);
    EXPECT_EQ(bulk.ok(), bytes >= kHead) << bytes;
    EXPECT_EQ(known.empty(), !bulk.ok()) << bytes;
  }
}

TEST(BulkExecute, IsNoOtherCommand) {
  Buffer payload = from_hex(kThreeRows);
  payload[0] = 0x17;
  Types known;
  EXPECT_FALSE(decode_bulk_execute(payload, 2, known).ok());
}

}  // namespace
}  // namespace crossfade::protocol
