// MySQL's REPLACE shows itself to triggers as a delete and an insert, and yet keeps the rows that refer to the old one.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/trigger/captured_row.h"

namespace crossfade::dualwrite {

struct ReplaceMergeLimits {
  std::size_t rows_max = 65536;
  std::size_t bytes_max = std::size_t{64} << 20;
};

// Of a MySQL leader: a delete and the insert of the same connection, table, statement and primary key become one update
// in the insert's place; everything else passes as it is, in the order of ids. A delete of a table that foreign keys
// refer to is held, with all rows behind it, until its insert comes or another row of its connection shows that none
// will; that is the rest of the snapshot at worst.
class ReplaceMerge {
 public:
  explicit ReplaceMerge(ReplaceMergeLimits limits = {}) : limits_(limits) {}

  enum class Referenced : std::uint8_t { no, yes };  // by foreign keys; of `no` nothing is merged
  // Appends to `out` what is certain. ResourceExhausted: a delete stands unresolved with more than the limits behind it.
  absl::Status add(CapturedRow row, Referenced referenced, const Capture& capture, std::vector<CapturedRow>* out);
  // At the end of a whole snapshot: what is held is what it seems.
  void finish(std::vector<CapturedRow>* out);
  // At the end of a batch that was cut: the held rows belong to the next batch; they are forgotten here. The first id
  // that was held; 0: none.
  std::uint64_t cut();

 private:
  struct Held {
    CapturedRow row;
    RowImage key;
    bool open = false;  // a delete that may become an update
  };
  void release(std::vector<CapturedRow>* out);

  ReplaceMergeLimits limits_;
  std::deque<Held> held_;
  std::size_t bytes_ = 0;
};

}  // namespace crossfade::dualwrite
