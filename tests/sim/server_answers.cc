// What a simulated server answers.

#include <algorithm>

#include "dualwrite/sql_text.h"
#include "tests/sim/server_connection.h"

namespace crossfade::sim {

using support::Answer;

namespace {

bool begins(const std::string& sql, std::string_view with) { return sql.starts_with(with); }
bool has(const std::string& sql, std::string_view part) { return sql.find(part) != std::string::npos; }

Answer one_row(std::vector<Cell> cells) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < cells.size(); ++i) names.push_back("c" + std::to_string(i));
  return Answer::of(std::move(names), {std::move(cells)});
}

Answer rows_of(std::size_t width, std::vector<std::vector<Cell>> rows) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < width; ++i) names.push_back("c" + std::to_string(i));
  return Answer::of(std::move(names), std::move(rows));
}

std::string mark_of(const std::string& sql) {
  const std::size_t at = sql.find("/*mark ");
  return at == std::string::npos ? std::string() : sql.substr(at + 7, sql.find("*/", at) - at - 7);
}

std::vector<Cell> column_row(const std::string& table, int at) {
  const bool text = at == 3;
  const char* const names[] = {"id", "v", "s"};
  const Cell none;
  return {kSchema,
          table,
          std::to_string(at),
          names[at - 1],
          text ? "varchar" : "bigint",
          text ? "varchar(20)" : "bigint(20)",
          text ? Cell("utf8mb4") : none,
          text ? Cell("utf8mb4_general_ci") : none,
          at == 1 ? "NO" : "YES",
          text ? Cell("20") : none,
          text ? none : Cell("19"),
          text ? none : Cell("0"),
          none,
          at == 1 ? none : Cell("NULL"),
          "",
          none,
          ""};
}

}  // namespace

std::optional<Answer> Server::answer(Connection& connection, const std::string& sql) {
  connection.gtid.clear();
  if (begins(sql, "SET SESSION session_track_system_variables")) connection.tells_gtids = true;
  std::optional<Answer> out = of_transactions(connection, sql);
  if (!out) out = of_the_server(connection, sql);
  if (!out) out = catalogue(sql);
  if (out) return out;
  // Session functions, or rows.
  const bool rows = has(sql, " FROM ") || begins(sql, "INSERT") || begins(sql, "UPDATE") || begins(sql, "DELETE") ||
                    begins(sql, "REPLACE");
  if (!rows) return questions_.execute(connection.questions, sql);
  Transaction& transaction = connection.session.transaction;
  out = store.execute(transaction, sql);
  if (!out) return questions_.execute(connection.questions, sql);
  const std::string mark = mark_of(sql);
  if (!mark.empty()) connection.session.marks.push_back(mark);
  if (!transaction.open) commit(connection);
  return out;
}

std::optional<Answer> Server::of_transactions(Connection& connection, const std::string& sql) {
  Transaction& transaction = connection.session.transaction;
  if (sql == "BEGIN" || begins(sql, "START TRANSACTION")) {
    commit(connection);
    transaction.open = true;
    return Answer::done();
  }
  if (sql == "COMMIT") return commit(connection);
  if (sql == "ROLLBACK") {
    store.roll_back(transaction);
    connection.session.marks.clear();
    return Answer::done();
  }
  if (begins(sql, "BINLOG ")) return binlog(connection, sql);
  return std::nullopt;
}

Answer Server::commit(Connection& connection) {
  if (options_.mistake != Options::Mistake::none && world_.chance(1, 40)) {
    const bool rows = options_.mistake == Options::Mistake::row;
    store.forget(connection.session.transaction, rows ? std::string(kSchema) + "." : "crossfade.position");
  }
  const std::vector<RowOp> ops = store.commit(connection.session.transaction);
  std::vector<RowOp> of_applications;
  for (const RowOp& op : ops) {
    if (is_application_table(op.table)) of_applications.push_back(op);
  }
  std::optional<LoggedCommit> logged;
  if (options_.keeps_log && !of_applications.empty()) {
    logged = log.append(of_applications);
    connection.gtid = logged->gtid;
  }
  if (!ops.empty()) on_commit(connection.session, ops, logged);
  connection.session.marks.clear();
  if (logged) wake_dumps();
  return Answer::done();
}

Answer Server::binlog(Connection& connection, const std::string& sql) {
  const std::vector<RowOp> rows = rows_of_binlog(sql);
  if (!options_.runs_binlog) return Answer::failed(1227, "42000", "Access denied; you need BINLOG REPLAY");
  Transaction& transaction = connection.session.transaction;
  for (RowOp op : rows) {
    // By its key alone, as the servers find it.
    const std::optional<Row> there = store.find(transaction, op.table, op.key);
    if (!op.before && there) return Answer::failed(1062, "23000", "Duplicate entry '" + op.key + "'");
    if (op.before && !there) return Answer::failed(1032, "HY000", "Can't find record in '" + op.table + "'");
    op.before = there;
    store.apply(transaction, {op});
  }
  if (!transaction.open) commit(connection);
  return Answer::done();
}

std::optional<Answer> Server::of_the_server(Connection& connection, const std::string& sql) {
  if (begins(sql, "SELECT GET_LOCK(")) {
    const std::string lock = sql.substr(0, sql.find(" LIMIT"));
    const auto [held, taken] = user_locks_.try_emplace(lock, connection.id);
    return one_row({taken || held->second == connection.id ? "1" : "0"});
  }
  // A process that is killed has no connections left: nobody holds the lock in silence.
  if (begins(sql, "SELECT IS_USED_LOCK(")) return one_row({Cell()});
  if (begins(sql, "XA RECOVER")) return rows_of(4, {});
  if (begins(sql, "SHOW PROCESSLIST")) return Answer::failed(1227, "42000", "Access denied; you need PROCESS");
  if (begins(sql, "SHOW MASTER STATUS")) {
    const auto end = log.end();
    return one_row({end.file, std::to_string(end.offset), "", ""});
  }
  if (begins(sql, "SHOW BINARY LOGS")) {
    std::vector<std::vector<Cell>> rows;
    for (const RowLog::File& file : log.files()) rows.push_back({file.name, std::to_string(file.end)});
    return rows_of(2, std::move(rows));
  }
  if (begins(sql, "SHOW GLOBAL VARIABLES")) return rows_of(2, {});
  if (begins(sql, "SELECT @@GLOBAL.log_bin,")) {
    return one_row({"1", "1", "ROW", "FULL", "FULL", "1", "1", "1", "0"});
  }
  if (begins(sql, "SELECT @@GLOBAL.slave_run_triggers_for_rbr")) return one_row({"NO"});
  if (begins(sql, "SELECT @@max_allowed_packet")) return one_row({"16777216"});
  if (begins(sql, "SELECT @@session_track_system_variables")) return one_row({"autocommit", "0"});
  if (begins(sql, "SET @master_binlog_checksum")) return Answer::done();
  return std::nullopt;
}

std::optional<Answer> Server::catalogue(const std::string& sql) const {
  if (begins(sql, "SHOW CREATE TABLE ")) return rows_of(2, {{"t", "CREATE TABLE t"}});
  if (!has(sql, "information_schema.")) return std::nullopt;
  if (has(sql, "COLUMN_NAME IN (")) return one_row({"5"});    // the anchor's
  if (begins(sql, "SELECT COUNT(*)")) return one_row({"0"});  // no table `leader`
  if (begins(sql, "SELECT TABLE_TYPE")) return rows_of(1, {{"BASE TABLE"}});
  const bool tables = has(sql, "FROM information_schema.TABLES");
  const bool columns = has(sql, "FROM information_schema.COLUMNS");
  const bool keys = has(sql, "FROM information_schema.STATISTICS");
  const std::size_t width = tables ? 9 : columns ? 17 : keys ? 10 : 8;
  std::vector<std::vector<Cell>> rows;
  const bool all = has(sql, "NOT IN (");
  for (const std::string& table : application_tables()) {
    if (!all && !has(sql, dualwrite::hex(protocol::as_bytes(table)))) continue;
    if (tables) {
      rows.push_back({kSchema, table, "BASE TABLE", "InnoDB", "utf8mb4_general_ci", "", "10", "16384", ""});
    } else if (columns) {
      for (int at = 1; at <= 3; ++at) rows.push_back(column_row(table, at));
    } else if (keys) {
      rows.push_back({kSchema, table, "PRIMARY", "1", "0", "id", Cell(), "A", "BTREE", Cell()});
    }
  }
  return rows_of(width, std::move(rows));
}

}  // namespace crossfade::sim
