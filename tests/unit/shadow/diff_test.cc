#include "shadow/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace crossfade::shadow {
namespace {

using protocol::Cell;
using protocol::ColumnDefinition;
using protocol::ColumnType;
using protocol::ResultEnd;

using Rows = std::vector<std::vector<Cell>>;

ColumnDefinition column(const std::string& name, ColumnType type, const std::string& table = "items") {
  ColumnDefinition definition;
  definition.name = name;
  definition.org_name = table.empty() ? "" : name;
  definition.org_table = table;
  definition.type = type;
  return definition;
}

Answer answer(std::vector<ColumnDefinition> columns, Rows rows) {
  Answer result;
  result.result.columns = std::move(columns);
  result.result.rows = std::move(rows);
  result.result.end.kind = ResultEnd::Kind::rows;
  return result;
}

// id INT, price DECIMAL, note VARCHAR.
Answer items(Rows rows) {
  return answer({column("id", ColumnType::long_), column("price", ColumnType::newdecimal),
                 column("note", ColumnType::var_string)},
                std::move(rows));
}

Answer failed(std::uint16_t code, const std::string& sqlstate = "HY000") {
  Answer result;
  result.result.end.kind = ResultEnd::Kind::err;
  result.result.end.err.code = code;
  result.result.end.err.sqlstate = sqlstate;
  result.result.end.err.message = "secret";
  return result;
}

Answer ok(std::uint64_t affected_rows = 0) {
  Answer result;
  result.result.end.kind = ResultEnd::Kind::ok;
  result.result.end.ok.affected_rows = affected_rows;
  return result;
}

constexpr DiffOptions kUnordered = {};
constexpr DiffOptions kOrdered = {.ordered = true};

TEST(Diff, EqualRowsMatch) {
  const Answer one = items({{"1", "2.50", "a"}, {"2", std::nullopt, ""}});
  const Diff diff = compare(one, one, kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::match);
  EXPECT_EQ(diff.control_rows, 2u);
  EXPECT_EQ(diff.candidate_rows, 2u);
  EXPECT_EQ(diff.differing_rows, 0u);
  EXPECT_TRUE(diff.samples.empty());
  EXPECT_EQ(diff.detail, "");
}

TEST(Diff, NoRowsMatchNoRows) { EXPECT_EQ(compare(items({}), items({}), kOrdered).verdict, Verdict::match); }

TEST(Diff, SpellingsOfOneValueMatch) {
  EXPECT_EQ(compare(items({{"01", "2.50", "a"}}), items({{"1", "2.5", "a"}}), kOrdered).verdict, Verdict::match);
}

TEST(Diff, NamesTheCellThatDiffers) {
  const Diff diff = compare(items({{"1", "1.00", "a"}, {"42", "10.00", "b"}}),
                            items({{"1", "1.00", "a"}, {"42", "10.01", "b"}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.differing_rows, 1u);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_EQ(diff.samples[0].kind, Verdict::value);
  EXPECT_EQ(diff.samples[0].row, 2u);
  EXPECT_EQ(diff.samples[0].row_key, "42");
  EXPECT_EQ(diff.samples[0].column, "price");
  EXPECT_EQ(diff.samples[0].control, "10.00");
  EXPECT_EQ(diff.samples[0].candidate, "10.01");
}

TEST(Diff, NullDiffersFromTheEmptyStringAndFromTheWordNull) {
  const Diff diff = compare(items({{"1", "1", std::nullopt}}), items({{"1", "1", ""}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_FALSE(diff.samples[0].control.has_value());
  EXPECT_EQ(diff.samples[0].candidate, "");
  EXPECT_EQ(compare(items({{"1", "1", std::nullopt}}), items({{"1", "1", "NULL"}}), kUnordered).verdict,
            Verdict::value);
}

TEST(Diff, CellsNeverRunIntoOneAnother) {
  const Diff diff = compare(items({{"1", "1", "a"}, {"1", "1", "1:b"}, {"1", "1", "-"}}),
                            items({{"1", "1", "a"}, {"1", "1", "b"}, {"1", "1", std::nullopt}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.differing_rows, 4u);
}

TEST(Diff, AnotherOrderIsANoteWithAndWithoutOrderBy) {
  const Answer one = items({{"1", "1", "a"}, {"2", "2", "b"}});
  const Answer other = items({{"2", "2", "b"}, {"1", "1", "a"}});
  for (const DiffOptions& options : {kUnordered, kOrdered}) {
    const Diff diff = compare(one, other, options);
    EXPECT_EQ(diff.verdict, Verdict::order_only);
    EXPECT_EQ(diff.differing_rows, 0u);
    EXPECT_EQ(diff.detail, "same rows in another order");
  }
}

TEST(Diff, CountsRepeatedRows) {
  const std::vector<Cell> row = {"1", "1", "a"};
  const Diff fewer = compare(items({row, row, row}), items({row, row}), kUnordered);
  EXPECT_EQ(fewer.verdict, Verdict::row_missing);
  EXPECT_EQ(fewer.differing_rows, 1u);
  const Diff more = compare(items({row, row}), items({row, row, row, row}), kUnordered);
  EXPECT_EQ(more.verdict, Verdict::row_extra);
  EXPECT_EQ(more.differing_rows, 2u);
}

TEST(Diff, ReportsARowThatIsMissingInTheMiddleAlone) {
  const Diff diff = compare(items({{"1", "1", "a"}, {"2", "2", "b"}, {"3", "3", std::nullopt}}),
                            items({{"1", "1", "a"}, {"3", "3", std::nullopt}}), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::row_missing);
  EXPECT_EQ(diff.differing_rows, 1u);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_EQ(diff.samples[0].kind, Verdict::row_missing);
  EXPECT_EQ(diff.samples[0].row, 2u);
  EXPECT_EQ(diff.samples[0].row_key, "2");
  EXPECT_EQ(diff.samples[0].column, "");
  EXPECT_EQ(diff.samples[0].control, "2, 2, b");
  EXPECT_FALSE(diff.samples[0].candidate.has_value());
}

TEST(Diff, NumbersAnExtraRowByTheCandidate) {
  const Diff diff = compare(items({}), items({{"7", std::nullopt, "x"}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::row_extra);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_EQ(diff.samples[0].row, 1u);
  EXPECT_EQ(diff.samples[0].row_key, "7");
  EXPECT_EQ(diff.samples[0].candidate, "7, NULL, x");
  EXPECT_FALSE(diff.samples[0].control.has_value());
}

TEST(Diff, MissingRowsDecideBeforeCells) {
  const Diff diff = compare(items({{"1", "1", "a"}, {"2", "2", "b"}}), items({{"1", "9", "a"}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::row_missing);
  EXPECT_EQ(diff.differing_rows, 2u);
  ASSERT_EQ(diff.samples.size(), 2u);
  EXPECT_EQ(diff.samples[0].kind, Verdict::value);
  EXPECT_EQ(diff.samples[1].kind, Verdict::row_missing);
}

TEST(Diff, RowsBothMissingAndExtraAreAValueDifference) {
  const Diff diff =
      compare(items({{"1", "1", "a"}, {"2", "2", "b"}}), items({{"1", "1", "a"}, {"3", "2", "b"}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.differing_rows, 2u);
  ASSERT_EQ(diff.samples.size(), 2u);
  EXPECT_EQ(diff.samples[0].kind, Verdict::row_missing);
  EXPECT_EQ(diff.samples[1].kind, Verdict::row_extra);
}

TEST(Diff, PairsByKeyWhereTheRowHasMoved) {
  const Diff diff =
      compare(items({{"1", "1", "a"}, {"2", "2", "b"}}), items({{"2", "2", "B"}, {"1", "1", "a"}}), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_EQ(diff.samples[0].row_key, "2");
  EXPECT_EQ(diff.samples[0].column, "note");
}

TEST(Diff, PairsByPositionOnlyWhenOrdered) {
  const std::vector<ColumnDefinition> columns = {column("price", ColumnType::newdecimal)};
  const Answer control = answer(columns, {{"1"}, {"2"}, {"3"}});
  const Answer candidate = answer(columns, {{"1"}, {"9"}, {"3"}});
  const Diff ordered = compare(control, candidate, kOrdered);
  EXPECT_EQ(ordered.differing_rows, 1u);
  ASSERT_EQ(ordered.samples.size(), 1u);
  EXPECT_EQ(ordered.samples[0].column, "price");
  const Diff unordered = compare(control, candidate, kUnordered);
  EXPECT_EQ(unordered.differing_rows, 2u);
  EXPECT_EQ(unordered.verdict, Verdict::value);
}

TEST(Diff, PairsByPositionWhereThereIsOneRow) {
  const std::vector<ColumnDefinition> columns = {column("total", ColumnType::longlong, "")};
  const Diff diff = compare(answer(columns, {{"10"}}), answer(columns, {{"11"}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.differing_rows, 1u);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_EQ(diff.samples[0].column, "total");
}

TEST(Diff, DoesNotPairByAFirstCellThatRepeatsOrIsNull) {
  const Answer control = items({{"1", "1", "a"}, {"1", "2", "b"}, {std::nullopt, "3", "c"}});
  const Answer candidate = items({{"1", "1", "x"}, {"1", "2", "y"}, {std::nullopt, "3", "z"}});
  const Diff diff = compare(control, candidate, kUnordered);
  EXPECT_EQ(diff.differing_rows, 6u);
  EXPECT_EQ(diff.verdict, Verdict::value);
}

TEST(Diff, LastDigitsOfADoubleAreANote) {
  const std::vector<ColumnDefinition> columns = {column("avg", ColumnType::double_, "")};
  const Answer control = answer(columns, {{"0.30000000000000004"}, {"5"}});
  const Answer candidate = answer(columns, {{"0.3"}, {"5"}});
  for (const DiffOptions& options : {kUnordered, kOrdered}) {
    const Diff diff = compare(control, candidate, options);
    EXPECT_EQ(diff.verdict, Verdict::precision);
    EXPECT_EQ(diff.differing_rows, 0u);
    ASSERT_EQ(diff.samples.size(), 1u);
    EXPECT_EQ(diff.samples[0].kind, Verdict::precision);
  }
}

TEST(Diff, LastDigitsAreNoExcuseForAnotherCell) {
  const std::vector<ColumnDefinition> columns = {
      column("id", ColumnType::long_), column("avg", ColumnType::double_, ""), column("note", ColumnType::var_string)};
  const Diff diff = compare(answer(columns, {{"1", "0.30000000000000004", "a"}, {"2", "0.30000000000000004", "a"}}),
                            answer(columns, {{"1", "0.3", "b"}, {"2", "0.3", "a"}}), kUnordered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.differing_rows, 1u);
  for (const Difference& sample : diff.samples) {
    EXPECT_EQ(sample.row_key, "1");
  }
}

// MariaDB tells four decimals of STD() of an integer, MySQL as many as it takes.
std::vector<ColumnDefinition> grouped(std::uint8_t decimals, std::vector<ColumnDefinition> others) {
  ColumnDefinition deviation = column("deviation", ColumnType::double_, "");
  deviation.decimals = decimals;
  std::vector<ColumnDefinition> columns = {deviation};
  columns.insert(columns.end(), others.begin(), others.end());
  return columns;
}

TEST(Diff, RowsWhoseDigitsDifferByMakeArePairedByTheirOtherColumns) {
  const std::vector<ColumnDefinition> key = {column("kind", ColumnType::var_string)};
  const Answer control = answer(grouped(4, key), {{"3.0912", "a"}, {"1.5000", "b"}, {"0.3333", "c"}});
  const Answer candidate =
      answer(grouped(31, key), {{"0.3333333333333333", "c"}, {"3.0912061651652345", "a"}, {"1.5", "b"}});
  const Diff equal = compare(control, candidate, kUnordered);
  EXPECT_EQ(equal.verdict, Verdict::precision);
  EXPECT_EQ(equal.differing_rows, 0u);
  const Answer wrong =
      answer(grouped(31, key), {{"0.3433333333333333", "c"}, {"3.0912061651652345", "a"}, {"1.5", "b"}});
  EXPECT_EQ(compare(control, wrong, kUnordered).verdict, Verdict::value);
}

TEST(Diff, RowsOfNothingButSuchDigitsArePairedBySize) {
  const Answer control = answer(grouped(4, {}), {{"3.0912"}, {"1.7321"}, {"0.3333"}});
  EXPECT_EQ(compare(control,
                    answer(grouped(31, {}), {{"0.3333333333333333"}, {"3.0912061651652345"}, {"1.7320508075688772"}}),
                    kUnordered)
                .verdict,
            Verdict::precision);
  EXPECT_EQ(
      compare(control, answer(grouped(31, {}), {{"0.3333333333333333"}, {"3.0912061651652345"}, {"1.74"}}), kUnordered)
          .verdict,
      Verdict::value);
}

TEST(Diff, AnotherOrderIsADifferenceWhereNoRowsTie) {
  const Answer one = items({{"1", "1", "a"}, {"2", "2", "b"}, {"3", "3", "c"}});
  const Answer other = items({{"1", "1", "a"}, {"3", "3", "c"}, {"2", "2", "b"}});
  const Diff diff = compare(one, other, {.ordered = true, .total_order = true});
  EXPECT_EQ(diff.verdict, Verdict::order);
  EXPECT_TRUE(is_difference(diff.verdict));
  EXPECT_EQ(diff.differing_rows, 2u);
  ASSERT_EQ(diff.samples.size(), 2u);
  EXPECT_EQ(diff.samples[0].kind, Verdict::order);
  EXPECT_EQ(diff.samples[0].row, 2u);
  EXPECT_EQ(diff.samples[0].column, "id");
  EXPECT_EQ(diff.samples[0].control, "2");
  EXPECT_EQ(diff.samples[0].candidate, "3");
  EXPECT_EQ(compare(one, one, {.ordered = true, .total_order = true}).verdict, Verdict::match);
}

TEST(Diff, SamplesShowManyRowsAndManyColumns) {
  const std::vector<ColumnDefinition> columns = {column("id", ColumnType::long_), column("a", ColumnType::long_),
                                                 column("b", ColumnType::long_), column("c", ColumnType::long_)};
  Rows one;
  Rows other;
  for (int i = 0; i < 10; ++i) {
    one.push_back({std::to_string(i), "1", "1", "1"});
    other.push_back({std::to_string(i), "2", "2", "2"});
  }
  const Diff diff = compare(answer(columns, one), answer(columns, other), {.samples_max = 4});
  std::vector<std::string> shown;
  for (const Difference& sample : diff.samples) {
    shown.push_back(sample.row_key + sample.column);
  }
  EXPECT_EQ(shown, (std::vector<std::string>{"0a", "1b", "2c", "3a"}));
}

TEST(Diff, NullIsNeverEqualUpToPrecision) {
  const std::vector<ColumnDefinition> columns = {column("avg", ColumnType::double_, "")};
  EXPECT_EQ(compare(answer(columns, {{std::nullopt}}), answer(columns, {{"0"}}), kUnordered).verdict, Verdict::value);
}

TEST(Diff, OtherColumnNamesAreANoteThatQuotesNothing) {
  const Diff diff = compare(
      answer({column("id", ColumnType::long_), column("'secret'", ColumnType::var_string, "")}, {{"1", "x"}}),
      answer({column("id", ColumnType::long_), column("secret", ColumnType::var_string, "")}, {{"1", "x"}}), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::metadata);
  EXPECT_EQ(diff.detail, "column 2 has another name");
}

TEST(Diff, ADifferenceOutweighsOtherColumnNames) {
  const Diff diff = compare(answer({column("a", ColumnType::long_)}, {{"1"}}),
                            answer({column("b", ColumnType::long_)}, {{"2"}}), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::value);
}

TEST(Diff, DoesNotNameAColumnAfterAnExpressionWithLiterals) {
  const std::vector<ColumnDefinition> columns = {column("CONCAT(n, 'secret')", ColumnType::var_string, "")};
  const Diff diff = compare(answer(columns, {{"a"}}), answer(columns, {{"b"}}), kOrdered);
  ASSERT_EQ(diff.samples.size(), 1u);
  EXPECT_EQ(diff.samples[0].column, "column 1");
}

TEST(Diff, AnotherNumberOfColumnsIsADifference) {
  const Diff diff =
      compare(items({{"1", "1", "a"}}), answer({column("id", ColumnType::long_)}, {{"1"}, {"2"}}), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.detail, "control: 3 columns; candidate: 1 columns");
  EXPECT_EQ(diff.differing_rows, 2u);
  EXPECT_TRUE(diff.samples.empty());
}

TEST(Diff, KeepsNoMoreSamplesThanAskedAndCountsAll) {
  Rows one;
  Rows other;
  for (int i = 0; i < 10; ++i) {
    one.push_back({std::to_string(i), "1", "a"});
    other.push_back({std::to_string(i), "2", "b"});
  }
  for (const std::uint32_t samples_max : {0u, 1u, 3u, 100u}) {
    const Diff diff = compare(items(one), items(other), {.ordered = false, .samples_max = samples_max});
    EXPECT_EQ(diff.samples.size(), std::min<std::size_t>(samples_max, 20));
    EXPECT_EQ(diff.differing_rows, 10u);
    EXPECT_EQ(compare(items(one), items({}), {.samples_max = samples_max}).samples.size(),
              std::min<std::size_t>(samples_max, 10));
    EXPECT_EQ(compare(items({}), items(one), {.samples_max = samples_max}).samples.size(),
              std::min<std::size_t>(samples_max, 10));
  }
}

TEST(Diff, TheSameErrorMatchesWhateverItsMessage) {
  Answer other = failed(1146, "42S02");
  other.result.end.err.message = "something else";
  EXPECT_EQ(compare(failed(1146, "42S02"), other, kOrdered).verdict, Verdict::match);
}

TEST(Diff, KnownEquivalentErrorsMatchInBothDirections) {
  for (const auto& [a, b] :
       std::vector<std::pair<std::uint16_t, std::uint16_t>>{{4025, 3140}, {1005, 1824}, {1064, 1149}, {1969, 3024}}) {
    EXPECT_EQ(compare(failed(a), failed(b), kOrdered).verdict, Verdict::match);
    EXPECT_EQ(compare(failed(b), failed(a), kOrdered).verdict, Verdict::match);
  }
  EXPECT_EQ(compare(failed(4025), failed(1824), kOrdered).verdict, Verdict::error_differs);
}

TEST(Diff, OtherErrorsDifferAndAreToldByCode) {
  const Diff diff = compare(failed(1146, "42S02"), failed(1064, "42000"), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::error_differs);
  EXPECT_EQ(diff.detail, "control: ERR 1146 (42S02); candidate: ERR 1064 (42000)");
}

TEST(Diff, AnErrorOfOneSideIsTold) {
  const Diff candidate_failed = compare(items({{"1", "1", "a"}}), failed(1146, "42S02"), kOrdered);
  EXPECT_EQ(candidate_failed.verdict, Verdict::error_one_side);
  EXPECT_EQ(candidate_failed.detail, "control: ok; candidate: ERR 1146 (42S02)");
  EXPECT_EQ(candidate_failed.control_rows, 1u);
  EXPECT_EQ(compare(failed(1146, "42S02"), ok(), kOrdered).detail, "control: ERR 1146 (42S02); candidate: ok");
}

TEST(Diff, ComparesAnswersWithoutRows) {
  EXPECT_EQ(compare(ok(), ok(), kOrdered).verdict, Verdict::match);
  const Diff affected = compare(ok(1), ok(2), kOrdered);
  EXPECT_EQ(affected.verdict, Verdict::value);
  EXPECT_EQ(affected.detail, "control: 1 rows affected; candidate: 2 rows affected");
  const Diff kinds = compare(ok(), items({}), kOrdered);
  EXPECT_EQ(kinds.verdict, Verdict::value);
  EXPECT_EQ(kinds.detail, "control: ok; candidate: rows");
}

TEST(Diff, NeverComparesARecordingThatWasCut) {
  Answer cut = items({});
  cut.too_large = true;
  EXPECT_EQ(compare(cut, items({{"1", "1", "a"}}), kOrdered).verdict, Verdict::too_large);
  EXPECT_EQ(compare(failed(1), cut, kOrdered).verdict, Verdict::too_large);
}

TEST(Diff, RowsThatDoNotFitTheirColumnsAreADifferenceNotACrash) {
  const Diff diff = compare(items({{"1"}}), items({{"1", "1", "a"}}), kOrdered);
  EXPECT_EQ(diff.verdict, Verdict::value);
  EXPECT_EQ(diff.detail, "rows that do not fit their columns");
  EXPECT_EQ(compare(answer({}, {{}}), answer({}, {{}}), kOrdered).verdict, Verdict::value);
}

// Against the plain definition: same multiset or not, and how many rows are left over.
TEST(Diff, AgreesWithMultisetArithmeticOnRandomRows) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto rows = [&] {
      Rows made;
      for (std::uint32_t i = random() % 8; i > 0; --i) {
        made.push_back({std::to_string(random() % 3), "1", random() % 2 == 0 ? Cell("a") : Cell()});
      }
      return made;
    };
    Rows one = rows();
    Rows other = random() % 3 == 0 ? one : rows();
    std::shuffle(other.begin(), other.end(), random);
    const Diff diff = compare(items(one), items(other), kUnordered);
    const bool same_order = one == other;
    std::sort(one.begin(), one.end());
    std::sort(other.begin(), other.end());
    const Verdict equal = same_order ? Verdict::match : Verdict::order_only;
    EXPECT_EQ(diff.verdict == Verdict::match || diff.verdict == Verdict::order_only, one == other) << seed;
    if (one == other) {
      EXPECT_EQ(diff.verdict, equal) << seed;
    } else {
      EXPECT_TRUE(is_difference(diff.verdict)) << seed;
      EXPECT_GE(diff.differing_rows, std::max(one.size(), other.size()) - std::min(one.size(), other.size())) << seed;
      EXPECT_FALSE(diff.samples.empty()) << seed;
    }
  }
}

}  // namespace
}  // namespace crossfade::shadow
