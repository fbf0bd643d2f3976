#include "proxy/session/state/diagnostics.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using config::Backend;
using protocol::Make;
using protocol::ResultEnd;

KeptDiagnostics one_condition() { return {.row_count = 5, .warnings = 1, .show_warnings = {1, 2, 3}}; }

ResultEnd end_of(ResultEnd::Kind kind, std::uint16_t warnings = 0, std::uint64_t affected = 0) {
  ResultEnd end;
  end.kind = kind;
  end.ok.warnings = warnings;
  end.ok.affected_rows = affected;
  return end;
}

TEST(Diagnostics, AreOfWhoeverAnsweredUntilSomethingIsKept) {
  Diagnostics diagnostics(Backend::old_db);
  EXPECT_EQ(diagnostics.answered_by(), Backend::old_db);
  diagnostics.note_answer_of(Backend::new_db);
  EXPECT_EQ(diagnostics.answered_by(), Backend::new_db);
  EXPECT_EQ(diagnostics.kept(), nullptr);
  diagnostics.keep(one_condition());
  ASSERT_NE(diagnostics.kept(), nullptr);
  EXPECT_EQ(diagnostics.kept()->warnings, 1u);
  EXPECT_TRUE(diagnostics.take().has_value());
  EXPECT_EQ(diagnostics.kept(), nullptr);
}

TEST(Diagnostics, ConditionsAndCountsGoEachOnItsOwn) {
  Diagnostics diagnostics(Backend::old_db);
  diagnostics.keep(one_condition());
  diagnostics.note_rows_given();
  EXPECT_EQ(diagnostics.kept()->row_count, -1);
  diagnostics.note_no_rows_changed();
  EXPECT_EQ(diagnostics.kept()->row_count, 0);
  diagnostics.drop_conditions();
  EXPECT_TRUE(diagnostics.kept()->show_warnings.empty());
  EXPECT_EQ(diagnostics.kept()->warnings, 1u);
  diagnostics.drop_counts();
  EXPECT_EQ(diagnostics.kept()->warnings, 0u);
}

TEST(Diagnostics, OverAStatementWithoutTablesMariaDbKeepsThem) {
  using Kind = ResultEnd::Kind;
  struct Row {
    ResultEnd end;
    Make make;
    bool kept;
    std::int64_t row_count;
  };
  const Row rows[] = {
      {end_of(Kind::ok, 0, 7), Make::mariadb, true, 7}, {end_of(Kind::rows), Make::mariadb, true, -1},
      {end_of(Kind::ok, 1), Make::mariadb, false, 0},   {end_of(Kind::err), Make::mariadb, false, 0},
      {end_of(Kind::none), Make::mariadb, false, 0},    {end_of(Kind::ok), Make::mysql, false, 0},
  };
  for (const Row& row : rows) {
    Diagnostics diagnostics(Backend::old_db);
    diagnostics.keep_over(one_condition(), row.end, row.make);
    ASSERT_EQ(diagnostics.kept() != nullptr, row.kept);
    if (row.kept) {
      EXPECT_EQ(diagnostics.kept()->row_count, row.row_count);
    }
  }
  Diagnostics without(Backend::old_db);
  without.keep_over(KeptDiagnostics{}, end_of(Kind::ok), Make::mariadb);
  EXPECT_EQ(without.kept(), nullptr);
}

TEST(Diagnostics, OverACommandThatIsNoStatementTheyAreKept) {
  using Kind = ResultEnd::Kind;
  struct Row {
    ResultEnd end;
    bool kept;
    std::int64_t row_count;
  };
  for (const Row& row :
       {Row{end_of(Kind::ok), true, 0}, Row{end_of(Kind::rows), true, -1}, Row{end_of(Kind::text), true, 5},
        Row{end_of(Kind::err), false, 0}, Row{end_of(Kind::none), false, 0}, Row{end_of(Kind::ok, 2), false, 0}}) {
    Diagnostics before(Backend::old_db);
    before.keep(one_condition());
    before.note_answer_of(Backend::new_db);
    Diagnostics diagnostics(Backend::old_db);
    diagnostics.keep_over_command(before, row.end);
    ASSERT_EQ(diagnostics.kept() != nullptr, row.kept);
    EXPECT_EQ(diagnostics.answered_by(), row.kept ? Backend::new_db : Backend::old_db);
    if (row.kept) {
      EXPECT_EQ(diagnostics.kept()->row_count, row.row_count);
    }
  }
}

}  // namespace
}  // namespace crossfade::proxy
