#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <initializer_list>

#include "shadow/json_fields.h"
#include "shadow/report.h"
#include "shadow/verdict.h"

namespace crossfade::shadow {

namespace {

using nlohmann::json;

constexpr std::size_t kTextColumns = 60;
constexpr std::size_t kColumns = 12;
using Line = std::array<std::string, kColumns>;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Characters, not bytes: texts are UTF-8.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut(const std::string& text, std::size_t columns) {
  if (width(text) <= columns) {
    return text;
  }
  std::size_t end = 0;
  for (std::size_t shown = 0; end < text.size(); ++end) {
    if (starts_character(text[end]) && ++shown > columns - 3) {
      break;
    }
  }
  return text.substr(0, end) + "...";
}

// "2026-11-21 00:00:00Z"; times before 1970 or after 9999 as their number.
std::string time_text(std::int64_t seconds) {
  constexpr std::int64_t kLast = 253402300799;
  if (seconds < 0 || seconds > kLast) {
    return std::to_string(seconds);
  }
  const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(midnight);
  const long long of_day = (at - midnight).count();
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02lld:%02lld:%02lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3600, of_day / 60 % 60,
                of_day % 60);
  return text;
}

std::string count_text(const json& object, const char* key) {
  const std::optional<std::uint64_t> count = count_field(object, key);
  return count ? std::to_string(*count) : "-";
}

const json& object_field(const json& object, const char* key) {
  static const json kNothing = json::object();
  const json* value = field(object, key);
  return value != nullptr ? *value : kNothing;
}

std::string milliseconds(const json& measured, const char* quantile) {
  const std::optional<std::uint64_t> microseconds = count_field(measured, quantile);
  if (!microseconds || count_field(measured, "count").value_or(0) == 0) {
    return "-";
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(*microseconds) / 1000.0);
  return text;
}

std::string ratio_text(const json& latency, const char* key) {
  const json* ratio = field(latency, key);
  if (ratio == nullptr || !ratio->is_number_float()) {
    return "-";
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.2fx", *ratio->get_ptr<const double*>());
  return text;
}

std::string sum_of(const json& counts, std::initializer_list<Verdict> verdicts) {
  std::uint64_t sum = 0;
  for (const Verdict verdict : verdicts) {
    sum += count_field(counts, std::string(name(verdict)).c_str()).value_or(0);
  }
  return std::to_string(sum);
}

Line line_of(const json& digest) {
  const json& verdicts = object_field(digest, "verdicts");
  const json& latency = object_field(digest, "latency");
  return {
      cut(text_field(digest, "text").value_or("-"), kTextColumns),
      count_text(digest, "calls"),
      count_text(digest, "compared"),
      count_text(digest, "differences"),
      sum_of(verdicts, {Verdict::order_only, Verdict::precision, Verdict::metadata, Verdict::transient}),
      sum_of(verdicts, {Verdict::skipped, Verdict::too_large, Verdict::timeout}),
      milliseconds(object_field(object_field(latency, "old"), "first_byte"), "p50_us"),
      milliseconds(object_field(object_field(latency, "new"), "first_byte"), "p50_us"),
      milliseconds(object_field(latency, "old"), "p50_us"),
      milliseconds(object_field(latency, "new"), "p50_us"),
      ratio_text(latency, "ratio_p50"),
      ratio_text(latency, "ratio_p95"),
  };
}

// The first column to the left, numbers to the right; no blanks at the end of a line.
std::string table_of(const std::vector<Line>& lines) {
  std::array<std::size_t, kColumns> widths = {};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], width(line[i]));
    }
  }
  std::string table;
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      const std::string blanks(widths[i] - width(line[i]), ' ');
      table += i == 0 ? line[i] + blanks : "  " + blanks + line[i];
    }
    table += "\n";
  }
  return table;
}

std::string sample_line(const json& sample) {
  const std::string column = text_field(sample, "column").value_or("");
  const std::string detail = text_field(sample, "detail").value_or("");
  std::string text = "  ";
  if (count_field(sample, "row").value_or(0) > 0) {
    text += "row " + count_text(sample, "row") + " (key " + text_field(sample, "row_key").value_or("-") + ")";
    text += column.empty() ? ": " : ", column " + column + ": ";
    text += "control " + text_field(sample, "control").value_or("-") + ", candidate " +
            text_field(sample, "candidate").value_or("-");
  } else {
    text += detail.empty() ? "no detail kept" : detail;
  }
  text += " (" + text_field(sample, "verdict").value_or("-");
  const std::uint64_t rechecks = count_field(sample, "rechecks").value_or(0);
  if (rechecks > 0) {
    text += ", confirmed " + std::to_string(rechecks) + (rechecks == 1 ? " time" : " times");
  }
  const std::optional<std::int64_t> at = integer_field(sample, "at");
  return text + (at ? ", " + time_text(*at) : "") + ")\n";
}

std::string samples_of(const json& digest) {
  const json& samples = object_field(digest, "samples");
  if (!samples.is_array() || samples.empty()) {
    return "";
  }
  std::string text =
      text_field(digest, "id").value_or("-") + " " + cut(text_field(digest, "text").value_or("-"), kTextColumns) + "\n";
  for (const json& sample : samples) {
    text += sample_line(sample);
  }
  return text;
}

}  // namespace

std::string report_table(const json& report) {
  std::string text = text_field(report, "verdict").value_or("UNREADABLE") + ": " +
                     text_field(report, "why").value_or("this is not a report") + "\n";
  const json& digests = object_field(report, "digests");
  if (!digests.is_array() || digests.empty()) {
    return text;
  }
  std::vector<Line> lines = {{"digest", "calls", "compared", "differ", "notes", "not compared", "old first ms",
                              "new first ms", "old p50 ms", "new p50 ms", "p50 ratio", "p95 ratio"}};
  std::string samples;
  for (const json& digest : digests) {
    lines.push_back(line_of(digest));
    samples += samples_of(digest);
  }
  text += "\n" + table_of(lines);
  return samples.empty() ? text : text + "\nDifferences\n" + samples;
}

int report_exit_code(const json& report) {
  const std::string verdict = text_field(report, "verdict").value_or("");
  if (verdict == "SAFE") {
    return 0;
  }
  if (verdict == "DIVERGED") {
    return 4;
  }
  return verdict == "HOLD" ? 8 : 1;
}

}  // namespace crossfade::shadow
