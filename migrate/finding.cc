#include "migrate/finding.h"

#include <algorithm>
#include <tuple>

namespace crossfade::migrate {

Finding from_schema(const dualwrite::SchemaFinding& finding) {
  return {.severity = finding.severity,
          .table = finding.table,
          .object = finding.object,
          .code = finding.code,
          .reason = finding.text,
          .advice = finding.advice};
}

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::blocker:
      return "blocker";
  }
  return "";
}

std::string subject(const Finding& finding) {
  if (finding.table.schema.empty()) return finding.object;
  const std::string table = finding.table.schema + "." + finding.table.table;
  return finding.object == "table" ? table : table + " " + finding.object;
}

void sort_by_severity(Findings& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(b.severity, a.table, a.object) < std::tie(a.severity, b.table, b.object);
  });
}

std::size_t count(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                [severity](const Finding& each) { return each.severity == severity; }));
}

}  // namespace crossfade::migrate
