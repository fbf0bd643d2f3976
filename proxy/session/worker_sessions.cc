// What a worker does with its sessions.

#include "protocol/error_codes.h"
#include "proxy/session/session.h"
#include "proxy/worker/worker.h"

namespace crossfade::proxy {

void Worker::accept(int fd, std::shared_ptr<const Entrance> entrance) {
  counters.clients_accepted.add();
  auto stream = std::make_unique<Stream>(reactor, fd);
  if (shared.draining.load(std::memory_order_relaxed) ||
      shared.clients.load(std::memory_order_relaxed) >= shared.config.limits.connections_max) {
    counters.clients_refused.add();
    protocol::Buffer wire;
    std::uint8_t sequence = 0;
    protocol::append_message(
        wire, protocol::encode_err_before_greeting(protocol::kErrConnectionCount, "Too many connections"), sequence);
    stream->try_write(wire);
    return;
  }
  const std::uint32_t id = shared.next_connection_id.fetch_add(1, std::memory_order_relaxed);
  auto* session = new Session(*this, std::move(stream), id, std::move(entrance));  // deletes itself
  reactor.spawn(session->run());
}

void Worker::begin_drain() {
  for (Session* session : sessions) session->begin_drain();
}

void Worker::end_sessions() {
  for (Session* session : sessions) session->end_now();
}

std::vector<OpenWrite> Worker::open_writes() const {
  std::vector<OpenWrite> out;
  for (const Session* session : sessions) {
    if (std::optional<OpenWrite> open = session->open_write()) out.push_back(*std::move(open));
  }
  return out;
}

void Worker::note_kill(const routing::KillTarget& target) {
  for (Session* session : sessions) session->note_kill(target);
}

}  // namespace crossfade::proxy
