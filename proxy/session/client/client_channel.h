// The client's connection: its commands in, the answers out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "protocol/command.h"
#include "protocol/packet.h"
#include "proxy/counts/metrics.h"
#include "proxy/net/stream.h"
#include "proxy/session/client/client_output.h"

namespace crossfade::proxy {

// One command. Both may lie in the worker's scratch: whoever waits before using them calls ClientChannel::own() first.
struct Command {
  protocol::Bytes payload;
  protocol::Bytes wire;  // framed; empty when it came in pieces
  std::uint8_t last_sequence = 0;

  // Of COM_QUERY and COM_STMT_PREPARE.
  std::string_view text() const { return protocol::as_text(payload.subspan(1)); }
};

// Owns the socket and the bytes that were read too early. Knows packets and their numbers, and nothing of what they
// mean. A client that sends several commands at once has them carried out one after the other.
//
// Invariant: bytes of a client that were received are in the reader, in pending(), or in the command that
// next_command() gave; a command that is owned stays as it is until the next own(), replace() or next_command().
class ClientChannel {
 public:
  // The thread that it lives on, into whose scratch it reads.
  struct Thread {
    Reactor& reactor;
    std::span<std::uint8_t> scratch;
    Counters& counters;
  };
  ClientChannel(Thread thread, std::unique_ptr<Stream> stream);

  // nullopt: the client has left, or the session is ending.
  Task<absl::StatusOr<std::optional<Command>>> next_command();
  void own(Command& command);
  // Another command in its place, owned.
  void replace(Command& command, protocol::Buffer payload);

  // Before the first command, within a login: into `buffer`, until `deadline`. nullopt: the client has left.
  Task<absl::StatusOr<std::optional<protocol::Message>>> next_message(std::span<std::uint8_t> buffer,
                                                                      TimePoint deadline);
  // More of what it says, into pending(). False: it has left.
  Task<bool> receive(std::span<std::uint8_t> buffer, TimePoint deadline);
  // Bytes that came before anybody asked for them.
  protocol::Buffer& pending() { return pending_; }
  void expect_sequence(std::uint8_t sequence) { reader_.expect_sequence(sequence); }
  // The login is done: commands may be as long as that.
  void begin_commands(std::size_t message_bytes_max);

  // Packets of an answer are numbered from here on.
  void answer_from(std::uint8_t sequence) { reply_sequence_ = sequence; }
  std::uint8_t reply_sequence() const { return reply_sequence_; }
  // One packet; a whole answer, which is framed. A Status: the client has left.
  Task<absl::Status> send(protocol::Buffer payload);
  Task<absl::Status> send_framed(protocol::Buffer wire);
  // For answers that are relayed, or joined to one.
  ClientOutput& output() { return output_; }
  Stream& stream() { return *stream_; }

  // No further command is read; one that has begun to come is not waited for either.
  void end_now();
  // No further command is read.
  void end_when_idle();
  bool ending() const { return ending_; }
  // It waits for a command of which nothing has come.
  bool idle() const { return idle_; }

 private:
  Thread thread_;
  std::unique_ptr<Stream> stream_;
  ClientOutput output_;
  protocol::MessageReader reader_;
  protocol::Buffer pending_;
  protocol::Buffer owned_payload_;
  protocol::Buffer owned_wire_;
  std::uint8_t reply_sequence_ = 1;
  bool ending_ = false;
  bool idle_ = false;
};

}  // namespace crossfade::proxy
