#include "routing/load_data.h"

#include <string>

#include "gtest/gtest.h"

namespace crossfade::routing {
namespace {

LoadData parse(std::string_view sql, LexerMode mode = {}) { return parse_load_data(sql, mode); }

std::string why(std::string_view tail) {
  const LoadData load = parse("LOAD DATA LOCAL INFILE 'f' INTO TABLE t " + std::string(tail));
  return load.understood ? "" : load.why;
}

TEST(LoadData, HasTheServersDefaults) {
  const LoadData load = parse("load data local infile 'a\\\\b' into table `T x`;");
  ASSERT_TRUE(load.understood) << load.why;
  EXPECT_EQ(load.file, "a\\b");
  EXPECT_EQ(load.table.table, "T x");
  EXPECT_FALSE(load.replace);
  EXPECT_EQ(load.format, FileFormat{});
  EXPECT_TRUE(load.columns.empty());
  EXPECT_EQ(load.charset, "");
}

TEST(LoadData, TakesEveryClause) {
  const LoadData load = parse(
      "LOAD DATA LOW_PRIORITY LOCAL INFILE \"f\" REPLACE INTO TABLE s.t CHARACTER SET UTF8MB4 COLUMNS TERMINATED BY "
      "',' "
      "OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES STARTING BY 'xxx' TERMINATED BY '\\r\\n' IGNORE 2 ROWS (A, `b "
      "c`) "
      "SET d = 'it''s', e = -1.5, f = NULL");
  ASSERT_TRUE(load.understood) << load.why;
  EXPECT_TRUE(load.replace);
  EXPECT_EQ(load.table.schema, "s");
  EXPECT_EQ(load.charset, "utf8mb4");
  const FileFormat format{.fields_terminated = ",",
                          .enclosed = "\"",
                          .escaped = "",
                          .lines_starting = "xxx",
                          .lines_terminated = "\r\n",
                          .skipped_lines = 2};
  EXPECT_EQ(load.format, format);
  EXPECT_EQ(load.columns, (std::vector<std::string>{"a", "b c"}));
  ASSERT_EQ(load.assigned.size(), 3u);
  EXPECT_EQ(load.assigned[0].sql, "'it''s'");
  EXPECT_EQ(load.assigned[1].sql, "-1.5");
  EXPECT_EQ(load.assigned[2].value.kind, ValueKind::null);
}

TEST(LoadData, TakesSeparatorsInHex) {
  const LoadData load = parse("LOAD DATA LOCAL INFILE 'f' INTO TABLE t FIELDS TERMINATED BY 0x7c ENCLOSED BY X'22'");
  ASSERT_TRUE(load.understood) << load.why;
  EXPECT_EQ(load.format.fields_terminated, "|");
  EXPECT_EQ(load.format.enclosed, "\"");
}

TEST(LoadData, HasNoEscapeByItselfWhereBackslashesArePlain) {
  LexerMode mode;
  mode.no_backslash_escapes = true;
  EXPECT_EQ(parse("LOAD DATA LOCAL INFILE 'f' INTO TABLE t", mode).format.escaped, "");
  EXPECT_EQ(parse("LOAD DATA LOCAL INFILE 'f' INTO TABLE t FIELDS ESCAPED BY '\\'", mode).format.escaped, "\\");
}

TEST(LoadData, SaysWhatItDoesNotUnderstand) {
  EXPECT_EQ(why(""), "");
  EXPECT_EQ(why("(a, @b)"), "a user variable among its columns");
  EXPECT_EQ(why("(a) SET b = UPPER(a)"), "SET to something else than a literal");
  EXPECT_EQ(why("(a) SET b = ?"), "SET to something else than a literal");
  EXPECT_EQ(why("PARTITION (p)"), "PARTITION");
  EXPECT_EQ(why("FIELDS TERMINATED BY ''"), "rows of fixed size, or fields without an end");
  EXPECT_EQ(why("LINES TERMINATED BY ''"), "lines without an end of their own");
  EXPECT_EQ(why("LINES TERMINATED BY '\\t'"), "lines without an end of their own");
  EXPECT_EQ(why("FIELDS ENCLOSED BY 'ab'"), "a quote or escape of several characters");
  EXPECT_EQ(why("FIELDS TERMINATED BY '\xc3\xa9'"), "a separator that is not ASCII");
  EXPECT_EQ(why("FIELDS"), "FIELDS without a clause");
  EXPECT_EQ(why("(a.b)"), "a qualified column");
  EXPECT_EQ(why("; SELECT 1"), "a clause that is not known");
  EXPECT_EQ(why("/*!50000 (a) */"), "an executable comment");
  EXPECT_FALSE(parse("LOAD XML LOCAL INFILE 'f' INTO TABLE t").understood);
  EXPECT_FALSE(parse("LOAD DATA INFILE 'f' INTO TABLE t").understood);
  EXPECT_FALSE(parse("LOAD DATA LOCAL INFILE 'f").understood);
  EXPECT_FALSE(parse("").understood);
}

TEST(LoadData, TooLongASeparatorIsNotUnderstood) {
  EXPECT_EQ(why("LINES STARTING BY '" + std::string(64, 'x') + "'"), "");
  EXPECT_EQ(why("LINES STARTING BY '" + std::string(1025, 'x') + "'"), "a separator that is too long");
}

}  // namespace
}  // namespace crossfade::routing
