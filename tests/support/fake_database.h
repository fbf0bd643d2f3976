// What a fake backend knows: just enough of a database for the proxy to run on.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/response.h"
#include "protocol/rows.h"

namespace crossfade::support {

// One result of one statement.
struct Answer {
  protocol::Ok ok;
  std::optional<protocol::Err> err;  // behind the rows, if there are any
  std::vector<std::string> columns;  // not empty: rows
  std::vector<std::vector<protocol::Cell>> rows;
  // Of a query: only so many bytes are sent; then the connection ends, or nothing comes.
  enum class Cut : std::uint8_t { none, closed, silent };
  Cut cut = Cut::none;
  std::size_t cut_at = 0;

  static Answer done(std::uint64_t affected_rows = 0);
  static Answer failed(std::uint16_t code, std::string sqlstate, std::string message);
  static Answer of(std::vector<std::string> columns, std::vector<std::vector<protocol::Cell>> rows);
};

// Transactions are kept as effects that happen at COMMIT; there are no locks. Every table exists, except one called
// `missing`; rows are not modelled, only the texts of the statements that wrote them. Thread-safe.
class FakeDatabase {
 public:
  struct Contents {
    std::vector<std::string> writes;  // of applications, committed, in the order of COMMIT
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
  void end(Session& session);  // the connection has gone: rolled back
  static void roll_back(Session& session);
  Contents contents() const;
  void forget();  // the writes

 private:
  std::optional<Answer> control(Session& session, std::string_view sql);
  std::optional<Answer> catalogue(std::string_view sql) const;
  std::optional<Answer> questions(const Session& session, std::string_view sql) const;
  Answer context(const Session& session, std::string_view sql) const;
  Answer commit(Session& session);
  void effect(Session& session, std::function<void(Contents&)> what);

  std::string name_;
  mutable std::mutex mutex_;
  Contents contents_;
};

// The statements of one packet. Semicolons in quotes do not count.
std::vector<std::string> split_statements(std::string_view sql);

}  // namespace crossfade::support
