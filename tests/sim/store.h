// The rows of one simulated server, and the few statements that Crossfade and the simulated applications send it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/rows.h"
#include "tests/support/fake_database.h"

namespace crossfade::sim {

using protocol::Cell;
using Row = std::vector<Cell>;

// A server's own no.
struct SqlError {
  std::uint16_t code = 0;
  std::string sqlstate = "HY000";
  std::string message = "simulated";
};
// A row that the statement would change is locked by another transaction.
struct Blocked {};

struct Table {
  std::vector<std::string> columns;  // of which the first `key` are the primary key
  std::size_t key = 1;
  std::map<std::string, Row> rows = {};             // committed, by key
  std::map<std::string, std::uint64_t> locks = {};  // key: the transaction's number
  std::size_t column(std::string_view name) const;  // throws SqlError 1054
};

struct RowOp {
  std::string table;  // "app.t0"
  std::string key;
  std::optional<Row> before, after;
};

// What a session has changed and not committed. Rows are locked from the statement on that changes them.
struct Transaction {
  std::uint64_t number = 0;  // of its session
  bool open = false;
  std::map<std::pair<std::string, std::string>, std::optional<Row>> overlay = {};
  std::vector<RowOp> ops = {};
};

// Isolation is READ COMMITTED. A statement changes all of its rows or none: it throws before it changes the first.
class Store {
 public:
  // Makes the tables of the control schema.
  Store();
  void create(const std::string& name, std::vector<std::string> columns, std::size_t key);
  const std::map<std::string, Table>& tables() const { return tables_; }
  const std::map<std::string, Row>& rows(const std::string& table) const { return tables_.at(table).rows; }
  // Past every transaction. False: somebody has it locked.
  bool tamper(const std::string& table, const std::string& key, std::optional<Row> row);

  // INSERT, REPLACE, UPDATE, DELETE, SELECT from one table; nullopt: something else.
  std::optional<support::Answer> execute(Transaction& transaction, const std::string& sql);
  // All or nothing.
  void apply(Transaction& transaction, const std::vector<RowOp>& ops);
  std::optional<Row> find(const Transaction& transaction, const std::string& table, const std::string& key) const;
  static std::string key_of(const Table& table, const Row& row);
  // The changes that are committed by it.
  std::vector<RowOp> commit(Transaction& transaction);
  void roll_back(Transaction& transaction);
  // Its changes of tables whose names begin so are lost.
  void forget(Transaction& transaction, const std::string& beginning);

 private:
  friend class Statement;
  std::map<std::string, Row> visible(const Transaction& transaction, const std::string& table) const;
  Table& table(const std::string& name);

  std::map<std::string, Table> tables_;
  std::uint64_t next_id_ = 1;
};

}  // namespace crossfade::sim
