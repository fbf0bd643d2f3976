// A connected socket, with TLS and compression on top where the two sides agreed on them. Asio-free seam
// between bytes and the protocol machines: here, and nowhere else, errno becomes a Status.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/config.h"
#include "protocol/compressed_stream.h"
#include "protocol/wire.h"
#include "proxy/net/reactor.h"
#include "proxy/net/resolver.h"
#include "proxy/net/task.h"
#include "proxy/net/tls.h"

namespace crossfade::proxy {

class Stream {
 public:
  // Takes the descriptor over; it must be non-blocking.
  Stream(Reactor& reactor, int fd);

  // Resolves and connects, to one address after the other, each with its share of the time that is left.
  static Task<absl::StatusOr<std::unique_ptr<Stream>>> connect(Reactor& reactor, config::Address address,
                                                               TimePoint deadline,
                                                               Resolver& resolver = Resolver::of_process());

  static constexpr std::size_t kTurnBytesMax = std::size_t{256} << 10;

  // What can be done at once, without waiting.
  struct Io {
    enum class Kind : std::uint8_t { ok, would_block, closed, failed };
    Kind kind = Kind::ok;
    std::size_t bytes = 0;
  };
  Io try_read(std::span<std::uint8_t> into);
  Io try_write(protocol::Bytes bytes);

  Descriptor::Wait readable(TimePoint deadline) { return descriptor_.readable(deadline); }
  void cancel_read() { descriptor_.cancel_read(); }
  // Something came, or the peer went, while nobody was reading.
  bool stirred() const { return descriptor_.stirred(); }
  TimePoint stirred_at() const { return descriptor_.stirred_at(); }
  // True if the peer has closed, or sent what nobody asked for.
  bool gone_while_idle();

  // At least one byte; Unavailable when the peer closed, DeadlineExceeded, Cancelled.
  Task<absl::StatusOr<std::size_t>> read_some(std::span<std::uint8_t> into, TimePoint deadline);
  // The same, for when nothing can have arrived yet: waits before it reads, which saves a system call. Where bytes may
  // wait in here, others of this thread have their turn after kTurnBytesMax of them: a peer may send without an end.
  Task<absl::StatusOr<std::size_t>> receive(std::span<std::uint8_t> into, TimePoint deadline);
  Task<absl::Status> write_all(protocol::Bytes bytes, TimePoint deadline);
  // Either side's handshake, by the context. `early`: cipher bytes that were read already.
  Task<absl::Status> start_tls(std::shared_ptr<const TlsContext> context, std::string host, protocol::Buffer early,
                               TimePoint deadline);
  // From here on all bytes travel in compressed frames, both ways. `early`: bytes that were read already.
  void start_compression(protocol::CompressedStream::Role role, protocol::Compression compression,
                         protocol::Bytes early);
  bool is_tls() const { return tls_ != nullptr; }
  bool is_compressed() const { return compressed_ != nullptr; }
  // Bytes may wait in here: to be read, with nothing left on the socket; or taken by try_write() and not
  // sent yet, which only write_all() (of nothing more, too) makes up for.
  bool is_buffered() const { return tls_ || compressed_; }
  // The peer has shown a certificate, and it was verified.
  bool has_peer_certificate() const { return tls_ != nullptr && tls_->has_peer_certificate(); }
  // Its address; an IPv4 one as such also when it came to an IPv6 socket. "localhost" for a unix socket.
  std::string peer_host() const;
  std::uint16_t peer_port() const;

  Reactor& reactor() { return descriptor_.reactor(); }

 private:
  static Task<absl::StatusOr<std::unique_ptr<Stream>>> connect_to(Reactor& reactor, Endpoint endpoint, std::string name,
                                                                  TimePoint deadline);
  Task<absl::Status> flush_unsent(TimePoint deadline);
  Io send_now(protocol::Bytes bytes);
  Io receive_now(std::span<std::uint8_t> into);
  Io read_secure(std::span<std::uint8_t> into);
  Io read_compressed(std::span<std::uint8_t> into);
  Io write_buffered(protocol::Bytes bytes);

  Descriptor descriptor_;
  bool broken_ = false;  // the socket has said so, which it does once
  std::size_t turn_bytes_ = 0;
  std::unique_ptr<TlsEngine> tls_;
  std::unique_ptr<protocol::CompressedStream> compressed_;  // above TLS
  protocol::Buffer unsent_;                                 // compressed, encrypted, not yet sent
};

}  // namespace crossfade::proxy
