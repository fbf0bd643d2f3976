// What triggers capture of a leader's rows, as JSON, for tests against real servers.
//   capture_replay session                      the statement that sets up the session which makes triggers
//   capture_replay changes PAIRS                what makes the table `changes`, and what reads it
//   capture_replay plan < request               one object a table: its triggers, or why it has none
//   capture_replay values < request             the rows of the log and of `changes`, in the log's own form, a line
//   each capture_replay statements < request         as log_replay's, from `changes`
// Request: as log_replay's, with "numbers": {"schema.table": n} and "rows": of `changes`, cells in base64, instead of
// "log"; `plan` and `values` need only the leader's part. Tables without a number are left out.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "dualwrite/json_log.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_plan.h"
#include "dualwrite/trigger/captured_row.h"
#include "dualwrite/trigger/changes_table.h"
#include "replay.h"

namespace {

using namespace crossfade::dualwrite;

std::string text_name(const TableRef& table) { return table.schema + "." + table.table; }

class Captures {
 public:
  explicit Captures(const json& request)
      : mariadb_(request.at("leader") == "mariadb"), leader_(definitions(request.at("leader_definitions"), mariadb_)) {
    for (const auto& [name, definition] : leader_) {
      const auto number = request.at("numbers").find(text_name(name));
      if (number == request.at("numbers").end()) continue;
      CaptureRequest wanted{.leader = definition,
                            .mariadb = mariadb_,
                            .number = number->get<std::uint32_t>(),
                            .control_schema = "crossfade",
                            .referenced = referenced_columns(leader_, name)};
      if (request.contains("first") && request["first"].contains(text_name(name))) {
        std::vector<std::vector<crossfade::protocol::Cell>> rows;
        for (const auto& row : request["first"][text_name(name)])
          rows.push_back({row[0].get<std::string>(), row[1].get<std::string>()});
        wanted.first = *first_triggers(rows);
      }
      plans_.emplace(name, plan_capture(wanted));
    }
  }

  void print_plans() const {
    for (const auto& [name, plan] : plans_) {
      json line{{"table", text_name(name)}};
      if (plan.ok()) {
        line.update({{"number", plan->number},
                     {"create", plan->create},
                     {"drop", plan->drop},
                     {"pairs", plan->pairs},
                     {"fingerprint", plan->fingerprint},
                     {"refresh_lock", plan->refresh_lock},
                     {"refresh_insert", plan->refresh_insert},
                     {"refresh_end", std::string(kRefreshEnd)},
                     {"triggers_query", after_triggers_query(name)}});
      } else {
        line["error"] = std::string(plan.status().message());
      }
      std::cout << line.dump() << "\n";
    }
  }

  const Capture& of(std::uint32_t number) const {
    for (const auto& [name, plan] : plans_) {
      if (plan.ok() && plan->number == number) return *plan;
    }
    throw std::runtime_error("no capture has the number " + std::to_string(number));
  }
  const Capture* of(const LogTable& table) const {
    const auto found = plans_.find({.schema = table.schema, .table = table.table});
    return found == plans_.end() || !found->second.ok() ? nullptr : &*found->second;
  }
  bool mariadb() const { return mariadb_; }

 private:
  bool mariadb_;
  std::map<TableRef, TableDefinition> leader_;
  std::map<TableRef, absl::StatusOr<Capture>> plans_;
};

void need(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

using CapturedItem = std::variant<CapturedRow, CapturedStatement>;

std::vector<CapturedItem> captured(const json& request, const Captures& captures) {
  std::vector<CapturedItem> out;
  for (const json& cells : request.at("rows")) {
    std::vector<crossfade::protocol::Cell> row;
    for (const json& cell : cells) {
      std::string bytes;
      if (!cell.is_null() && !absl::Base64Unescape(cell.get<std::string>(), &bytes)) throw std::runtime_error("base64");
      row.push_back(cell.is_null() ? crossfade::protocol::Cell() : bytes);
    }
    const auto head = change_head(row);
    need(head.status());
    if (head->kind == ChangeKind::intent || head->kind == ChangeKind::statement) {
      auto statement = captured_statement(*head, row);
      need(statement.status());
      out.emplace_back(*std::move(statement));
      continue;
    }
    const Capture& capture = captures.of(head->table);
    auto change = captured_row(*head, row, capture);
    need(change.status());
    out.emplace_back(*std::move(change));
  }
  return out;
}

// A value as text that can be compared: JSON as text, all else as its bytes.
json comparable(const LogColumn& column, const LogValue& value) {
  if (value.is_null) return nullptr;
  if (column.type != static_cast<std::uint8_t>(LogType::json)) return hex(value.bytes);
  const auto text = json_text(value.bytes.subspan(4));
  need(text.status());
  crossfade::protocol::Buffer as_text;
  crossfade::protocol::put_u32(as_text, static_cast<std::uint32_t>(text->size()));
  crossfade::protocol::put_text(as_text, *text);
  return hex(as_text);
}

// Each row of the change, without the columns that `columns` has not.
void print_rows(const char* source, const RowsChange& change, const LogTable& columns) {
  crossfade::protocol::Bytes images = change.images;
  bool before = change.kind == RowsKind::update;
  while (!images.empty()) {
    const auto image = take_row(*change.table, &images);
    need(image.status());
    json values = json::array();
    for (std::size_t i = 0; i < image->size(); ++i) {
      const LogColumn& column = change.table->columns[i];
      const bool wanted = std::any_of(columns.columns.begin(), columns.columns.end(),
                                      [&](const LogColumn& each) { return each.name == column.name; });
      if (wanted) values.push_back(comparable(column, (*image)[i]));
    }
    const char* kind = change.kind == RowsKind::insert    ? "insert"
                       : change.kind == RowsKind::delete_ ? "delete"
                       : before                           ? "before"
                                                          : "after";
    if (change.kind == RowsKind::update) before = !before;
    std::cout << json{{"source", source},
                      {"table", change.table->table},
                      {"kind", kind},
                      {"flags", change.flags & kRowsNoForeignKeyChecks},
                      {"values", values}}
                     .dump()
              << "\n";
  }
}

json column_line(const LogColumn& column) {
  return {column.name,        column.type,      column.metadata,       column.nullable,
          column.is_unsigned, column.collation, column.in_primary_key, column.members};
}
void print_columns(const char* source, const LogTable& table, const LogTable& wanted) {
  for (const LogColumn& column : table.columns) {
    const bool known = std::any_of(wanted.columns.begin(), wanted.columns.end(),
                                   [&](const LogColumn& each) { return each.name == column.name; });
    if (known)
      std::cout << json{{"columns", source}, {"table", table.table}, {"column", column_line(column)}}.dump() << "\n";
  }
}

int values(const json& request) {
  const Captures captures(request);
  std::set<std::string> said;
  const auto say = [&](const char* source, const RowsChange& change) {
    const Capture* capture = captures.of(*change.table);
    if (capture == nullptr) return;
    if (said.insert(source + change.table->table).second) print_columns(source, *change.table, *capture->table);
    print_rows(source, change, *capture->table);
  };
  need(read_log(request.at("log"), [&](const LogItem& item) {
    if (const auto* change = std::get_if<RowsChange>(&item)) say("log", *change);
  }));
  for (const CapturedItem& item : captured(request, captures)) {
    if (const auto* row = std::get_if<CapturedRow>(&item)) say("triggers", row->change);
  }
  return 0;
}

int statements(const json& request) {
  const Captures captures(request);
  Replay replay(request);
  json overwriting = request;
  overwriting["mode"] = "overwrite";
  Replay refresh(overwriting);
  for (const CapturedItem& item : captured(request, captures)) {
    if (const auto* row = std::get_if<CapturedRow>(&item)) {
      (row->head.kind == ChangeKind::refresh ? refresh : replay).say(row->change);
    } else {
      replay.say(std::get<CapturedStatement>(item).statement);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "session") {
    std::cout << json(capture_session()).dump() << "\n";
    return 0;
  }
  if (command == "changes" && argc > 2) {
    const std::size_t pairs = std::stoul(argv[2]);
    std::cout << json{create_changes("crossfade", pairs, 1), select_changes("crossfade", pairs)}.dump() << "\n";
    return 0;
  }
  try {
    const json request = json::parse(std::cin);
    if (command == "plan") {
      Captures(request).print_plans();
      return 0;
    }
    if (command == "values") return values(request);
    if (command == "statements") return statements(request);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  std::cerr << "usage: capture_replay session, changes PAIRS, plan|values|statements < request\n";
  return 2;
}
