#include "migrate/table_selection.h"

#include <algorithm>
#include <utility>

#include "dualwrite/ascii_case.h"

namespace crossfade::migrate {

using dualwrite::TableRef;

namespace {

bool names_schema(const std::string& word, const std::string& schema) {
  return dualwrite::same_ignoring_case(word.substr(0, word.find('.')), schema);
}

bool names_all(const std::string& word) { return word.find('.') == std::string::npos || word.ends_with(".*"); }

absl::Status check_words(const std::vector<std::string>& words, const std::string& option) {
  for (const std::string& word : words) {
    const std::size_t dot = word.find('.');
    if (word.empty() || dot == 0 || dot + 1 == word.size())
      return absl::InvalidArgumentError(option + ": '" + word + "' is neither SCHEMA nor SCHEMA.TABLE");
  }
  return absl::OkStatus();
}

bool any_names(const std::vector<std::string>& words, const TableRef& table) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return names_table(word, table); });
}

}  // namespace

bool names_table(const std::string& word, const TableRef& table) {
  if (!names_schema(word, table.schema)) return false;
  return names_all(word) || dualwrite::same_ignoring_case(word.substr(word.find('.') + 1), table.table);
}

absl::StatusOr<TableSelection> TableSelection::parse(const std::vector<std::string>& tables,
                                                     const std::vector<std::string>& excluded) {
  if (absl::Status status = check_words(tables, "--tables"); !status.ok()) return status;
  if (absl::Status status = check_words(excluded, "--exclude"); !status.ok()) return status;
  TableSelection out;
  out.tables_ = tables;
  out.excluded_ = excluded;
  return out;
}

bool TableSelection::has(const TableRef& table) const {
  return (tables_.empty() || any_names(tables_, table)) && !any_names(excluded_, table);
}

bool TableSelection::has_schema(const std::string& schema) const {
  const auto names = [&schema](const std::string& word) { return names_schema(word, schema); };
  const auto all = [&schema](const std::string& word) { return names_schema(word, schema) && names_all(word); };
  return (tables_.empty() || std::any_of(tables_.begin(), tables_.end(), names)) &&
         std::none_of(excluded_.begin(), excluded_.end(), all);
}

absl::Status TableSelection::check(const ServerFacts& leader) const {
  for (const auto& [words, option] : {std::pair(&tables_, "--tables"), std::pair(&excluded_, "--exclude")}) {
    for (const std::string& word : *words) {
      const bool has_schema = std::any_of(leader.schemas.begin(), leader.schemas.end(),
                                          [&](const SchemaFacts& each) { return names_schema(word, each.name); });
      if (!has_schema) {
        return absl::NotFoundError(std::string(option) + ": old has no schema '" + word.substr(0, word.find('.')) +
                                   "' that travels");
      }
      const bool has_table =
          names_all(word) || std::any_of(leader.tables.begin(), leader.tables.end(),
                                         [&](const auto& each) { return names_table(word, each.first); });
      if (!has_table) return absl::NotFoundError(std::string(option) + ": old has no table '" + word + "'");
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
