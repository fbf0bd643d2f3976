// The table `difference` of the control schema on the follower: rows that a comparison has found to differ, until a
// repair has written them anew. Text only; whoever sends it is proxy/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "migrate/row_compare.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

std::string difference_setup_statement(std::string_view schema);  // CREATE TABLE IF NOT EXISTS
// Many rows a statement; empty for none.
std::vector<std::string> insert_differences(std::string_view schema, std::uint64_t job,
                                            const dualwrite::TableRef& table,
                                            const std::vector<Difference>& differences);
std::string delete_differences(std::string_view schema, std::uint64_t job, const dualwrite::TableRef& table);
// A row for each table: its names, how many differences it has, how many were repaired, how many a repair can still
// write.
std::string count_differences(std::string_view schema, std::uint64_t job);
// The first ones, of all tables, as people see them.
std::string show_differences(std::string_view schema, std::uint64_t job, std::size_t most);
absl::StatusOr<nlohmann::json> shown_differences(const protocol::ResultSet& result);

// The next ones, of all tables, that a repair would write: as shown_differences() takes them, and their numbers.
std::string list_open_differences(std::string_view schema, std::uint64_t job, std::uint64_t behind, std::size_t most);

// For a repair: the next open ones of a table, by their numbers.
struct OpenDifference {
  std::uint64_t id = 0;
  KeyPlace key;
};
std::string select_open_differences(std::string_view schema, std::uint64_t job, const dualwrite::TableRef& table,
                                    std::uint64_t behind, std::size_t most);
absl::StatusOr<std::vector<OpenDifference>> open_differences_from(const protocol::ResultSet& result,
                                                                  const ChunkKey& key);
std::string close_differences(std::string_view schema, const std::vector<OpenDifference>& which, std::uint64_t repair);

}  // namespace crossfade::migrate
