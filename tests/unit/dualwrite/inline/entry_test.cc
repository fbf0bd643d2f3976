#include "dualwrite/inline/entry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/dualwrite/inline/entries.h"

namespace crossfade::dualwrite {
namespace {

Entry full_entry() {
  Entry entry;
  entry.contexts = {context_of("shop"), context_of("")};
  entry.contexts[1].foreign_key_checks = false;
  entry.contexts[1].auto_increment_increment = 2;
  entry.contexts[1].auto_increment_offset = 7;
  entry.contexts[1].variables = {{"lc_time_names", "de_DE"}, {"default_week_format", "3"}};
  StatementRecord first = record_of("UPDATE t SET a = 'it''s' WHERE id = 1");
  first.found_rows = true;
  first.affected = -1;
  StatementRecord second = record_of(std::string("INSERT\0x", 8));
  second.context = 1;
  second.prepared = true;
  second.parameters = {0x17, 0, 0, 0, 0, 0xff};
  second.generates_id = true;
  second.affected = 3;
  second.insert_id = ~std::uint64_t{0};
  second.timestamp = "1795222044.556984";
  second.seeds = RandSeeds{1, 0xffffffff};
  entry.statements = {first, second};
  return entry;
}

TEST(Entry, SurvivesEncodingWithEveryFieldSet) {
  const Entry entry = full_entry();
  const absl::StatusOr<Entry> decoded = decode_entry(encode_entry(entry));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, entry);
}

TEST(Entry, SurvivesEncodingWithNoOptionalField) {
  const Entry entry = entry_of(record_of("DELETE FROM t WHERE id = 1"));
  const absl::StatusOr<Entry> decoded = decode_entry(encode_entry(entry));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, entry);
}

TEST(Entry, KeepsAnEmptyTimestampApartFromNone) {
  StatementRecord record = record_of("x");
  record.timestamp = "";
  const absl::StatusOr<Entry> decoded = decode_entry(encode_entry(entry_of(record)));
  ASSERT_TRUE(decoded.ok());
  ASSERT_TRUE(decoded->statements[0].timestamp.has_value());
  EXPECT_EQ(*decoded->statements[0].timestamp, "");
}

TEST(Entry, RejectsEveryTruncation) {
  const Buffer payload = encode_entry(full_entry());
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(decode_entry(Bytes(payload).first(size)).ok()) << size;
  }
}

TEST(Entry, RejectsAContextThatSaysItHasVariablesAndHasNone) {
  Entry entry = entry_of(record_of("x"));
  entry.contexts[0].variables = {{"~", "b"}};
  Buffer payload = encode_entry(entry);
  const auto count = std::find(payload.begin(), payload.end(), '~') - 2;
  ASSERT_EQ(*count, 1);
  payload.erase(count + 1, count + 5);
  *count = 0;
  EXPECT_FALSE(decode_entry(payload).ok());
}

TEST(Entry, RejectsBytesAfterTheEnd) {
  Buffer payload = encode_entry(full_entry());
  payload.push_back(0);
  EXPECT_FALSE(decode_entry(payload).ok());
}

TEST(Entry, RejectsAnUnknownVersion) {
  Buffer payload = encode_entry(full_entry());
  payload[0] = 2;
  EXPECT_FALSE(decode_entry(payload).ok());
}

TEST(Entry, RejectsAnUnknownFlagOfAContext) {
  Buffer payload = encode_entry(full_entry());
  payload[2] |= 8;
  EXPECT_FALSE(decode_entry(payload).ok());
}

TEST(Entry, RejectsAnUnknownFlagOfAStatement) {
  Entry entry = entry_of(record_of("x"));
  entry.contexts = {StatementContext{}};
  Buffer payload = encode_entry(entry);
  const std::size_t statement = 1 + 1 + (1 + 5 + 8) + 1;  // version, count, context of empty texts, count
  ASSERT_EQ(payload[statement], 0);
  payload[statement] = 0x80;
  EXPECT_FALSE(decode_entry(payload).ok());
}

TEST(Entry, RejectsAStatementOfAContextThatIsNotThere) {
  Entry entry = entry_of(record_of("x"));
  entry.statements[0].context = 1;
  EXPECT_FALSE(decode_entry(encode_entry(entry)).ok());
}

TEST(Entry, RejectsAnEntryThatSaysNothing) { EXPECT_FALSE(decode_entry(encode_entry(Entry{})).ok()); }

TEST(Entry, TakesNoMemoryForACountThatCannotBe) {
  EXPECT_FALSE(decode_entry(Buffer{1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
