#include "proxy/inline/write_answers.h"

#include "protocol/error_codes.h"
#include "protocol/packet.h"
#include "protocol/wire.h"

namespace crossfade::proxy {

namespace {

// Entries of the session state: what a client that asked for session_track_transaction_info is told.
constexpr std::uint8_t kTransactionCharacteristics = 4;
constexpr std::uint8_t kTransactionState = 5;

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

protocol::Buffer standalone(protocol::Bytes wire) {
  protocol::Buffer out(wire.begin(), wire.end());
  std::uint8_t sequence = 1;
  for (std::size_t at = 0; at + protocol::kHeaderBytes < out.size();) {
    const auto header = protocol::decode_header(protocol::Bytes(out).subspan(at));
    out[at + 3] = sequence++;
    std::uint8_t* payload = &out[at + protocol::kHeaderBytes];
    at += protocol::kHeaderBytes + header.payload_bytes;
    const bool terminator = payload[0] == 0xfe && (header.payload_bytes == 5 || at == out.size());
    // The status flags stand at the same place in an EOF and in an OK that changed no rows.
    constexpr auto kInside = static_cast<std::uint8_t>(protocol::kStatusMoreResults | protocol::kStatusInTransaction);
    if (terminator) payload[3] = static_cast<std::uint8_t>(payload[3] & ~kInside);
  }
  return out;
}

}  // namespace crossfade::proxy
