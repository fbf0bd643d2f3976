// An application's connection: reads, writes and transactions, drawn by chance, and what their answers must be.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/flags.h"
#include "proxy/backend/backend_link.h"
#include "tests/sim/model.h"
#include "tests/sim/world.h"

namespace crossfade::sim {

// Comes again when it has lost its connection, until it is told to end.
class Client {
 public:
  struct Setting {
    World& world;
    proxy::Reactor& reactor;  // of all clients
    Model& model;
    proxy::Counters& counters;
    // Where to connect now: the entrance of a slot, and which.
    std::function<std::optional<std::pair<std::string, int>>()> entrance;
    bool acknowledged_by_both = false;
    bool reads_are_strict = false;
  };
  Client(Setting setting, int number);

  void start() { setting_.reactor.spawn(live()); }
  void end() { ending_ = true; }
  bool has_ended() const { return ended_; }
  // The process that was there has died.
  void lose(int slot);

  std::uint64_t done = 0;  // statements that were answered

 private:
  proxy::Task<void> live();
  proxy::Task<bool> connect();
  // False: the connection is of no more use.
  proxy::Task<bool> act();
  proxy::Task<bool> write();
  proxy::Task<bool> read(bool in_transaction);
  proxy::Task<bool> transact();
  struct Said {
    bool alive = false;
    std::optional<protocol::Err> err = {};
    std::vector<protocol::ResultSet> results = {};
  };
  proxy::Task<Said> say(std::string sql);
  std::string writing(const std::string& mark);
  void acknowledged(const std::string& mark);
  std::string next_mark();

  Setting setting_;
  int number_;
  std::uint64_t marks_ = 0;
  std::unique_ptr<proxy::BackendLink> link_;
  int slot_ = 0;           // of the process it is connected to
  bool lost_ = false;      // that has died since
  std::size_t wrote_ = 0;  // the place of the last write of this connection that was acknowledged
  bool ending_ = false;
  bool ended_ = false;
};

}  // namespace crossfade::sim
