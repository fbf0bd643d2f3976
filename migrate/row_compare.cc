#include "migrate/row_compare.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/packed_fields.h"
#include "shadow/canonical.h"

namespace crossfade::migrate {

namespace {

constexpr std::size_t kShownBytesMax = 80;
constexpr std::uint64_t kNullMark = 0x9e3779b97f4a7c15;

std::string as_type(const std::string& text, protocol::ColumnType type) {
  protocol::ColumnDefinition column;
  column.type = type;
  return shadow::canonical_value(text, column, column);
}

std::string canonical(const VerifiedColumn& column, const std::string& text) {
  switch (column.how) {
    case ValueClass::number:
      return column.same_text ? text : as_type(text, protocol::ColumnType::newdecimal);
    case ValueClass::floating:
      return as_type(text, protocol::ColumnType::double_);
    case ValueClass::temporal:
      return column.same_text ? text : as_type(text, protocol::ColumnType::datetime);
    case ValueClass::document:
      return shadow::canonical_json(text).value_or(text);
    case ValueClass::padded:
      return text.substr(0, text.find_last_not_of('\0') + 1);
    case ValueClass::text:
    case ValueClass::bytes:
      return text;
  }
  return text;
}

bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string shown(const VerifiedColumn& column, const protocol::Cell& value) {
  if (!value) return "NULL";
  std::string text = value->substr(0, kShownBytesMax);
  const std::string more = value->size() > kShownBytesMax ? ".. (" + std::to_string(value->size()) + " bytes)" : "";
  if (column.how == ValueClass::number || column.how == ValueClass::floating) return text;
  if (!is_plain(text)) return "x'" + dualwrite::hex(protocol::as_bytes(text)) + "'" + more;
  return "'" + text + "'" + more;
}

std::string hex_of(std::uint64_t mark) {
  char text[20];
  std::snprintf(text, sizeof text, "#%016llx", static_cast<unsigned long long>(mark));
  return text;
}

}  // namespace

std::uint64_t value_mark(const VerifiedColumn& column, const protocol::Cell& value) {
  if (!value) return kNullMark;
  const std::string text = canonical(column, *value);
  return XXH3_64bits(text.data(), text.size());
}

std::string value_text(const VerifiedColumn& column, const protocol::Cell& value, ShowRows show) {
  return show == ShowRows::values ? shown(column, value) : hex_of(value_mark(column, value));
}

std::string key_text(std::span<const VerifiedColumn> key, const std::vector<protocol::Cell>& row) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    out += (i == 0 ? "" : ", ") + key[i].name + "=" + shown(key[i], row[i]);
  }
  return out;
}

absl::Status see_row(const VerifyPlan& plan, RowParts parts, ShowRows show, const std::vector<protocol::Cell>& row,
                     SeenRows* rows) {
  const std::size_t cells = parts == RowParts::keys   ? plan.key_parts
                            : parts == RowParts::hash ? plan.key_parts + 1
                                                      : plan.columns.size();
  if (row.size() != cells) return absl::InternalError("a row of another shape than was asked for");
  absl::StatusOr<KeyPlace> key = key_literals(plan, row);
  if (!key.ok()) return key.status();
  SeenRow seen{.key = *std::move(key), .marks = {}};
  std::string identity;
  for (std::size_t i = 0; i < plan.key_parts; ++i) {
    dualwrite::put_field(identity, canonical(plan.columns[i], *row[i]));
  }
  if (parts == RowParts::hash) {
    const std::string& hash = row.back().value_or("");
    seen.marks.push_back(XXH3_64bits(hash.data(), hash.size()));
  } else if (parts == RowParts::values) {
    if (show != ShowRows::none) seen.text = key_text(std::span(plan.columns).first(plan.key_parts), row);
    for (std::size_t i = 0; i < row.size(); ++i) {
      seen.marks.push_back(value_mark(plan.columns[i], row[i]));
      if (show == ShowRows::values) seen.shown.push_back(shown(plan.columns[i], row[i]));
    }
  }
  rows->insert_or_assign(std::move(identity), std::move(seen));
  return absl::OkStatus();
}

SeenRows differing(const SeenRows& leader, const SeenRows& follower) {
  SeenRows out;
  for (const auto& [identity, row] : leader) {
    const auto theirs = follower.find(identity);
    if (theirs == follower.end() || theirs->second.marks != row.marks) out.emplace(identity, row);
  }
  for (const auto& [identity, row] : follower) {
    if (!leader.contains(identity)) out.emplace(identity, row);
  }
  return out;
}

std::string_view name(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::missing:
      return "missing";
    case Difference::Kind::extra:
      return "extra";
    case Difference::Kind::differs:
      return "differs";
    case Difference::Kind::aggregate:
      return "aggregate";
    case Difference::Kind::length:
      return "length";
    case Difference::Kind::orphans:
      return "orphans";
  }
  return "differs";
}

std::vector<Difference> compare_rows(const VerifyPlan& plan, const SeenRows& asked, const SeenRows& leader,
                                     const SeenRows& follower) {
  std::vector<Difference> out;
  for (const auto& [identity, row] : asked) {
    const auto mine = leader.find(identity), theirs = follower.find(identity);
    const bool has = mine != leader.end(), has_there = theirs != follower.end();
    if (!has && !has_there) continue;
    if (has && has_there && mine->second.marks == theirs->second.marks) continue;
    const SeenRow& known = has ? mine->second : theirs->second;
    Difference found{.row = known.text, .key = row.key};
    if (has != has_there) {
      found.kind = has ? Difference::Kind::missing : Difference::Kind::extra;
      out.push_back(std::move(found));
      continue;
    }
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
      const SeenRow &a = mine->second, &b = theirs->second;
      if (a.marks[i] == b.marks[i]) continue;
      const bool show = !a.shown.empty() && !b.shown.empty();
      found.columns.push_back({.name = plan.columns[i].name,
                               .leader = show ? a.shown[i] : hex_of(a.marks[i]),
                               .follower = show ? b.shown[i] : hex_of(b.marks[i])});
    }
    out.push_back(std::move(found));
  }
  return out;
}

}  // namespace crossfade::migrate
