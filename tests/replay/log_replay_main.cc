// What a follower is given for a leader's row log, as JSON, for tests against real servers.
//   log_replay queries mariadb|mysql           the queries for definitions, a JSON array
//   log_replay session mariadb|mysql           what an SQL session is set up by
//   log_replay preamble < event               the BINLOG statement of a FORMAT_DESCRIPTION event
//   log_replay statements < request            one JSON object a line: what each item of the log becomes
// Request: {"leader", "follower": "mariadb"|"mysql", "log": file, "mode": "apply"|"overwrite"|"check", "binlog": bool,
// "statement_bytes_max": n, "leader_definitions", "follower_definitions": results of the queries as arrays of rows}.
// Texts travel in base64, since a statement is bytes.
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "replay.h"

namespace {

using namespace crossfade::dualwrite;
using nlohmann::json;

int statements(const json& request) {
  Replay replay(request);
  const absl::Status status = read_log(request.at("log"), [&](const LogItem& item) { replay.say(item); });
  if (status.ok()) return 0;
  std::cerr << status.message() << "\n";
  return 1;
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
