#include "proxy/session/run/local_file.h"

#include "protocol/file_packets.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

Task<absl::Status> pass_on(Conversation& s, BackendLink& link, protocol::Bytes file) {
  const Stream::Io sent = link.stream().try_write(file);
  if (sent.kind == Stream::Io::Kind::failed) co_return absl::UnavailableError("the server closed the connection");
  if (sent.bytes == file.size() && !link.stream().is_buffered()) co_return absl::OkStatus();
  const protocol::Buffer rest(file.begin() + static_cast<std::ptrdiff_t>(sent.bytes), file.end());
  co_return co_await link.stream().write_all(rest, s.site.in(kStatementMax));
}

}  // namespace

Task<absl::Status> relay_file(Conversation& s, BackendLink& link, std::uint8_t sequence) {
  // The client's numbers are others where its packet held several statements.
  protocol::ResponseJoiner& joiner = s.client.output().joiner();
  protocol::FilePackets packets(joiner.active() ? joiner.next_sequence() : sequence);
  protocol::PacketNumbering for_server(sequence);
  protocol::Buffer carried = std::exchange(s.client.pending(), {});
  protocol::PacketNumbering numbering(packets.next_sequence());
  std::span<std::uint8_t> arrived(carried);
  for (;;) {
    if (s.client.stream().is_compressed()) numbering.apply(arrived);  // such a client's packets carry any number
    protocol::Bytes input = arrived;
    while (!input.empty() && !packets.ended()) {
      const auto piece = packets.feed(input);
      if (!piece.ok()) {
        link.abandon();
        s.client.answer_from(packets.next_sequence());
        Answer no = broken_input(piece.status());
        co_await deliver(s, std::move(no));
        co_return piece.status();
      }
    }
    const std::span<std::uint8_t> file = arrived.first(arrived.size() - input.size());
    if (packets.ended()) s.client.pending().assign(input.begin(), input.end());
    if (!file.empty()) {
      if (joiner.active()) for_server.apply(file);
      const absl::Status written = co_await pass_on(s, link, file);
      if (!written.ok()) co_return written;
    }
    if (packets.ended()) {
      // What comes next is numbered on from the file.
      if (joiner.active()) joiner.set_next_sequence(packets.next_sequence());
      s.client.answer_from(joiner.active() ? for_server.next() : packets.next_sequence());
      co_return absl::OkStatus();
    }
    auto got = co_await s.client.stream().receive(s.site.worker.scratch, s.site.in(kClientStalledMax));
    if (!got.ok() || s.client.ending()) {
      link.abandon();
      co_return absl::CancelledError("the client has left");
    }
    s.site.counters.bytes_from_clients.add(*got);
    arrived = std::span(s.site.worker.scratch).first(*got);
  }
}

}  // namespace crossfade::proxy
