#include "tests/support/blocking_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace crossfade::support {

BlockingSocket::BlockingSocket(int fd) : fd_(fd) {
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on a unix socket, which needs no such thing
}

BlockingSocket::~BlockingSocket() { close(fd_); }

void BlockingSocket::shut_down() { shutdown(fd_, SHUT_RDWR); }

bool BlockingSocket::write(protocol::Bytes bytes, std::size_t piece_bytes) {
  while (!bytes.empty()) {
    const std::size_t piece = piece_bytes == 0 ? bytes.size() : std::min(piece_bytes, bytes.size());
    const ssize_t sent = send(fd_, bytes.data(), piece, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
    if (piece_bytes != 0) sched_yield();
  }
  return true;
}

BlockingSocket::Got BlockingSocket::read(protocol::Buffer& into) {
  std::array<std::uint8_t, 16384> buffer;
  for (;;) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      into.insert(into.end(), buffer.begin(), buffer.begin() + got);
      return Got::bytes;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Got::timed_out : Got::closed;
  }
}

std::optional<protocol::Buffer> BlockingSocket::read_message(std::uint8_t* sequence) {
  protocol::Buffer message;
  for (;;) {
    while (input_.size() >= protocol::kHeaderBytes) {
      const protocol::PacketHeader header = protocol::decode_header(input_);
      const std::size_t whole = protocol::kHeaderBytes + header.payload_bytes;
      if (input_.size() < whole) break;
      const auto begin = input_.begin();
      message.insert(message.end(), begin + protocol::kHeaderBytes, begin + static_cast<std::ptrdiff_t>(whole));
      input_.erase(begin, begin + static_cast<std::ptrdiff_t>(whole));
      *sequence = static_cast<std::uint8_t>(header.sequence + 1);
      if (header.payload_bytes < protocol::kPayloadBytesMax) return message;
    }
    // A server's connection may rest for longer than a test is patient.
    if (read(input_) == Got::closed) return std::nullopt;
  }
}

}  // namespace crossfade::support
