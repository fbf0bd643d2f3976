// What must hold, looked at after every commit and every answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/server.h"
#include "tests/sim/world.h"

namespace crossfade::sim {

// Knows what the leader has committed, in its order, from the leader's own store: not from its log. A place in that
// order is a number of commits.
//
// 1. At each commit of the follower every table there is the leader's as of the stored position; one that is stopped,
//    as of where it stopped. So nothing is lost, doubled or out of order, and the position is never ahead of its rows.
// 2. The position never goes back, and never past the leader's end.
// 3. No table stops that nobody has tampered with.
// 4. What was acknowledged under `ack: both` is on the follower.
// 5. A read is no older than its session's last write (under strict consistency: than what was committed when it came).
// 6. A follower is asked by applications for reads outside of transactions alone.
class Model {
 public:
  Model(World& world, Server& leader, Server& follower);

  // A row of the follower is changed past everybody.
  void tamper();

  std::size_t commits() const { return history_.size(); }
  // Commits up to the one that has this mark; 0: none has.
  std::size_t place_of(const std::string& mark) const;
  void check_acknowledged(const std::string& mark) const;
  struct Read {
    std::string table, key;
    std::optional<std::string> value;  // of `v`
    std::size_t not_before = 0;        // commits
  };
  void check_read(const Read& read);
  bool is_stopped(const std::string& table) const;

  // Everything has arrived, and no table is stopped.
  bool is_at_rest() const;
  void check_at_rest() const;
  std::string state() const;

  std::uint64_t follower_commits = 0, reads_checked = 0, acks_checked = 0, reads_of_follower = 0, stops = 0;

 private:
  struct Commit {
    dualwrite::LogPosition begin, end;
    std::vector<RowOp> ops;
  };
  struct Copy {  // of a table, as of a number of commits
    std::size_t at = 0;
    std::map<std::string, Row> rows = {};
  };
  void on_leader(const Server::Session& session, const std::vector<RowOp>& ops,
                 const std::optional<LoggedCommit>& logged);
  void on_follower(const std::vector<RowOp>& ops);
  void on_statement_of_follower(const Server::Session& session, const std::string& sql);
  std::optional<dualwrite::LogPosition> position() const;
  std::size_t commits_before(const dualwrite::LogPosition& place) const;
  void look_at_stopped();
  void compare(const std::string& table);
  void advance(const std::string& table, Copy& copy, std::size_t to) const;

  World& world_;
  Server& leader_;
  Server& follower_;
  std::vector<Commit> history_;
  std::map<std::string, std::size_t> marks_;
  // Of each row, what `v` was from which place on.
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<std::size_t, std::optional<std::string>>>> past_;
  std::map<std::string, Copy> copies_;
  std::set<std::pair<std::string, std::string>> tampered_;       // rows that are not expected to be right
  std::set<std::pair<std::string, std::string>> ever_tampered_;  // an answer may be on its way
  std::set<std::string> suspect_;                                // tables with such rows, ever
  std::map<std::string, proxy::TimePoint> stopped_at_;
  dualwrite::LogPosition position_;
};

}  // namespace crossfade::sim
