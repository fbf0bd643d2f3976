// Which connection to one server a comparison gets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "shadow/fair_queue.h"

namespace crossfade::shadow {

// The book of a few connections that many users share: who is logged in on which, which are in use, and since when the
// others are not. A user without one takes the place of the connection that has been idle longest. Holds numbers, no
// connections; whoever asks carries out what is said. No more connections are booked than the caller allows.
class ConnectionShares {
 public:
  using Id = std::uint64_t;  // never 0
  struct Choice {
    enum class Kind : std::uint8_t {
      reuse,  // `connection`, of that user
      open,   // `connection` is to be opened; `close` first, unless it is 0
      wait,   // all that are allowed are in use
    };
    Kind kind = Kind::wait;
    Id connection = 0;
    Id close = 0;
  };
  // What is named is in use from now on.
  Choice take(const std::string& user, std::size_t allowed);
  void give_back(Id connection, Moment now);
  // It is closed, or will be by whoever uses it.
  void drop(Id connection) { booked_.erase(connection); }
  bool knows(Id connection) const { return booked_.contains(connection); }
  // To be closed: those idle since before `before`, and of the others the longest idle while there are more than
  // `allowed`. They are not booked any more.
  std::vector<Id> take_surplus(Moment before, std::size_t allowed);
  // The longest idle, in use until put_back(), which leaves it as long idle as before; 0: none.
  Id take_idle();
  void put_back(Id connection);
  bool is_idle(Id connection) const;
  std::size_t size() const { return booked_.size(); }

 private:
  struct Booked {
    std::string user;
    bool in_use = true;
    Moment idle_since = {};
  };
  Id longest_idle() const;

  std::unordered_map<Id, Booked> booked_;
  Id last_ = 0;
};

}  // namespace crossfade::shadow
