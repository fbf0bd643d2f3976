// The responses to several statements as the one response to the packet that held them all.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "protocol/capabilities.h"
#include "protocol/response_tracker.h"

namespace crossfade::protocol {

// Flow: begin(); then for each statement next_response() and feed() with its response's bytes, in
// pieces of any size; idle again after end(). The bytes are changed in place and never in number:
// packets are numbered through, and where more responses follow SERVER_MORE_RESULTS_EXISTS is set in
// every OK and EOF of the result that would have been the last. Keeps no bytes.
// A server tells apart its own statements in the same way, so that a client cannot see the seams.
class ResponseJoiner {
 public:
  // Whether another statement of the packet comes after this one.
  enum class Follows : std::uint8_t { another, nothing };

  void begin(Capabilities capabilities, std::uint8_t first_sequence = 1);
  void next_response(Follows follows);
  // Fails on a protocol violation: what went before stands, the connection is lost.
  absl::Status feed(std::span<std::uint8_t> chunk);
  void end() { active_ = false; }

  bool active() const { return active_; }
  // Of the response that is being fed: over, and how.
  bool done() const { return tracker_.done(); }
  const ResultEnd& last_end() const { return tracker_.end(); }
  // What the next packet to the client will carry. A client that answers in between (LOAD DATA LOCAL)
  // counts on: its last packet's number plus one is to be set here.
  std::uint8_t next_sequence() const { return sequence_; }
  void set_next_sequence(std::uint8_t sequence) { sequence_ = sequence; }

 private:
  // Where in its packet the next byte stands, as far as the status flags are concerned.
  enum class Place : std::uint8_t { header, first_byte, number, in_number, status, past };

  void step(std::uint8_t& byte);
  void on_first_byte(std::uint8_t byte);
  void on_number(std::uint8_t byte);

  bool active_ = false;
  Follows follows_ = Follows::nothing;
  Capabilities capabilities_ = 0;
  ResponseTracker tracker_;
  std::uint8_t sequence_ = 1;
  Place place_ = Place::header;
  std::uint8_t header_[4] = {};
  std::uint8_t header_bytes_ = 0;
  std::uint32_t payload_bytes_ = 0;
  std::uint32_t payload_left_ = 0;
  bool continues_ = false;    // the packet before was full: this one belongs to its message
  std::uint8_t numbers_ = 0;  // length-encoded numbers before the flags: affected rows, insert id
  std::uint8_t skip_ = 0;     // bytes of such a number, or the warnings of an EOF
};

}  // namespace crossfade::protocol
