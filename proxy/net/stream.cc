#include "proxy/net/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "protocol/ip_address.h"

namespace crossfade::proxy {
namespace {

using Kind = Stream::Io::Kind;

absl::Status wait_failure(WaitResult result, const char* what) {
  return result == WaitResult::cancelled ? absl::CancelledError(std::string(what) + " was cancelled")
                                         : absl::DeadlineExceededError(std::string(what) + " took too long");
}

absl::Status errno_status(const std::string& what, int error) {
  return absl::UnavailableError(what + ": " + std::strerror(error));
}

// Of what a layer takes at once: so much more than it sent may a slow peer leave here.
constexpr std::size_t kTakenBytesMax = 64 * 1024;

// Its memory serves all connections of a thread; a stream lives on one.
protocol::Codec& codec() {
  thread_local protocol::Codec instance;
  return instance;
}

// Of what is left, for one address of `left` that may still be tried.
TimePoint share_of(TimePoint deadline, std::size_t left) {
  const TimePoint now = Clock::now();
  return now + (deadline - now) / static_cast<int>(left);
}

// That a server is not there any more is known within a minute, not when the system's patience ends. No
// TCP_USER_TIMEOUT: it would end connections to a server that lives, and only takes nothing for a while, as LOAD DATA
// behind a lock does.
void expect_life(int fd) {
  constexpr int kIdleSeconds = 20;
  constexpr int kIntervalSeconds = 10;
  constexpr int kProbes = 4;
  // Unix sockets have none of these, and need none.
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kIdleSeconds, sizeof kIdleSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kIntervalSeconds, sizeof kIntervalSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
}

}  // namespace

Stream::Stream(Reactor& reactor, int fd) : descriptor_(reactor, fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on unix sockets, where it is not needed
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Task<absl::StatusOr<std::unique_ptr<Stream>>> Stream::connect(Reactor& reactor, config::Address address,
                                                              TimePoint deadline, Resolver& resolver) {
  auto found = co_await resolver.resolve(reactor, address, deadline);
  if (!found.ok()) co_return found.status();
  const std::vector<Endpoint> endpoints = *std::move(found);
  absl::Status failed;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const TimePoint until = share_of(deadline, endpoints.size() - i);
    auto stream = co_await connect_to(reactor, endpoints[i], address.text(), until);
    if (stream.ok()) {
      if (endpoints.size() > 1) resolver.note_connected(address, endpoints[i]);
      co_return stream;
    }
    failed = stream.status();
  }
  co_return failed;
}

Task<absl::StatusOr<std::unique_ptr<Stream>>> Stream::connect_to(Reactor& reactor, Endpoint endpoint, std::string name,
                                                                 TimePoint deadline) {
  const int fd = socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return errno_status("cannot make a socket", errno);
  auto stream = std::make_unique<Stream>(reactor, fd);
  expect_life(fd);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&endpoint.storage), endpoint.length) != 0) {
    if (errno != EINPROGRESS) co_return errno_status("cannot connect to " + name, errno);
    const auto waited = co_await stream->descriptor_.writable(deadline);
    if (waited != WaitResult::ready) co_return wait_failure(waited, "connecting");
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) co_return errno_status("cannot connect to " + name, error);
  }
  co_return stream;
}

Stream::Io Stream::receive_now(std::span<std::uint8_t> into) {
  if (broken_) return {Kind::failed, 0};
  for (;;) {
    const ssize_t got = recv(descriptor_.fd(), into.data(), into.size(), 0);
    if (got > 0) return {Kind::ok, static_cast<std::size_t>(got)};
    if (got == 0) return {Kind::closed, 0};
    if (errno == EINTR) continue;
    return {errno == EAGAIN || errno == EWOULDBLOCK ? Kind::would_block : Kind::failed, 0};
  }
}

Stream::Io Stream::send_now(protocol::Bytes bytes) {
  for (;;) {
    const ssize_t sent = send(descriptor_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {Kind::ok, static_cast<std::size_t>(sent)};
    if (errno == EINTR) continue;
    return {errno == EAGAIN || errno == EWOULDBLOCK ? Kind::would_block : Kind::failed, 0};
  }
}

Stream::Io Stream::try_read(std::span<std::uint8_t> into) {
  return compressed_ ? read_compressed(into) : read_secure(into);
}

Stream::Io Stream::read_secure(std::span<std::uint8_t> into) {
  if (!tls_) return receive_now(into);
  for (;;) {
    const auto plain = tls_->read(into);
    switch (plain.step) {
      case TlsEngine::Step::done:
        return {Kind::ok, plain.bytes};
      case TlsEngine::Step::closed:
        return {Kind::closed, 0};
      case TlsEngine::Step::failed:
        return {Kind::failed, 0};
      case TlsEngine::Step::want_input:
        break;
    }
    std::array<std::uint8_t, 16 * 1024> cipher;
    const Io got = receive_now(cipher);
    if (got.kind != Kind::ok) return got;
    tls_->put_cipher({cipher.data(), got.bytes});
  }
}

Stream::Io Stream::read_compressed(std::span<std::uint8_t> into) {
  for (;;) {
    const auto plain = compressed_->read(codec(), into);
    if (!plain.ok()) return {Kind::failed, 0};
    if (*plain > 0) return {Kind::ok, *plain};
    std::array<std::uint8_t, 16 * 1024> frames;
    const Io got = read_secure(frames);
    if (got.kind != Kind::ok) return got;
    compressed_->put({frames.data(), got.bytes});
  }
}

Stream::Io Stream::try_write(protocol::Bytes bytes) { return is_buffered() ? write_buffered(bytes) : send_now(bytes); }

// A part of the bytes is taken, whatever the socket takes now: what cannot be sent yet waits in unsent_.
Stream::Io Stream::write_buffered(protocol::Bytes bytes) {
  if (!unsent_.empty()) return {Kind::would_block, 0};
  const protocol::Bytes taken = bytes.first(std::min(bytes.size(), kTakenBytesMax));
  protocol::Buffer frames;
  if (compressed_) compressed_->write(codec(), taken, tls_ ? frames : unsent_);
  if (tls_) {
    if (tls_->write(compressed_ ? protocol::Bytes(frames) : taken) != TlsEngine::Step::done) return {Kind::failed, 0};
    tls_->take_cipher(unsent_);
  }
  const Io sent = send_now(unsent_);
  if (sent.kind == Kind::failed) return sent;
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent.bytes));
  return {Kind::ok, taken.size()};
}

void Stream::start_compression(protocol::CompressedStream::Role role, protocol::Compression compression,
                               protocol::Bytes early) {
  compressed_ = std::make_unique<protocol::CompressedStream>(role, compression);
  compressed_->put(early);
}

Task<absl::Status> Stream::flush_unsent(TimePoint deadline) {
  std::size_t at = 0;
  while (at < unsent_.size()) {
    const Io sent = send_now(protocol::Bytes(unsent_).subspan(at));
    if (sent.kind == Kind::failed) co_return absl::UnavailableError("the connection broke while writing");
    at += sent.bytes;
    if (sent.kind == Kind::would_block) {
      const auto waited = co_await descriptor_.writable(deadline);
      if (waited != WaitResult::ready) co_return wait_failure(waited, "writing");
    }
  }
  unsent_.clear();
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::size_t>> Stream::read_some(std::span<std::uint8_t> into, TimePoint deadline) {
  for (;;) {
    const Io got = try_read(into);
    switch (got.kind) {
      case Kind::ok:
        co_return got.bytes;
      case Kind::closed:
        co_return absl::UnavailableError("the peer closed the connection");
      case Kind::failed:
        co_return absl::UnavailableError("the connection broke while reading");
      case Kind::would_block:
        break;
    }
    const auto waited = co_await descriptor_.readable(deadline);
    if (waited != WaitResult::ready) co_return wait_failure(waited, "reading");
  }
}

Task<absl::Status> Stream::write_all(protocol::Bytes bytes, TimePoint deadline) {
  while (!bytes.empty()) {
    const Io sent = try_write(bytes);
    if (sent.kind == Kind::failed) co_return absl::UnavailableError("the connection broke while writing");
    bytes = bytes.subspan(sent.bytes);
    if (!unsent_.empty()) {
      const absl::Status flushed = co_await flush_unsent(deadline);
      if (!flushed.ok()) co_return flushed;
    } else if (sent.kind == Kind::would_block) {
      const auto waited = co_await descriptor_.writable(deadline);
      if (waited != WaitResult::ready) co_return wait_failure(waited, "writing");
    }
  }
  if (!unsent_.empty()) co_return co_await flush_unsent(deadline);
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::size_t>> Stream::receive(std::span<std::uint8_t> into, TimePoint deadline) {
  if (!is_buffered()) {
    const auto waited = co_await descriptor_.readable(deadline);
    if (waited != WaitResult::ready) co_return wait_failure(waited, "reading");
  } else if (turn_bytes_ >= kTurnBytesMax) {
    turn_bytes_ = 0;
    co_await reactor().sleep_for(std::chrono::milliseconds(0));
  }
  auto got = co_await read_some(into, deadline);
  if (got.ok()) turn_bytes_ += *got;
  co_return got;
}

Task<absl::Status> Stream::start_tls(std::shared_ptr<const TlsContext> context, std::string host,
                                     protocol::Buffer early, TimePoint deadline) {
  auto engine = TlsEngine::make(std::move(context), host);
  if (!engine.ok()) co_return engine.status();
  std::unique_ptr<TlsEngine> tls = *std::move(engine);
  tls->put_cipher(early);
  for (;;) {
    const auto step = tls->handshake();
    tls->take_cipher(unsent_);
    const absl::Status flushed = co_await flush_unsent(deadline);
    if (!flushed.ok()) co_return flushed;
    if (step == TlsEngine::Step::done) break;
    if (step != TlsEngine::Step::want_input) co_return absl::UnavailableError("TLS handshake failed: " + tls->error());
    std::array<std::uint8_t, 4096> cipher;
    auto got = co_await read_some(cipher, deadline);
    if (!got.ok()) co_return got.status();
    tls->put_cipher({cipher.data(), *got});
  }
  tls_ = std::move(tls);
  co_return absl::OkStatus();
}

bool Stream::gone_while_idle() {
  if (!descriptor_.stirred()) return false;
  std::uint8_t byte = 0;
  const ssize_t got = recv(descriptor_.fd(), &byte, 1, MSG_PEEK);
  const bool nothing = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  broken_ = broken_ || (got < 0 && !nothing);
  return !nothing;
}

std::string Stream::peer_host() const {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (getpeername(descriptor_.fd(), reinterpret_cast<sockaddr*>(&peer), &length) != 0) return "unknown";
  if (peer.ss_family == AF_INET) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr);
    return protocol::IpAddress::from_bytes({bytes, 4}).text();
  }
  if (peer.ss_family == AF_INET6) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr);
    return protocol::IpAddress::from_bytes({bytes, 16}).text();
  }
  return "localhost";
}

std::uint16_t Stream::peer_port() const {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (getpeername(descriptor_.fd(), reinterpret_cast<sockaddr*>(&peer), &length) != 0) return 0;
  if (peer.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&peer)->sin_port);
  if (peer.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_port);
  return 0;
}

}  // namespace crossfade::proxy
