// What InnoDB numbers a table's files by: a number is new whenever the rows were replaced as a whole.
//
// TRUNCATE, a rebuild (OPTIMIZE, ALTER TABLE .. FORCE) and a dropped, truncated or exchanged partition fire no trigger
// and may leave the definition as it was; but each gives new ids (measured on both makes).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dualwrite/table_ref.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

// Name, id of every table and partition. Needs the PROCESS privilege. While an ALTER of any table waits for a
// transaction MySQL tells of none, and fails with 1205 after `wait`; MariaDB does not wait.
std::string table_ids_query(bool mariadb, std::chrono::seconds wait);

class TableIds {
 public:
  TableIds() = default;
  // The rows of table_ids_query().
  explicit TableIds(const std::vector<std::vector<protocol::Cell>>& rows);
  // "12", of partitions "#p#a:12 #p#b:13". Empty: there is no such table, or its name is not plain ASCII, and so not
  // written there as it is.
  std::string of(const TableRef& table) const;

 private:
  std::map<std::string, std::map<std::string, std::string>> ids_;  // encoded name, partition: id
};

// "app/t@002d1": as both makes write a name in the file system's characters; nullopt: not plain ASCII.
std::optional<std::string> encoded_name(const TableRef& table);

}  // namespace crossfade::dualwrite
