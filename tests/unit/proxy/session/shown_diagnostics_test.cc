#include "proxy/session/state/shown_diagnostics.h"

#include <gtest/gtest.h>

#include "protocol/packet.h"
#include "protocol/rows.h"

namespace crossfade::proxy {
namespace {

using Level = ShowDiagnostics::Level;

const std::vector<Condition>& conditions() {
  static const std::vector<Condition> kConditions = {{.level = "Warning", .code = 1292, .message = "first"},
                                                     {.level = "Error", .code = 1064, .message = "second"},
                                                     {.level = "Note", .code = 1051, .message = "third"}};
  return kConditions;
}

// The messages of the conditions that a SHOW would give.
std::vector<std::string> shown(const std::string& sql, const AnswerForm& form) {
  const auto show = parse_show_diagnostics(sql, {});
  if (!show) return {"not a SHOW"};
  const protocol::Buffer kept = show_warnings_of(conditions(), form);
  const protocol::Buffer wire = select_diagnostics(kept, *show, form, RowForm::text);
  auto response = protocol::decode_response(wire, protocol::ResponseKind::query, form.capabilities);
  if (!response.ok()) return {std::string(response.status().message())};
  std::vector<std::string> out;
  for (const auto& row : response->front().rows) out.push_back(row[2].value_or(""));
  return out;
}

TEST(ShownDiagnostics, GivesTheRowsThatAreAskedFor) {
  using Rows = std::vector<std::string>;
  const std::vector<std::pair<std::string, Rows>> cases = {
      {"SHOW WARNINGS", {"first", "second", "third"}},
      {"show warnings;", {"first", "second", "third"}},
      {"SHOW ERRORS", {"second"}},
      {"SHOW WARNINGS LIMIT 2", {"first", "second"}},
      {"SHOW WARNINGS LIMIT 1,1", {"second"}},
      {"SHOW WARNINGS LIMIT 1 OFFSET 2", {"third"}},
      {"SHOW WARNINGS LIMIT 0", {}},
      {"SHOW ERRORS LIMIT 1,1", {}},
      {"SHOW COUNT(*) WARNINGS", {"not a SHOW"}},
      {"SHOW WARNINGS LIMIT 1 WHAT", {"not a SHOW"}},
      {"SELECT 1", {"not a SHOW"}},
  };
  for (const protocol::Capabilities capabilities : {protocol::Capabilities{0}, protocol::kDeprecateEof}) {
    for (const auto& [sql, rows] : cases) {
      EXPECT_EQ(shown(sql, {.make = AnswerForm::Make::mariadb, .capabilities = capabilities}), rows) << sql;
    }
  }
}

TEST(ShownDiagnostics, EndsWithTheStatusOfTheSessionAsItIsNow) {
  const AnswerForm then{.make = AnswerForm::Make::mysql, .capabilities = protocol::kDeprecateEof, .status = 3};
  const protocol::Buffer kept = show_warnings_of(conditions(), then);
  AnswerForm now = then;
  now.status = protocol::kStatusAutocommit;
  const protocol::Buffer wire = select_diagnostics(kept, {}, now, RowForm::text);
  protocol::ResponseTracker tracker;
  tracker.start(protocol::ResponseKind::query, now.capabilities);
  ASSERT_TRUE(tracker.feed(wire).ok());
  ASSERT_TRUE(tracker.done());
  EXPECT_EQ(tracker.end().ok.status, protocol::kStatusAutocommit);
}

TEST(ShownDiagnostics, AnExecutionGetsTheSameRowsInBinary) {
  const AnswerForm form{.make = AnswerForm::Make::mysql, .capabilities = protocol::kDeprecateEof};
  const protocol::Buffer kept = show_warnings_of(conditions(), form);
  const ShowDiagnostics errors{.level = Level::errors};
  const protocol::Buffer wire = select_diagnostics(kept, errors, form, RowForm::binary);
  protocol::ResponseTracker tracker;
  tracker.start(protocol::ResponseKind::execute, form.capabilities);
  ASSERT_TRUE(tracker.feed(wire).ok());
  ASSERT_TRUE(tracker.done());
  EXPECT_EQ(tracker.end().rows, 1u);
  const protocol::Buffer row = {0, 0, 5, 'E', 'r', 'r', 'o', 'r', 0x28, 4, 0, 0, 6, 's', 'e', 'c', 'o', 'n', 'd'};
  EXPECT_NE(std::search(wire.begin(), wire.end(), row.begin(), row.end()), wire.end());
}

}  // namespace
}  // namespace crossfade::proxy
