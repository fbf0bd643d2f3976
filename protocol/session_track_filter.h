// Takes out of a response what only the proxy has asked the server to tell.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "protocol/capabilities.h"
#include "protocol/response_tracker.h"
#include "protocol/session_track.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

// What the OK packets of one response have told the proxy.
struct ToldBySession {
  std::string gtid{};          // the last commit's
  bool state_changed = false;  // session_track_state_change says so
  bool unclear = false;        // a state that could not be read: it may have told anything
};

// Flow: begin(); then for each piece that arrives begin_piece(), on_result_end() for every result of it that has ended,
// and end_piece(), which gives what may go to the client. A piece is what a ResponseTracker is fed with: this knows by
// the tracker where a packet ends. Held back is only the beginning of a packet that may be an OK; nothing else is
// copied, unless an OK changes its size. Everything a piece gave is valid until the next begin_piece().
class SessionTrackFilter {
 public:
  enum class Client : std::uint8_t { asked, did_not_ask };  // for kSessionTrack
  struct Options {
    Capabilities server = 0;  // of the connection: kSessionTrack is among them
    Client client = Client::did_not_ask;
    OwnTracking own = {};
  };
  void begin(const Options& options);
  void begin_piece(std::span<std::uint8_t> piece);
  // `at`: where in the piece the result ended that `tracker` has just seen the end of.
  void on_result_end(std::size_t at, const ResponseTracker& tracker);
  // `tracker` was fed with the piece up to `used`.
  std::span<std::uint8_t> end_piece(std::size_t used, const ResponseTracker& tracker);

  const ToldBySession& told() const { return told_; }

 private:
  Buffer edited(Bytes packet);

  Options options_;
  ToldBySession told_;
  std::span<std::uint8_t> piece_;
  std::size_t from_ = 0;  // of the piece, what comes before has been dealt with
  Buffer carried_;        // the beginning of a packet, from pieces before
  Buffer out_;
};

}  // namespace crossfade::protocol
