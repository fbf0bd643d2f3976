// What a client's schema changes and savepoints come to in a feed: the work grows no faster than they do.
#include "dualwrite/ddl.h"
#include "dualwrite/savepoints.h"
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
        mariadb ? kAllFed : 3);
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
                                   mariadb ? kAllFed : 3);
  }
}

// One transaction; a text of n bytes stands for as many statements as fit.
TEST(DdlSteps, SavepointsTakeStepsByTheStatement) {
  const auto names = [](std::size_t count) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back("s" + std::to_string(i));
    return out;
  };
  const auto run = [&names](const std::string& text, auto&& each) {
    dualwrite::Savepoints savepoints;
    const std::vector<std::string> all = names(text.size() / 16);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (savepoints.full()) savepoints.clear();
      savepoints.set(all[i], i);
      each(savepoints, all, i);
    }
    if (!all.empty()) savepoints.roll_back_to(all.front());
  };
  const std::vector<NamedInput> transactions = {{"savepoints", repeated("", "SAVEPOINT `aaa`;")}};
  expect_linear({"the last again and again",
                 [&run](const std::string& text) {
                   run(text, [](auto& savepoints, const auto& all, std::size_t i) { savepoints.roll_back_to(all[i]); });
                 },
                 kStepsPerByteMax},
                transactions);
  expect_linear({"one that is not there",
                 [&run](const std::string& text) {
                   run(text, [](auto& savepoints, const auto&, std::size_t) { savepoints.roll_back_to("other"); });
                 },
                 kStepsPerByteMax},
                transactions);
  expect_linear({"one name over and over",
                 [&run](const std::string& text) {
                   run(text, [](auto& savepoints, const auto&, std::size_t i) {
                     savepoints.set("same", i);
                     savepoints.roll_back_to("same");
                   });
                 },
                 kStepsPerByteMax},
                transactions);
}

}  // namespace
}  // namespace crossfade::steps
