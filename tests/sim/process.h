// One Crossfade of a simulation: wired as proxy/serve/server.cc does it, without its threads, listeners and admin.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "config/flags.h"
#include "protocol/login_as_server.h"
#include "tests/sim/world.h"

namespace crossfade::sim {

class Process {
 public:
  struct Options {
    std::string name;
    int owner = 0;  // of its reactors
    config::Config config;
    config::Flags flags;
  };
  Process(World& world, Options options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // A client has connected.
  void accept(int fd);
  void set_flags(const config::Flags& flags);
  std::string state() const;
  // As kill -9: nothing of it runs any more. It stays in memory as it is, its coroutines in the middle of what they
  // were doing; a process's end frees all of it.
  static void kill(World& world, std::unique_ptr<Process> process);

 private:
  struct Parts;
  int owner_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace crossfade::sim
