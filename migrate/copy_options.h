// What a copy of tables is asked to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "migrate/throttle.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

// What happens to rows that the follower has of a table already. `resume`: of an earlier copy; it goes on where that
// one was.
enum class ExistingRows : std::uint8_t { refuse, replace, resume };

struct CopyOptions {
  std::vector<std::string> tables{};           // "shop", "shop.*", "shop.orders"; empty: all
  std::vector<std::string> exclude{};          // the same
  std::map<std::string, std::string> where{};  // by "shop.orders": a condition of the leader's SQL
  std::uint32_t subset_ppm = 1000000;          // of the rows, by a hash of their key
  ExistingRows existing = ExistingRows::refuse;
  // Indexes of empty tables that nothing needs meanwhile are dropped, and built once the rows are there.
  bool defer_indexes = false;
  std::chrono::milliseconds chunk_time{500};
  std::uint32_t parallel = 2;  // tables that are read at once; connections that write a chunk
  ThrottleLimits limits{};

  // Not all rows of this table.
  bool is_partial(const dualwrite::TableRef& table) const;
  bool chooses(const dualwrite::TableRef& table) const;
};

// Errors (InvalidArgument) name the member, what is wrong with it, and what may be.
absl::StatusOr<CopyOptions> parse_copy_options(const nlohmann::json& json);
nlohmann::json to_json(const CopyOptions& options);
// "2.5%" as parts of a million; errors: no share between 0 and 100 %.
absl::StatusOr<std::uint32_t> parse_share(const std::string& text);

// "shop", "shop.*" or "shop.orders", without case.
bool names_table(const std::string& word, const dualwrite::TableRef& table);

}  // namespace crossfade::migrate
