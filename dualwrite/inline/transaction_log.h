// What the running transaction of one session has written so far, and what a rollback to a savepoint
// takes back. Becomes the entry at COMMIT.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/inline/entry.h"

namespace crossfade::dualwrite {

class TransactionLog {
 public:
  explicit TransactionLog(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // ResourceExhausted when the entry would grow past its limit: the caller refuses the statement
  // before it runs (see fits()).
  absl::Status add(const StatementContext& context, StatementRecord record);
  bool fits(std::size_t statement_bytes) const;

  // Names compare without case; a savepoint of the same name is moved, as the servers do.
  void savepoint(std::string_view name);
  bool release(std::string_view name);  // and every later one
  // Drops what was written since; keeps the savepoint. False, and nothing happens, when there is no
  // such savepoint: if the server has it all the same (it folds the case of more letters than this
  // does), the log no longer tells the truth and the caller rolls the whole transaction back.
  bool rollback_to(std::string_view name);
  void clear();

  bool empty() const { return entry_.statements.empty(); }
  const Entry& entry() const { return entry_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Savepoint {
    std::string name;
    std::size_t statements = 0;
    std::size_t contexts = 0;
    std::uint64_t bytes = 0;
  };
  std::size_t find(std::string_view name) const;  // savepoints_.size(): none

  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  Entry entry_;
  std::vector<Savepoint> savepoints_;
};

}  // namespace crossfade::dualwrite
