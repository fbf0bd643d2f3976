// The DDL that makes on the follower what is missing there, from the leader's definitions.
#pragma once

#include <string>
#include <vector>

#include "migrate/create_text.h"
#include "migrate/finding.h"
#include "migrate/judge_tables.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

// In the order in which they are run.
enum class SchemaPhase : std::uint8_t {
  schemas,
  sequences,
  tables,        // with primary key and checks, parents first; then columns that tables lack
  unique_keys,   //
  indexes,       //
  foreign_keys,  // after all tables, so that cycles need nothing special
  routines,      //
  views,         // after what they read
  triggers,      // for when the follower leads
  events,        // the same
};
std::string_view name(SchemaPhase phase);

struct PlannedStatement {
  SchemaPhase phase = SchemaPhase::tables;
  bool later = false;   // printed, not run
  std::string object;   // "table shop.orders"
  std::string schema;   // to be the default one; empty: none
  std::string session;  // a SET to run before; empty: none
  std::string sql;
  bool done = false;  // filled by who runs it, as the next
  std::string failure{};
};

struct SchemaPlan {
  std::vector<PlannedStatement> statements;
  Findings impossible;  // what is missing and cannot be made, with the reason and what to do
};

// What the leader has to be asked for with SHOW CREATE.
std::vector<CreateTextWanted> create_texts_wanted(const TablesToJudge& sides);

enum class Indexes : std::uint8_t { now, later };
enum class Triggers : std::uint8_t { now, later };
// `texts`: of what was wanted. What is for later is so by these: indexes that are not unique; triggers and events.
SchemaPlan plan_schema(const TablesToJudge& sides, const std::vector<CreateText>& texts, Indexes indexes,
                       Triggers triggers = Triggers::later);

// A script for a client of the follower; what is for later is commented out. `executed`: it has been run.
std::string schema_plan_text(const SchemaPlan& plan, bool executed);
nlohmann::json schema_plan_json(const SchemaPlan& plan, bool executed);
// 0: all that is missing can be made, and was; 1: a statement failed; 4: something cannot be made.
int schema_plan_exit_code(const SchemaPlan& plan);

}  // namespace crossfade::migrate
