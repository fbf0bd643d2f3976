#include "migrate/copy_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dualwrite/ascii_case.h"

namespace crossfade::migrate {

using nlohmann::json;

namespace {

constexpr std::uint32_t kParallelMax = 64;
constexpr std::int64_t kChunkTimeMax = 60000;

absl::Status wrong(const std::string& member, const std::string& what) {
  return absl::InvalidArgumentError(member + ": " + what);
}

absl::StatusOr<std::vector<std::string>> table_words(const json& value, const std::string& member) {
  std::vector<std::string> out;
  if (!value.is_array()) return wrong(member, "a list of SCHEMA.TABLE is wanted");
  for (const json& each : value) {
    const std::string word = each.is_string() ? each.get<std::string>() : std::string();
    const std::size_t dot = word.find('.');
    if (word.empty() || dot == 0 || dot + 1 == word.size()) {
      return wrong(member, "'" + word + "' is no SCHEMA or SCHEMA.TABLE");
    }
    out.push_back(word);
  }
  return out;
}

absl::StatusOr<std::int64_t> whole(const json& value, const std::string& member, std::int64_t least,
                                   std::int64_t most) {
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (number >= least && number <= most) return number;
  }
  return wrong(member, "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is wanted");
}

absl::Status take_where(const json& value, CopyOptions& out) {
  if (!value.is_object()) return wrong("where", "conditions by SCHEMA.TABLE are wanted");
  for (const auto& [table, condition] : value.items()) {
    if (!condition.is_string() || condition.get<std::string>().empty())
      return wrong("where", "no condition for " + table);
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
    return wrong("existing", "refuse, replace or resume is wanted");
  return absl::OkStatus();
}

absl::Status take(const std::string& member, const json& value, CopyOptions& out) {
  if (member == "tables" || member == "exclude") {
    absl::StatusOr<std::vector<std::string>> words = table_words(value, member);
    if (!words.ok()) return words.status();
    (member == "tables" ? out.tables : out.exclude) = *std::move(words);
    return absl::OkStatus();
  }
  if (member == "where") return take_where(value, out);
  if (member == "existing") return take_existing(value, out);
  if (member == "defer_indexes") {
    if (!value.is_boolean()) return wrong(member, "true or false is wanted");
    out.defer_indexes = value.get<bool>();
    return absl::OkStatus();
  }
  if (member == "mb_per_second" || member == "latency_growth_max") {
    if (!value.is_number() || value.get<double>() < 0 || !std::isfinite(value.get<double>())) {
      return wrong(member, "a number is wanted");
    }
    (member == "mb_per_second" ? out.limits.mb_per_second : out.limits.latency_growth_max) = value.get<double>();
    return absl::OkStatus();
  }
  constexpr std::int64_t kMost = 1000000000;
  const std::int64_t least = member == "chunk_time_ms" ? 10 : member == "parallel" || member == "subset_ppm" ? 1 : 0;
  const std::int64_t most = member == "chunk_time_ms" ? kChunkTimeMax
                            : member == "parallel"    ? kParallelMax
                            : member == "subset_ppm"  ? 1000000
                                                      : kMost;
  absl::StatusOr<std::int64_t> number = whole(value, member, least, most);
  if (!number.ok()) return number.status();
  const auto positive = static_cast<std::uint64_t>(*number);
  if (member == "subset_ppm")
    out.subset_ppm = static_cast<std::uint32_t>(positive);
  else if (member == "chunk_time_ms")
    out.chunk_time = std::chrono::milliseconds(*number);
  else if (member == "parallel")
    out.parallel = static_cast<std::uint32_t>(positive);
  else if (member == "rows_per_second")
    out.limits.rows_per_second = positive;
  else if (member == "lag_max_ms")
    out.limits.lag_max = std::chrono::milliseconds(*number);
  else if (member == "threads_running_max")
    out.limits.threads_running_max = positive;
  else if (member == "lock_waits_max")
    out.limits.lock_waits_max = positive;
  else
    return wrong(member, "is no option of a copy");
  return absl::OkStatus();
}

}  // namespace

bool names_table(const std::string& word, const dualwrite::TableRef& table) {
  const std::size_t dot = word.find('.');
  if (!dualwrite::same_ignoring_case(word.substr(0, dot), table.schema)) return false;
  if (dot == std::string::npos) return true;
  const std::string name = word.substr(dot + 1);
  return name == "*" || dualwrite::same_ignoring_case(name, table.table);
}

bool CopyOptions::chooses(const dualwrite::TableRef& table) const {
  const auto names = [&](const std::string& word) { return names_table(word, table); };
  if (std::any_of(exclude.begin(), exclude.end(), names)) return false;
  return tables.empty() || std::any_of(tables.begin(), tables.end(), names);
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
  return {{"tables", options.tables},
          {"exclude", options.exclude},
          {"where", options.where},
          {"subset_ppm", options.subset_ppm},
          {"existing", existing},
          {"defer_indexes", options.defer_indexes},
          {"chunk_time_ms", options.chunk_time.count()},
          {"parallel", options.parallel},
          {"rows_per_second", options.limits.rows_per_second},
          {"mb_per_second", options.limits.mb_per_second},
          {"lag_max_ms", options.limits.lag_max.count()},
          {"threads_running_max", options.limits.threads_running_max},
          {"latency_growth_max", options.limits.latency_growth_max},
          {"lock_waits_max", options.limits.lock_waits_max}};
}

absl::StatusOr<std::uint32_t> parse_share(const std::string& text) {
  std::string_view digits = text;
  if (digits.ends_with('%')) digits.remove_suffix(1);
  double percent = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), percent);
  const bool good = error == std::errc() && end == digits.data() + digits.size() && percent > 0 && percent <= 100;
  const double ppm = std::round(percent * 10000);
  if (!good || ppm < 1) return absl::InvalidArgumentError("'" + text + "' is no share: 1% or 0.5% is");
  return static_cast<std::uint32_t>(ppm);
}

}  // namespace crossfade::migrate
