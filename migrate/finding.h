// What a look at both servers has found: one line of preflight's list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/schema_compare.h"

namespace crossfade::migrate {

using dualwrite::Severity;
using dualwrite::TableRef;

// blocker: the migration must not begin, or a table would be refused, stopped or copied wrongly.
// warning: it can begin; something is to be done before reads move or `new` leads.
// note: nothing is to be done, or nothing can be.
struct Finding {
  Severity severity = Severity::note;
  TableRef table{};                        // both empty: of a server, an account or a schema
  std::string object{};                    // "old", "old account `app`@`%`", "table", "column price", "trigger t_ai"
  std::string code{};                      // stable, snake_case
  std::string reason{};                    // what was found
  std::string advice{};                    // what to do, with the statement where there is one; empty: nothing
  std::optional<std::uint64_t> rows{};     // rows that it is about, counted on the leader
  std::optional<std::uint64_t> longest{};  // the longest value: characters, bytes or digits, as `reason` says
  friend bool operator==(const Finding&, const Finding&) = default;
};
using Findings = std::vector<Finding>;

Finding from_schema(const dualwrite::SchemaFinding& finding);
std::string_view name(Severity severity);  // "blocker"
// "shop.orders column price", "old": what the finding is about.
std::string subject(const Finding& finding);
// Blockers first, then by table and object; stable.
void sort_by_severity(Findings& findings);
std::size_t count(const Findings& findings, Severity severity);

}  // namespace crossfade::migrate
