// What a copy of tables is asked to do.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "dualwrite/table_ref.h"
#include "migrate/job_options.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

// What happens to rows that the follower has of a table already. `resume`: of an earlier copy; it goes on where that
// one was.
enum class ExistingRows : std::uint8_t { refuse, replace, resume };

// `parallel` is also how many connections write a chunk.
struct CopyOptions : JobOptions {
  std::map<std::string, std::string> where{};  // by "shop.orders": a condition of the leader's SQL
  std::uint32_t subset_ppm = 1000000;          // of the rows, by a hash of their key
  ExistingRows existing = ExistingRows::refuse;
  // Indexes of empty tables that nothing needs meanwhile are dropped, and built once the rows are there.
  bool defer_indexes = false;

  // What has to be true of a row of this table to be copied, each word of `where` that names it; empty: nothing.
  std::string condition_of(const dualwrite::TableRef& table) const;
  // Not all rows of this table.
  bool is_partial(const dualwrite::TableRef& table) const;
};

// Errors (InvalidArgument) name the member, what is wrong with it, and what may be.
absl::StatusOr<CopyOptions> parse_copy_options(const nlohmann::json& json);
nlohmann::json to_json(const CopyOptions& options);

}  // namespace crossfade::migrate
