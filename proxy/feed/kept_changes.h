// What stopped tables had in `changes`, put aside (dualwrite/trigger/kept_changes.h), and brought back in time.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// Of whoever applies, and between two snapshots alone. Links must be able to send several statements. Whatever fails is
// begun anew with load(): each row is moved in a transaction of its own or with others.
class KeptChanges {
 public:
  using Numbers = std::set<std::uint32_t>;

  explicit KeptChanges(std::string control_schema) : schema_(std::move(control_schema)) {}

  // Which numbers have rows there.
  Task<absl::Status> load(BackendLink& leader);
  const Numbers& numbers() const { return numbers_; }
  // Rows of `changes` of these numbers, which has so many pairs of big columns.
  struct Rows {
    std::vector<std::uint64_t> ids;
    Numbers numbers;
    std::size_t pairs = 0;
  };
  Task<absl::Status> keep(BackendLink& leader, Rows rows);
  Task<absl::Status> bring_back(BackendLink& leader, Numbers numbers, std::size_t pairs);
  Task<absl::Status> discard(BackendLink& leader, Numbers numbers);
  // Is there a row of which nothing but its key is known?
  Task<absl::StatusOr<bool>> has_identity(BackendLink& leader, Numbers numbers) const;

 private:
  Task<absl::Status> move(BackendLink& leader, std::vector<std::string> statements);

  std::string schema_;
  Numbers numbers_;
};

// "7,9"; there is one at least.
std::string list_of(const KeptChanges::Numbers& numbers);

}  // namespace crossfade::proxy
