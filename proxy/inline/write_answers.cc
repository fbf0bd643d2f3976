#include "proxy/inline/write_answers.h"

#include <algorithm>

#include "protocol/error_codes.h"
#include "protocol/packet.h"
#include "protocol/wire.h"

namespace crossfade::proxy {

namespace {

// Entries of the session state: what a client that asked for session_track_transaction_info is told.
constexpr std::uint8_t kTransactionCharacteristics = 4;
constexpr std::uint8_t kTransactionState = 5;

constexpr std::uint8_t kTerminator = 0xfe;
constexpr std::size_t kEofBytes = 5;

// Of an EOF, or of the OK in its place: behind warnings, or behind two numbers.
std::size_t status_at(protocol::Bytes terminator) {
  if (terminator.size() <= kEofBytes) return 3;
  protocol::Reader reader(terminator);
  reader.skip(1);
  reader.lenenc();
  reader.lenenc();
  return reader.position();
}

std::string without_transaction(std::string_view session_state) {
  std::string out;
  protocol::Reader reader(protocol::as_bytes(session_state));
  while (!reader.at_end()) {
    const std::size_t begin = session_state.size() - reader.remaining();
    const std::uint8_t type = reader.u8();
    reader.lenenc_bytes();
    if (reader.failed()) return std::string(session_state);
    if (type == kTransactionCharacteristics || type == kTransactionState) continue;
    out += session_state.substr(begin, session_state.size() - reader.remaining() - begin);
  }
  return out;
}

}  // namespace

protocol::Ok unwrapped(protocol::Ok ok) {
  ok.status &= static_cast<std::uint16_t>(~(protocol::kStatusMoreResults | protocol::kStatusInTransaction));
  if (ok.session_state.empty()) return ok;
  ok.session_state = without_transaction(ok.session_state);
  if (ok.session_state.empty()) ok.status &= static_cast<std::uint16_t>(~protocol::kStatusSessionStateChanged);
  return ok;
}

protocol::Err lost_transaction() {
  return {.code = protocol::kErrDeadlock,
          .sqlstate = "40001",
          .message =
              "Deadlock found when trying to get lock; try restarting transaction (crossfade: the server has lost the "
              "transaction)"};
}

protocol::Buffer standalone(protocol::Bytes wire, protocol::Capabilities capabilities) {
  protocol::Buffer out(wire.begin(), wire.end());
  protocol::ResponseTracker tracker;
  tracker.start(protocol::ResponseKind::query, capabilities);
  std::uint8_t sequence = 1;
  bool continues = false;
  for (std::size_t at = 0; at + protocol::kHeaderBytes <= wire.size() && !tracker.done();) {
    const protocol::PacketHeader header = protocol::decode_header(wire.subspan(at));
    out[at + 3] = sequence++;
    const std::size_t begin = at + protocol::kHeaderBytes;
    const protocol::Bytes payload =
        wire.subspan(begin, std::min<std::size_t>(header.payload_bytes, wire.size() - begin));
    if (!tracker.feed(wire.subspan(at, protocol::kHeaderBytes)).ok()) break;
    if (!continues && !payload.empty() && payload[0] == kTerminator &&
        tracker.may_carry_status(payload[0], header.payload_bytes)) {
      constexpr auto kInside = static_cast<std::uint8_t>(protocol::kStatusMoreResults | protocol::kStatusInTransaction);
      const std::size_t flags = status_at(payload);
      if (flags < payload.size()) out[begin + flags] = static_cast<std::uint8_t>(out[begin + flags] & ~kInside);
    }
    // The tracker sees the server's own bytes: what it says of further results does not concern this one.
    if (!tracker.feed(payload).ok() || tracker.result_ended()) break;
    continues = header.payload_bytes == protocol::kPayloadBytesMax;
    at = begin + payload.size();
  }
  return out;
}

}  // namespace crossfade::proxy
