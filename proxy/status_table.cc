#include "proxy/status_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace crossfade::proxy {
namespace {

using nlohmann::json;

constexpr std::size_t kLabelWidth = 16;
constexpr std::size_t kMembersInALine = 8;

// In the headline already.
constexpr std::array<std::string_view, 4> kHeadline = {"version", "uptime_seconds", "ready", "draining"};
// These first, in this order; then the rest by name.
constexpr std::array<std::string_view, 12> kFirst = {"leader", "caught_up", "lag",   "feed",    "applier", "backfill",
                                                     "verify", "repair",    "flags", "clients", "shadow",  "backends"};
constexpr std::array<std::string_view, 3> kFirstInside = {"state", "version", "address"};

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string scalar(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty() ? "-" : printable(value.get<std::string>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "-";
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_flat(const json& value) {
  return std::none_of(value.begin(), value.end(), [](const json& member) { return member.is_structured(); });
}

template <std::size_t N>
std::vector<std::string> ordered_keys(const json& object, const std::array<std::string_view, N>& first) {
  std::vector<std::string> keys;
  for (const std::string_view key : first) {
    if (object.contains(std::string(key))) keys.emplace_back(key);
  }
  for (const auto& member : object.items()) {
    if (std::find(first.begin(), first.end(), member.key()) == first.end()) keys.push_back(member.key());
  }
  return keys;
}

std::string in_one_line(const json& value) {
  if (!value.is_structured()) return scalar(value);
  std::string line;
  if (value.is_array()) {
    for (const json& item : value) line += (line.empty() ? "" : ", ") + in_one_line(item);
    return line.empty() ? "none" : line;
  }
  for (const std::string& key : ordered_keys(value, kFirstInside)) {
    const json& member = value.at(key);
    const std::string text = member.is_structured() ? "(" + in_one_line(member) + ")" : scalar(member);
    line += (line.empty() ? "" : ", ") + printable(key) + " " + text;
  }
  return line.empty() ? "none" : line;
}

std::string labelled(const std::string& label, std::size_t indent, const std::string& text) {
  std::string line(indent, ' ');
  line += printable(label);
  line.resize(std::max(line.size() + 1, kLabelWidth + indent), ' ');
  return line + text + "\n";
}

void add_field(std::string& out, const std::string& key, const json& value) {
  const bool spread = value.is_structured() && !value.empty() && (!is_flat(value) || value.size() > kMembersInALine);
  if (!spread) {
    out += labelled(key, 0, in_one_line(value));
    return;
  }
  out += printable(key) + "\n";
  if (value.is_array()) {
    for (const json& item : value) out += "  " + in_one_line(item) + "\n";
    return;
  }
  for (const std::string& member : ordered_keys(value, kFirstInside)) {
    out += labelled(member, 2, in_one_line(value.at(member)));
  }
}

// "2d 3h", "3h 12m", "12m 5s", "5s"
std::string duration(double seconds) {
  // Held well inside the integer's range: the number comes from outside.
  const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 1e12));
  const std::uint64_t days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  if (days != 0) return std::to_string(days) + "d " + std::to_string(hours) + "h";
  if (hours != 0) return std::to_string(hours) + "h " + std::to_string(minutes) + "m";
  if (minutes != 0) return std::to_string(minutes) + "m " + std::to_string(whole % 60) + "s";
  return std::to_string(whole) + "s";
}

bool is_true(const json& status, const char* key) {
  const auto found = status.find(key);
  return found != status.end() && found->is_boolean() && found->get<bool>();
}

std::string headline(const json& status) {
  std::string line = "crossfade";
  if (const auto version = status.find("version"); version != status.end()) line += " " + scalar(*version);
  if (const auto uptime = status.find("uptime_seconds"); uptime != status.end() && uptime->is_number()) {
    line += ", up " + duration(uptime->get<double>());
  }
  if (status.contains("ready")) line += is_true(status, "ready") ? ", ready" : ", NOT READY";
  if (is_true(status, "draining")) line += ", draining";
  return line + "\n";
}

}  // namespace

std::string status_table(const json& status) {
  if (!status.is_object()) return in_one_line(status) + "\n";
  std::string out = headline(status);
  for (const std::string& key : ordered_keys(status, kFirst)) {
    if (std::find(kHeadline.begin(), kHeadline.end(), key) == kHeadline.end()) add_field(out, key, status.at(key));
  }
  return out;
}

}  // namespace crossfade::proxy
