// What a load keeps in the control schema of the server it loads into: which files, and how far each is. Text only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

// `loading`: rows go into the staging table; `keys`: all are there; `swapping`: the staging table is whole.
enum class LoadState : std::uint8_t { loading, keys, swapping, done };

struct LoadRecord {
  std::uint64_t id = 0;
  dualwrite::TableRef table{};
  std::string options{};  // what must be the same for it to go on
  LoadState state = LoadState::loading;
};

// The manifest: what of a file is in the staging table.
struct LoadedFile {
  std::uint32_t number = 0;  // in the load, from 0
  std::string name{};
  std::uint64_t size = 0;    // as it lies there
  std::string tag{};         // another one: it is another file
  std::uint64_t offset = 0;  // behind the last row that is loaded; of a compressed file, of what is in it
  std::uint64_t line = 1;    // there
  std::uint64_t rows = 0;
  bool done = false;
  std::uint64_t epoch = 0;  // how often the load has gone on: what an earlier process has under way comes to nothing
};

std::vector<std::string> load_setup_statements(std::string_view schema);
std::string insert_load(std::string_view schema, const LoadRecord& load);  // the number is the insert id
// The last one of this table.
std::string select_load(std::string_view schema, const dualwrite::TableRef& table);
absl::StatusOr<std::optional<LoadRecord>> load_from(const protocol::ResultSet& result,
                                                    const dualwrite::TableRef& table);
std::string update_load(std::string_view schema, std::uint64_t id, LoadState state);
// Whoever goes on: waits for the transactions of an earlier process, and what it may have sent beside fails.
std::string take_over_load(std::string_view schema, std::uint64_t id);
std::string insert_loaded_file(std::string_view schema, std::uint64_t load, const LoadedFile& file);
std::string select_loaded_files(std::string_view schema, std::uint64_t load);
absl::StatusOr<std::vector<LoadedFile>> loaded_files_from(const protocol::ResultSet& result);
// Changes one row (with CLIENT_FOUND_ROWS) where the file is where it was; else somebody else has gone on with it.
std::string move_loaded_file(std::string_view schema, std::uint64_t load, const LoadedFile& from, const LoadedFile& to);

}  // namespace crossfade::migrate
