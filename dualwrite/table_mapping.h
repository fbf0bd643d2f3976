// How the rows of one leader's table become rows of the follower's table of the same name: by column name, exactly,
// or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dualwrite/row_change.h"
#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

struct ServerMakes {
  bool leader_is_mariadb = true;
  bool follower_is_mariadb = false;
  // The changes come from triggers, not from the log.
  bool by_triggers = false;
  // The leader's log has what cascades do: LeaderIdentity.
  bool logs_cascades = true;
  // What a cascade does is no change of its own: the follower has to cascade alike. Triggers see none of it.
  bool cascades_are_silent() const { return leader_is_mariadb || by_triggers || !logs_cascades; }
};

enum class ApplyBy : std::uint8_t {
  events,  // rows events through BINLOG: every column has the same type, metadata and bytes on both sides
  sql,     // statements by key: a column needs a conversion that the server does exactly (wider type, character set,
           // JSON), or the follower's account may not run BINLOG
  nothing  // `reason` says what cannot be carried exactly, and what to do
};

struct MappedColumn {
  // Ordinal in the leader's image; the number of its columns where the leader has none (the follower generates it).
  std::size_t from = 0;
  std::size_t to = 0;      // ordinal in the follower's table
  bool generated = false;  // on the follower: it computes the value itself; left out of SQL, sent in events
  std::string text_by{};   // ColumnFit::text_by
};

struct TableMapping {
  ApplyBy by = ApplyBy::nothing;
  std::string reason{};   // of `nothing`; of `sql`: why not events
  bool in_doubt = false;  // of `nothing`: it is not known whether the rows are to be carried at all
  TableRef target;        // as the follower spells it
  ServerMakes makes;
  std::shared_ptr<const LogTable> source;
  TableDefinition follower;
  std::vector<MappedColumn> columns{};  // one for each column of the follower, in its order
  bool same_order = false;              // images can be passed on as they are
  // Ordinals in the leader's image that identify a row: its primary key, else a unique key whose columns are all NOT
  // NULL on both sides; empty: the whole row.
  std::vector<std::size_t> key{};
  Buffer table_map{};  // of `events`: the TABLE_MAP event of the follower's table
};

// The mapping was made for the definition that the change came with.
inline bool describes(const TableMapping& mapping, const RowsChange& change) {
  return mapping.source == change.table || *mapping.source == *change.table;
}

// Whether `definition`, read from a leader at some other moment, can be the one that the table had when its rows were
// logged: the same columns, of the same kinds and collations. One that cannot is of a later table of the same name.
bool may_define(const TableDefinition& definition, const LogTable& logged, bool mariadb);
// What the leader's table was when the rows were logged, as far as the follower's tells, which was made from it:
// MariaDB's log does not tell UUID and INET from BINARY, but MySQL has texts in their places.
TableDefinition presumed_leader(const TableDefinition& follower, const LogTable& logged, ServerMakes makes);

// `may_run_binlog`: the follower's account has the privilege. `leader` may be nullptr (its own definition is not
// known): then only what the log's description says is judged. Never guesses: a doubt is `nothing` with a reason.
// What makes it `nothing`: a column missing on either side (of the follower: unless generated), a narrower type, NULL
// into NOT NULL, a character set that cannot hold the leader's, ENUM or SET members that differ in order or text,
// compressed columns and other types whose bytes are not known, system versioning, a key of the follower that is
// unique where the leader's is not or whose collation folds more; a trigger of the follower where `sql` would be
// needed; foreign keys with actions that differ where the leader (MariaDB) does not log its cascades.
TableMapping map_table(std::shared_ptr<const LogTable> source, const TableDefinition* leader,
                       const TableDefinition& follower, ServerMakes makes, bool may_run_binlog);

}  // namespace crossfade::dualwrite
