#include "routing/hidden_writes.h"

#include "routing/classify.h"
#include "routing/prepare_statement.h"

namespace crossfade::routing {

bool hides_writes(std::string_view variable) {
  return variable == "sql_log_bin" || variable == "binlog_format" || variable == "binlog_row_image" ||
         variable == "binlog_row_value_options";
}

bool hides_writes_in_literal(std::string_view sql, const StatementFacts& facts, const LexerMode& mode) {
  if (facts.kind != StatementKind::prepare && facts.kind != StatementKind::execute) return false;
  const std::optional<PrepareStatement> statement = parse_prepare(sql, mode);
  // Each text inside a text is shorter by its quotes, which are doubled from level to level.
  return statement && !statement->text.empty() && classify(statement->text, mode).facts.has(Fact::hides_writes);
}

}  // namespace crossfade::routing
