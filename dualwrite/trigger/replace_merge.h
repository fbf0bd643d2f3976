// MySQL's REPLACE shows itself to triggers as a delete and an insert, and yet keeps the rows that refer to the old one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/trigger/captured_row.h"

namespace crossfade::dualwrite {

using CapturedItem = std::variant<CapturedRow, CapturedStatement>;

struct ReplaceMergeLimits {
  std::size_t rows_max = 65536;
  std::size_t bytes_max = std::size_t{64} << 20;
};

// Brings a MySQL leader's REPLACE into a form that has the same effect on the rows which refer to the replaced one; to
// be used for every leader's rows, of which those of MariaDB (whose REPLACE is what it seems) pass as they are.
//
// MySQL removes (ON DELETE) the children of a replaced row whose referenced columns change, and keeps those whose
// referenced columns are the same bytes in the new row (measured; MariaDB removes them all). So a delete, and the
// insert of the same connection, table and statement, become one update in the insert's place if the columns that each
// foreign key refers to are the same in both; if none are, they stay; if some are, no change of one row says it: an
// error. A foreign key that refers to a NULL refers to nothing, and has no say.
//
// Order is that of ids. A delete from a table that foreign keys refer to is held, with everything behind it, until its
// insert comes or another row of its connection shows that none will: to the end of the snapshot at worst, or up to the
// limits. Past them it goes as a delete, and an insert that comes all the same is an error. The delete's id is that of
// no item then: which ids a batch took is known to who reads the rows.
//
// A connection that deletes and inserts the same referenced row in two statements under a frozen SET timestamp, or
// within a trigger or function of one statement, is taken for a REPLACE.
class ReplaceMerge {
 public:
  explicit ReplaceMerge(ReplaceMergeLimits limits = {}) : limits_(limits) {}

  // Appends to `out` what is certain. `capture`: of the row's table. FailedPrecondition: see above; the message names
  // the table and the id, and the row is not taken.
  absl::Status add(CapturedRow row, const Capture& capture, std::vector<CapturedItem>* out);
  void add(CapturedStatement statement, std::vector<CapturedItem>* out);
  // At the end of a whole snapshot: what is held is what it seems.
  void finish(std::vector<CapturedItem>* out);
  // At the end of a batch that was cut short: what is held belongs to the next batch, and is forgotten here. The first
  // id of it; 0: nothing is held.
  std::uint64_t cut();

 private:
  // The bytes of the columns that each foreign key refers to; nullopt: one of them is NULL.
  using Referenced = std::vector<std::optional<std::string>>;
  struct Held {
    CapturedItem item;
    Referenced referenced{};
    std::size_t unique_keys = 1;
    bool open = false;  // a delete that may yet become an update
  };
  // What went as a delete since too much came behind it.
  struct LetGo {
    ChangeHead head;
    std::deque<Referenced> rows{};
  };

  static absl::StatusOr<Referenced> referenced_by(const CapturedRow& row, const Capture& capture);
  absl::Status take_insert(CapturedRow& row, const Referenced& referenced);
  void close_earlier(const ChangeHead& head);
  void close_surplus(const ChangeHead& head, std::size_t open_max);
  void put(Held held, std::vector<CapturedItem>* out);
  void release(std::vector<CapturedItem>* out);
  void let_go_first(std::vector<CapturedItem>* out);

  ReplaceMergeLimits limits_;
  std::deque<Held> held_;
  std::size_t bytes_ = 0;                  // of held_
  std::map<std::uint64_t, LetGo> let_go_;  // by connection
};

}  // namespace crossfade::dualwrite
