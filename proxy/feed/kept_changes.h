// What stopped tables had in `changes`, put aside (dualwrite/trigger/kept_changes.h), and brought back in time.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// Of whoever applies. Links must be able to send several statements. Whatever fails is begun anew with load(): each row
// is moved in one transaction.
class KeptChanges {
 public:
  using Numbers = std::set<std::uint32_t>;

  explicit KeptChanges(std::string control_schema) : schema_(std::move(control_schema)) {}

  // Which numbers have rows there.
  Task<absl::Status> load(BackendLink& leader);
  const Numbers& numbers() const { return numbers_; }

  // Before a snapshot. Rows of numbers that it does not pass by are brought back; of what is copied they go.
  struct Passing {
    Numbers passed_by;
    Numbers copied;
    std::size_t pairs = 0;  // of big columns that `changes` has
  };
  Task<absl::Status> begin(BackendLink& leader, Passing passing);
  std::string condition() const;  // of what it passes by nothing: to be added to others
  // At its end, within its transaction: rows that it has passed by, up to this id.
  Task<absl::Status> find(BackendLink& leader, std::uint64_t last);
  // Behind it: puts these aside, for as long as the snapshot took at most. True: some are left, for the next one.
  Task<absl::StatusOr<bool>> put_aside(BackendLink& leader);

  // Numbers that have rows here, or may have some in `changes` though a snapshot had none.
  Numbers wanted() const;
  Task<absl::Status> discard(BackendLink& leader, Numbers numbers);
  // Is there a row of which nothing but its key is known, here or in `changes`?
  Task<absl::StatusOr<bool>> has_identity(BackendLink& leader, Numbers numbers) const;

 private:
  Task<absl::Status> move(BackendLink& leader, std::vector<std::string> statements);
  Task<absl::Status> bring_back(BackendLink& leader, Numbers numbers);

  std::string schema_;
  Numbers numbers_;
  Passing passing_;                 // of the snapshot
  TimePoint begun_{};               // it was
  std::vector<std::uint64_t> ids_;  // that it has passed by
};

// "7,9"; there is one at least.
std::string list_of(const KeptChanges::Numbers& numbers);

}  // namespace crossfade::proxy
