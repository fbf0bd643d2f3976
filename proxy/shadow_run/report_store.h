// The shadow report's database: SQLite in the state directory, so that a report survives a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "shadow/report.h"

namespace crossfade::proxy {

// One thread uses it, and one proxy: a second one on the same directory is refused. WAL mode; a corrupt or newer file
// is an error that says so, never deleted.
class ReportStore {
 public:
  static constexpr const char* kFile = "report.sqlite";

  // Makes the directory and file when missing.
  static absl::StatusOr<std::unique_ptr<ReportStore>> open(const std::string& state_dir);
  virtual ~ReportStore() = default;
  // The salt of hashed samples: drawn once, kept in the database.
  virtual std::uint64_t hash_salt() const = 0;
  virtual absl::Status load_into(shadow::Report& report) = 0;
  virtual absl::Status save(const std::vector<const shadow::DigestReport*>& digests) = 0;
};

}  // namespace crossfade::proxy
