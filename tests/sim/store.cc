#include "tests/sim/store.h"

#include <algorithm>

namespace crossfade::sim {

std::size_t Table::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end()) throw SqlError{1054, "42S22", "Unknown column '" + std::string(name) + "'"};
  return static_cast<std::size_t>(found - columns.begin());
}

Store::Store() {
  create("crossfade.anchor",
         {"id", "server", "file", "offset", "change", "next_file", "next_offset", "fence_file", "fence_offset"}, 1);
  create("crossfade.position",
         {"leader", "server", "file", "offset", "resume_file", "resume_offset", "gtid", "owner", "beats", "file_time"},
         1);
  create("crossfade.stopped", {"table_schema", "table_name", "cause", "file", "offset", "reason", "released", "at"}, 2);
  create("crossfade.ddl", {"leader", "file", "offset", "step", "fingerprint"}, 1);
  create("crossfade.loading", {"slot", "beats"}, 1);
  create("crossfade.loader", {"leader", "owner"}, 1);
  create("crossfade.ledger",
         {"id", "table_schema", "table_name", "what", "row_key", "before_hash", "after_hash", "position", "at",
          "resolved"},
         1);
}

void Store::create(const std::string& name, std::vector<std::string> columns, std::size_t key) {
  tables_[name] = Table{.columns = std::move(columns), .key = key};
}

Table& Store::table(const std::string& name) {
  const auto found = tables_.find(name);
  if (found == tables_.end()) throw SqlError{1146, "42S02", "Table '" + name + "' doesn't exist"};
  return found->second;
}

std::string Store::key_of(const Table& table, const Row& row) {
  std::string key;
  for (std::size_t i = 0; i < table.key; ++i) key += (i == 0 ? "" : "/") + row[i].value_or("");
  return key;
}

bool Store::tamper(const std::string& name, const std::string& key, std::optional<Row> row) {
  Table& where = table(name);
  if (where.locks.contains(key)) return false;
  if (row) {
    where.rows[key] = *std::move(row);
  } else {
    where.rows.erase(key);
  }
  return true;
}

std::optional<Row> Store::find(const Transaction& transaction, const std::string& name, const std::string& key) const {
  const auto own = transaction.overlay.find({name, key});
  if (own != transaction.overlay.end()) return own->second;
  const auto& committed = tables_.at(name).rows;
  const auto found = committed.find(key);
  return found == committed.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, Row> Store::visible(const Transaction& transaction, const std::string& name) const {
  std::map<std::string, Row> out = tables_.at(name).rows;
  for (const auto& [where, row] : transaction.overlay) {
    if (where.first != name) continue;
    if (row) {
      out[where.second] = *row;
    } else {
      out.erase(where.second);
    }
  }
  return out;
}

void Store::apply(Transaction& transaction, const std::vector<RowOp>& ops) {
  for (const RowOp& op : ops) {
    const auto& locks = table(op.table).locks;
    const auto held = locks.find(op.key);
    if (held != locks.end() && held->second != transaction.number) throw Blocked{};
  }
  for (const RowOp& op : ops) {
    table(op.table).locks[op.key] = transaction.number;
    transaction.overlay[{op.table, op.key}] = op.after;
    transaction.ops.push_back(op);
  }
}

std::vector<RowOp> Store::commit(Transaction& transaction) {
  for (const auto& [where, row] : transaction.overlay) {
    auto& rows = table(where.first).rows;
    if (row) {
      rows[where.second] = *row;
    } else {
      rows.erase(where.second);
    }
  }
  std::vector<RowOp> ops = std::move(transaction.ops);
  roll_back(transaction);
  return ops;
}

void Store::forget(Transaction& transaction, const std::string& beginning) {
  for (auto& [where, row] : transaction.overlay) {
    if (!where.first.starts_with(beginning)) continue;
    const auto& rows = table(where.first).rows;
    const auto before = rows.find(where.second);
    row = before == rows.end() ? std::nullopt : std::optional(before->second);
  }
}

void Store::roll_back(Transaction& transaction) {
  for (const auto& [where, row] : transaction.overlay) table(where.first).locks.erase(where.second);
  transaction.overlay.clear();
  transaction.ops.clear();
  transaction.open = false;
}

}  // namespace crossfade::sim
