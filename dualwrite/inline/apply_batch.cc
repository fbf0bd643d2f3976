#include "dualwrite/inline/apply_batch.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "dualwrite/session_text.h"

namespace crossfade::dualwrite {
namespace {

std::vector<std::uint64_t> ids_of(const std::vector<OutboxRow>& rows) {
  std::vector<std::uint64_t> ids;
  for (const OutboxRow& row : rows) ids.push_back(row.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

enum class Wholeness : std::uint8_t { whole, incomplete, contradictory };

// `rows` are sorted by part.
Wholeness wholeness(const std::vector<OutboxRow>& rows) {
  const std::uint16_t parts = rows.front().parts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].parts != parts || rows[i].part >= parts) return Wholeness::contradictory;
    if (i > 0 && rows[i].part == rows[i - 1].part) return Wholeness::contradictory;
  }
  return rows.size() == parts ? Wholeness::whole : Wholeness::incomplete;
}

// Fills in what the server wrote into the row beside the entry. Empty, or why it cannot be.
std::string fill_outcome(Entry& entry, const OutboxRow& row) {
  StatementRecord& only = entry.statements.front();
  const bool alone = entry.statements.size() == 1;
  for (StatementRecord& record : entry.statements) {
    if (record.timestamp && record.timestamp->empty()) {
      if (!alone || !row.at) return "a statement's time is not recorded";
      record.timestamp = row.at;
    }
  }
  if (!alone || only.affected) return "";
  only.affected = row.affected;
  // LAST_INSERT_ID() says something old when the statement inserted nothing.
  if (only.generates_id && !only.insert_id && row.affected.value_or(0) > 0) only.insert_id = row.insert_id;
  return "";
}

std::string broken_record(const StatementRecord& record) {
  if (record.timestamp && !is_number_text(*record.timestamp)) return "a statement's time is not a number";
  if (record.sql.empty()) return "a statement without text";
  return "";
}

absl::StatusOr<Transaction> to_transaction(const std::vector<OutboxRow>& rows) {
  Buffer payload;
  for (const OutboxRow& row : rows) payload.insert(payload.end(), row.payload.begin(), row.payload.end());
  absl::StatusOr<Entry> entry = decode_entry(payload);
  if (!entry.ok()) return entry.status();
  std::string why = fill_outcome(*entry, rows.front());
  for (const StatementContext& context : entry->contexts) {
    if (why.empty()) why = broken_context(context);
  }
  for (const StatementRecord& record : entry->statements) {
    if (why.empty()) why = broken_record(record);
  }
  if (!why.empty()) return absl::InvalidArgumentError(why);
  Transaction out;
  out.key = rows.front().key;
  out.ids = ids_of(rows);
  out.first_id = out.ids.front();
  out.entry = std::move(*entry);
  out.payload_bytes = payload.size();
  return out;
}

FollowerCommand context_command(std::string sql, std::size_t transaction) {
  FollowerCommand command;
  command.kind = FollowerCommand::Kind::context;
  command.sql = std::move(sql);
  command.transaction = transaction;
  return command;
}

void switch_context(const StatementContext& wanted, const FollowerTraits& traits, std::size_t transaction,
                    std::optional<StatementContext>& current, std::vector<FollowerCommand>& out) {
  // A session cannot go back to having no schema. A statement that ran without one names its own.
  StatementContext reached = wanted;
  if (wanted.schema.empty() && current) reached.schema = current->schema;
  if (current && *current == reached) return;
  StatementContext variables = reached;
  if (current) variables.schema = current->schema;
  if (!current || !(*current == variables)) {
    out.push_back(context_command(set_context(wanted, traits), transaction));
  }
  if (!wanted.schema.empty() && (!current || current->schema != wanted.schema)) {
    out.push_back(context_command("USE " + quote_name(wanted.schema), transaction));
  }
  current = reached;
}

// The assignments that pin a statement to what the leader saw, and those that undo them.
std::pair<std::string, std::string> pins(const StatementRecord& record) {
  std::string set;
  std::string reset;
  const auto add = [](std::string& to, const std::string& assignment) {
    to += (to.empty() ? "SET " : ",") + assignment;
  };
  if (record.timestamp) {
    add(set, "timestamp=" + *record.timestamp);
    add(reset, "timestamp=DEFAULT");
  }
  if (record.generates_id && record.insert_id.value_or(0) != 0) {
    add(set, "insert_id=" + std::to_string(*record.insert_id));
    add(reset, "insert_id=0");
  }
  if (record.seeds) {
    add(set, "rand_seed1=" + std::to_string(record.seeds->seed1));
    add(set, "rand_seed2=" + std::to_string(record.seeds->seed2));
  }
  return {set, reset};
}

// A prepared statement keeps the schema and the reading of its literals that it was prepared under.
std::string statement_key(const StatementContext& context, const std::string& sql) {
  std::string key;
  for (const std::string* part :
       {&context.schema, &context.sql_mode, &context.character_set_client, &context.collation_connection, &sql}) {
    key += *part;
    key += '\0';
  }
  return key;
}

FollowerCommand statement_command(const StatementRecord& record, const StatementContext& context,
                                  std::size_t transaction) {
  FollowerCommand command;
  command.kind = record.prepared ? FollowerCommand::Kind::execute : FollowerCommand::Kind::statement;
  command.sql = record.sql;
  if (record.prepared) {
    command.payload = record.parameters;
    command.statement_key = statement_key(context, record.sql);
  }
  command.transaction = transaction;
  command.affected = record.affected;
  if (record.generates_id && record.affected.value_or(0) > 0) command.insert_id = record.insert_id;
  command.found_rows = record.found_rows;
  command.table = record.table;
  return command;
}

}  // namespace

Joined join_rows(std::vector<OutboxRow> rows) {
  std::sort(rows.begin(), rows.end(), [](const OutboxRow& a, const OutboxRow& b) { return a.id < b.id; });
  // A caller that reads the rest of a transaction by its key gets rows again that it had.
  rows.erase(std::unique(rows.begin(), rows.end(), [](const OutboxRow& a, const OutboxRow& b) { return a.id == b.id; }),
             rows.end());
  std::map<EntryKey, std::size_t> places;
  std::vector<std::vector<OutboxRow>> groups;
  for (OutboxRow& row : rows) {
    const auto found = places.emplace(row.key, groups.size());
    if (found.second) groups.emplace_back();
    groups[found.first->second].push_back(std::move(row));
  }
  Joined out;
  for (std::vector<OutboxRow>& group : groups) {
    std::sort(group.begin(), group.end(), [](const OutboxRow& a, const OutboxRow& b) { return a.part < b.part; });
    const EntryKey key = group.front().key;
    const Wholeness state = wholeness(group);
    if (state == Wholeness::incomplete) {
      out.incomplete.push_back(key);
    } else if (state == Wholeness::contradictory) {
      out.broken.push_back({.key = key, .ids = ids_of(group), .why = "its outbox rows contradict each other"});
    } else if (absl::StatusOr<Transaction> transaction = to_transaction(group); transaction.ok()) {
      out.transactions.push_back(std::move(*transaction));
    } else {
      out.broken.push_back({.key = key, .ids = ids_of(group), .why = std::string(transaction.status().message())});
    }
  }
  return out;
}

std::vector<FollowerCommand> plan_commands(const std::vector<Transaction>& transactions, const FollowerTraits& traits,
                                           std::optional<StatementContext>& current) {
  std::vector<FollowerCommand> out;
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    const Entry& entry = transactions[i].entry;
    for (const StatementRecord& record : entry.statements) {
      const StatementContext& context = entry.contexts[record.context];
      switch_context(context, traits, i, current, out);
      const std::pair<std::string, std::string> pinned = pins(record);
      if (!pinned.first.empty()) out.push_back(context_command(pinned.first, i));
      out.push_back(statement_command(record, *current, i));
      if (!pinned.second.empty()) out.push_back(context_command(pinned.second, i));
    }
  }
  return out;
}

bool same_outcome(const FollowerCommand& command, std::uint64_t follower_affected, const std::string& follower_info) {
  if (!command.affected) return true;
  std::uint64_t count = follower_affected;
  constexpr std::string_view kMatched = "Rows matched: ";
  if (command.found_rows && follower_info.compare(0, kMatched.size(), kMatched) == 0) {
    const char* begin = follower_info.data() + kMatched.size();
    std::from_chars(begin, follower_info.data() + follower_info.size(), count);
  }
  return *command.affected >= 0 && static_cast<std::uint64_t>(*command.affected) == count;
}

bool is_transient(std::uint16_t error_code) {
  switch (error_code) {
    case 1020:  // record has changed since last read
    case 1205:  // lock wait timeout
    case 1213:  // deadlock
    case 1206:  // lock table full
    case 1021:  // disk full
    case 1037:  // out of memory
    case 1038:  // out of sort memory
    case 1041:  // out of resources
    case 1040:  // too many connections
    case 1203:  // too many connections of this user
    case 1053:  // server shutdown in progress
    case 1077:  // normal shutdown
    case 1152:  // aborted connection
    case 1158:  // network read error
    case 1159:  // network read timeout
    case 1160:  // network write error
    case 1161:  // network write timeout
    case 1184:  // aborted connection
    case 1290:  // running with --read-only
    case 1792:  // read-only transaction
    case 1836:  // read-only mode
    case 1317:  // query interrupted
    case 1927:  // connection killed (MariaDB)
    case 1969:  // max_statement_time exceeded (MariaDB)
    case 2003:  // cannot connect
    case 2006:  // server has gone away
    case 2013:  // connection lost during the query
    case 2055:  // connection lost, with a system error
    case 3024:  // max_execution_time exceeded (MySQL)
    case 3169:  // session was killed (MySQL)
    case 4031:  // disconnected after inactivity (MySQL)
      return true;
    default:
      return false;
  }
}

Schedule hold_dependents(const std::vector<Transaction>& transactions, const std::set<EntryKey>& parked,
                         const std::set<TableRef>& parked_tables) {
  Schedule out;
  std::set<TableRef> blocked = parked_tables;
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    const std::vector<StatementRecord>& statements = transactions[i].entry.statements;
    const bool touches = std::any_of(statements.begin(), statements.end(), [&blocked](const StatementRecord& record) {
      return blocked.count(record.table) != 0;
    });
    if (!touches && parked.count(transactions[i].key) == 0) {
      out.runnable.push_back(i);
      continue;
    }
    out.held.push_back(i);
    for (const StatementRecord& record : statements) blocked.insert(record.table);
  }
  return out;
}

}  // namespace crossfade::dualwrite
