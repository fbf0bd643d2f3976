#include "migrate/copy_options.h"

#include <algorithm>

#include "migrate/table_selection.h"

namespace crossfade::migrate {

using nlohmann::json;

namespace {

absl::Status take_where(const json& value, CopyOptions& out) {
  if (!value.is_object()) return wrong_option("where", "conditions by SCHEMA.TABLE are wanted");
  for (const auto& [table, condition] : value.items()) {
    if (!condition.is_string() || condition.get<std::string>().empty())
      return wrong_option("where", "no condition for " + table);
    out.where[table] = condition.get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status take_existing(const json& value, CopyOptions& out) {
  if (value == "refuse")
    out.existing = ExistingRows::refuse;
  else if (value == "replace")
    out.existing = ExistingRows::replace;
  else if (value == "resume")
    out.existing = ExistingRows::resume;
  else
    return wrong_option("existing", "refuse, replace or resume is wanted");
  return absl::OkStatus();
}

absl::Status take(const std::string& member, const json& value, CopyOptions& out) {
  const absl::StatusOr<bool> common = take_job_option(member, value, out);
  if (!common.ok()) return common.status();
  if (*common) return absl::OkStatus();
  if (member == "where") return take_where(value, out);
  if (member == "existing") return take_existing(value, out);
  if (member == "defer_indexes") {
    if (!value.is_boolean()) return wrong_option(member, "true or false is wanted");
    out.defer_indexes = value.get<bool>();
    return absl::OkStatus();
  }
  if (member == "latency_growth_max") {
    if (!value.is_number() || value.get<double>() < 0 || !std::isfinite(value.get<double>())) {
      return wrong_option(member, "a number is wanted");
    }
    out.limits.latency_growth_max = value.get<double>();
    return absl::OkStatus();
  }
  if (member != "subset_ppm") return wrong_option(member, "is no option of a copy");
  const absl::StatusOr<std::int64_t> ppm = whole_option(value, member, 1, 1000000);
  if (ppm.ok()) out.subset_ppm = static_cast<std::uint32_t>(*ppm);
  return ppm.status();
}

}  // namespace

std::string CopyOptions::condition_of(const dualwrite::TableRef& table) const {
  std::string out;
  for (const auto& [word, condition] : where) {
    if (names_table(word, table)) out += (out.empty() ? "(" : " AND (") + condition + ")";
  }
  return out;
}

bool CopyOptions::is_partial(const dualwrite::TableRef& table) const {
  return subset_ppm < 1000000 ||
         std::any_of(where.begin(), where.end(), [&](const auto& each) { return names_table(each.first, table); });
}

absl::StatusOr<CopyOptions> parse_copy_options(const json& value) {
  CopyOptions out;
  if (!value.is_object()) return absl::InvalidArgumentError("options are wanted");
  for (const auto& [member, each] : value.items()) {
    if (absl::Status status = take(member, each, out); !status.ok()) return status;
  }
  return out;
}

json to_json(const CopyOptions& options) {
  const char* existing = options.existing == ExistingRows::refuse    ? "refuse"
                         : options.existing == ExistingRows::replace ? "replace"
                                                                     : "resume";
  json out = to_json(static_cast<const JobOptions&>(options));
  out["where"] = options.where;
  out["subset_ppm"] = options.subset_ppm;
  out["existing"] = existing;
  out["defer_indexes"] = options.defer_indexes;
  out["latency_growth_max"] = options.limits.latency_growth_max;
  return out;
}

}  // namespace crossfade::migrate
