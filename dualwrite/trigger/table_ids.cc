#include "dualwrite/trigger/table_ids.h"

#include <cstdio>

#include "dualwrite/ascii_case.h"

namespace crossfade::dualwrite {

namespace {

bool append_encoded(std::string& out, const std::string& name) {
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) return false;
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (plain) {
      out += c;
      continue;
    }
    char code[6];
    std::snprintf(code, sizeof code, "@%04x", static_cast<unsigned>(byte));
    out += code;
  }
  return true;
}

}  // namespace

std::string table_ids_query(bool mariadb, std::chrono::seconds wait) {
  if (mariadb) return "SELECT NAME,TABLE_ID FROM information_schema.INNODB_SYS_TABLES";
  return "SELECT /*+ SET_VAR(lock_wait_timeout=" + std::to_string(wait.count()) +
         ") */ NAME,TABLE_ID FROM information_schema.INNODB_TABLES";
}

std::optional<std::string> encoded_name(const TableRef& table) {
  std::string out;
  if (!append_encoded(out, table.schema)) return std::nullopt;
  out += '/';
  if (!append_encoded(out, table.table)) return std::nullopt;
  return out;
}

TableIds::TableIds(const std::vector<std::vector<protocol::Cell>>& rows) {
  for (const auto& row : rows) {
    if (row.size() != 2) continue;
    const std::string name = row[0].value_or("");
    // In a name itself the sign is written @0023.
    const std::size_t partition = name.find('#');
    ids_[name.substr(0, partition)][partition == std::string::npos ? "" : ascii_lower(name.substr(partition))] =
        row[1].value_or("");
  }
}

std::string TableIds::of(const TableRef& table) const {
  const std::optional<std::string> name = encoded_name(table);
  if (!name) return {};
  const auto found = ids_.find(*name);
  if (found == ids_.end()) return {};
  std::string out;
  for (const auto& [partition, id] : found->second) {
    out += (out.empty() ? "" : " ") + (partition.empty() ? "" : partition + ":") + id;
  }
  return out;
}

}  // namespace crossfade::dualwrite
