#include "proxy/session/client/client_output.h"

namespace crossfade::proxy {

Stream::Io ClientOutput::send_now(std::span<std::uint8_t> bytes) {
  if (joiner_.active() && !joiner_.feed(bytes).ok()) return {.kind = Stream::Io::Kind::failed};
  counters_.bytes_to_clients.add(bytes.size());
  const Stream::Io sent = client_.try_write(bytes);
  if (sent.kind == Stream::Io::Kind::failed) return sent;
  // Under TLS or compression bytes may have been taken that have not left yet: the rest is sent even if it is empty.
  const bool complete = sent.bytes == bytes.size() && !client_.is_buffered();
  return {.kind = complete ? Stream::Io::Kind::ok : Stream::Io::Kind::would_block, .bytes = sent.bytes};
}

Task<absl::Status> ClientOutput::send_rest(protocol::Buffer rest, TimePoint deadline) {
  co_return co_await client_.write_all(rest, deadline);
}

Task<absl::Status> ClientOutput::send(protocol::Buffer bytes, TimePoint deadline) {
  const Stream::Io sent = send_now(bytes);
  if (sent.kind == Stream::Io::Kind::failed) co_return absl::UnavailableError("the client has left");
  if (sent.kind == Stream::Io::Kind::ok) co_return absl::OkStatus();
  co_return co_await client_.write_all(protocol::Bytes(bytes).subspan(sent.bytes), deadline);
}

}  // namespace crossfade::proxy
