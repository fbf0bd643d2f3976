#include "tests/support/fake_database.h"

#include <algorithm>
#include <cctype>

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

protocol::Buffer from_hex(std::string_view text) {
  protocol::Buffer out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// The keys in a list of 0x literals of 16 bytes.
std::vector<std::string> keys_in(std::string_view sql) {
  std::vector<std::string> keys;
  for (std::size_t at = sql.find("0x"); at != std::string_view::npos; at = sql.find("0x", at + 2)) {
    const std::size_t end = std::min(sql.find_first_not_of("0123456789abcdefABCDEF", at + 2), sql.size());
    if (end - at == 34) keys.emplace_back(sql.substr(at + 2, 32));
  }
  return keys;
}

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
  if (lock_holder_ == session.id) lock_holder_ = 0;
}

FakeDatabase::Contents FakeDatabase::contents() const {
  const std::lock_guard lock(mutex_);
  return contents_;
}

void FakeDatabase::forget() {
  const std::lock_guard lock(mutex_);
  contents_.writes.clear();
  contents_.outbox_history.clear();
  contents_.ledger.clear();
  contents_.applied.clear();
}

void FakeDatabase::put_outbox(const dualwrite::OutboxRow& row) {
  const std::lock_guard lock(mutex_);
  dualwrite::OutboxRow numbered = row;
  numbered.id = next_outbox_id_++;
  contents_.outbox[numbered.id] = numbered;
  contents_.outbox_history.push_back(numbered);
}

Answer FakeDatabase::execute(Session& session, const std::string& sql) {
  const std::lock_guard lock(mutex_);
  std::optional<Answer> answer = control(session, sql);
  if (!answer) answer = catalogue(sql);
  if (!answer) {
    if (!session.autocommit) session.in_transaction = true;
    answer = outbox(session, sql);
  }
  if (!answer) answer = bookkeeping(session, sql);
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
      schema,    "STRICT_TRANS_TABLES", "SYSTEM", "utf8mb4", "utf8mb4_general_ci", "1", "1", "1", "1",
      "utf8mb4", "REPEATABLE-READ",     "UTC",    "67108864"};
  // What is asked for behind these: every variable is at what an entry takes for granted.
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
    Answer answer = Answer::of({"TABLE_TYPE", "ENGINE"}, {});
    if (!missing) answer.rows.push_back({"BASE TABLE", "InnoDB"});
    return answer;
  }
  if (contains(sql, "information_schema.COLUMNS")) {
    return Answer::of({"n", "t", "u", "d", "e", "f", "g", "j", "c"},
                      {{"id", "int", "NO", Cell(), "auto_increment", "int(11)", "", "0", Cell()},
                       {"v", "int", "YES", Cell(), "", "int(11)", "", "0", Cell()},
                       {"name", "varchar", "YES", Cell(), "", "varchar(40)", "", "0", "utf8mb4"},
                       {"made", "datetime", "YES", Cell(), "", "datetime", "", "0", Cell()}});
  }
  if (contains(sql, "information_schema.STATISTICS")) return Answer::of({"COLUMN_NAME"}, {{"id"}});
  if (contains(sql, "information_schema.REFERENTIAL")) return Answer::of({"UPDATE_RULE", "DELETE_RULE"}, {});
  if (contains(sql, "information_schema.")) return Answer::of({"NAME"}, {});
  if (starts(sql, "SELECT @@max_allowed_packet")) return Answer::of({"m"}, {{"67108864"}});
  if (starts(sql, "SELECT COUNT(*),@@GLOBAL.max_allowed_packet")) return Answer::of({"n", "m"}, {{"0", "67108864"}});
  if (starts(sql, "SELECT Host FROM mysql.user")) return Answer::of({"Host"}, {{"%"}});
  return std::nullopt;
}

std::optional<Answer> FakeDatabase::outbox(Session& session, std::string_view sql) {
  if (starts(sql, "INSERT INTO `crossfade`.`outbox`")) return insert_outbox(session, sql);
  if (starts(sql, "SELECT `id`,`epoch`,HEX(")) return outbox_rows(sql);
  if (starts(sql, "SELECT COUNT(*),COALESCE(SUM(LENGTH(`payload`))")) {
    const bool empty = contents_.outbox.empty();
    return Answer::of({"entries", "bytes", "age"},
                      {{std::to_string(contents_.outbox.size()), "0", empty ? Cell() : Cell("0.01")}});
  }
  if (starts(sql, "DELETE FROM `crossfade`.`outbox`")) {
    if (contains(sql, "`entry_key`=")) return delete_entry(session, keys_in(sql).at(0));
    const std::size_t open = sql.find("IN (");
    if (open == std::string_view::npos) return Answer::done();
    const std::vector<std::string> ids = split(sql.substr(open + 4, sql.size() - open - 5), ',');
    effect(session, [ids](Contents& contents) {
      for (const std::string& id : ids) contents.outbox.erase(std::stoull(id));
    });
    return Answer::done(ids.size());
  }
  return std::nullopt;
}

Answer FakeDatabase::delete_entry(Session& session, const std::string& key) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, row] : contents_.outbox) {
    if (dualwrite::hex(row.key.bytes) == key) ids.push_back(id);
  }
  effect(session, [ids](Contents& contents) {
    for (const std::uint64_t id : ids) contents.outbox.erase(id);
  });
  return Answer::done(ids.size());
}

Answer FakeDatabase::insert_outbox(Session& session, std::string_view sql) {
  const std::size_t open = sql.find("VALUES(") + 7;
  const std::vector<std::string> values = split(sql.substr(open, sql.size() - open - 1), ',');
  if (values.size() != 8) return Answer::failed(1136, "21S01", "Column count doesn't match value count");
  if (values[0] != "1") return Answer::failed(1452, "23000", "Cannot add or update a child row: the epoch");
  dualwrite::OutboxRow row;
  row.id = next_outbox_id_++;
  row.epoch = 1;
  row.key = dualwrite::parse_key(std::string_view(values[1]).substr(2)).value();
  row.part = static_cast<std::uint16_t>(std::stoul(values[2]));
  row.parts = static_cast<std::uint16_t>(std::stoul(values[3]));
  if (values[4] != "NULL") row.affected = 1;
  if (values[5] != "NULL") row.insert_id = 0;
  row.at = "1795222044.556984";
  row.payload = from_hex(std::string_view(values[7]).substr(2));
  effect(session, [row](Contents& contents) {
    contents.outbox[row.id] = row;
    contents.outbox_history.push_back(row);
  });
  return Answer::done(1);
}

Answer FakeDatabase::outbox_rows(std::string_view sql) const {
  Answer answer = Answer::of({"id", "epoch", "key", "part", "parts", "affected", "insert_id", "at", "payload"}, {});
  const bool by_key = contains(sql, "WHERE");
  const std::vector<std::string> keys = keys_in(sql);
  const std::size_t limit = by_key ? ~std::size_t{0} : std::stoul(last_word(sql));
  for (const auto& [id, row] : contents_.outbox) {
    const std::string key = dualwrite::hex(row.key.bytes);
    if (by_key && std::find(keys.begin(), keys.end(), key) == keys.end()) continue;
    if (answer.rows.size() == limit) break;
    answer.rows.push_back({std::to_string(id), std::to_string(row.epoch), key, std::to_string(row.part),
                           std::to_string(row.parts), row.affected ? Cell(std::to_string(*row.affected)) : Cell(),
                           row.insert_id ? Cell(std::to_string(*row.insert_id)) : Cell(), row.at,
                           std::string(protocol::as_text(row.payload))});
  }
  return answer;
}

// The applier's tables, and the session functions that the proxy asks for.
std::optional<Answer> FakeDatabase::bookkeeping(Session& session, std::string_view sql) {
  if (starts(sql, "SELECT DATABASE(),@@sql_mode")) return context(session, sql);
  if (starts(sql, "SELECT `epoch` FROM")) return Answer::of({"epoch"}, {{"1"}});
  if (starts(sql, "SELECT GET_LOCK(")) {
    if (lock_holder_ == 0) lock_holder_ = session.id;
    return Answer::of({"got"}, {{lock_holder_ == session.id ? "1" : "0"}});
  }
  if (starts(sql, "SHOW WARNINGS")) return Answer::of({"Level", "Code", "Message"}, {});
  if (starts(sql, "SELECT @@timestamp")) return Answer::of({"@@timestamp"}, {{"1795222044.556984"}});
  if (starts(sql, "SELECT LAST_INSERT_ID()")) return Answer::of({"LAST_INSERT_ID()"}, {{"0"}});
  if (starts(sql, "SELECT HEX(`entry_key`)")) {
    Answer answer = Answer::of({"key"}, {});
    for (const std::string& key : keys_in(sql)) {
      if (contents_.applied.contains(key)) answer.rows.push_back({key});
    }
    return answer;
  }
  if (starts(sql, "INSERT INTO `crossfade`.`applied`")) {
    const std::vector<std::string> keys = keys_in(sql);
    for (const std::string& key : keys) {
      if (contents_.applied.contains(key)) return Answer::failed(1062, "23000", "Duplicate entry for key 'PRIMARY'");
    }
    effect(session, [keys](Contents& contents) { contents.applied.insert(keys.begin(), keys.end()); });
    return Answer::done(keys.size());
  }
  if (starts(sql, "DELETE FROM `crossfade`.`applied`")) return Answer::done();
  if (starts(sql, "INSERT INTO `crossfade`.`applier`")) {
    effect(session, [owner = keys_in(sql).at(0)](Contents& contents) { contents.applier_owner = owner; });
    return Answer::done(1);
  }
  if (starts(sql, "UPDATE `crossfade`.`applier`")) {
    return Answer::done(contents_.applier_owner == keys_in(sql).at(0) ? 1 : 0);
  }
  if (starts(sql, "INSERT INTO `crossfade`.`ledger`")) {
    effect(session, [text = std::string(sql)](Contents& contents) { contents.ledger.push_back(text); });
    return Answer::done(1);
  }
  return std::nullopt;
}

}  // namespace crossfade::support
