#include "migrate/table_selection.h"

#include <algorithm>
#include <utility>

namespace crossfade::migrate {

using dualwrite::TableRef;

absl::StatusOr<std::vector<TableSelection::Word>> TableSelection::words(const std::vector<std::string>& texts,
                                                                        const std::string& option) {
  std::vector<Word> out;
  for (const std::string& text : texts) {
    const std::size_t dot = text.find('.');
    Word word{.schema = text.substr(0, dot), .table = dot == std::string::npos ? "" : text.substr(dot + 1)};
    if (word.schema.empty() || (dot != std::string::npos && word.table.empty()))
      return absl::InvalidArgumentError(option + ": '" + text + "' is neither SCHEMA nor SCHEMA.TABLE");
    if (word.table == "*") word.table.clear();
    out.push_back(std::move(word));
  }
  return out;
}

absl::StatusOr<TableSelection> TableSelection::parse(const std::vector<std::string>& tables,
                                                     const std::vector<std::string>& excluded) {
  TableSelection out;
  auto taken = words(tables, "--tables");
  if (!taken.ok()) return taken.status();
  auto left = words(excluded, "--exclude");
  if (!left.ok()) return left.status();
  out.tables_ = *std::move(taken);
  out.excluded_ = *std::move(left);
  return out;
}

bool TableSelection::any_matches(const std::vector<Word>& words, const TableRef& table) {
  return std::any_of(words.begin(), words.end(), [&table](const Word& word) {
    return word.schema == table.schema && (word.table.empty() || word.table == table.table);
  });
}

bool TableSelection::has(const TableRef& table) const {
  return (tables_.empty() || any_matches(tables_, table)) && !any_matches(excluded_, table);
}

bool TableSelection::has_schema(const std::string& schema) const {
  const auto names = [&schema](const Word& word) { return word.schema == schema; };
  const auto names_all = [&schema](const Word& word) { return word.schema == schema && word.table.empty(); };
  return (tables_.empty() || std::any_of(tables_.begin(), tables_.end(), names)) &&
         std::none_of(excluded_.begin(), excluded_.end(), names_all);
}

absl::Status TableSelection::check(const ServerFacts& leader) const {
  for (const auto& [words, option] : {std::pair(&tables_, "--tables"), std::pair(&excluded_, "--exclude")}) {
    for (const Word& word : *words) {
      const bool has_schema = std::any_of(leader.schemas.begin(), leader.schemas.end(),
                                          [&word](const SchemaFacts& each) { return each.name == word.schema; });
      if (!has_schema)
        return absl::NotFoundError(std::string(option) + ": old has no schema '" + word.schema + "' that travels");
      if (!word.table.empty() && !leader.tables.contains({.schema = word.schema, .table = word.table}))
        return absl::NotFoundError(std::string(option) + ": old has no table '" + word.schema + "." + word.table + "'");
    }
  }
  return absl::OkStatus();
}

void TableSelection::apply(ServerFacts& facts) const {
  if (is_all()) return;
  std::erase_if(facts.schemas, [this](const SchemaFacts& each) { return !has_schema(each.name); });
  std::erase_if(facts.tables, [this](const auto& each) { return !has(each.first); });
  std::erase_if(facts.sizes, [this](const auto& each) { return !has(each.first); });
  std::erase_if(facts.objects, [this](const StoredObject& each) {
    if (each.kind == StoredObject::Kind::trigger) return !has({.schema = each.schema, .table = each.table});
    return !has_schema(each.schema);
  });
}

}  // namespace crossfade::migrate
