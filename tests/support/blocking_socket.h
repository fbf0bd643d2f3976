// A blocking socket that speaks packets, for the tests' own ends of a connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/packet.h"

namespace crossfade::support {

// Owns the descriptor. Every read gives up after ten seconds, so that a test fails and does not hang.
class BlockingSocket {
 public:
  explicit BlockingSocket(int fd);
  ~BlockingSocket();
  BlockingSocket(const BlockingSocket&) = delete;
  BlockingSocket& operator=(const BlockingSocket&) = delete;

  // False when the peer has gone. `piece_bytes` 0: all at once.
  bool write(protocol::Bytes bytes, std::size_t piece_bytes = 0);
  enum class Got : std::uint8_t { bytes, closed, timed_out };
  Got read(protocol::Buffer& into);  // appends what is there
  // The next message's payload; nullopt when the peer has gone or says nothing. `sequence` is the
  // number after its last packet.
  std::optional<protocol::Buffer> read_message(std::uint8_t* sequence);
  void shut_down();
  int fd() const { return fd_; }

 private:
  int fd_;
  protocol::Buffer input_;
};

}  // namespace crossfade::support
