// A database server of a simulation: the real protocol over real sockets, but on the simulation's thread and in its
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/handshake.h"
#include "proxy/net/stream.h"
#include "tests/sim/row_log.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"
#include "tests/support/fake_database.h"

namespace crossfade::sim {

// Speaks as MariaDB. Statements run whole or not at all; what a connection was told to do when its client died it still
// does. Users "app" and "control" have no password.
class Server {
 public:
  struct Options {
    std::string name;                // "old"
    std::vector<std::string> paths;  // of the sockets, one for each proxy
    bool runs_binlog = true;         // the control account may run BINLOG
    bool keeps_log = false;          // a leader
    // What a commit loses now and then, to show that it is seen.
    enum class Mistake : std::uint8_t { none, row, position } mistake = Mistake::none;
  };
  Server(World& world, Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Everything that is not committed is gone, and so are all connections.
  void crash();
  void come_back() { up_ = true; }
  bool is_up() const { return up_; }
  // The process at the other end of this path's connections has died.
  void lose_clients(std::size_t path);
  void flush_logs();

  struct Session {
    std::string user;
    std::size_t path = 0;
    Transaction transaction = {};
    std::vector<std::string> marks = {};  // of its transaction: see on_commit
  };
  // A transaction has been committed that has changed rows; of a leader `logged` says where its application's are in
  // the log. `marks` of the session: the comments /*mark ..*/ of its statements.
  using OnCommit = std::function<void(const Session&, const std::vector<RowOp>&, const std::optional<LoggedCommit>&)>;
  OnCommit on_commit = [](const auto&, const auto&, const auto&) {};
  // A statement of an application is about to run.
  std::function<void(const Session&, const std::string&)> on_application = [](const auto&, const auto&) {};

  Store store;
  RowLog log;
  const std::string& name() const { return options_.name; }

 private:
  struct Connection;
  using Held = std::shared_ptr<Connection>;
  proxy::Task<void> accept_on(std::size_t path);
  void accept_all(std::size_t path);
  void wake_dumps();
  proxy::Task<void> serve(Held connection);
  proxy::Task<bool> log_in(Held connection);
  proxy::Task<bool> on_command(Held connection, protocol::Buffer payload);
  proxy::Task<bool> on_query(Held connection, std::string sql);
  proxy::Task<std::optional<support::Answer>> run(Held connection, std::string sql);
  proxy::Task<bool> dump(Held connection, protocol::Buffer payload);
  proxy::Task<bool> be_slow(Held connection);
  bool drops(const Connection& connection);
  static void tell_gtid(const Connection& connection, support::Answer& answer);

  std::optional<support::Answer> answer(Connection& connection, const std::string& sql);
  std::optional<support::Answer> of_transactions(Connection& connection, const std::string& sql);
  std::optional<support::Answer> of_the_server(Connection& connection, const std::string& sql);
  std::optional<support::Answer> catalogue(const std::string& sql) const;
  support::Answer commit(Connection& connection);
  support::Answer binlog(Connection& connection, const std::string& sql);
  void end(Connection& connection);

  World& world_;
  Options options_;
  proxy::Reactor reactor_;
  support::FakeDatabase questions_;  // what sessions ask of their own state
  std::vector<std::unique_ptr<proxy::Descriptor>> listeners_;
  std::map<std::uint64_t, Held> connections_;        // by their ids
  std::map<std::string, std::uint64_t> user_locks_;  // of GET_LOCK, by connection
  std::uint64_t next_connection_ = 1;
  std::uint64_t next_transaction_ = 1;
  bool up_ = true;
};

}  // namespace crossfade::sim
