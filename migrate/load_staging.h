// The table that exported files are loaded into: as the one it will be, without keys until all rows are there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_definition.h"
#include "migrate/delimited_reader.h"

namespace crossfade::migrate {

struct StagingPlan {
  dualwrite::TableRef table{}, staging{}, replaced{};
  std::vector<std::string> make{};       // statements: the staging table, without keys
  std::string add_keys{};                // one statement: all keys, and AUTO_INCREMENT
  std::vector<std::string> key_names{};  // that it adds
  std::string swap{};                    // one RENAME: `table` becomes `replaced`, `staging` becomes `table`
};
// `shown`: SHOW CREATE TABLE of the server that `table` is on. FailedPrecondition: it cannot be staged, and why:
// foreign keys (RENAME would take those of other tables along), triggers, a view, a name without room for the suffix.
absl::StatusOr<StagingPlan> plan_staging(std::string_view shown, const dualwrite::TableDefinition& table,
                                         const std::map<dualwrite::TableRef, dualwrite::TableDefinition>& tables);
// SELECT of at most ten values that a key would have more than once, each with how often; empty: not of columns alone.
std::string select_duplicates(const dualwrite::TableRef& staging, const dualwrite::DefinedKey& key);

// How the fields of a file become columns of a table.
struct LoadColumns {
  std::vector<dualwrite::DefinedColumn> columns{};
  std::string names{};  // "(`id`,`name`)"
};
// By their names in the file, without case; empty: all columns but generated ones, in their order. InvalidArgument: an
// unknown, repeated or generated column, or one of a type that files do not have.
absl::StatusOr<LoadColumns> choose_columns(const dualwrite::TableDefinition& table,
                                           const std::vector<std::string>& names);
// Appends "(1,'a',NULL)"; for a session with NO_BACKSLASH_ESCAPES off, in utf8mb4. InvalidArgument: another number of
// fields than columns, or a text that is not UTF-8; with the line, without the value.
absl::Status append_row(const LoadColumns& columns, const DelimitedRecord& record, std::string* sql);

}  // namespace crossfade::migrate
