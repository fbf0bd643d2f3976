// The tracker: how a response is cut must not change what it says. The first byte of the input picks
// the kind, the second the capabilities, the third the size of the pieces.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "protocol/response_tracker.h"

using namespace crossfade::protocol;

namespace {

struct Outcome {
  std::string text;
  std::size_t consumed = 0;
  bool failed = false;
};

Outcome track(Bytes wire, ResponseKind kind, Capabilities capabilities, std::size_t piece) {
  ResponseTracker tracker;
  tracker.start(kind, capabilities);
  Outcome outcome;
  while (outcome.consumed < wire.size() && !tracker.done()) {
    const Bytes left = wire.subspan(outcome.consumed);
    const auto used = tracker.feed(left.first(std::min(piece, left.size())));
    if (!used.ok()) {
      outcome.failed = true;
      return outcome;
    }
    outcome.consumed += *used;
    if (tracker.result_ended()) {
      const ResultEnd& end = tracker.end();
      outcome.text += std::to_string(static_cast<int>(end.kind)) + " " + std::to_string(end.columns) + " " +
                      std::to_string(end.rows) + " " + std::to_string(end.ok.status) + " " + end.ok.info + " " +
                      end.ok.session_state + " " + end.err.message + " " + std::to_string(tracker.last_sequence());
      if (!tracker.done()) {
        tracker.next_result();
      }
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) {
    return 0;
  }
  const auto kind = static_cast<ResponseKind>(data[0] % 8);
  const Capabilities capabilities =
      kProtocol41 | ((data[1] & 1) != 0 ? kDeprecateEof : 0u) | ((data[1] & 2) != 0 ? kSessionTrack : 0u);
  const Bytes wire(data + 3, size - 3);
  const Outcome whole = track(wire, kind, capabilities, wire.size());
  const Outcome pieces = track(wire, kind, capabilities, data[2] % 16 + std::size_t{1});
  if (whole.text != pieces.text && !whole.failed) {
    std::abort();
  }
  if (whole.failed != pieces.failed || (!whole.failed && whole.consumed != pieces.consumed)) {
    std::abort();
  }
  return 0;
}
