// By which key a table is gone through in chunks, and the SQL of its ranges.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/selected_row.h"
#include "dualwrite/table_definition.h"

namespace crossfade::migrate {

// A unique key whose columns are whole and never NULL: every row has one place in its order.
struct ChunkKey {
  std::string index;  // "PRIMARY"
  struct Part {
    std::size_t column = 0;   // ordinal in SelectedTable::table->columns
    std::string name{};       // quoted
    bool descending = false;  // as the index has it
  };
  std::vector<Part> parts;
  // What its order depends on: a place means the same as long as this is the same.
  std::string signature{};
};
// The primary key, else the first unique one that will do. FailedPrecondition: there is none, or the table's rows
// cannot be read in chunks at all (a view, no InnoDB); the message says why and what to do.
absl::StatusOr<ChunkKey> choose_key(const dualwrite::TableDefinition& leader, const dualwrite::SelectedTable& selected);
// By which a copy reads the table: of no parts where there is no such key, so that all its rows are read at once. Under
// feed `trigger` a table without a primary key is not followed, and so not copied.
absl::StatusOr<ChunkKey> choose_copy_key(const dualwrite::TableDefinition& leader,
                                         const dualwrite::SelectedTable& selected, bool by_triggers);

// A place in the key's order: the values of a row's key as the leader's SQL says them exactly, one a part. None: before
// the first row.
using KeyPlace = std::vector<std::string>;
// Behind the last row of `images`, as append_selected_row() makes them.
absl::StatusOr<KeyPlace> place_behind(const ChunkKey& key, const dualwrite::SelectedTable& selected,
                                      dualwrite::Bytes last_image, bool mariadb);
// As text for a checkpoint, and back. Errors (InvalidArgument): it is none of this key.
std::string pack_place(const KeyPlace& place);
absl::StatusOr<KeyPlace> parse_place(const ChunkKey& key, std::string_view text);

// "`a`>1 OR (`a`=1 AND `b`>2)": rows behind the place; "TRUE" at the beginning. Both makes use the index for it, but
// not for the comparison of rows (a,b)>(1,2).
std::string rows_behind(const ChunkKey& key, const KeyPlace& place);
// Rows up to the place and with it; "FALSE" at the beginning.
std::string rows_through(const ChunkKey& key, const KeyPlace& place);
// "`a`,`b` DESC"
std::string key_order(const ChunkKey& key);

// Rows behind one place and up to another, with it. None: from the first row; to the last one.
struct KeyRange {
  KeyPlace behind{}, through{};
};
// The first rows of the range of those that `condition` takes (empty: all), locked against every change, the gaps
// between them too, until the transaction (REPEATABLE READ) ends.
std::string select_chunk(const dualwrite::SelectedTable& selected, const ChunkKey& key, const KeyRange& range,
                         std::string_view condition, std::size_t rows_max);

// The key's columns alone, in its order.
struct SelectedKey {
  dualwrite::SelectedTable selected;
  ChunkKey key;
};
SelectedKey select_key(const dualwrite::SelectedTable& selected, const ChunkKey& key, bool mariadb);
// The key of the row that is so many rows behind the place (1: the next one): nothing is locked, and no more rows than
// these are gone through. No row: there are not so many.
std::string select_border(const SelectedKey& key, const KeyPlace& behind, std::size_t rows);
// Errors (InvalidArgument): a text that is none of its column.
absl::StatusOr<KeyPlace> border_from(const SelectedKey& key, const std::vector<protocol::Cell>& row, bool mariadb);

}  // namespace crossfade::migrate
