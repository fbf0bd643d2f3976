// What a follower is given for a leader's row log, as JSON, for tests against real servers.
//   log_replay queries mariadb|mysql           the queries for definitions, a JSON array
//   log_replay session mariadb|mysql           what an SQL session is set up by
//   log_replay preamble < event               the BINLOG statement of a FORMAT_DESCRIPTION event
//   log_replay statements < request            one JSON object a line: what each item of the log becomes
// Request: {"leader", "follower": "mariadb"|"mysql", "log": file, "mode": "apply"|"overwrite"|"check", "binlog": bool,
// "statement_bytes_max": n, "leader_definitions", "follower_definitions": results of the queries as arrays of rows}.
// Texts travel in base64, since a statement is bytes.
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/rows_statement.h"

namespace {

using namespace crossfade::dualwrite;
using nlohmann::json;

std::string base64(const std::string& text) { return absl::Base64Escape(text); }

std::map<TableRef, TableDefinition> definitions(const json& results, bool mariadb) {
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

int statements(const json& request) {
  const std::string path = request.at("log");
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string name = path.substr(path.rfind('/') + 1);
  Replay replay(request);
  LogDecoder decoder(LogDecoderOptions{.start = {.file = name, .offset = 4}});
  crossfade::protocol::Reader reader(crossfade::protocol::as_bytes(bytes));
  reader.skip(4);
  while (!reader.at_end() && !reader.failed()) {
    crossfade::protocol::Reader header(crossfade::protocol::as_bytes(bytes).subspan(reader.position()));
    header.skip(9);
    const std::uint32_t size = header.u32();
    std::vector<LogItem> items;
    absl::Status status = decoder.feed(reader.take(size), &items);
    while (status.ok() && decoder.has_more()) status = decoder.more(&items);
    if (!status.ok()) {
      std::cerr << status.message() << "\n";
      return 1;
    }
    for (const LogItem& item : items) replay.say(item);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "queries" && argc > 2) {
    std::cout << json(definition_queries({}, std::string(argv[2]) == "mariadb")).dump() << "\n";
    return 0;
  }
  if (command == "session" && argc > 2) {
    std::cout << json(sql_session(std::string(argv[2]) == "mariadb")).dump() << "\n";
    return 0;
  }
  if (command == "preamble") {
    const std::string event((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
    auto sql = binlog_preamble(crossfade::protocol::as_bytes(event));
    if (!sql.ok()) return 1;
    std::cout << json(*sql).dump() << "\n";
    return 0;
  }
  if (command == "statements") return statements(json::parse(std::cin));
  std::cerr << "usage: log_replay queries|session mariadb|mysql, log_replay preamble|statements\n";
  return 2;
}
