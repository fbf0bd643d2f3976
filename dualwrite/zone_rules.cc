#include "dualwrite/zone_rules.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kHours = 596088;  // to 2037-12-31
// More than any zone has by far: an answer that is longer is no zone's.
constexpr std::size_t kChangesMax = 2000;

constexpr const char* kDigit =
    "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION "
    "ALL "
    "SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";

std::string offset_at(const std::string& second) {
  return "(TIMESTAMPDIFF(SECOND,'1970-01-01 00:00:00',FROM_UNIXTIME(" + second + "))-(" + second + "))";
}

std::string changed_between(const std::string& begin, const std::string& end) {
  return offset_at(begin) + "<>" + offset_at(end);
}

bool parse(const std::optional<std::string>& cell, std::int64_t& out) {
  if (!cell) return false;
  const char* end = cell->data() + cell->size();
  const std::from_chars_result result = std::from_chars(cell->data(), end, out);
  return result.ec == std::errc() && result.ptr == end;
}

absl::Status unexpected() { return absl::InternalError("unexpected answer about a time zone"); }

}  // namespace

std::optional<std::string> ZoneRules::fixed_offset() const {
  if (!changes.empty() || first_offset % 60 != 0 || std::abs(first_offset) > 14 * kHour) return std::nullopt;
  const int minutes = static_cast<int>(std::abs(first_offset) / 60);
  char text[16];
  std::snprintf(text, sizeof text, "%c%02d:%02d", first_offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  return text;
}

std::string first_offset_query() { return "SELECT " + offset_at("0"); }

std::string changes_query() {
  const std::string step = std::to_string(kHour);
  std::string numbers = "SELECT (a.d+10*b.d+100*c.d+1000*e.d+10000*f.d+100000*g.d)*" + step + " t FROM ";
  for (const char* name : {"a", "b", "c", "e", "f", "g"}) {
    numbers += std::string(name == std::string("a") ? "" : ",") + kDigit + " " + name;
  }
  return "SELECT t," + offset_at("t+" + step) + " FROM (" + numbers + ") z WHERE t<" + std::to_string(kHours * kHour) +
         " AND " + changed_between("t", "t+" + step) + " ORDER BY t";
}

std::string refine_query(const std::vector<std::pair<std::int64_t, std::int64_t>>& within, std::int64_t step) {
  std::string begins;
  for (const auto& [begin, offset] : within) {
    begins +=
        (begins.empty() ? "SELECT " : " UNION ALL SELECT ") + std::to_string(begin) + (begins.empty() ? " s" : "");
  }
  if (begins.empty()) begins = "SELECT 0 s FROM DUAL WHERE FALSE";
  const std::string text = std::to_string(step);
  return "SELECT t," + offset_at("t+" + text) + " FROM (SELECT s+(a.d+10*b.d)*" + text + " t FROM (" + begins + ") w," +
         kDigit + " a," + kDigit + " b WHERE a.d+10*b.d<60) z WHERE " + changed_between("t", "t+" + text) +
         " ORDER BY t";
}

absl::StatusOr<std::int64_t> first_offset_from(const SqlRows& rows) {
  std::int64_t out = 0;
  if (rows.size() != 1 || rows[0].size() != 1 || !parse(rows[0][0], out)) return unexpected();
  return out;
}

absl::StatusOr<std::vector<std::pair<std::int64_t, std::int64_t>>> changes_from(const SqlRows& rows) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  if (rows.size() > kChangesMax) return unexpected();
  for (const auto& row : rows) {
    std::pair<std::int64_t, std::int64_t> change;
    if (row.size() != 2 || !parse(row[0], change.first) || !parse(row[1], change.second)) return unexpected();
    out.push_back(change);
  }
  return out;
}

}  // namespace crossfade::dualwrite
