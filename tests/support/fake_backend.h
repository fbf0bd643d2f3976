// A MySQL server of the tests' own: real sockets and the real protocol, a FakeDatabase behind it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "protocol/handshake.h"
#include "tests/support/blocking_socket.h"
#include "tests/support/fake_database.h"

namespace crossfade::support {

// What goes wrong, once, at one statement. Counted from arm(), over the connections of one user, one
// for every statement of a packet, PREPARE and EXECUTE; only those that start with `on`.
struct Fault {
  enum class Kind : std::uint8_t {
    drop_before,  // the connection ends, the statement has not run
    drop_after,   // the statement has run, its answer is lost
    err,          // an ERR instead of running it
  };
  Kind kind = Kind::drop_before;
  std::size_t at = 0;
  std::string user = "app";
  std::uint16_t code = 1205;
  std::string on{};
};

// Listens on a loopback port of its own, one thread a connection. Users `app`, `other` and `control` have the
// password "secret".
class FakeBackend {
 public:
  struct Options {
    std::string name = "old";
    std::string version = "5.5.5-10.11.19-MariaDB";
    protocol::Capabilities without = protocol::kLongPassword;  // MariaDB; nothing: MySQL
  };
  explicit FakeBackend(Options options);
  ~FakeBackend();
  FakeBackend(const FakeBackend&) = delete;
  FakeBackend& operator=(const FakeBackend&) = delete;

  config::Address address() const { return {.host = "127.0.0.1", .port = port_, .is_unix = false}; }
  FakeDatabase& database() { return database_; }

  void arm(const Fault& fault);
  bool fired() const;  // since arm()
  void disarm();
  // Asked before the database; nullopt: the database answers. Runs without a lock: it may wait.
  using Script = std::function<std::optional<Answer>(const std::string& user, const std::string& sql)>;
  void set_script(Script script);
  void set_piece_bytes(std::size_t bytes) { piece_bytes_ = bytes; }
  // Every connection ends and new ones end at once, until come_back().
  void go_down();
  void come_back() { down_ = false; }

  // The COM_QUERY texts and prepared texts of one user, a packet each.
  std::vector<std::string> packets(const std::string& user) const;
  void forget_packets();
  std::size_t connections(const std::string& user) const;
  // Instead of a greeting, to so many connections from now on; empty: greetings again.
  void refuse_with(protocol::Buffer err_payload, std::size_t times = static_cast<std::size_t>(-1));
  std::size_t refused() const;  // connections, so far
  // Every connection ends, with this packet as its last word.
  void part_with(const protocol::Buffer& err_payload);
  // As if it had been replaced: of connections from now on.
  void set_version(std::string version);
  // Logins of a user so far; connections that were greeted and gone without a login request.
  std::size_t logins(const std::string& user) const;
  // Logins end after so many of the server's messages; greeting and final answer are two.
  void hang_up_after(std::size_t messages) { login_messages_max_ = messages; }
  std::size_t abandoned() const { return abandoned_; }

 private:
  struct Connection;
  void accept_loop();
  void serve(Connection& connection);
  bool log_in(Connection& connection);
  bool on_command(Connection& connection, protocol::Bytes payload);
  bool change_user(Connection& connection, protocol::Bytes payload);
  bool on_query(Connection& connection, const std::string& sql);
  bool on_prepare(Connection& connection, const std::string& sql);
  bool on_execute(Connection& connection, protocol::Bytes payload);
  // nullopt: the connection is to end; what was written so far is flushed.
  std::optional<Answer> run(Connection& connection, const std::string& sql);
  std::optional<Fault> due(const std::string& user, const std::string& sql);
  std::optional<Answer> scripted(const std::string& user, const std::string& sql);

  const Options options_;
  FakeDatabase database_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> piece_bytes_{0};
  std::atomic<bool> down_{false};
  std::atomic<std::size_t> abandoned_{0};
  std::atomic<std::size_t> login_messages_max_{100};
  std::atomic<bool> stopping_{false};
  std::thread accepting_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<std::string, std::vector<std::string>> packets_;
  std::map<std::string, std::size_t> open_;
  std::map<std::string, std::size_t> logins_;
  std::string version_;
  protocol::Buffer refusal_;
  std::size_t refusals_left_ = 0;
  std::size_t refused_ = 0;
  std::optional<Fault> fault_;
  std::size_t statements_ = 0;
  bool fired_ = false;
  Script script_;
};

}  // namespace crossfade::support
