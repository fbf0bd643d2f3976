// One connection of a simulated server.
#pragma once

#include <memory>

#include "tests/sim/server.h"

namespace crossfade::sim {

struct Server::Connection {
  Connection(proxy::Reactor& reactor, int descriptor) : fd(descriptor), stream(reactor, descriptor) {}
  const int fd;
  proxy::Stream stream;
  std::uint64_t id = 0;
  protocol::Capabilities capabilities = 0;
  Session session;
  support::FakeDatabase::Session questions;
  bool lost = false;                                  // its client has died
  bool alive = true;                                  // the server has not crashed since
  std::unique_ptr<proxy::Signal> log_grew = nullptr;  // of one that has the log sent
  bool tells_gtids = false;
  std::string gtid = {};  // of what the last statement has committed

  std::uint16_t status() const {
    return static_cast<std::uint16_t>(protocol::kStatusAutocommit |
                                      (session.transaction.open ? protocol::kStatusInTransaction : 0));
  }
};

}  // namespace crossfade::sim
