// What a client's schema changes come to in a feed: the work grows no faster than they do.
#include "dualwrite/ddl.h"
#include "tests/steps/texts.h"

namespace crossfade::steps {
namespace {

using dualwrite::DdlContext;
using dualwrite::LoggedStatement;
using dualwrite::ServerMakes;

// Tokens with all that may be put around them, and names in ordered sets.
constexpr std::uint64_t kStepsPerByteMax = 2000;

// Of schema changes each is fed with a megabyte, of one make; of what a feed does not follow, the worst.
void expect_linear_over_definitions(const NamedWork& work, std::size_t fed) {
  static const std::vector<std::string> kVerbs = {"CREATE", "ALTER", "DROP", "RENAME", "OPTIMIZE"};
  std::vector<NamedInput> definitions, others;
  for (NamedInput& text : worst_texts()) {
    const bool defines = std::any_of(kVerbs.begin(), kVerbs.end(),
                                     [&text](const std::string& verb) { return text.make(1).starts_with(verb); });
    (defines ? definitions : others).push_back(std::move(text));
  }
  expect_linear(work, definitions, fed);
  expect_linear(work, others);
}

LoggedStatement logged(const std::string& text) {
  LoggedStatement statement;
  statement.schema = "app";
  statement.sql = text;
  statement.client_collation = statement.connection_collation = statement.server_collation = 45;
  return statement;
}

TEST(DdlSteps, AnalysisTakesStepsByTheByte) {
  for (const bool mariadb : {true, false}) {
    expect_linear_over_definitions(
        {mariadb ? "analysis of MariaDB's" : "analysis of MySQL's",
         [mariadb](const std::string& text) { dualwrite::analyze_ddl(logged(text), mariadb); }, kStepsPerByteMax},
        mariadb ? kManyFed : 3);
  }
}

TEST(DdlSteps, TranslationTakesStepsByTheByte) {
  std::map<dualwrite::TableRef, dualwrite::TableDefinition> follower;
  dualwrite::TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  for (int i = 0; i < 1000; ++i) {
    dualwrite::DefinedColumn& column = table.columns.emplace_back();
    column.name = "c" + std::to_string(i);
    column.data_type = "int";
  }
  follower.emplace(table.name, table);
  const DdlContext context{.schema_collation = "utf8mb4_general_ci", .follower = &follower};
  for (const bool mariadb : {true, false}) {
    const ServerMakes makes{.leader_is_mariadb = mariadb, .follower_is_mariadb = !mariadb};
    expect_linear_over_definitions({mariadb ? "translation to MySQL" : "translation to MariaDB",
                                    [makes, &context](const std::string& text) {
                                      const LoggedStatement statement = logged(text);
                                      (void)dualwrite::translate_ddl(statement, makes, context);
                                      (void)dualwrite::follower_session(statement, makes);
                                    },
                                    kStepsPerByteMax},
                                   mariadb ? kManyFed : 3);
  }
}

}  // namespace
}  // namespace crossfade::steps
