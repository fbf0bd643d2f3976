#include "migrate/judge_tables.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collations.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_plan.h"
#include "migrate/table_order.h"

namespace crossfade::migrate {
namespace {

using dualwrite::DefinedColumn;
using dualwrite::DefinedKey;
using dualwrite::SchemaFinding;
using dualwrite::TableDefinition;

const char* const kMakesIt = "crossfade preflight --fix-schema --execute makes it";

void add(Findings& out, Severity severity, const TableRef& table, std::string object, std::string code,
         std::string reason, std::string advice) {
  out.push_back({.severity = severity,
                 .table = table,
                 .object = std::move(object),
                 .code = std::move(code),
                 .reason = std::move(reason),
                 .advice = std::move(advice)});
}

// What judge_objects() says with more knowledge.
bool is_said_elsewhere(const SchemaFinding& finding) {
  return finding.code == "trigger_missing" || finding.code == "no_key";
}

// The statement is in --fix-schema's output.
Finding shortened(const SchemaFinding& finding) {
  Finding out = from_schema(finding);
  // A copy goes by SQL, whatever the feed does.
  if (out.code == "trigger_on_follower" && out.severity != Severity::blocker) {
    out.severity = Severity::blocker;
    out.reason = "a copy of rows goes to this table by SQL, which fires it: what it does would be done twice";
  }
  constexpr std::array<std::string_view, 6> kMade = {"column_missing",      "index_missing", "unique_key_missing",
                                                     "foreign_key_missing", "view_missing",  "cascade_one_side"};
  const bool made = std::find(kMade.begin(), kMade.end(), out.code) != kMade.end();
  if (made || (out.code == "table_missing" && out.advice.starts_with("CREATE TABLE"))) out.advice = kMakesIt;
  return out;
}

void judge_one(const TableDefinition& table, const TablesToJudge& sides, Findings& out) {
  const std::string engine = dualwrite::ascii_lower(table.engine);
  if (engine != "innodb")
    add(out, Severity::blocker, table.name, "table", "engine_not_innodb",
        "it is " + table.engine + " on old: its rows have no locks, so that a copy of them has no place in the feed",
        "on old: ALTER TABLE " + dualwrite::quote_name(table.name) + " ENGINE=InnoDB; or leave the table out");
  const std::vector<std::string> key = identifying_columns(table);
  if (key.empty()) {
    const std::string why = why_not_at_once(table.name, sides);
    add(out, why.empty() && engine == "innodb" ? Severity::warning : Severity::blocker, table.name, "table", "no_key",
        "no primary key, and no unique key of columns that are NOT NULL: " +
            (why.empty() ? std::string(kCopiedAtOnce) : "nothing identifies a row that is copied or compared" + why),
        "on both: ALTER TABLE " + dualwrite::quote_name(table.name) +
            " ADD COLUMN .. BIGINT AUTO_INCREMENT PRIMARY KEY; or leave the table out");
  } else if (table.primary_key() == nullptr && sides.feed != FeedChoice::trigger) {
    add(out, Severity::note, table.name, "table", "no_primary_key",
        "no primary key: the unique key over " + key.front() + (key.size() > 1 ? ", .." : "") + " takes its place", "");
  }
  if (sides.feed != FeedChoice::trigger) return;
  const auto plan = dualwrite::plan_capture({.leader = table,
                                             .mariadb = sides.leader.mariadb,
                                             .number = 0,
                                             .control_schema = sides.control_schema,
                                             .first = {},
                                             .referenced = {}});
  if (!plan.ok() && !key.empty() && engine == "innodb")
    add(out, Severity::blocker, table.name, "table", "not_captured",
        "feed trigger: " + std::string(plan.status().message()), "change that on old, or use feed log");
}

void judge_schema(const SchemaFacts& schema, const TablesToJudge& sides, Findings& out) {
  const auto& all = sides.follower.schemas;
  const auto there =
      std::find_if(all.begin(), all.end(), [&schema](const SchemaFacts& each) { return each.name == schema.name; });
  if (there == all.end())
    return add(out, Severity::blocker, {}, "schema " + schema.name, "schema_missing", "new does not have it", kMakesIt);
  const std::string wanted = dualwrite::nearest_collation(schema.collation, makes_of(sides));
  if (there->collation == wanted) return;
  add(out, Severity::warning, {}, "schema " + schema.name, "schema_collation_differs",
      schema.collation + " on old, " + there->collation + " on new: tables that name none are made with another one",
      "on new: ALTER DATABASE " + dualwrite::quote_name(schema.name) + " COLLATE " + wanted);
}

const StoredObject* find_object(const std::vector<StoredObject>& all, const StoredObject& wanted) {
  const auto found = std::find_if(all.begin(), all.end(), [&wanted](const StoredObject& each) {
    return each.kind == wanted.kind && each.schema == wanted.schema && each.name == wanted.name;
  });
  return found == all.end() ? nullptr : &*found;
}

class Objects {
 public:
  explicit Objects(const TablesToJudge& sides) : sides_(sides) {}

  Findings judge() {
    for (const StoredObject& object : sides_.leader.objects) on_leader(object);
    for (const StoredObject& object : sides_.follower.objects) on_follower(object);
    for (const auto& [name, table] : sides_.leader.tables) foreign_keys(table);
    return std::move(out_);
  }

 private:
  void find(Severity severity, const StoredObject& object, std::string code, std::string reason, std::string advice) {
    const std::string_view kind = name(object.kind);
    if (object.kind == StoredObject::Kind::trigger)
      return add(out_, severity, {object.schema, object.table}, "trigger " + object.name, std::move(code),
                 std::move(reason), std::move(advice));
    add(out_, severity, {}, std::string(kind) + " " + object.schema + "." + object.name, std::move(code),
        std::move(reason), std::move(advice));
  }

  void on_leader(const StoredObject& object) {
    const bool there = find_object(sides_.follower.objects, object) != nullptr;
    switch (object.kind) {
      case StoredObject::Kind::trigger:
        if (there) return;  // the comparison of definitions has a word on that
        return find(Severity::note, object, "trigger_for_later",
                    object.detail + " on old alone: what it writes travels as rows",
                    "make it on new when new leads (crossfade preflight --fix-schema prints it)");
      case StoredObject::Kind::event:
        if (there) return;
        return find(Severity::note, object, "event_for_later", "runs on old alone: what it writes travels as rows",
                    "make it on new when new leads (crossfade preflight --fix-schema prints it)");
      case StoredObject::Kind::procedure:
      case StoredObject::Kind::function:
        if (there) return;
        return find(Severity::warning, object, "routine_missing",
                    "new does not have it: what calls it fails there, views and reads too", kMakesIt);
    }
  }

  void on_follower(const StoredObject& object) {
    if (object.kind != StoredObject::Kind::event || object.detail != "ENABLED") return;
    const bool runs = dualwrite::ascii_lower(sides_.follower.variable("event_scheduler")) == "on";
    find(runs ? Severity::blocker : Severity::warning, object, "event_enabled_on_new",
         runs ? "it runs on new: what it writes there is not old's" : "it would run on new once event_scheduler is ON",
         "on new, until it leads: ALTER EVENT " + dualwrite::quote_name(object.schema) + "." +
             dualwrite::quote_name(object.name) + " DISABLE");
  }

  void foreign_keys(const TableDefinition& table) {
    const bool silent = makes_of(sides_).cascades_are_silent();
    for (const auto& key : table.foreign_keys) {
      const auto acts = [](const std::string& rule) { return rule != "RESTRICT" && rule != "NO ACTION"; };
      const bool cascades = acts(key.on_delete) || acts(key.on_update);
      const std::string parent = key.parent.schema + "." + key.parent.table;
      const std::string what = !cascades ? "rows are applied in old's order, under its checks"
                               : silent  ? "old does not tell what it cascades to: new cascades itself"
                                         : "old tells what it cascades to: new does not cascade";
      add(out_, Severity::note, table.name, "foreign key " + key.name, "foreign_key",
          "refers to " + parent + ": " + what, "");
      if (!sides_.leader.tables.contains(key.parent))
        add(out_, Severity::blocker, table.name, "foreign key " + key.name, "parent_left_out",
            "refers to " + parent + ", which is not there or left out", "take that table, too");
    }
  }

  const TablesToJudge& sides_;
  Findings out_;
};

// The largest value of an integer column; 0: it is none.
std::uint64_t largest(const DefinedColumn& column) {
  constexpr std::array<std::pair<std::string_view, int>, 5> kBits = {
      {{"tinyint", 8}, {"smallint", 16}, {"mediumint", 24}, {"int", 32}, {"bigint", 64}}};
  for (const auto& [type, bits] : kBits) {
    if (column.data_type != type) continue;
    const std::uint64_t all = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    return column.is_unsigned ? all : all >> 1;
  }
  return 0;
}

void judge_headroom(const DefinedColumn& column, const TableRef& table, const TableSize& size, const char* which,
                    Findings& out) {
  const std::uint64_t most = largest(column);
  if (most == 0 || !size.auto_increment) return;
  const std::uint64_t used = *size.auto_increment - (*size.auto_increment > 0 ? 1 : 0);
  constexpr double kWarned = 0.75;
  const double share = static_cast<double>(used) / static_cast<double>(most);
  if (share < kWarned) return;
  constexpr double kDaySeconds = 24 * 3600;
  std::string left;
  if (size.age_seconds > 0 && used > 0 && used < most) {
    const double rate = static_cast<double>(used) / static_cast<double>(size.age_seconds);
    const double days = static_cast<double>(most - used) / rate / kDaySeconds;
    left = ", which last about " + std::to_string(static_cast<std::uint64_t>(days)) +
           " days at the rate since the table was made";
  }
  const bool full = used >= most;
  add(out, full ? Severity::blocker : Severity::warning, table, "column " + column.name, "auto_increment_headroom",
      std::to_string(static_cast<int>(share * 100)) + " % of the ids of " + column.column_type + " on " + which +
          " are used" + (full ? ": inserts fail" : ", " + std::to_string(most - used) + " are left" + left),
      "on new first: ALTER TABLE " + dualwrite::quote_name(table) + " MODIFY " + dualwrite::quote_name(column.name) +
          " BIGINT UNSIGNED NOT NULL AUTO_INCREMENT");
}

}  // namespace

dualwrite::ServerMakes makes_of(const TablesToJudge& sides) {
  return {.leader_is_mariadb = sides.leader.mariadb,
          .follower_is_mariadb = sides.follower.mariadb,
          .by_triggers = sides.feed == FeedChoice::trigger,
          .logs_cascades = sides.leader.log.identity.logs_cascades};
}

std::vector<std::string> identifying_columns(const TableDefinition& table) {
  const auto usable = [&table](const DefinedKey& key) {
    return key.unique && std::all_of(key.parts.begin(), key.parts.end(), [&table](const DefinedKey::Part& part) {
             const DefinedColumn* column = table.column(part.column);
             return column != nullptr && !column->nullable && !part.prefix;
           });
  };
  const DefinedKey* found = table.primary_key();
  for (const DefinedKey& key : table.keys) {
    if (found == nullptr && usable(key)) found = &key;
  }
  std::vector<std::string> out;
  if (found == nullptr) return out;
  for (const DefinedKey::Part& part : found->parts) out.push_back(part.column);
  return out;
}

std::string why_not_at_once(const TableRef& table, const TablesToJudge& sides) {
  const auto definition = sides.leader.tables.find(table);
  const bool has_primary = definition != sides.leader.tables.end() && definition->second.primary_key() != nullptr;
  if (sides.feed == FeedChoice::trigger && !has_primary) return "; feed trigger does not follow it";
  const auto size = sides.leader.sizes.find(table);
  if (size == sides.leader.sizes.end() || size->second.data_bytes <= kReadAtOnceBytesMax) return "";
  return "; a copy reads such a table at once, up to 32 MiB, and it has " +
         std::to_string(size->second.data_bytes >> 20) + " MiB";
}

Findings judge_tables(const TablesToJudge& sides) {
  Findings out;
  for (const SchemaFacts& schema : sides.leader.schemas) judge_schema(schema, sides, out);
  for (const SchemaFinding& finding :
       dualwrite::compare_schemas(sides.leader.tables, sides.follower.tables, makes_of(sides))) {
    if (!is_said_elsewhere(finding)) out.push_back(shortened(finding));
  }
  for (const auto& [name, table] : sides.leader.tables) {
    if (table.kind == TableDefinition::Kind::table) judge_one(table, sides, out);
  }
  return out;
}

Findings judge_objects(const TablesToJudge& sides) { return Objects(sides).judge(); }

Findings judge_auto_increment(const TablesToJudge& sides) {
  Findings out;
  for (const auto& [name, table] : sides.leader.tables) {
    const auto size = sides.leader.sizes.find(name);
    if (size == sides.leader.sizes.end()) continue;
    for (const DefinedColumn& column : table.columns) {
      if (!column.auto_increment) continue;
      judge_headroom(column, name, size->second, "old", out);
      const auto other = sides.follower.tables.find(name);
      const DefinedColumn* there = other == sides.follower.tables.end() ? nullptr : other->second.column(column.name);
      if (there != nullptr && largest(*there) < largest(column)) judge_headroom(*there, name, size->second, "new", out);
    }
  }
  return out;
}

}  // namespace crossfade::migrate
