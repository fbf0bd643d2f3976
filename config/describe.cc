#include <map>
#include <utility>

#include "config/bucket_by.h"
#include "config/load.h"

namespace crossfade::config {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;  // path and value, in the file's order

std::string boolean_text(bool value) { return value ? "true" : "false"; }

std::string hex_text(std::uint64_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kHex[(value >> shift) & 0xF];
  return "0x" + text;
}

void add_rule(Lines& lines, const std::string& path, const Rule& rule) {
  const RuleMatch& match = rule.match;
  if (match.schema.has_value()) lines.emplace_back(path + ".match.schema", *match.schema);
  if (!match.tables.empty()) {
    std::string tables;
    for (const std::string& table : match.tables) tables += (tables.empty() ? "" : ", ") + table;
    lines.emplace_back(path + ".match.tables", "[" + tables + "]");
  }
  if (match.user.has_value()) lines.emplace_back(path + ".match.user", *match.user);
  if (match.digest.has_value()) lines.emplace_back(path + ".match.digest", hex_text(*match.digest));
  for (const auto& [key, value] : match.hint) lines.emplace_back(path + ".match.hint." + key, value);
  if (rule.shadow_read.has_value()) {
    lines.emplace_back(path + ".shadow_read.percent", rule.shadow_read->percent.text());
  }
  if (rule.read_from_new.has_value()) {
    lines.emplace_back(path + ".read_from_new.percent", rule.read_from_new->percent.text());
    lines.emplace_back(path + ".read_from_new.by", bucket_by_text(rule.read_from_new->by));
  }
}

Lines flatten(const Flags& flags) {
  Lines lines;
  lines.emplace_back("version", std::to_string(flags.version));
  lines.emplace_back("dual_write.enabled", boolean_text(flags.dual_write.enabled));
  lines.emplace_back("dual_write.ack", flags.dual_write.ack == Ack::leader ? "leader" : "both");
  lines.emplace_back("dual_write.on_divergence",
                     flags.dual_write.on_divergence == OnDivergence::hold ? "hold" : "overwrite");
  lines.emplace_back("shadow_read.percent", flags.shadow_read.percent.text());
  lines.emplace_back("read_from_new.percent", flags.read_from_new.percent.text());
  lines.emplace_back("read_from_new.by", bucket_by_text(flags.read_from_new.by));
  for (std::size_t i = 0; i < flags.rules.size(); ++i) {
    add_rule(lines, "rules[" + std::to_string(i) + "]", flags.rules[i]);
  }
  lines.emplace_back("freeze_writes", boolean_text(flags.freeze_writes));
  lines.emplace_back("kill_switch", boolean_text(flags.kill_switch));
  return lines;
}

}  // namespace

std::string describe(const std::vector<Problem>& problems, std::string_view file) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += std::string(file) + ":";
    if (problem.line > 0) text += std::to_string(problem.line) + ":" + std::to_string(problem.column) + ":";
    text += " " + problem.message;
  }
  return text;
}

std::vector<std::string> describe_changes(const Flags& before, const Flags& after) {
  const Lines old_lines = flatten(before);
  const Lines new_lines = flatten(after);
  const std::map<std::string, std::string> was(old_lines.begin(), old_lines.end());
  const std::map<std::string, std::string> is(new_lines.begin(), new_lines.end());
  std::vector<std::string> changes;
  for (const auto& [path, value] : new_lines) {
    const auto found = was.find(path);
    if (found == was.end()) {
      changes.push_back(path + ": added: " + value);
    } else if (found->second != value) {
      changes.push_back(path + ": " + found->second + " -> " + value);
    }
  }
  for (const auto& [path, value] : old_lines) {
    if (!is.contains(path)) changes.push_back(path + ": removed: " + value);
  }
  return changes;
}

}  // namespace crossfade::config
