#include "migrate/job_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "migrate/table_selection.h"

namespace crossfade::migrate {

namespace {

constexpr std::uint32_t kParallelMax = 64;
constexpr std::int64_t kChunkTimeMax = 60000;
constexpr std::int64_t kNumberMax = 1000000000;
constexpr std::int64_t kPeriodMax = std::int64_t{366} * 24 * 3600 * 1000;  // milliseconds

absl::StatusOr<std::vector<std::string>> table_words(const nlohmann::json& value, const std::string& member) {
  std::vector<std::string> out;
  if (!value.is_array()) return wrong_option(member, "a list of SCHEMA.TABLE is wanted");
  for (const nlohmann::json& each : value) {
    const std::string word = each.is_string() ? each.get<std::string>() : std::string();
    const std::size_t dot = word.find('.');
    if (word.empty() || dot == 0 || dot + 1 == word.size()) {
      return wrong_option(member, "'" + word + "' is no SCHEMA or SCHEMA.TABLE");
    }
    out.push_back(word);
  }
  return out;
}

absl::Status take_words(const nlohmann::json& value, const std::string& member, std::vector<std::string>& out) {
  absl::StatusOr<std::vector<std::string>> words = table_words(value, member);
  if (!words.ok()) return words.status();
  out = *std::move(words);
  return absl::OkStatus();
}

absl::Status take_mb(const nlohmann::json& value, const std::string& member, double& out) {
  if (!value.is_number() || value.get<double>() < 0 || !std::isfinite(value.get<double>())) {
    return wrong_option(member, "a number is wanted");
  }
  out = value.get<double>();
  return absl::OkStatus();
}

template <typename Number>
absl::Status take_number(const nlohmann::json& value, const std::string& member, std::int64_t least, std::int64_t most,
                         Number& out) {
  absl::StatusOr<std::int64_t> number = whole_option(value, member, least, most);
  if (number.ok()) out = Number(*number);
  return number.status();
}

absl::StatusOr<bool> take_flag(const nlohmann::json& value, const std::string& member, bool& out) {
  if (!value.is_boolean()) return wrong_option(member, "true or false is wanted");
  out = value.get<bool>();
  return true;
}

absl::Status take_looks(const nlohmann::json& value, std::vector<Look>& out) {
  const char* kWanted = "a list of aggregates, lengths, foreign_keys is wanted";
  if (!value.is_array()) return wrong_option("looks", kWanted);
  for (const nlohmann::json& each : value) {
    const std::optional<Look> look = look_named(each.is_string() ? each.get<std::string>() : "");
    if (!look) return wrong_option("looks", kWanted);
    if (std::find(out.begin(), out.end(), *look) == out.end()) out.push_back(*look);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> take_verify_option(const std::string& member, const nlohmann::json& value, VerifyOptions& out) {
  if (member == "show_values") return take_flag(value, member, out.show_values);
  if (member == "of_ledger") return take_flag(value, member, out.of_ledger);
  if (member == "automatic") return take_flag(value, member, out.automatic);
  if (member == "continuous") return take_flag(value, member, out.continuous);
  absl::Status status;
  if (member == "sample_ppm") {
    status = take_number(value, member, 1, 1000000, out.sample_ppm);
  } else if (member == "looks") {
    status = take_looks(value, out.looks);
  } else if (member == "by") {
    if (!value.is_string()) return wrong_option(member, "the name of a column is wanted");
    out.by = value.get<std::string>();
  } else if (member == "since_ms") {
    status = take_number(value, member, 0, kPeriodMax, out.since);
  } else if (member == "pause_ms") {
    status = take_number(value, member, 0, kPeriodMax, out.pause);
  } else if (member == "round") {
    status = take_number(value, member, 0, std::numeric_limits<std::int64_t>::max(), out.round);
  } else if (member == "busy_ppm") {
    status = take_number(value, member, 1000, 1000000, out.busy_ppm);
  } else {
    return false;
  }
  if (!status.ok()) return status;
  return true;
}

template <typename Options, typename Take>
absl::StatusOr<Options> parse_options(const nlohmann::json& value, std::string_view what, Take take_own) {
  Options out;
  if (!value.is_object()) return absl::InvalidArgumentError("options are wanted");
  for (const auto& [member, each] : value.items()) {
    absl::StatusOr<bool> taken = take_job_option(member, each, out);
    if (taken.ok() && !*taken) taken = take_own(member, each, out);
    if (!taken.ok()) return taken.status();
    if (!*taken) return wrong_option(member, "is no option of a " + std::string(what));
  }
  return out;
}

}  // namespace

absl::Status wrong_option(const std::string& member, const std::string& what) {
  return absl::InvalidArgumentError(member + ": " + what);
}

absl::StatusOr<std::int64_t> whole_option(const nlohmann::json& value, const std::string& member, std::int64_t least,
                                          std::int64_t most) {
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (number >= least && number <= most) return number;
  }
  return wrong_option(member, "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is wanted");
}

bool JobOptions::chooses(const dualwrite::TableRef& table) const {
  const auto names = [&](const std::string& word) { return names_table(word, table); };
  if (std::any_of(exclude.begin(), exclude.end(), names)) return false;
  return tables.empty() || std::any_of(tables.begin(), tables.end(), names);
}

absl::StatusOr<bool> take_job_option(const std::string& member, const nlohmann::json& value, JobOptions& out) {
  absl::Status status;
  if (member == "tables")
    status = take_words(value, member, out.tables);
  else if (member == "exclude")
    status = take_words(value, member, out.exclude);
  else if (member == "chunk_time_ms")
    status = take_number(value, member, 10, kChunkTimeMax, out.chunk_time);
  else if (member == "parallel")
    status = take_number(value, member, 1, kParallelMax, out.parallel);
  else if (member == "rows_per_second")
    status = take_number(value, member, 0, kNumberMax, out.limits.rows_per_second);
  else if (member == "mb_per_second")
    status = take_mb(value, member, out.limits.mb_per_second);
  else if (member == "lag_max_ms")
    status = take_number(value, member, 0, kNumberMax, out.limits.lag_max);
  else if (member == "threads_running_max")
    status = take_number(value, member, 0, kNumberMax, out.limits.threads_running_max);
  else if (member == "lock_waits_max")
    status = take_number(value, member, 0, kNumberMax, out.limits.lock_waits_max);
  else
    return false;
  if (!status.ok()) return status;
  return true;
}

nlohmann::json to_json(const JobOptions& options) {
  return {{"tables", options.tables},
          {"exclude", options.exclude},
          {"chunk_time_ms", options.chunk_time.count()},
          {"parallel", options.parallel},
          {"rows_per_second", options.limits.rows_per_second},
          {"mb_per_second", options.limits.mb_per_second},
          {"lag_max_ms", options.limits.lag_max.count()},
          {"threads_running_max", options.limits.threads_running_max},
          {"lock_waits_max", options.limits.lock_waits_max}};
}

absl::StatusOr<VerifyOptions> parse_verify_options(const nlohmann::json& asked) {
  absl::StatusOr<VerifyOptions> out = parse_options<VerifyOptions>(asked, "comparison", take_verify_option);
  if (!out.ok()) return out;
  if (!out->looks.empty() && out->sample_ppm != 1000000) {
    return wrong_option("sample_ppm", "aggregates, lengths and foreign keys are looked at in all rows");
  }
  const bool has_groups = std::find(out->looks.begin(), out->looks.end(), Look::aggregates) != out->looks.end();
  if (!out->by.empty() && !has_groups) return wrong_option("by", "groups aggregates: ask for those, too");
  return out;
}

nlohmann::json to_json(const VerifyOptions& options) {
  nlohmann::json out = to_json(static_cast<const JobOptions&>(options));
  out["sample_ppm"] = options.sample_ppm;
  out["show_values"] = options.show_values;
  out["of_ledger"] = options.of_ledger;
  out["automatic"] = options.automatic;
  nlohmann::json looks = nlohmann::json::array();
  for (const Look look : options.looks) looks.push_back(name(look));
  out["looks"] = std::move(looks);
  out["by"] = options.by;
  out["since_ms"] = options.since.count();
  out["continuous"] = options.continuous;
  out["pause_ms"] = options.pause.count();
  out["round"] = options.round;
  out["busy_ppm"] = options.busy_ppm;
  return out;
}

absl::StatusOr<RepairOptions> parse_repair_options(const nlohmann::json& asked) {
  const auto take_own = [](const std::string& member, const nlohmann::json& value,
                           RepairOptions& out) -> absl::StatusOr<bool> {
    if (member == "print") return take_flag(value, member, out.print);
    if (member == "list") return take_flag(value, member, out.list);
    if (member == "of_whole") return take_flag(value, member, out.of_whole);
    if (member != "of_job" && member != "behind") return false;
    const absl::Status status = take_number(value, member, 0, std::numeric_limits<std::int64_t>::max(),
                                            member == "behind" ? out.behind : out.of_job);
    if (!status.ok()) return status;
    return true;
  };
  return parse_options<RepairOptions>(asked, "repair", take_own);
}

nlohmann::json to_json(const RepairOptions& options) {
  nlohmann::json out = to_json(static_cast<const JobOptions&>(options));
  out["of_job"] = options.of_job;
  out["of_whole"] = options.of_whole;
  return out;
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
