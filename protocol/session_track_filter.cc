#include "protocol/session_track_filter.h"

#include <algorithm>

#include "protocol/first_byte.h"
#include "protocol/packet.h"

namespace crossfade::protocol {

void SessionTrackFilter::begin(const Options& options) {
  options_ = options;
  told_ = {};
  carried_.clear();
}

void SessionTrackFilter::begin_piece(std::span<std::uint8_t> piece) {
  piece_ = piece;
  from_ = 0;
  out_.clear();
}

void SessionTrackFilter::on_result_end(std::size_t at, const ResponseTracker& tracker) {
  const ResultEnd& end = tracker.end();
  const bool by_ok = end.kind == ResultEnd::Kind::ok || end.kind == ResultEnd::Kind::rows;
  const std::size_t bytes = tracker.ending_bytes();
  if (!by_ok || bytes == 0 || (end.ok.status & kStatusSessionStateChanged) == 0) return;
  // The packet: what is carried of it, and what the piece has.
  const std::size_t here = std::min(bytes, at - from_);
  const std::size_t before = bytes - here;
  Buffer packet(carried_.end() - static_cast<std::ptrdiff_t>(before), carried_.end());
  packet.insert(packet.end(), piece_.begin() + static_cast<std::ptrdiff_t>(at - here),
                piece_.begin() + static_cast<std::ptrdiff_t>(at));
  const Buffer fresh = edited(packet);
  out_.insert(out_.end(), carried_.begin(), carried_.end() - static_cast<std::ptrdiff_t>(before));
  carried_.clear();
  out_.insert(out_.end(), piece_.begin() + static_cast<std::ptrdiff_t>(from_),
              piece_.begin() + static_cast<std::ptrdiff_t>(at - here));
  out_.insert(out_.end(), fresh.begin(), fresh.end());
  from_ = at;
}

// The packet as the client is to get it.
Buffer SessionTrackFilter::edited(Bytes packet) {
  const Bytes payload = packet.subspan(kHeaderBytes);
  if (payload.size() == kEofBytes) {  // MariaDB sets the flag there, too, and tells nothing
    Buffer eof(packet.begin(), packet.end());
    if (options_.client == Client::did_not_ask)
      eof.back() &= static_cast<std::uint8_t>(~(kStatusSessionStateChanged >> 8));
    return eof;
  }
  absl::StatusOr<Ok> ok = decode_ok(payload, options_.server);
  if (!ok.ok()) {
    told_.unclear = true;
    return {packet.begin(), packet.end()};
  }
  auto track = read_session_track(as_bytes(ok->session_state), options_.own);
  // In schemas of utf16, ucs2 and utf32 MariaDB 10.11 puts a zero in front of the state: it reads as empty.
  const bool readable = track.ok() && !ok->session_state.empty();
  if (readable) {
    if (!track->gtid.empty()) told_.gtid = std::move(track->gtid);
    told_.state_changed = told_.state_changed || track->state_changed;
  } else {
    told_.unclear = true;
  }
  if (options_.client == Client::did_not_ask) {
    ok->session_state.clear();
  } else if (readable) {
    ok->session_state = as_text(track->others);
  } else {
    return {packet.begin(), packet.end()};
  }
  if (ok->session_state.empty()) ok->status &= static_cast<std::uint16_t>(~kStatusSessionStateChanged);
  const Buffer fresh = encode_ok(*ok, options_.server, payload[0]);
  Buffer out;
  std::uint8_t sequence = packet[kHeaderBytes - 1];
  append_message(out, fresh, sequence);
  return out;
}

std::span<std::uint8_t> SessionTrackFilter::end_piece(std::size_t used, const ResponseTracker& tracker) {
  const auto end = piece_.begin() + static_cast<std::ptrdiff_t>(used);
  const std::size_t unsettled = tracker.unsettled_bytes();
  const std::size_t left = used - from_;
  if (unsettled > left) {  // it began in a piece before: all of that is carried
    carried_.insert(carried_.end(), end - static_cast<std::ptrdiff_t>(left), end);
    return out_;
  }
  const auto held = end - static_cast<std::ptrdiff_t>(unsettled);
  std::span<std::uint8_t> ready(piece_.begin() + static_cast<std::ptrdiff_t>(from_), held);
  if (!out_.empty() || !carried_.empty()) {
    out_.insert(out_.end(), carried_.begin(), carried_.end());
    out_.insert(out_.end(), ready.begin(), ready.end());
    ready = out_;
  }
  carried_.assign(held, end);
  return ready;
}

}  // namespace crossfade::protocol
