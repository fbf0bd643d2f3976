// Time, chance and turns of a simulation: one thread, in which nothing happens that the seed has not decided.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/net/reactor.h"
#include "proxy/net/reactor_thread.h"

namespace crossfade::sim {

// What must hold does not.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One at a time. Reactors that are made while it lives are turned by it, in an order that is drawn anew for each step;
// time stands still until nobody has anything to do, then it goes on to when somebody has.
class World {
 public:
  explicit World(std::uint64_t seed, bool trace);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Every reactor has a turn, but for some that are slow.
  void step();
  proxy::TimePoint now() const { return now_; }
  std::chrono::milliseconds passed() const;

  // Chance.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }
  bool chance(std::uint64_t in, std::uint64_t out_of) { return below(out_of) < in; }
  std::uint64_t draw() { return random_(); }

  // Reactors that are added from here on belong to `owner`.
  void begin_owner(int owner) { owner_ = owner; }
  void add(proxy::Reactor& reactor) { turned_.push_back({&reactor, owner_}); }
  // Those of an owner never run again.
  void kill(int owner);

  // What happens: goes into the hash of the run, and is shown if asked for.
  void note(const std::string& what);
  std::uint64_t hash() const { return hash_; }
  bool faults = true;  // connections are dropped, answers are late

  // The step throws it at its end: no exception goes through a coroutine.
  void fail(const std::string& what);

 private:
  struct Turned {
    proxy::Reactor* reactor;
    int owner;
  };
  proxy::TimePoint now_;
  std::mt19937_64 random_;
  std::vector<Turned> turned_;
  int owner_ = 0;
  bool trace_;
  std::uint64_t hash_ = 14695981039346656037ull;
  std::string failure_;
  proxy::ReactorThread::Turner turner_;
};

}  // namespace crossfade::sim
