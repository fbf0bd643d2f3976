#include "migrate/schema_plan.h"

#include <algorithm>
#include <set>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/ddl.h"
#include "dualwrite/sql_text.h"
#include "migrate/table_order.h"

namespace crossfade::migrate {
namespace {

using dualwrite::DefinedKey;
using dualwrite::LoggedStatement;
using dualwrite::ServerMakes;
using dualwrite::TableDefinition;
using Kind = CreateText::Kind;

std::string spelled(const TableRef& table) { return table.schema + "." + table.table; }

bool has_object(const ServerFacts& server, StoredObject::Kind kind, const TableRef& name) {
  return std::any_of(server.objects.begin(), server.objects.end(), [&](const StoredObject& each) {
    return each.kind == kind && each.schema == name.schema && each.name == name.table;
  });
}

Kind text_kind(StoredObject::Kind kind) {
  switch (kind) {
    case StoredObject::Kind::procedure:
      return Kind::procedure;
    case StoredObject::Kind::function:
      return Kind::function;
    case StoredObject::Kind::trigger:
      return Kind::trigger;
    case StoredObject::Kind::event:
      return Kind::event;
  }
  return Kind::event;
}

SchemaPhase phase_of(Kind kind) {
  switch (kind) {
    case Kind::partitions:
      return SchemaPhase::tables;
    case Kind::sequence:
      return SchemaPhase::sequences;
    case Kind::procedure:
    case Kind::function:
      return SchemaPhase::routines;
    case Kind::view:
      return SchemaPhase::views;
    case Kind::trigger:
      return SchemaPhase::triggers;
    case Kind::event:
      return SchemaPhase::events;
  }
  return SchemaPhase::tables;
}

// As statements of ours are written: under an empty sql_mode, in utf8mb4.
LoggedStatement own_statement(std::string sql, std::string schema = "") {
  constexpr std::uint16_t kUtf8mb4GeneralCi = 45;
  LoggedStatement out;
  out.schema = std::move(schema);
  out.sql = std::move(sql);
  out.client_collation = out.connection_collation = kUtf8mb4GeneralCi;
  return out;
}

class Planner {
 public:
  Planner(const TablesToJudge& sides, const std::vector<CreateText>& texts, Indexes indexes, Triggers triggers)
      : sides_(sides), texts_(texts), indexes_(indexes), triggers_(triggers), makes_(makes_of(sides)) {
    for (const dualwrite::SchemaFinding& finding :
         dualwrite::compare_schemas(sides.leader.tables, sides.follower.tables, makes_))
      missing_.insert({finding.table, finding.code + " " + finding.object});
  }

  SchemaPlan plan() {
    for (const SchemaFacts& schema : sides_.leader.schemas) schema_missing(schema);
    for (const CreateText& text : texts_) {
      if (text.kind == Kind::sequence) add_text(text);
    }
    for (const auto& group : copy_groups(sides_.leader.tables, plain_tables())) {
      for (const TableRef& name : group) table(sides_.leader.tables.at(name));
    }
    for (const CreateText& text : texts_) {
      if (text.kind != Kind::sequence && text.kind != Kind::partitions && text.kind != Kind::view) add_text(text);
    }
    for (const CreateText* view : views_in_order()) add_text(*view);
    for (const auto& [name, definition] : sides_.leader.tables) {
      if (definition.kind == TableDefinition::Kind::system_versioned && !sides_.follower.tables.contains(name))
        cannot(name, "table", "a system-versioned table keeps a history that cannot be carried",
               "DROP SYSTEM VERSIONING on old, or leave the table out");
    }
    std::stable_sort(out_.statements.begin(), out_.statements.end(),
                     [](const PlannedStatement& a, const PlannedStatement& b) { return a.phase < b.phase; });
    return std::move(out_);
  }

 private:
  void add(SchemaPhase phase, std::string object, const std::string& schema, std::string sql,
           const LoggedStatement& as = own_statement("")) {
    const bool acts = phase == SchemaPhase::triggers || phase == SchemaPhase::events;
    const bool later =
        (acts && triggers_ == Triggers::later) || (phase == SchemaPhase::indexes && indexes_ == Indexes::later);
    out_.statements.push_back({.phase = phase,
                               .later = later,
                               .object = std::move(object),
                               .schema = schema,
                               .session = dualwrite::follower_session(as, makes_).front(),
                               .sql = std::move(sql)});
  }

  void cannot(const TableRef& table, std::string object, std::string reason, std::string advice) {
    out_.impossible.push_back({.severity = Severity::blocker,
                               .table = table,
                               .object = std::move(object),
                               .code = "cannot_be_made",
                               .reason = std::move(reason),
                               .advice = std::move(advice)});
  }

  bool lacks(const TableRef& table, const std::string& code, const std::string& object) const {
    return missing_.contains({table, code + " " + object});
  }

  std::vector<TableRef> plain_tables() const {
    std::vector<TableRef> out;
    for (const auto& [name, table] : sides_.leader.tables) {
      if (table.kind == TableDefinition::Kind::table) out.push_back(name);
    }
    return out;
  }

  void schema_missing(const SchemaFacts& schema) {
    const auto& there = sides_.follower.schemas;
    if (std::any_of(there.begin(), there.end(), [&](const SchemaFacts& each) { return each.name == schema.name; }))
      return;
    const LoggedStatement statement =
        own_statement("CREATE DATABASE " + dualwrite::quote_name(schema.name) + " DEFAULT CHARACTER SET " +
                      dualwrite::charset_of(schema.collation) + " COLLATE " + schema.collation);
    const auto translated = dualwrite::translate_ddl(statement, makes_);
    if (!translated.ok())
      return cannot({}, "schema " + schema.name, std::string(translated.status().message()), "make it by hand");
    for (const std::string& sql : *translated) add(SchemaPhase::schemas, "schema " + schema.name, "", sql);
  }

  void table(const TableDefinition& definition) {
    const TableRef& name = definition.name;
    const bool there = sides_.follower.tables.contains(name);
    const auto made = dualwrite::create_statements(with_free_names(definition), makes_);
    if (!made.ok()) {
      if (!there)
        cannot(name, "table", std::string(made.status().message()), "make it on new by hand, or change old's");
      return;
    }
    if (!there) {
      add(SchemaPhase::tables, "table " + spelled(name), name.schema, made->table);
      partitions(name);
    } else {
      columns(definition);
    }
    for (const dualwrite::DefinedKey& key : definition.keys) {
      const bool of_expressions =
          std::any_of(key.parts.begin(), key.parts.end(), [](const auto& part) { return part.column.empty(); });
      if (of_expressions && makes_.follower_is_mariadb && !makes_.leader_is_mariadb)
        cannot(name, "key " + key.name, "a key of an expression, which MariaDB does not have",
               "index a generated column there instead, or leave it out: it bears on no row");
    }
    for (const dualwrite::NamedStatement& index : made->indexes) {
      const auto key = std::find_if(definition.keys.begin(), definition.keys.end(),
                                    [&index](const DefinedKey& each) { return each.name == index.name; });
      const bool unique = key != definition.keys.end() && key->unique;
      if (there && !lacks(name, unique ? "unique_key_missing" : "index_missing", "key " + index.name)) continue;
      add(unique ? SchemaPhase::unique_keys : SchemaPhase::indexes, "key " + spelled(name) + " " + index.name,
          name.schema, index.sql);
    }
    for (const dualwrite::NamedStatement& key : made->foreign_keys) {
      const std::string object = "foreign key " + key.name;
      if (there && !lacks(name, "foreign_key_missing", object) && !lacks(name, "cascade_one_side", object)) continue;
      add(SchemaPhase::foreign_keys, "foreign key " + spelled(name) + " " + key.name, name.schema, key.sql);
    }
  }

  // MySQL's names of checks are the schema's, MariaDB's the table's: the first table keeps one that several have.
  TableDefinition with_free_names(TableDefinition definition) {
    if (!makes_.leader_is_mariadb || makes_.follower_is_mariadb) return definition;
    for (dualwrite::DefinedCheck& check : definition.checks) {
      for (const auto& [name, table] : sides_.leader.tables) {
        if (name.schema != definition.name.schema || !(name < definition.name)) continue;
        const bool taken = std::any_of(table.checks.begin(), table.checks.end(), [&check](const auto& other) {
          return dualwrite::same_ignoring_case(other.name, check.name);
        });
        if (taken) check.name.clear();
      }
    }
    return definition;
  }

  void columns(const TableDefinition& definition) {
    for (const dualwrite::DefinedColumn& column : definition.columns) {
      if (!lacks(definition.name, "column_missing", "column " + column.name)) continue;
      const auto sql = dualwrite::add_column_statement(definition, column, makes_);
      if (!sql.ok()) {
        cannot(definition.name, "column " + column.name, std::string(sql.status().message()), "add it by hand");
        continue;
      }
      add(SchemaPhase::tables, "column " + spelled(definition.name) + " " + column.name, definition.name.schema, *sql);
    }
  }

  void partitions(const TableRef& name) {
    for (const CreateText& text : texts_) {
      if (text.kind == Kind::partitions && text.name == name && !text.statement.sql.empty()) add_text(text);
    }
  }

  void add_text(const CreateText& text) {
    const std::string object = std::string(name(text.kind)) + " " + spelled(text.name);
    if (!text.unreadable.empty()) return cannot({}, object, text.unreadable, "make it on new by hand");
    const bool plain_sequence = text.kind == Kind::sequence && !makes_.follower_is_mariadb;
    const auto translated = plain_sequence ? absl::UnimplementedError("a sequence, which MySQL does not have")
                                           : dualwrite::translate_ddl(text.statement, makes_);
    if (!translated.ok())
      return cannot({}, object, std::string(translated.status().message()),
                    plain_sequence ? "use AUTO_INCREMENT, or a table of counters" : "make it on new by hand");
    for (const std::string& sql : *translated) add(phase_of(text.kind), object, text.name.schema, sql, text.statement);
  }

  // A view comes after those that its text names.
  std::vector<const CreateText*> views_in_order() const {
    std::vector<const CreateText*> left, out;
    for (const CreateText& text : texts_) {
      if (text.kind == Kind::view) left.push_back(&text);
    }
    while (!left.empty()) {
      const auto next = std::find_if(left.begin(), left.end(), [&left](const CreateText* view) {
        return std::none_of(left.begin(), left.end(), [view](const CreateText* other) {
          return other != view && view->statement.sql.find(dualwrite::quote_name(other->name)) != std::string::npos;
        });
      });
      const auto taken = next == left.end() ? left.begin() : next;
      out.push_back(*taken);
      left.erase(taken);
    }
    return out;
  }

  const TablesToJudge& sides_;
  const std::vector<CreateText>& texts_;
  Indexes indexes_;
  Triggers triggers_;
  ServerMakes makes_;
  std::set<std::pair<TableRef, std::string>> missing_;  // "column_missing column price"
  SchemaPlan out_;
};

}  // namespace

std::vector<CreateTextWanted> create_texts_wanted(const TablesToJudge& sides) {
  std::vector<CreateTextWanted> out;
  for (const auto& [name, table] : sides.leader.tables) {
    if (sides.follower.tables.contains(name)) continue;
    if (table.kind == TableDefinition::Kind::view) out.push_back({.kind = Kind::view, .name = name});
    if (table.kind == TableDefinition::Kind::sequence) out.push_back({.kind = Kind::sequence, .name = name});
    if (table.kind == TableDefinition::Kind::table && table.partitioned)
      out.push_back({.kind = Kind::partitions, .name = name});
  }
  for (const StoredObject& object : sides.leader.objects) {
    const TableRef name{.schema = object.schema, .table = object.name};
    if (!has_object(sides.follower, object.kind, name)) out.push_back({.kind = text_kind(object.kind), .name = name});
  }
  return out;
}

SchemaPlan plan_schema(const TablesToJudge& sides, const std::vector<CreateText>& texts, Indexes indexes,
                       Triggers triggers) {
  return Planner(sides, texts, indexes, triggers).plan();
}

}  // namespace crossfade::migrate
