#include "proxy/session/client/client_channel.h"

#include <utility>

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

constexpr std::size_t kClientMessageMax = 64 * 1024;
constexpr std::size_t kKeptBytesMax = 64 * 1024;  // of a buffer, from one command to the next

}  // namespace

ClientChannel::ClientChannel(Thread thread, std::unique_ptr<Stream> stream)
    : thread_(thread), stream_(std::move(stream)), output_(*stream_, thread.counters), reader_(kClientMessageMax) {}

Task<absl::StatusOr<std::optional<Command>>> ClientChannel::next_command() {
  if (owned_payload_.capacity() > kKeptBytesMax) owned_payload_ = {};
  if (owned_wire_.capacity() > kKeptBytesMax) owned_wire_ = {};
  reader_.expect_sequence(0);
  protocol::Bytes input;
  protocol::Buffer carried = std::exchange(pending_, {});
  if (!carried.empty()) {
    // Kept alive in owned_wire_: a command found in it is a view.
    owned_wire_ = std::move(carried);
    input = owned_wire_;
  }
  for (;;) {
    if (!input.empty()) {
      auto message = reader_.feed(input);
      if (!message.ok()) co_return message.status();
      if (message->has_value()) {
        if (!input.empty()) pending_.assign(input.begin(), input.end());
        reply_sequence_ = static_cast<std::uint8_t>((*message)->last_sequence + 1);
        co_return Command{
            .payload = (*message)->payload, .wire = (*message)->wire, .last_sequence = (*message)->last_sequence};
      }
    }
    idle_ = !reader_.pending();
    auto got = co_await stream_->receive(thread_.scratch, thread_.reactor.now() + kClientIdleMax);
    idle_ = false;
    if (!got.ok() || ending_) co_return std::nullopt;
    thread_.counters.bytes_from_clients.add(*got);
    input = protocol::Bytes(thread_.scratch.data(), *got);
  }
}

void ClientChannel::own(Command& command) {
  if (command.payload.data() != owned_payload_.data()) {
    owned_payload_.assign(command.payload.begin(), command.payload.end());
    command.payload = owned_payload_;
  }
  protocol::Buffer framed;
  protocol::append_command(framed, command.payload);
  owned_wire_ = std::move(framed);
  command.wire = owned_wire_;
}

void ClientChannel::replace(Command& command, protocol::Buffer payload) {
  owned_payload_ = std::move(payload);
  command.payload = owned_payload_;
  own(command);
}

Task<absl::StatusOr<std::optional<protocol::Message>>> ClientChannel::next_message(std::span<std::uint8_t> buffer,
                                                                                   TimePoint deadline) {
  for (;;) {
    if (!pending_.empty()) {
      owned_wire_ = std::exchange(pending_, {});
      protocol::Bytes input(owned_wire_);
      auto message = reader_.feed(input);
      if (!message.ok()) co_return message.status();
      pending_.assign(input.begin(), input.end());
      if (message->has_value()) {
        reply_sequence_ = static_cast<std::uint8_t>((*message)->last_sequence + 1);
        co_return **message;
      }
    }
    const bool more = co_await receive(buffer, deadline);
    if (!more) co_return std::nullopt;
  }
}

Task<bool> ClientChannel::receive(std::span<std::uint8_t> buffer, TimePoint deadline) {
  auto got = co_await stream_->receive(buffer, deadline);
  if (!got.ok()) co_return false;
  pending_.insert(pending_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  co_return true;
}

void ClientChannel::begin_commands(std::size_t message_bytes_max) {
  reader_ = protocol::MessageReader(message_bytes_max);
  if (stream_->is_compressed()) reader_.ignore_sequence();
}

Task<absl::Status> ClientChannel::send(protocol::Buffer payload) {
  protocol::Buffer wire;
  protocol::append_message(wire, payload, reply_sequence_);
  co_return co_await output_.send(std::move(wire), thread_.reactor.now() + kClientStalledMax);
}

Task<absl::Status> ClientChannel::send_framed(protocol::Buffer wire) {
  protocol::PacketNumbering(reply_sequence_).apply(wire);
  co_return co_await output_.send(std::move(wire), thread_.reactor.now() + kClientStalledMax);
}

void ClientChannel::end_now() {
  ending_ = true;
  stream_->cancel_read();
}

void ClientChannel::end_when_idle() {
  ending_ = true;
  if (idle_) stream_->cancel_read();
}

}  // namespace crossfade::proxy
