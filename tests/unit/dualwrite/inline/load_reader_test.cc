#include "dualwrite/inline/load_reader.h"

#include <string>

#include "gtest/gtest.h"

namespace crossfade::dualwrite {
namespace {

using routing::FileFormat;

// "[a|NULL|c] [d]", with + behind a row that has too many fields and @line before each.
std::string read(std::string_view file, const FileFormat& format, std::size_t columns, std::size_t piece) {
  LoadReader reader(format, columns, 1 << 20);
  std::string out;
  const auto take = [&] {
    for (;;) {
      const auto row = reader.next();
      if (!row.ok()) out += "failed";
      if (!row.ok() || !row->has_value()) return;
      const LoadRow& found = ***row;
      out += (out.empty() ? "" : " ") + std::to_string(found.line) + "[";
      for (std::size_t i = 0; i < found.fields.size(); ++i) {
        out += (i > 0 ? "|" : "") + (found.fields[i].null ? std::string("NULL") : found.fields[i].text);
      }
      out += found.too_many ? "]+" : "]";
    }
  };
  for (std::size_t at = 0; at < file.size(); at += piece) {
    reader.feed(protocol::as_bytes(file.substr(at, piece)));
    take();
  }
  reader.finish();
  take();
  return out;
}

std::string rows(std::string_view file, std::size_t columns = 2, const FileFormat& format = {}) {
  const std::string whole = read(file, format, columns, std::max<std::size_t>(file.size(), 1));
  for (std::size_t piece = 1; piece <= file.size(); ++piece)
    EXPECT_EQ(read(file, format, columns, piece), whole) << piece;
  return whole;
}

FileFormat csv() { return {.fields_terminated = ",", .enclosed = "\"", .lines_terminated = "\r\n"}; }

TEST(LoadReader, CutsLinesAndFields) {
  EXPECT_EQ(rows("a\tb\nc\td\n"), "1[a|b] 2[c|d]");
  EXPECT_EQ(rows("a\tb\nc\td"), "1[a|b] 2[c|d]");
  EXPECT_EQ(rows(""), "");
  EXPECT_EQ(rows("\n\n", 1), "1[] 2[]");
  EXPECT_EQ(rows("a\n", 2), "1[a]");
  EXPECT_EQ(rows("a\tb\tc\nd\te\n"), "1[a|b]+ 2[d|e]");
}

TEST(LoadReader, TheLastLineIsTakenAsTheServersTakeIt) {
  EXPECT_EQ(rows("a\tb\tc"), "1[a|b]");  // without an end nothing is too much
  EXPECT_EQ(rows("a\t"), "1[a]");        // and an empty last field is none
}

TEST(LoadReader, UndoesEscapes) {
  EXPECT_EQ(rows("\\0\\b\\n\\r\\t\\Z\\\\\\x\t\\N\n"), std::string("1[\0\b\n\r\t\x1a\\x|NULL]", 16));
  EXPECT_EQ(rows("a\\\tb\tc\\\nd\n"), "1[a\tb|c\nd]");
  EXPECT_EQ(rows("a\\", 1), "1[a\\]");
  EXPECT_EQ(rows("\\Nx\tx\\N\n"), "1[Nx|xN]");
  EXPECT_EQ(rows("\\N\ta\\b\n", 2, {.escaped = ""}), "1[\\N|a\\b]");
}

TEST(LoadReader, KnowsNullByItsWordOnlyWhereThereAreQuotes) {
  EXPECT_EQ(rows("NULL,\"NULL\"\r\n", 2, csv()), "1[NULL|NULL]");
  LoadReader reader(csv(), 2, 1000);
  reader.feed(protocol::as_bytes("NULL,\"NULL\"\r\nNULLx,\"\\N\"\r\n"));
  reader.finish();
  const LoadRow first = ***reader.next();
  EXPECT_TRUE(first.fields[0].null);
  EXPECT_FALSE(first.fields[1].null);
  const LoadRow second = ***reader.next();
  EXPECT_FALSE(second.fields[0].null);
  EXPECT_TRUE(second.fields[1].null);
  LoadReader plain({}, 1, 1000);
  plain.feed(protocol::as_bytes("NULL\n"));
  EXPECT_FALSE((***plain.next()).fields[0].null);
}

TEST(LoadReader, TakesQuotesApart) {
  EXPECT_EQ(rows("\"a\"\"b\",\"c,\r\nd\"\r\n\"e\" f,g\r\n", 2, csv()), "1[a\"b|c,\r\nd] 3[\"e\" f,g\r\n]");
  EXPECT_EQ(rows("\"a\",\"b\"\r\nc,d\"e\r\n", 2, csv()), "1[a|b] 2[c|d\"e]");
  EXPECT_EQ(rows("a,\"b", 2, csv()), "1[a|\"b]");
  FileFormat same = csv();
  same.escaped = "\"";
  EXPECT_EQ(rows("\"fie\"\"ld1\",\"a\\n\"\r\n", 2, same), "1[fie\"ld1|a\\n]");
}

TEST(LoadReader, FindsTheStartsOfLinesAndSkipsOthers) {
  EXPECT_EQ(rows("junk xxa\tb\nno start\nxx1\t2\n", 2, {.lines_starting = "xx"}), "1[a|b] 2[1|2]");
  EXPECT_EQ(rows("id\tname\\\nmore\n1\ta\n", 2, {.skipped_lines = 1}), "3[1|a]");
  EXPECT_EQ(rows("1\ta\n", 2, {.skipped_lines = 5}), "");
}

TEST(LoadReader, TriesSeparatorsOfSeveralCharactersFromEachOfTheirStarts) {
  const FileFormat format{.fields_terminated = "aab", .lines_terminated = "--"};
  EXPECT_EQ(rows("1aaab2---3aab4--", 2, format), "1[1a|2] 1[-3|4]");
}

TEST(LoadReader, ARowHasALimit) {
  LoadReader reader({}, 1, 10);
  reader.feed(protocol::as_bytes("0123456789"));
  EXPECT_TRUE(reader.next().ok());
  LoadReader longer({}, 1, 10);
  longer.feed(protocol::as_bytes("0123456789x"));
  EXPECT_TRUE(absl::IsResourceExhausted(longer.next().status()));
}

TEST(LoadReader, KeepsNothingOfRowsThatWereGiven) {
  LoadReader reader({}, 1, 100);
  for (int i = 0; i < 10000; ++i) {
    reader.feed(protocol::as_bytes("0123456789\n"));
    ASSERT_TRUE(reader.next()->has_value()) << i;
    ASSERT_FALSE(reader.next()->has_value()) << i;  // it would fail if the buffer had grown
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
