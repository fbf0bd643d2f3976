#include "tests/support/fake_database.h"

#include <algorithm>
#include <cctype>

#include "dualwrite/sql_text.h"
#include "routing/session_variables.h"

namespace crossfade::support {
namespace {

using protocol::Cell;

bool starts(std::string_view sql, std::string_view with) {
  return sql.size() >= with.size() && std::equal(with.begin(), with.end(), sql.begin(), [](char a, char b) {
           return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
         });
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string last_word(std::string_view sql) { return std::string(sql.substr(sql.find_last_of(' ') + 1)); }

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == separator) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

}  // namespace

Answer Answer::done(std::uint64_t affected_rows) {
  Answer answer;
  answer.ok.affected_rows = affected_rows;
  return answer;
}

Answer Answer::failed(std::uint16_t code, std::string sqlstate, std::string message) {
  Answer answer;
  answer.err = protocol::Err{.code = code, .sqlstate = std::move(sqlstate), .message = std::move(message)};
  return answer;
}

Answer Answer::of(std::vector<std::string> columns, std::vector<std::vector<Cell>> rows) {
  Answer answer;
  answer.columns = std::move(columns);
  answer.rows = std::move(rows);
  return answer;
}

std::vector<std::string> split_statements(std::string_view sql) {
  std::vector<std::string> out(1);
  char quote = 0;
  for (const char c : sql) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == ';') {
      out.emplace_back();
      continue;
    }
    out.back() += c;
  }
  for (std::string& statement : out) {
    statement.erase(0, statement.find_first_not_of(" \n"));
    statement.erase(statement.find_last_not_of(" \n") + 1);
  }
  return out;
}

void FakeDatabase::effect(Session& session, std::function<void(Contents&)> what) {
  session.pending.push_back(std::move(what));
  if (!session.in_transaction) commit(session);
}

Answer FakeDatabase::commit(Session& session) {
  for (const auto& what : session.pending) what(contents_);
  roll_back(session);
  return Answer::done();
}

void FakeDatabase::roll_back(Session& session) {
  session.pending.clear();
  session.savepoints.clear();
  session.in_transaction = false;
}

void FakeDatabase::end(Session& session) {
  const std::lock_guard lock(mutex_);
  roll_back(session);
}

FakeDatabase::Contents FakeDatabase::contents() const {
  const std::lock_guard lock(mutex_);
  return contents_;
}

void FakeDatabase::forget() {
  const std::lock_guard lock(mutex_);
  contents_.writes.clear();
}

Answer FakeDatabase::execute(Session& session, const std::string& sql) {
  const std::lock_guard lock(mutex_);
  std::optional<Answer> answer = control(session, sql);
  if (!answer) answer = catalogue(sql);
  if (!answer && !session.autocommit) session.in_transaction = true;
  if (!answer) answer = questions(session, sql);
  if (answer) return *answer;
  for (const char* verb : {"INSERT", "UPDATE", "DELETE", "REPLACE"}) {
    if (!starts(sql, verb)) continue;
    if (contains(sql, "missing")) return Answer::failed(1146, "42S02", "Table 'shop.missing' doesn't exist");
    effect(session, [sql](Contents& contents) { contents.writes.push_back(sql); });
    return Answer::done(1);
  }
  return Answer::of({"answered_by"}, {{name_}});
}

std::optional<Answer> FakeDatabase::control(Session& session, std::string_view sql) {
  if (starts(sql, "START TRANSACTION") || starts(sql, "BEGIN")) {
    commit(session);
    session.in_transaction = true;
    return Answer::done();
  }
  if (starts(sql, "COMMIT")) return commit(session);
  if (starts(sql, "ROLLBACK TO")) {
    const std::string name = last_word(sql);
    const auto found = std::find_if(session.savepoints.begin(), session.savepoints.end(),
                                    [&](const auto& savepoint) { return savepoint.first == name; });
    if (found == session.savepoints.end())
      return Answer::failed(1305, "42000", "SAVEPOINT " + name + " does not exist");
    session.pending.resize(found->second);
    session.savepoints.erase(found + 1, session.savepoints.end());
    return Answer::done();
  }
  if (starts(sql, "ROLLBACK")) {
    roll_back(session);
    return Answer::done();
  }
  if (starts(sql, "SAVEPOINT")) {
    session.savepoints.emplace_back(last_word(sql), session.pending.size());
    return Answer::done();
  }
  if (starts(sql, "SET ")) {
    if (contains(sql, "autocommit=0")) session.autocommit = false;
    if (contains(sql, "autocommit=1")) {
      session.autocommit = true;
      commit(session);
    }
    return Answer::done();
  }
  if (starts(sql, "USE ")) {
    session.schema = last_word(sql);
    std::erase(session.schema, '`');
    return Answer::done();
  }
  for (const char* harmless : {"CREATE", "GRANT", "INSERT IGNORE INTO", "GET DIAGNOSTICS", "DO ", "RELEASE"}) {
    if (starts(sql, harmless)) return Answer::done();
  }
  return std::nullopt;
}

Answer FakeDatabase::context(const Session& session, std::string_view sql) const {
  const Cell schema = session.schema.empty() ? Cell() : Cell(session.schema);
  std::vector<Cell> cells = {
      schema,    "STRICT_TRANS_TABLES", "SYSTEM", "utf8mb4", "utf8mb4_general_ci", "1", "1", "1", "1", "utf8mb4", "UTC",
      "67108864"};
  // What is asked for behind these: every variable is neutral.
  constexpr std::string_view kLastFixed = "@@max_allowed_packet";
  constexpr std::string_view kEnd = " LIMIT 1";
  sql.remove_suffix(kEnd.size());
  for (const std::string& column : split(sql.substr(sql.find(kLastFixed) + kLastFixed.size()), ',')) {
    if (column.empty()) continue;
    const routing::SessionVariable* variable = routing::find_session_variable(std::string_view(column).substr(2));
    cells.emplace_back(std::string(variable->neutral.value_or("1")));
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < cells.size(); ++i) names.push_back("v" + std::to_string(i));
  return Answer::of(names, {cells});
}

std::optional<Answer> FakeDatabase::catalogue(std::string_view sql) const {
  const bool missing = contains(sql, dualwrite::hex(protocol::as_bytes("missing")));
  if (contains(sql, "information_schema.TABLES")) {
    Answer answer = Answer::of({"TABLE_TYPE"}, {});
    if (!missing) answer.rows.push_back({"BASE TABLE"});
    return answer;
  }
  if (contains(sql, "information_schema.STATISTICS")) return Answer::of({"COLUMN_NAME"}, {{"id"}});
  if (contains(sql, "information_schema.")) return Answer::of({"NAME"}, {});
  if (starts(sql, "SELECT @@max_allowed_packet")) return Answer::of({"m"}, {{"67108864"}});
  return std::nullopt;
}

// The session functions that the proxy asks for.
std::optional<Answer> FakeDatabase::questions(const Session& session, std::string_view sql) const {
  if (starts(sql, "SELECT DATABASE(),@@sql_mode")) return context(session, sql);
  if (starts(sql, "SHOW WARNINGS")) return Answer::of({"Level", "Code", "Message"}, {});
  if (starts(sql, "SELECT LAST_INSERT_ID()")) return Answer::of({"LAST_INSERT_ID()"}, {{"0"}});
  return std::nullopt;
}

}  // namespace crossfade::support
