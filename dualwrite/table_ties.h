// What foreign keys mean for the changes of a table while others, which they tie it to, are not as far as it is: they
// are stopped, or being copied, or this one is being caught up and the others are ahead.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dualwrite/row_change.h"
#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

// Another table, seen from the change that is to be applied.
enum class Standing : std::uint8_t {
  in_step,  // as on the leader at this change
  held,     // it stands at an earlier place, and goes on from there later
  part,     // being copied: it has a part of the leader's rows at this change
  apart     // it has rows of another place: ahead, or not copied yet
};

// Of one table.
struct TableTies {
  // Every change: this table is held, and its foreign keys change rows of ours unseen.
  std::optional<TableRef> behind{};
  // What changes a key or deletes a row would change rows of a held table at the wrong place.
  std::optional<TableRef> held_on_delete{}, held_on_update{};
  // One that is not in step: one that is held, if there is any.
  struct OutOfStep {
    TableRef table;
    bool held = false;
    friend bool operator==(const OutOfStep&, const OutOfStep&) = default;
  };
  std::optional<OutOfStep> parent{}, child{};
  // Foreign keys of others or its own follow what is deleted here, or these columns' new values, without the log
  // saying so: the follower's have to do it, and so to be on.
  bool passes_deletes = false;
  std::vector<std::string> passed_on{};
  std::vector<std::string> referred{};  // columns that others refer to
  friend bool operator==(const TableTies&, const TableTies&) = default;
};

// `silent`: the leader does not tell what its foreign keys do (ServerMakes::cascades_are_silent()).
TableTies ties_of(const std::map<TableRef, TableDefinition>& tables, const TableRef& table, bool silent,
                  const std::function<Standing(const TableRef&)>& standing);

// The leader has judged every change: where a check of the follower's foreign keys could only fail for a table that is
// not in step, it is left out. Where it cannot be, the table has to stop together with the one that is held.
struct TieVerdict {
  enum class How : std::uint8_t { as_logged, unchecked, stopped } how = How::as_logged;
  TableRef with{};
  friend bool operator==(const TieVerdict&, const TieVerdict&) = default;
};
TieVerdict judge_ties(const TableTies& ties, const RowsChange& change);

// What has to stop with these tables, sorted, without these themselves: what their foreign keys change unseen, at any
// depth, and whatever else refers to a table whose rows can only be deleted with its checks on.
std::vector<TableRef> tables_stopped_with(const std::map<TableRef, TableDefinition>& tables,
                                          const std::vector<TableRef>& of);

// Those of `among` that foreign keys connect with `of`, in either direction and through others of `among`; without it.
std::vector<TableRef> connected_tables(const std::map<TableRef, TableDefinition>& tables, const TableRef& of,
                                       const std::vector<TableRef>& among);

}  // namespace crossfade::dualwrite
