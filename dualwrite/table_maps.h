// The tables that a transaction's rows events mean by number.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "dualwrite/row_change.h"
#include "dualwrite/table_map.h"

namespace crossfade::dualwrite {

// A table counts as mapped only within the transaction that mapped it, but what its map said is remembered: the same
// bytes give the same object again, without being read anew. forget() drops all of it.
class TableMaps {
 public:
  absl::Status map(Bytes table_map_body, LogMake make);
  std::shared_ptr<const LogTable> find(std::uint64_t table_id) const;  // nullptr: not mapped in this transaction
  void end_transaction();
  void forget();

 private:
  struct Known {
    Buffer body;
    std::shared_ptr<const LogTable> table;
    std::uint64_t mapped_in = 0;
  };
  std::map<std::uint64_t, Known> known_;
  std::size_t bytes_ = 0;
  std::uint64_t transaction_ = 1;
};

}  // namespace crossfade::dualwrite
