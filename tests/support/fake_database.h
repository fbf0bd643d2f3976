// What a fake backend knows: just enough of a database for the proxy to run on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dualwrite/inline/outbox.h"
#include "protocol/response.h"
#include "protocol/rows.h"

namespace crossfade::support {

// One result of one statement.
struct Answer {
  protocol::Ok ok;
  std::optional<protocol::Err> err;
  std::vector<std::string> columns;  // not empty: rows
  std::vector<std::vector<protocol::Cell>> rows;

  static Answer done(std::uint64_t affected_rows = 0);
  static Answer failed(std::uint16_t code, std::string sqlstate, std::string message);
  static Answer of(std::vector<std::string> columns, std::vector<std::vector<protocol::Cell>> rows);
};

// Transactions are kept as effects that happen at COMMIT; there are no locks. Every table exists as
// (id int primary key auto_increment, v int, name varchar, made datetime), except one called `missing`; the rows of
// application tables are not modelled, only the texts of the statements that wrote them. Thread-safe.
class FakeDatabase {
 public:
  struct Contents {
    std::vector<std::string> writes;  // of applications, committed, in the order of COMMIT
    std::map<std::uint64_t, dualwrite::OutboxRow> outbox;
    std::vector<dualwrite::OutboxRow> outbox_history;  // all that were ever committed
    std::set<std::string> applied;                     // keys in hex
    std::vector<std::string> ledger;                   // the statements that wrote it
    std::string applier_owner;
  };
  struct Session {
    std::uint64_t id = 0;
    std::string schema;
    bool autocommit = true;
    bool in_transaction = false;
    std::vector<std::function<void(Contents&)>> pending;
    std::vector<std::pair<std::string, std::size_t>> savepoints;
  };

  // `name` answers reads of application tables, so that a test sees who was asked.
  explicit FakeDatabase(std::string name) : name_(std::move(name)) {}

  Answer execute(Session& session, const std::string& sql);
  void end(Session& session);  // the connection has gone: rolled back, locks released
  static void roll_back(Session& session);
  Contents contents() const;
  void forget();                                     // writes, history, ledger, applied
  void put_outbox(const dualwrite::OutboxRow& row);  // as if committed; the id is given here

 private:
  std::optional<Answer> control(Session& session, std::string_view sql);
  std::optional<Answer> catalogue(std::string_view sql) const;
  std::optional<Answer> bookkeeping(Session& session, std::string_view sql);
  std::optional<Answer> outbox(Session& session, std::string_view sql);
  Answer context(const Session& session, std::string_view sql) const;
  Answer outbox_rows(std::string_view sql) const;
  Answer insert_outbox(Session& session, std::string_view sql);
  Answer delete_entry(Session& session, const std::string& key);
  Answer commit(Session& session);
  void effect(Session& session, std::function<void(Contents&)> what);

  std::string name_;
  mutable std::mutex mutex_;
  Contents contents_;
  std::uint64_t next_outbox_id_ = 1;
  std::uint64_t lock_holder_ = 0;
};

// The statements of one packet. Semicolons in quotes do not count.
std::vector<std::string> split_statements(std::string_view sql);

}  // namespace crossfade::support
