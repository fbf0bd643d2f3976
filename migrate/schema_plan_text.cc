// The plan as a script, and as JSON.
#include <algorithm>

#include "dualwrite/sql_text.h"
#include "migrate/schema_plan.h"

namespace crossfade::migrate {
namespace {

using nlohmann::json;

std::string heading(SchemaPhase phase, bool later) {
  std::string out = "-- " + std::string(name(phase));
  const bool acts = phase == SchemaPhase::triggers || phase == SchemaPhase::events;
  if (later && acts) return out + ": for later, when new leads";
  return out + (later ? ": for later, after the copy" : "");
}

std::string commented(const std::string& text) {
  std::string out = "-- ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "-- ";
  }
  return out;
}

// What has semicolons inside.
bool is_compound(SchemaPhase phase) {
  return phase == SchemaPhase::routines || phase == SchemaPhase::triggers || phase == SchemaPhase::events;
}

std::string impossible_text(const Findings& impossible) {
  if (impossible.empty()) return "";
  std::string out = "\n-- cannot be made:\n";
  for (const Finding& finding : impossible)
    out += commented("  " + subject(finding) + ": " + finding.reason + (finding.advice.empty() ? "" : "; ") +
                     finding.advice) +
           "\n";
  return out;
}

std::size_t failures(const SchemaPlan& plan) {
  return static_cast<std::size_t>(std::count_if(plan.statements.begin(), plan.statements.end(),
                                                [](const PlannedStatement& each) { return !each.failure.empty(); }));
}

}  // namespace

std::string_view name(SchemaPhase phase) {
  switch (phase) {
    case SchemaPhase::schemas:
      return "schemas";
    case SchemaPhase::sequences:
      return "sequences";
    case SchemaPhase::tables:
      return "tables, parents first";
    case SchemaPhase::unique_keys:
      return "unique keys";
    case SchemaPhase::indexes:
      return "indexes";
    case SchemaPhase::foreign_keys:
      return "foreign keys";
    case SchemaPhase::routines:
      return "routines";
    case SchemaPhase::views:
      return "views";
    case SchemaPhase::triggers:
      return "triggers";
    case SchemaPhase::events:
      return "events";
  }
  return "";
}

std::string schema_plan_text(const SchemaPlan& plan, bool executed) {
  if (plan.statements.empty() && plan.impossible.empty()) return "-- nothing is missing on new\n";
  std::string out, session, schema;
  const PlannedStatement* before = nullptr;
  for (const PlannedStatement& statement : plan.statements) {
    if (before == nullptr || before->phase != statement.phase) {
      out += (out.empty() ? "" : "\n") + heading(statement.phase, statement.later) + "\n";
    }
    before = &statement;
    std::string text;
    if (statement.session != session) text += statement.session + ";\n";
    if (statement.schema != schema && !statement.schema.empty())
      text += "USE " + dualwrite::quote_name(statement.schema) + ";\n";
    session = statement.session;
    if (!statement.schema.empty()) schema = statement.schema;
    text += is_compound(statement.phase) ? "DELIMITER $$\n" + statement.sql + "$$\nDELIMITER ;" : statement.sql + ";";
    out += (statement.later ? commented(text) : text) + "\n";
    if (!statement.failure.empty()) out += commented("FAILED: " + statement.failure) + "\n";
  }
  out += impossible_text(plan.impossible);
  if (executed) {
    const auto done = std::count_if(plan.statements.begin(), plan.statements.end(),
                                    [](const PlannedStatement& each) { return each.done; });
    out += "\n-- run on new: " + std::to_string(done) + " statements, " + std::to_string(failures(plan)) + " failed\n";
  }
  return out;
}

json schema_plan_json(const SchemaPlan& plan, bool executed) {
  json statements = json::array(), impossible = json::array();
  for (const PlannedStatement& each : plan.statements) {
    statements.push_back({{"phase", name(each.phase)},
                          {"object", each.object},
                          {"later", each.later},
                          {"schema", each.schema},
                          {"session", each.session},
                          {"sql", each.sql},
                          {"done", each.done},
                          {"failure", each.failure}});
  }
  for (const Finding& each : plan.impossible)
    impossible.push_back({{"object", subject(each)}, {"reason", each.reason}, {"advice", each.advice}});
  return {{"executed", executed}, {"statements", statements}, {"impossible", impossible}};
}

int schema_plan_exit_code(const SchemaPlan& plan) {
  constexpr int kFailed = 1, kNotAll = 4;
  if (failures(plan) != 0) return kFailed;
  return plan.impossible.empty() ? 0 : kNotAll;
}

}  // namespace crossfade::migrate
