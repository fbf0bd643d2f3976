// What a follower is given for changes of a leader's rows, as JSON lines; shared by the programs of this folder.
#pragma once

#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/rows_statement.h"

namespace crossfade::dualwrite {

using nlohmann::json;

inline std::string base64(const std::string& text) { return absl::Base64Escape(text); }

// Results of the queries for definitions, as arrays of rows.
inline std::map<TableRef, TableDefinition> definitions(const json& results, bool mariadb) {
  std::vector<crossfade::protocol::ResultSet> sets;
  for (const json& result : results) {
    crossfade::protocol::ResultSet& set = sets.emplace_back();
    for (const json& row : result) {
      auto& cells = set.rows.emplace_back();
      for (const json& cell : row) {
        cells.push_back(cell.is_null() ? crossfade::protocol::Cell() : cell.get<std::string>());
      }
    }
  }
  auto found = definitions_from(sets, mariadb);
  if (!found.ok()) throw std::runtime_error(std::string(found.status().message()));
  return *std::move(found);
}

// Of a request as log_replay_main.cc describes it.
class Replay {
 public:
  explicit Replay(const json& request)
      : mode_(request.at("mode")),
        makes_{.leader_is_mariadb = request.at("leader") == "mariadb",
               .follower_is_mariadb = request.at("follower") == "mariadb"},
        may_run_binlog_(request.at("binlog")),
        statement_bytes_max_(request.at("statement_bytes_max")),
        leader_(definitions(request.at("leader_definitions"), makes_.leader_is_mariadb)),
        follower_(definitions(request.at("follower_definitions"), makes_.follower_is_mariadb)) {}

  void say(const LogItem& item) {
    if (const auto* change = std::get_if<RowsChange>(&item)) rows(*change);
    if (const auto* statement = std::get_if<LoggedStatement>(&item)) print({{"statement", base64(statement->sql)}});
    if (std::holds_alternative<TransactionEnd>(item)) print({{"end", true}});
  }

 private:
  static void print(const json& line) { std::cout << line.dump() << "\n"; }

  void rows(const RowsChange& change) {
    const TableRef name{.schema = change.table->schema, .table = change.table->table};
    const auto target = follower_.find(name);
    if (target == follower_.end()) return;
    const auto source = leader_.find(name);
    const TableMapping mapping = map_table(change.table, source == leader_.end() ? nullptr : &source->second,
                                           target->second, makes_, may_run_binlog_);
    const char* by = mapping.by == ApplyBy::events ? "events" : mapping.by == ApplyBy::sql ? "sql" : "nothing";
    json line{{"table", name.table}, {"by", by}, {"reason", mapping.reason}, {"run", json::array()}};
    absl::Status status = mapping.by == ApplyBy::nothing ? absl::FailedPreconditionError(mapping.reason)
                                                         : give(change, mapping, line["run"]);
    if (!status.ok()) line["error"] = std::string(status.message());
    auto identity = identify_row(change, 0, mapping, crossfade::dualwrite::ShowValues::plaintext);
    if (identity.ok()) line["key"] = identity->key;
    print(line);
  }

  absl::Status give(const RowsChange& change, const TableMapping& mapping, json& run) {
    if (mode_ == "check") return checks(change, mapping, run);
    if (mapping.by == ApplyBy::events && mode_ == "apply") {
      BinlogStatement statement(statement_bytes_max_);
      if (absl::Status status = statement.add(change, mapping); !status.ok()) return status;
      for (const std::string& sql : statement.take()) run.push_back({{"sql", base64(sql)}});
      return absl::OkStatus();
    }
    auto statements = mode_ == "apply" ? row_statements(change, mapping) : overwriting_statements(change, mapping);
    if (!statements.ok()) return statements.status();
    for (const RowStatement& statement : *statements) {
      json one{{"sql", base64(statement.sql)}, {"no_foreign_keys", statement.no_foreign_key_checks}};
      if (statement.affected != kAnyAffected) one["affected"] = statement.affected;
      run.push_back(one);
    }
    return absl::OkStatus();
  }

  static absl::Status checks(const RowsChange& change, const TableMapping& mapping, json& run) {
    auto rows = count_rows(change);
    if (!rows.ok()) return rows.status();
    for (std::size_t i = 0; i < *rows; ++i) {
      auto sql = check_statement(change, i, mapping);
      if (!sql.ok()) return sql.status();
      if (!sql->empty()) run.push_back({{"sql", base64(*sql)}});
    }
    return absl::OkStatus();
  }

  std::string mode_;
  ServerMakes makes_;
  bool may_run_binlog_;
  std::size_t statement_bytes_max_;
  std::map<TableRef, TableDefinition> leader_;
  std::map<TableRef, TableDefinition> follower_;
};

// Every item of a log's file.
inline absl::Status read_log(const std::string& path, const std::function<void(const LogItem&)>& say) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  LogDecoder decoder(LogDecoderOptions{.start = {.file = path.substr(path.rfind('/') + 1), .offset = 4}});
  crossfade::protocol::Reader reader(crossfade::protocol::as_bytes(bytes));
  reader.skip(4);
  while (!reader.at_end() && !reader.failed()) {
    crossfade::protocol::Reader header(crossfade::protocol::as_bytes(bytes).subspan(reader.position()));
    header.skip(9);
    const std::uint32_t size = header.u32();
    std::vector<LogItem> items;
    absl::Status status = decoder.feed(reader.take(size), &items);
    while (status.ok() && decoder.has_more()) status = decoder.more(&items);
    if (!status.ok()) return status;
    for (const LogItem& item : items) say(item);
  }
  return absl::OkStatus();
}

}  // namespace crossfade::dualwrite
