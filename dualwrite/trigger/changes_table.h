// The table `changes` in the control schema of a leader that feeds by triggers: where the triggers put the rows.
//
//   id   BIGINT UNSIGNED AUTO_INCREMENT, the order of conflicting changes (given after the row's lock was)
//   tbl  INT, the number of the Capture that wrote it; 0 of statements
//   op   'I', 'U', 'D' of the triggers; 'K' of them, too: nothing but which row it was and is, or not even that; 'R' a
//        row as it is (refresh); 'F' a 'K' of which the refresh follows; 'O' an 'I', 'U' or 'D' over whatever is there;
//        'P' a DDL statement that is about to run (intent), 'S' one that has run; 'M' the place of a chunk that was
//        copied (chunk_marker.h), ni its number
//   cid  connection that wrote; fk: its foreign_key_checks; st: its statement, as microseconds since 1970
//   oi   packed small columns before; ni: after (captured_row.h); of 'P' and 'S' ni is the statement; oi of 'P' who was
//        to run it, of 'S' the id of its 'P'
//   obK, nbK  big column number K before and after; as many pairs as the widest captured table has
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/log_event.h"
#include "dualwrite/log_position.h"
#include "dualwrite/trigger/captured_row.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

// A new table has so many pairs at once: to add some later waits for every open transaction that wrote a captured row.
inline constexpr std::size_t kBigPairsMin = 8;
// InnoDB keeps 40 bytes of each long value in the row, and a row has at most 8126.
inline constexpr std::size_t kBigPairsMax = 90;

// "`crossfade`.`changes`"
std::string changes_table(std::string_view schema);
// CREATE TABLE IF NOT EXISTS; the schema is there already.
// `first_id`: larger than any id of an earlier table of this name, as microseconds since 1970 are: the follower may
// still know ids of that one as taken.
std::string create_changes(std::string_view schema, std::size_t pairs, std::uint64_t first_id);
// One column, the number of pairs that the table has; no row, or 0: there is no table.
std::string count_pairs_query(std::string_view schema);
// ALTER TABLE .. ADD COLUMN of pairs `from` + 1 to `to`; instant on both makes, but for the metadata lock.
std::string widen_changes(std::string_view schema, std::size_t from, std::size_t to);
// A place of feed `trigger`, "changes.12:0", and none of a row log.
bool is_changes_place(const LogPosition& place);
inline constexpr std::string_view kChangesPlace = "changes.";
// Only when no trigger is left: a write that fires one without the table fails (1146).
std::string drop_changes(std::string_view schema);

// A condition that is true of every row, and that each statement on `changes` must have which is not a trigger's, nor
// under LOCK TABLES. MariaDB keeps with a table that it has open which statement used it, and forgets that after
// statements alone that call a function or fire a trigger. If the mark is left, and a client's LOCK TABLES gets this
// open table later, the client's write fails with 1442 ("already used by statement which invoked this .. trigger").
std::string every_change(std::string_view schema, bool mariadb);
// The function that it calls on MariaDB; empty: none.
std::string create_every_change(std::string_view schema, bool mariadb);
std::string drop_every_change(std::string_view schema);

// "SELECT id,tbl,.. FROM `crossfade`.`changes`": what changes_row() and captured_row() take. WHERE (with
// every_change()), ORDER BY id and LIMIT are the caller's.
std::string select_changes(std::string_view schema, std::size_t pairs);
// " FROM `crossfade`.`changes` WHERE " and every_change(): conditions can be added.
std::string from_changes(std::string_view schema, bool mariadb);
// One id a statement: a list or a range becomes a scan on a short table, and that waits for clients' rows.
std::string delete_change(std::string_view schema, std::uint64_t id, bool mariadb);

// INSERT of a 'P' row: the statement is about to run.
std::string insert_intent(std::string_view schema, const LoggedStatement& statement, const IntentNote& note,
                          bool mariadb);
// UPDATE of that row.
std::string update_intent(std::string_view schema, std::uint64_t intent, const IntentNote& note, bool mariadb);
// UPDATE of a 'K': as an 'F', in the shape of the number `table`.
std::string follow_identity(std::string_view schema, std::uint64_t id, std::uint32_t table,
                            const RepackedIdentity& images);
// Behind what is there now, in their order, go all rows from `first` to `last` but intents and the 'S' of `intent`;
// each 'K' of `numbers` ("7,9") is forgotten (with `rows_are_anew` each row that was put, too), each change of these
// and of `dependents` becomes an 'O'. To be run in one transaction, with `changes` locked, and as kMoving, too.
inline constexpr std::string_view kMoving = "`moving`";
struct MovedChanges {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t intent = 0;
  std::string numbers = "0";
  std::string dependents = "0";
  bool rows_are_anew = false;
};
// INSERT of an 'O' that deletes what the row `id` wrote or left, if `table` has no row of `condition` any more. Locked
// as for a move.
enum class ImageSide : std::uint8_t { before, after };
struct ChangeImage {
  std::uint64_t id = 0;
  ImageSide side = ImageSide::before;
  std::string condition;
};
std::string insert_gone(std::string_view schema, std::size_t pairs, const ChangeImage& image, const TableRef& table);
std::vector<std::string> move_changes(std::string_view schema, std::size_t pairs, const MovedChanges& which);
// INSERT of an 'S' row: the statement has run, whose intent is the row `intent`. That row may be deleted then.
std::string insert_done(std::string_view schema, const LoggedStatement& statement, std::uint64_t intent, bool mariadb);
// How many there are of an intent, and the first one's id.
std::string select_done(std::string_view schema, std::uint64_t intent, bool mariadb);
// UPDATE: changes behind `after` that are of number `from` are of number `to`, which is captured in the same shape.
std::string renumber_changes(std::string_view schema, std::uint64_t after, std::uint32_t from, std::uint32_t to);
// UPDATE: of changes of these numbers ("7,9") behind `after` nothing counts but the row's identity.
std::string reduce_changes(std::string_view schema, std::uint64_t after, std::string_view numbers);
// INSERT of a 'K' that says nothing of a row: it stops its table, for this reason, which is in ob1.
std::string insert_unknown(std::string_view schema, std::uint32_t number, std::string_view why, bool mariadb);
// That reason, of a 'K' of select_changes(); of one that a trigger wrote what it means.
std::string reason_of_identity(const std::vector<protocol::Cell>& row);
// A row if these numbers ("7,9") have a 'K'.
std::string select_identity(std::string_view schema, std::string_view numbers, bool mariadb);

}  // namespace crossfade::dualwrite
