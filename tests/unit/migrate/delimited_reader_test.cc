#include "migrate/delimited_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrate {
namespace {

using ::testing::ElementsAre;

DelimitedFormat tsv() { return {.kind = DelimitedFormat::Kind::tsv, .delimiter = '\t'}; }

// "a|b|~ @2-3;..": fields, NULL as ~, the lines of the record and behind it. Errors as they are.
std::string read(const DelimitedFormat& format, std::string_view text, std::size_t piece) {
  DelimitedReader reader(format);
  std::vector<DelimitedRecord> records;
  absl::Status status;
  for (std::size_t at = 0; status.ok() && at < text.size(); at += piece)
    status = reader.feed(text.substr(at, piece), &records);
  if (status.ok()) status = reader.finish(&records);
  std::string out;
  for (const DelimitedRecord& record : records) {
    for (std::size_t i = 0; i < record.fields.size(); ++i) out += (i == 0 ? "" : "|") + record.fields[i].value_or("~");
    out += " @" + std::to_string(record.line) + "-" + std::to_string(record.next_line) + " " +
           std::to_string(record.end) + ";";
  }
  if (!status.ok()) out += std::string(status.message());
  return out;
}

// However it is cut.
std::string read(const DelimitedFormat& format, std::string_view text) {
  const std::string whole = read(format, text, text.size() + 1);
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(read(format, text, piece), whole) << piece;
  return whole;
}

TEST(DelimitedReader, CsvHasQuotesAndBothEndsOfLine) {
  EXPECT_EQ(read({}, "a,b\r\n\"x,\"\"y\"\"\",\"1\r\n2\"\n,\n"), "a|b @1-2 5;x,\"y\"|1\r\n2 @2-4 22;| @4-5 24;");
  EXPECT_EQ(read({}, "last,one"), "last|one @1-1 8;");
  EXPECT_EQ(read({}, "cr\r"), "cr @1-1 3;");
  EXPECT_EQ(read({}, ""), "");
  EXPECT_EQ(read({}, "\n\"\"\n"), " @1-2 1; @2-3 4;");
  EXPECT_EQ(read({.delimiter = ';'}, "a;b,c\n"), "a|b,c @1-2 6;");
}

TEST(DelimitedReader, CsvHasNullWhereTheMarkStandsWithoutQuotes) {
  EXPECT_EQ(read({}, "\\N,\"\\N\",N\n"), "~|\\N|N @1-2 10;");
  EXPECT_EQ(read({.null_mark = ""}, ",\"\"\n"), "~| @1-2 4;");
}

TEST(DelimitedReader, CsvThatIsNoneIsRefusedWithItsLine) {
  EXPECT_EQ(read({}, "a\nb\"c\n"), "a @1-2 2;line 2: a quote within a field that does not begin with one");
  EXPECT_EQ(read({}, "\"a\"b\n"), "line 1: something follows the quote that closes a field");
  EXPECT_EQ(read({}, "a\n\"b\n\nc\n"), "a @1-2 2;line 2: a quote is not closed until the end of the file");
  EXPECT_EQ(read({}, "a\rb\n"), "line 1: a carriage return outside of quotes that ends no line");
  EXPECT_THAT(read({.record_bytes_max = 4}, "abc\nabcd\n"),
              ::testing::StartsWith("abc @1-2 4;line 2: a record of more than 4 bytes"));
}

TEST(DelimitedReader, TsvHasMySqlsEscapes) {
  EXPECT_EQ(read(tsv(), "a\\tb\t\\N\t\\\\N\n1\\\n2\tx\\Zy\\q\t\r\n"), "a\tb|~|\\N @1-2 12;1\n2|x\x1ayq|\r @2-4 26;");
  EXPECT_EQ(read(tsv(), "\\Nx\tx\\N\t\"\n"), "Nx|xN|\" @1-2 10;");
  EXPECT_EQ(read(tsv(), "a\\"), "line 1: the file ends behind a backslash");
  EXPECT_EQ(read(tsv(), std::string_view("\\0\t\n", 4)), std::string("\0", 1) + "| @1-2 4;");
}

TEST(DelimitedReader, GoesOnInTheMiddleOfAFile) {
  DelimitedReader reader({}, {.offset = 100, .line = 7});
  std::vector<DelimitedRecord> records;
  ASSERT_TRUE(reader.feed("a\n\"", &records).ok());
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].end, 102u);
  EXPECT_EQ(records[0].line, 7u);
  EXPECT_THAT(std::string(reader.finish(&records).message()), ::testing::StartsWith("line 8: a quote"));
}

}  // namespace
}  // namespace crossfade::migrate
