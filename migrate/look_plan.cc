#include "migrate/look_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_sql.h"
#include "migrate/data_checks.h"

namespace crossfade::migrate {

using dualwrite::DefinedColumn;
using dualwrite::DefinedForeignKey;
using dualwrite::DefinedKey;
using dualwrite::quote_name;
using dualwrite::TableDefinition;

namespace {

constexpr std::array<std::string_view, 3> kLookNames = {"aggregates", "lengths", "foreign_keys"};
constexpr std::size_t kCellsMax = 500000;  // of all groups of a side
constexpr std::size_t kOrphansShown = 100;
constexpr std::string_view kFirstBytes = ",64)";  // of texts, where they are ordered or grouped

VerifiedColumn count_of(std::string text) { return {.name = std::move(text), .how = ValueClass::number}; }

// Both sides' SELECT lists, as they grow.
struct Lists {
  LookQuery query;
  std::string leader, follower;

  void add(const std::string& on_leader, const std::string& on_follower, VerifiedColumn column, bool is_value) {
    const char* between = leader.empty() ? "" : ",";
    leader += between + on_leader;
    follower += between + on_follower;
    query.cells.push_back({.column = std::move(column), .is_value = is_value});
  }
  // The same SQL around what each side gives.
  void add_around(const std::string& front, const std::string& on_leader, const std::string& on_follower,
                  const std::string& back, VerifiedColumn column, bool is_value) {
    add(front + on_leader + back, front + on_follower + back, std::move(column), is_value);
  }
};

bool is_geometry(const VerifiedColumn& column) { return column.how == ValueClass::bytes && !column.same_text; }

// As bytes whose order and equality is the same on both sides.
std::string as_bytes_sql(const VerifiedColumn& column, const std::string& value) {
  return column.how == ValueClass::padded ? "TRIM(TRAILING x'00' FROM " + value + ")" : "CAST(" + value + " AS BINARY)";
}

void add_least_and_greatest(const VerifiedColumn& column, dualwrite::ServerMakes makes, Lists& out) {
  for (const std::string word : {"MIN", "MAX"}) {
    VerifiedColumn cell{.name = (word == "MIN" ? "min(" : "max(") + column.name + ")",
                        .how = column.how,
                        .same_text = column.same_text};
    switch (column.how) {
      case ValueClass::number:
      case ValueClass::temporal:
        out.add_around(word + "(", column.on_leader, column.on_follower, ")", std::move(cell), true);
        break;
      case ValueClass::floating: {
        const std::string value = word + "(" + quote_name(column.name) + ")";
        out.add(dualwrite::floating_text(value, makes.leader_is_mariadb),
                dualwrite::floating_text(value, makes.follower_is_mariadb), std::move(cell), true);
        break;
      }
      case ValueClass::text:
      case ValueClass::bytes:
      case ValueClass::padded:
        cell.how = ValueClass::bytes;
        out.add_around(word + "(LEFT(", as_bytes_sql(column, column.on_leader),
                       as_bytes_sql(column, column.on_follower), std::string(kFirstBytes) + ")", std::move(cell), true);
        break;
      case ValueClass::document:
        break;
    }
  }
}

// What a sum of numbers does not depend on is the order of its rows: of floating ones it would.
void add_sum(const VerifiedColumn& column, Lists& out) {
  VerifiedColumn cell{.name = "sum(" + column.name + ")", .how = ValueClass::number, .same_text = false};
  if (column.how == ValueClass::number) {
    out.add_around("SUM(", column.on_leader, column.on_follower, ")", std::move(cell), true);
  } else if (column.how == ValueClass::floating) {
    const std::string name = quote_name(column.name);
    out.add_around("SUM(CAST(", name, name, " AS DECIMAL(65,20)))", std::move(cell), true);
  }
}

void add_distinct(const VerifiedColumn& column, Lists& out) {
  VerifiedColumn cell = count_of("distinct(" + column.name + ")");
  std::string leader = quote_name(column.name), follower = leader;
  if (column.how == ValueClass::padded) {
    leader = as_bytes_sql(column, column.on_leader);
    follower = as_bytes_sql(column, column.on_follower);
  } else if (column.how == ValueClass::text || column.how == ValueClass::bytes) {
    leader = column.hashed_on_leader;
    follower = column.hashed_on_follower;
  }
  out.add_around("COUNT(DISTINCT ", leader, follower, ")", std::move(cell), false);
}

void add_aggregates(const std::vector<VerifiedColumn>& columns, dualwrite::ServerMakes makes, Lists& out) {
  for (const VerifiedColumn& column : columns) {
    const std::string name = quote_name(column.name);
    if (column.nullable) out.add_around("COUNT(", name, name, ")", count_of("count(" + column.name + ")"), false);
    // Their texts are not the same on both sides.
    if (column.how == ValueClass::document || is_geometry(column)) continue;
    add_distinct(column, out);
    add_sum(column, out);
    add_least_and_greatest(column, makes, out);
  }
}

void add_lengths(const std::vector<VerifiedColumn>& columns, Lists& out) {
  for (const VerifiedColumn& column : columns) {
    const bool is_text = column.how == ValueClass::text;
    const bool is_bytes = column.how == ValueClass::padded || (column.how == ValueClass::bytes && !is_geometry(column));
    if (!is_text && !is_bytes) continue;
    const std::string function = is_text ? "CHAR_LENGTH(" : "LENGTH(";
    const auto value = [&](const std::string& sql) { return is_text ? sql : as_bytes_sql(column, sql); };
    for (const std::string word : {"sum", "max"}) {
      out.add_around((word == "sum" ? "SUM(" : "MAX(") + function, value(column.on_leader), value(column.on_follower),
                     "))", count_of(word + "(length(" + column.name + "))"), false);
    }
  }
}

bool has_days(const DefinedColumn& column) {
  return column.data_type == "date" || column.data_type == "datetime" || column.data_type == "timestamp";
}

struct Grouping {
  VerifiedColumn column;
  std::string leader, follower;  // SQL
};

absl::StatusOr<Grouping> grouping_by(const DefinedColumn& defined, const VerifiedColumn& column) {
  Grouping out{.column = column, .leader = column.on_leader, .follower = column.on_follower};
  switch (column.how) {
    case ValueClass::temporal:
      if (!has_days(defined)) return out;
      out.column.name = "day(" + column.name + ")";
      out.column.same_text = true;
      out.leader = out.follower = "DATE(" + quote_name(column.name) + ")";
      return out;
    case ValueClass::number:
    case ValueClass::floating:
      return out;
    case ValueClass::text:
    case ValueClass::bytes:
    case ValueClass::padded:
      if (is_geometry(column)) break;
      out.column.how = ValueClass::bytes;
      out.leader = "LEFT(" + as_bytes_sql(column, column.on_leader) + std::string(kFirstBytes);
      out.follower = "LEFT(" + as_bytes_sql(column, column.on_follower) + std::string(kFirstBytes);
      return out;
    case ValueClass::document:
      break;
  }
  return absl::FailedPreconditionError("rows cannot be grouped by column " + defined.name + ", a " + defined.data_type);
}

LookQuery whole_query(Lists lists, const TableDefinition& table, const std::optional<Grouping>& grouping) {
  const std::string from = " FROM " + quote_name(table.name);
  LookQuery out = std::move(lists.query);
  out.leader = "SELECT " + lists.leader + from;
  out.follower = "SELECT " + lists.follower + from;
  if (!grouping) return out;
  out.group = grouping->column;
  out.leader = "SELECT " + grouping->leader + "," + lists.leader + from + " GROUP BY " + grouping->leader;
  out.follower = "SELECT " + grouping->follower + "," + lists.follower + from + " GROUP BY " + grouping->follower;
  return out;
}

bool same_key(const DefinedForeignKey& a, const DefinedForeignKey& b) {
  return a.columns == b.columns && a.parent == b.parent && a.parent_columns == b.parent_columns;
}

// Of rows without a key nothing is shown.
std::vector<std::string> key_names(const TableDefinition& leader, const TableDefinition& follower) {
  std::vector<std::string> out;
  const DefinedKey* key = leader.primary_key();
  if (key == nullptr) return out;
  for (const DefinedKey::Part& part : key->parts) {
    if (leader.column(part.column) == nullptr || follower.column(part.column) == nullptr) return {};
    out.push_back(part.column);
  }
  return out;
}

absl::StatusOr<std::vector<LookQuery>> orphan_queries(const TableDefinition& leader, const TableDefinition& follower,
                                                      dualwrite::ServerMakes makes) {
  absl::StatusOr<std::vector<VerifiedColumn>> key =
      verified_columns(leader, follower, key_names(leader, follower), makes);
  if (!key.ok()) return key.status();
  std::string on_leader, on_follower;
  LookQuery common{.kind = Difference::Kind::orphans};
  for (VerifiedColumn& column : *key) {
    on_leader += (on_leader.empty() ? "" : ",") + column.on_leader;
    on_follower += (on_follower.empty() ? "" : ",") + column.on_follower;
    common.cells.push_back({.column = std::move(column)});
  }
  if (key->empty()) on_leader = on_follower = "1";
  std::vector<LookQuery> out;
  for (const DefinedForeignKey& each : leader.foreign_keys) {
    LookQuery& query = out.emplace_back(common);
    query.object = "foreign key " + each.name;
    query.leader = "SELECT " + on_leader + from_orphans(leader.name, each);
    query.follower = "SELECT " + on_follower + from_orphans(follower.name, each);
  }
  for (const DefinedForeignKey& each : follower.foreign_keys) {
    const bool known = std::any_of(leader.foreign_keys.begin(), leader.foreign_keys.end(),
                                   [&each](const DefinedForeignKey& other) { return same_key(each, other); });
    if (known) continue;
    LookQuery& query = out.emplace_back(common);
    query.object = "foreign key " + each.name + " of the follower alone";
    query.follower = "SELECT " + on_follower + from_orphans(follower.name, each);
  }
  return out;
}

std::uint64_t number_or_zero(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

absl::Status see_orphan(const LookQuery& query, const std::vector<protocol::Cell>& row, LookAnswer* answer) {
  ++answer->rows;
  if (query.cells.empty() || answer->keys.size() >= kOrphansShown) return absl::OkStatus();
  std::vector<VerifiedColumn> key;
  for (const LookQuery::Cell& cell : query.cells) key.push_back(cell.column);
  if (row.size() != key.size()) return absl::InternalError("an answer of another shape than was asked for");
  answer->keys.push_back(key_text(key, row));
  return absl::OkStatus();
}

std::vector<Difference> compare_orphans(const LookQuery& query, const LookAnswer& leader, const LookAnswer& follower) {
  if (leader.rows == 0 && follower.rows == 0) return {};
  Difference out{.kind = query.kind, .row = query.object, .key = {}};
  out.columns.push_back(
      {.name = "rows", .leader = std::to_string(leader.rows), .follower = std::to_string(follower.rows)});
  constexpr const char* kRefersToNone = "refers to none";
  std::map<std::string, Difference::Column> rows;
  for (const std::string& key : leader.keys) rows[key].leader = kRefersToNone;
  for (const std::string& key : follower.keys) rows[key].follower = kRefersToNone;
  for (auto& [key, column] : rows) {
    column.name = key;
    out.columns.push_back(std::move(column));
  }
  return {std::move(out)};
}

}  // namespace

std::string_view name(Look look) { return kLookNames[static_cast<std::size_t>(look)]; }

std::optional<Look> look_named(std::string_view name) {
  const auto found = std::find(kLookNames.begin(), kLookNames.end(), name);
  if (found == kLookNames.end()) return std::nullopt;
  return static_cast<Look>(found - kLookNames.begin());
}

absl::StatusOr<std::vector<LookQuery>> plan_looks(const TableDefinition& leader, const TableDefinition& follower,
                                                  dualwrite::ServerMakes makes, const std::vector<Look>& looks,
                                                  std::string_view by) {
  for (const TableDefinition* side : {&leader, &follower}) {
    if (side->engine == "InnoDB") continue;
    return absl::FailedPreconditionError("a table of engine " + side->engine + " has no snapshots to be looked at");
  }
  std::vector<std::string> names;
  for (const DefinedColumn& column : leader.columns) {
    if (column.generated == DefinedColumn::Generated::no) names.push_back(column.name);
  }
  absl::StatusOr<std::vector<VerifiedColumn>> columns = verified_columns(leader, follower, names, makes);
  if (!columns.ok()) return columns.status();
  std::vector<LookQuery> out;
  for (const Look look : looks) {
    Lists lists;
    std::optional<Grouping> grouping;
    switch (look) {
      case Look::aggregates: {
        lists.add("COUNT(*)", "COUNT(*)", count_of("count(*)"), false);
        add_aggregates(*columns, makes, lists);
        const DefinedColumn* wanted = by.empty() ? nullptr : leader.column(by);
        if (wanted != nullptr) {
          // A generated column may group, too.
          absl::StatusOr<std::vector<VerifiedColumn>> one = verified_columns(leader, follower, {wanted->name}, makes);
          if (!one.ok()) return one.status();
          absl::StatusOr<Grouping> found = grouping_by(*wanted, one->front());
          if (!found.ok()) return found.status();
          grouping = *std::move(found);
        }
        out.push_back(whole_query(std::move(lists), leader, grouping));
        break;
      }
      case Look::lengths:
        lists.query.kind = Difference::Kind::length;
        lists.add("COUNT(*)", "COUNT(*)", count_of("count(*)"), false);
        add_lengths(*columns, lists);
        out.push_back(whole_query(std::move(lists), leader, grouping));
        break;
      case Look::foreign_keys: {
        absl::StatusOr<std::vector<LookQuery>> orphans = orphan_queries(leader, follower, makes);
        if (!orphans.ok()) return orphans.status();
        std::move(orphans->begin(), orphans->end(), std::back_inserter(out));
        break;
      }
    }
  }
  return out;
}

absl::Status see_answer(const LookQuery& query, ShowRows show, const std::vector<protocol::Cell>& row,
                        LookAnswer* answer) {
  if (query.kind == Difference::Kind::orphans) return see_orphan(query, row, answer);
  const std::size_t first = query.group ? 1 : 0;
  if (row.size() != first + query.cells.size()) {
    return absl::InternalError("an answer of another shape than was asked for");
  }
  if ((answer->groups.size() + 1) * query.cells.size() > kCellsMax) {
    return absl::FailedPreconditionError("it has more than " + std::to_string(answer->groups.size()) + " groups by " +
                                         (query.group ? query.group->name : "") +
                                         ": choose a column with less of them");
  }
  const std::uint64_t mark = query.group ? value_mark(*query.group, row.front()) : 0;
  LookAnswer::Group& group = answer->groups[mark];
  if (query.group) group.text = key_text(std::span(&*query.group, 1), row);
  for (std::size_t i = 0; i < query.cells.size(); ++i) {
    const LookQuery::Cell& cell = query.cells[i];
    group.marks.push_back(value_mark(cell.column, row[first + i]));
    group.shown.push_back(value_text(cell.column, row[first + i], cell.is_value ? show : ShowRows::values));
  }
  answer->rows += number_or_zero(row[first]);
  return absl::OkStatus();
}

std::vector<Difference> compare_answers(const LookQuery& query, const LookAnswer& leader, const LookAnswer& follower) {
  if (query.kind == Difference::Kind::orphans) return compare_orphans(query, leader, follower);
  std::vector<Difference> out;
  const auto add = [&](const LookAnswer::Group* mine, const LookAnswer::Group* theirs) {
    const LookAnswer::Group& known = mine != nullptr ? *mine : *theirs;
    Difference found{.kind = query.kind, .row = known.text.empty() ? "all rows" : known.text, .key = {}};
    // Of a group that one side does not have, how many rows it has is all there is to say.
    const std::size_t cells = mine != nullptr && theirs != nullptr ? query.cells.size() : 1;
    for (std::size_t i = 0; i < cells; ++i) {
      if (mine != nullptr && theirs != nullptr && mine->marks[i] == theirs->marks[i]) continue;
      found.columns.push_back({.name = query.cells[i].column.name,
                               .leader = mine != nullptr ? mine->shown[i] : "0",
                               .follower = theirs != nullptr ? theirs->shown[i] : "0"});
    }
    if (!found.columns.empty()) out.push_back(std::move(found));
  };
  for (const auto& [mark, group] : leader.groups) {
    const auto theirs = follower.groups.find(mark);
    add(&group, theirs == follower.groups.end() ? nullptr : &theirs->second);
  }
  for (const auto& [mark, group] : follower.groups) {
    if (!leader.groups.contains(mark)) add(nullptr, &group);
  }
  return out;
}

}  // namespace crossfade::migrate
