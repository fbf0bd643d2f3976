#include <array>
#include <utility>

#include "absl/status/status.h"
#include "config/bucket_by.h"
#include "config/field.h"
#include "config/load.h"

namespace crossfade::config {
namespace {

constexpr std::uint64_t kVersionMax = INT64_MAX;  // fits a BIGINT
constexpr std::uint64_t kRulesMax = 1000;
constexpr std::uint64_t kTablesMax = 1000;
constexpr std::uint64_t kHintsMax = 16;
constexpr std::size_t kNameBytesMax = 256;  // 64 characters of four bytes

constexpr std::array<std::pair<std::string_view, Ack>, 2> kAcks{{{"leader", Ack::leader}, {"both", Ack::both}}};
constexpr std::array<std::pair<std::string_view, OnDivergence>, 2> kOnDivergence{
    {{"hold", OnDivergence::hold}, {"overwrite", OnDivergence::overwrite}}};

// "0x" and 1 to 16 hex digits, as the report prints digests.
absl::StatusOr<std::uint64_t> parse_digest(std::string_view text) {
  const auto wrong = [] {
    return absl::InvalidArgumentError("must be a digest like \"0x5f3a\": 0x and up to 16 hex digits");
  };
  if (!text.starts_with("0x") || text.size() < 3 || text.size() > 18) return wrong();
  std::uint64_t value = 0;
  for (const char c : text.substr(2)) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint64_t>(c - 'A') + 10;
    } else {
      return wrong();
    }
    value = value * 16 + digit;
  }
  return value;
}

void read_dual_write(const Field& field, DualWriteFlags& out) {
  MapReader map = field.map();
  map.optional("enabled").boolean(out.enabled);
  map.optional("ack").choice(out.ack, kAcks);
  map.optional("on_divergence").choice(out.on_divergence, kOnDivergence);
}

void read_shadow_read(const Field& field, ShadowReadFlags& out) {
  MapReader map = field.map();
  map.required("percent").percent(out.percent);
}

void read_read_from_new(const Field& field, ReadFromNewFlags& out) {
  MapReader map = field.map();
  map.required("percent").percent(out.percent);
  map.optional("by").parsed(out.by, parse_bucket_by);
}

// The key stands in the file already so that its place in it is known; its only value is 0.
void read_write_to_new(const Field& field) {
  MapReader map = field.map();
  Percent percent;
  const Field percent_field = map.required("percent");
  if (percent_field.percent(percent) && !percent.none()) {
    percent_field.problem("moving the writes is not supported yet: leave write_to_new at 0");
  }
  std::string by;
  const Field by_field = map.optional("by");
  if (!by_field.text(by) || by == "schema" || by == "table" || by == "user") return;
  if (by.starts_with("hint:") && is_hint_key(std::string_view(by).substr(5))) return;
  by_field.problem("must be schema, table, user or hint:<key>: whatever moves must own its rows");
}

void read_name(const Field& field, std::optional<std::string>& out, std::size_t bytes_max) {
  std::string name;
  if (field.text(name, bytes_max)) out = std::move(name);
}

void read_match(const Field& field, RuleMatch& out) {
  MapReader map = field.map();
  const Field schema = map.optional("schema");
  const Field tables = map.optional("tables");
  const Field user = map.optional("user");
  const Field digest = map.optional("digest");
  const Field hint = map.optional("hint");

  read_name(schema, out.schema, kNameBytesMax);
  for (const Field& table : tables.list({1, kTablesMax})) {
    std::string name;
    if (table.text(name, kNameBytesMax)) out.tables.push_back(std::move(name));
  }
  read_name(user, out.user, kUserBytesMax);
  std::uint64_t value = 0;
  if (digest.parsed(value, parse_digest)) out.digest = value;
  for (const auto& [key, condition] : hint.map().all({1, kHintsMax})) {
    if (!is_hint_key(key)) condition.problem("a hint's key has 1 to 64 letters, digits, _, - or .");
    condition.text(out.hint[key]);
  }
  if (map.given() && !schema.given() && !tables.given() && !user.given() && !digest.given() && !hint.given()) {
    map.problem(
        "must name at least one of schema, tables, user, digest, hint; for all traffic, use the keys outside rules");
  }
}

Rule read_rule(const Field& field) {
  Rule rule;
  MapReader map = field.map();
  read_match(map.required("match"), rule.match);
  const Field shadow_read = map.optional("shadow_read");
  const Field read_from_new = map.optional("read_from_new");
  if (shadow_read.given()) read_shadow_read(shadow_read, rule.shadow_read.emplace());
  if (read_from_new.given()) read_read_from_new(read_from_new, rule.read_from_new.emplace());
  if (map.given() && !shadow_read.given() && !read_from_new.given()) {
    map.problem("does nothing: give it shadow_read or read_from_new");
  }
  return rule;
}

void read_flags(const Field& root, Flags& flags) {
  MapReader map = root.map();
  map.required("version").number(flags.version, {1, kVersionMax});
  read_dual_write(map.optional("dual_write"), flags.dual_write);
  read_shadow_read(map.optional("shadow_read"), flags.shadow_read);
  read_read_from_new(map.optional("read_from_new"), flags.read_from_new);
  read_write_to_new(map.optional("write_to_new"));
  for (const Field& rule : map.optional("rules").list({0, kRulesMax})) flags.rules.push_back(read_rule(rule));
  map.optional("freeze_writes").boolean(flags.freeze_writes);
  map.optional("kill_switch").boolean(flags.kill_switch);
}

}  // namespace

Loaded<Flags> load_flags(std::string_view yaml) {
  Problems problems;
  Flags flags;
  const std::optional<YamlNode> root = parse_strict_yaml(yaml, problems);
  if (root.has_value()) read_flags(Field(&*root, "", problems), flags);
  Loaded<Flags> loaded;
  if (problems.empty()) loaded.value = std::move(flags);
  loaded.problems = problems.take();
  return loaded;
}

}  // namespace crossfade::config
