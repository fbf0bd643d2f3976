// Files that a client sends in the middle of a response (LOAD DATA LOCAL INFILE).

#include "protocol/file_packets.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"

namespace crossfade::proxy {

// The client's packets as they are, a buffer at a time: a slow server stops the reading. The servers
// read a file to its end before they answer, whatever they think of it. If the client leaves, so does
// the connection to the server, without the packet that would end the file: what it loaded so far is
// rolled back, as without a proxy.
Task<absl::Status> Session::relay_file(BackendLink& link, std::uint8_t sequence) {
  // The client's numbers are others where its packet held several statements.
  protocol::ResponseJoiner& joiner = output_.joiner();
  protocol::FilePackets packets(joiner.active() ? joiner.next_sequence() : sequence);
  protocol::PacketNumbering for_server(sequence);
  protocol::Buffer carried = std::exchange(pending_input_, {});
  protocol::PacketNumbering numbering(packets.next_sequence());
  const auto numbered = [&](std::span<std::uint8_t> bytes) {
    // Such a client's packets carry any number.
    if (client_->is_compressed()) numbering.apply(bytes);
    return protocol::Bytes(bytes);
  };
  std::span<std::uint8_t> arrived(carried);
  for (;;) {
    protocol::Bytes input = numbered(arrived);
    while (!input.empty() && !packets.ended()) {
      const auto piece = packets.feed(input);
      if (!piece.ok()) {
        link.abandon();
        reply_sequence_ = packets.next_sequence();
        co_await on_broken_input(piece.status());
        co_return piece.status();
      }
    }
    const std::span<std::uint8_t> file = arrived.first(arrived.size() - input.size());
    if (packets.ended()) pending_input_.assign(input.begin(), input.end());
    if (!file.empty()) {
      if (joiner.active()) for_server.apply(file);
      const Stream::Io sent = link.stream().try_write(file);
      if (sent.kind == Stream::Io::Kind::failed) co_return absl::UnavailableError("the server closed the connection");
      if (sent.bytes < file.size() || link.stream().is_buffered()) {
        const protocol::Buffer rest(file.begin() + static_cast<std::ptrdiff_t>(sent.bytes), file.end());
        const absl::Status written = co_await link.stream().write_all(rest, worker_.reactor.now() + kStatementMax);
        if (!written.ok()) co_return written;
      }
    }
    if (packets.ended()) {
      // What comes next is numbered on from the file.
      if (joiner.active()) joiner.set_next_sequence(packets.next_sequence());
      reply_sequence_ = joiner.active() ? for_server.next() : packets.next_sequence();
      co_return absl::OkStatus();
    }
    auto got = co_await client_->receive(worker_.scratch, worker_.reactor.now() + kClientStalledMax);
    if (!got.ok() || ending_) {
      link.abandon();
      co_return absl::CancelledError("the client has left");
    }
    counters_.bytes_from_clients.add(*got);
    arrived = std::span(worker_.scratch).first(*got);
  }
}

}  // namespace crossfade::proxy
