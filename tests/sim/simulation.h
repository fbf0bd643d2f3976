// A leader, a follower, Crossfades between them, applications; and what goes wrong.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/flags.h"
#include "proxy/counts/metrics.h"
#include "tests/sim/client.h"
#include "tests/sim/model.h"
#include "tests/sim/process.h"
#include "tests/sim/server.h"
#include "tests/sim/world.h"

namespace crossfade::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 2500;
  bool trace = false;
  Server::Options::Mistake mistake = Server::Options::Mistake::none;
  std::string directory;  // for the sockets
};
struct Tally {
  std::uint64_t seeds = 0, commits = 0, follower_commits = 0, statements = 0, reads = 0, acks = 0,
                reads_of_follower = 0, stops = 0, kills = 0, crashes = 0, milliseconds = 0;
  void add(const Tally& other);
};
struct RunReport {
  std::optional<std::string> violation = {};
  std::string state = {};  // when it came
  std::uint64_t hash = 0;
  Tally tally = {};
};
RunReport run_simulation(const RunOptions& options);

// One run. What the seed decides first is which kinds of trouble there are at all: many kinds at once hide each other.
class Simulation {
 public:
  static constexpr int kProcesses = 2;
  explicit Simulation(const RunOptions& options);
  void run();
  void fill(RunReport& report) const;
  // Nothing of it runs any more.
  void leave();

 private:
  struct Character {
    int processes = 1, clients = 2;
    bool tampers = false, crashes = false, kills = false, strict = false, both = false, runs_binlog = false;
  };
  struct Slot {  // of a process, or where one will be again
    std::unique_ptr<Process> process = nullptr;
    int owner = 0;
    proxy::TimePoint begins_at = {};
    std::unique_ptr<proxy::Descriptor> entrance = nullptr;
  };
  static Character draw_character(World& world);
  Server::Options server_options(const std::string& name) const;
  std::string path(const std::string& name) const { return options_.directory + "/" + name; }
  config::Config config_of(int slot) const;
  config::Flags flags() const;
  void begin_process(int slot);
  void kill_process(int slot);
  proxy::Task<void> let_in(int slot);
  void make_clients();
  void disturb();
  void end_downtimes();
  void come_to_rest();
  std::string state() const;

  RunOptions options_;
  World world_;
  Character character_;
  Server leader_, follower_;
  Model model_;
  proxy::Reactor applications_;
  proxy::Metrics metrics_;
  proxy::Counters& counters_;
  std::array<Slot, kProcesses> slots_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::array<proxy::TimePoint, 2> up_at_ = {};  // leader, follower, when they are down
  bool overwrites_ = false;
  int next_owner_ = 1;
  std::uint64_t kills_ = 0, crashes_ = 0;
};

}  // namespace crossfade::sim
