#include "tests/sim/model.h"

#include <algorithm>

namespace crossfade::sim {

using dualwrite::LogPosition;

namespace {

// Every proxy knows by then that a table is stopped: one that does not apply looks every 50 ms, over a connection that
// may be lost.
constexpr auto kHeardMax = std::chrono::seconds(3);

std::string text(const std::optional<Row>& row) {
  if (!row) return "no row";
  std::string out;
  for (const Cell& cell : *row) out += (out.empty() ? "(" : ", ") + cell.value_or("NULL");
  return out + ")";
}

std::optional<Row> row_in(const std::map<std::string, Row>& rows, const std::string& key) {
  const auto found = rows.find(key);
  return found == rows.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Model::Model(World& world, Server& leader, Server& follower) : world_(world), leader_(leader), follower_(follower) {
  leader_.on_commit = [this](const auto& session, const auto& ops, const auto& logged) {
    on_leader(session, ops, logged);
  };
  follower_.on_commit = [this](const auto&, const auto& ops, const auto&) { on_follower(ops); };
  follower_.on_application = [this](const auto& session, const auto& sql) { on_statement_of_follower(session, sql); };
  for (const std::string& table : application_tables()) copies_[std::string(kSchema) + "." + table] = {};
}

void Model::on_leader(const Server::Session& session, const std::vector<RowOp>& ops,
                      const std::optional<LoggedCommit>& logged) {
  if (!logged) return;
  history_.push_back({.begin = logged->begin, .end = logged->end, .ops = {}});
  for (const RowOp& op : ops) {
    if (!is_application_table(op.table)) continue;
    history_.back().ops.push_back(op);
    past_[{op.table, op.key}].emplace_back(history_.size(), op.after ? (*op.after)[1] : std::nullopt);
  }
  for (const std::string& mark : session.marks) marks_[mark] = history_.size();
  world_.note("commit " + std::to_string(history_.size()) + " by " + session.user + ", " + std::to_string(ops.size()) +
              " rows, " + logged->end.text());
}

std::optional<LogPosition> Model::position() const {
  const auto& rows = follower_.store.rows("crossfade.position");
  if (rows.empty()) return std::nullopt;
  const Row& row = rows.begin()->second;
  return LogPosition{.file = row[2].value_or(""), .offset = std::stoull(row[3].value_or("0"))};
}

std::size_t Model::commits_before(const LogPosition& place) const {
  const auto found = std::partition_point(history_.begin(), history_.end(),
                                          [&](const Commit& commit) { return commit.begin < place; });
  return static_cast<std::size_t>(found - history_.begin());
}

void Model::on_follower(const std::vector<RowOp>& ops) {
  ++follower_commits;
  const std::optional<LogPosition> now = position();
  if (!now) {
    if (std::any_of(ops.begin(), ops.end(), [](const RowOp& op) { return is_application_table(op.table); })) {
      world_.fail("rows came to the follower before any position");
    }
    return;
  }
  if (*now < position_) world_.fail("the position went back from " + position_.text() + " to " + now->text());
  if (*now > leader_.log.end()) world_.fail("the position " + now->text() + " lies behind the leader's end");
  if (*now != position_) world_.note("position " + now->text());
  position_ = *now;
  look_at_stopped();
  for (const auto& [table, copy] : copies_) compare(table);
}

void Model::look_at_stopped() {
  std::set<std::string> found;
  for (const auto& [key, row] : follower_.store.rows("crossfade.stopped")) {
    const std::string table = row[0].value_or("") + "." + row[1].value_or("");
    found.insert(table);
    if (stopped_at_.contains(table)) continue;
    world_.note("table " + table + " stops: " + row[5].value_or(""));
    ++stops;
    stopped_at_[table] = world_.now();
    if (!suspect_.contains(table)) world_.fail("table " + table + " stopped by itself: " + row[5].value_or(""));
  }
  std::erase_if(stopped_at_, [&](const auto& known) {
    if (!found.contains(known.first)) world_.note("table " + known.first + " goes on");
    return !found.contains(known.first);
  });
}

bool Model::is_stopped(const std::string& table) const { return stopped_at_.contains(table); }

void Model::advance(const std::string& table, Copy& copy, std::size_t to) const {
  for (; copy.at < to; ++copy.at) {
    for (const RowOp& op : history_[copy.at].ops) {
      if (op.table != table) continue;
      if (op.after) {
        copy.rows[op.key] = *op.after;
      } else {
        copy.rows.erase(op.key);
      }
    }
  }
}

void Model::compare(const std::string& table) {
  LogPosition place = position_;
  for (const auto& [key, row] : follower_.store.rows("crossfade.stopped")) {
    if (row[0].value_or("") + "." + row[1].value_or("") != table) continue;
    place = std::min(place, LogPosition{.file = row[3].value_or(""), .offset = std::stoull(row[4].value_or("0"))});
  }
  Copy& copy = copies_[table];
  const std::size_t at = commits_before(place);
  if (at < copy.at) {
    world_.fail("table " + table + " is said to be as of commit " + std::to_string(at) + ", and was as of " +
                std::to_string(copy.at));
    return;
  }
  advance(table, copy, at);
  const auto& there = follower_.store.rows(table);
  std::set<std::string> keys;
  for (const auto& [key, row] : copy.rows) keys.insert(key);
  for (const auto& [key, row] : there) keys.insert(key);
  for (const std::string& key : keys) {
    const std::optional<Row> expected = row_in(copy.rows, key);
    const std::optional<Row> found = row_in(there, key);
    if (expected == found) {
      tampered_.erase({table, key});
    } else if (!tampered_.contains({table, key})) {
      world_.fail("row " + key + " of " + table + " is " + text(found) + " on the follower, and as of commit " +
                  std::to_string(at) + " of the leader " + text(expected));
    }
  }
}

void Model::tamper() {
  const std::string table =
      std::string(kSchema) + "." + application_tables()[world_.below(application_tables().size())];
  const std::string key = std::to_string(world_.below(8));
  std::optional<Row> row;
  if (world_.chance(2, 3)) row = Row{key, "-" + std::to_string(1 + world_.below(1000)), std::nullopt};
  if (row_in(follower_.store.rows(table), key) == row || !follower_.store.tamper(table, key, row)) return;
  world_.note("row " + key + " of " + table + " is tampered with: " + text(row));
  tampered_.insert({table, key});
  ever_tampered_.insert({table, key});
  suspect_.insert(table);
}

std::size_t Model::place_of(const std::string& mark) const {
  const auto found = marks_.find(mark);
  return found == marks_.end() ? 0 : found->second;
}

void Model::check_acknowledged(const std::string& mark) const {
  const std::size_t place = place_of(mark);
  if (place == 0) return;
  const Commit& commit = history_[place - 1];
  if (position_ >= commit.end) return;
  // What no table of it is followed of needs no place of its own.
  for (const RowOp& op : commit.ops) {
    if (stopped_at_.contains(op.table)) continue;
    world_.fail("commit " + std::to_string(place) + " was acknowledged by both, and the follower is at " +
                position_.text() + ", before " + commit.end.text());
    return;
  }
}

void Model::check_read(const Read& read) {
  ++reads_checked;
  if (ever_tampered_.contains({read.table, read.key})) return;
  const auto& past = past_[{read.table, read.key}];
  // What it was at that place, or anything later.
  auto at = std::partition_point(past.begin(), past.end(),
                                 [&](const auto& version) { return version.first <= read.not_before; });
  std::optional<std::string> then;
  if (at != past.begin()) then = std::prev(at)->second;
  if (read.value == then) return;
  for (; at != past.end(); ++at) {
    if (at->second == read.value) return;
  }
  world_.fail("a read of row " + read.key + " of " + read.table + " gave " + read.value.value_or("nothing") +
              ", which is older than commit " + std::to_string(read.not_before) + " that it must see");
}

void Model::on_statement_of_follower(const Server::Session& session, const std::string& sql) {
  static_cast<void>(session);
  if (sql.find(" FROM app.") == std::string::npos && sql.find(" app.") == std::string::npos) return;
  if (!sql.starts_with("SELECT")) world_.fail("the follower was asked by an application for more than a read: " + sql);
  if (sql.find("/*in transaction*/") != std::string::npos) {
    world_.fail("a transaction was spread over both servers: " + sql);
  }
  ++reads_of_follower;
  for (const auto& [table, since] : stopped_at_) {
    if (sql.find(table + " ") == std::string::npos || world_.now() < since + kHeardMax) continue;
    world_.fail("a read of the stopped table " + table + " came to the follower");
  }
}

bool Model::is_at_rest() const { return position_ == leader_.log.end() && stopped_at_.empty(); }

void Model::check_at_rest() const {
  if (!is_at_rest()) world_.fail("the follower does not come to rest: " + state());
  for (const auto& [table, copy] : copies_) {
    for (const auto& rows : {leader_.store.rows(table), follower_.store.rows(table)}) {
      for (const auto& [key, row] : rows) {
        const bool same = row_in(leader_.store.rows(table), key) == row_in(follower_.store.rows(table), key);
        if (!same && !tampered_.contains({table, key})) world_.fail("at rest row " + key + " of " + table + " differs");
      }
    }
  }
}

std::string Model::state() const {
  return "position " + position_.text() + " of " + leader_.log.end().text() + ", " +
         std::to_string(stopped_at_.size()) + " tables stopped, " + std::to_string(history_.size()) + " commits";
}

}  // namespace crossfade::sim
