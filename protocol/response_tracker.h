// Knows where a response ends without decoding a row.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "protocol/capabilities.h"
#include "protocol/response.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

enum class ResponseKind : std::uint8_t {
  ok_or_err,   // COM_PING, COM_INIT_DB, COM_STMT_RESET, ...
  eof_or_err,  // COM_SET_OPTION: an EOF, or an OK
  query,       // COM_QUERY
  execute,     // COM_STMT_EXECUTE: as query, binary rows; a cursor ends after its columns
  fetch,       // COM_STMT_FETCH: rows, then EOF
  prepare,     // COM_STMT_PREPARE
  field_list,  // column definitions until EOF
  text,        // COM_STATISTICS: one packet of text
};

// What one result of a response said at its end.
struct ResultEnd {
  enum class Kind : std::uint8_t { none, ok, err, rows, prepared, local_infile, text };
  Kind kind = Kind::none;
  Ok ok;                   // ok; and rows: status and warnings of the terminator
  Err err;                 // err, also one that came in the middle of the rows
  std::uint64_t rows = 0;  // packets between the columns and the terminator
  std::uint64_t columns = 0;
  // The row of a CALL's OUT parameters: MySQL says only in the EOF before it that more follows.
  bool out_parameters = false;
  bool more_results() const {
    if (kind == Kind::rows && out_parameters) return true;
    return (kind == Kind::ok || kind == Kind::rows) && (ok.status & kStatusMoreResults) != 0;
  }
};

// Flow: start(); then feed() whatever arrived, in pieces of any size. feed() returns how many bytes
// of the piece belong to the current result; it stops right after the result's last byte, when
// result_ended() turns true and end() says how. If end().more_results(), call next_result() and go
// on; otherwise the response is over (`done()`). If asks_for_file(), the client's file goes to the server
// first (file_packets.h); next_result() then goes on with the server's OK or ERR for it.
// Never keeps row bytes: of each packet only the header, and of the packets that can matter (first
// of a result, terminators) up to 64 KiB of payload. A larger OK's tail is dropped from end(), not
// from the stream. Packets are joined at 16 MiB. Fails on a protocol violation; then the link is dead.
class ResponseTracker {
 public:
  void start(ResponseKind kind, Capabilities capabilities);
  absl::StatusOr<std::size_t> feed(Bytes chunk);
  bool result_ended() const { return state_ == State::ended; }
  bool done() const { return state_ == State::ended && !end_.more_results() && !asks_for_file(); }
  bool asks_for_file() const { return state_ == State::ended && end_.kind == ResultEnd::Kind::local_infile; }
  const ResultEnd& end() const { return end_; }
  void next_result();
  // Does the message that begins with this byte, in a first packet of this size, carry status flags?
  // Asked when its header was fed and its payload was not.
  bool may_carry_status(std::uint8_t first_byte, std::uint32_t payload_bytes) const;
  // Header and payload of the packet that ended this result with an OK or an EOF: the last bytes of it that were fed.
  // 0: it ended otherwise, or by more packets than one.
  std::size_t ending_bytes() const { return ending_bytes_; }
  // How many of the bytes fed last are the beginning of a packet that may turn out to be an OK that ends the result.
  std::size_t unsettled_bytes() const;
  // The sequence number of the last packet of this result that was seen.
  std::uint8_t last_sequence() const { return last_sequence_; }

 private:
  enum class State : std::uint8_t {
    first,
    columns,
    columns_eof,
    rows,
    parameters,
    parameters_eof,
    prepare_columns,
    prepare_columns_eof,
    list,
    ended
  };
  std::size_t skip_rows(Bytes bytes);
  bool take_header(Bytes bytes, std::size_t& position);
  bool take_payload(Bytes bytes, std::size_t& position);
  bool want_payload() const;
  bool is_terminator() const;
  bool deprecate_eof() const { return (capabilities_ & kDeprecateEof) != 0; }
  absl::Status on_message();  // first_byte_ and message_bytes_ describe it; keeps_ says whether kept_ holds it
  absl::Status on_first();
  absl::Status on_first_of_query();
  absl::Status on_prepare_ok();
  absl::Status on_column();
  absl::Status on_columns_eof();
  absl::Status on_prepare_eof();
  void begin_prepare_columns();
  void after_definitions();
  absl::Status end_with_ok(ResultEnd::Kind kind);
  absl::Status end_with_err();
  void release_kept();

  ResponseKind kind_ = ResponseKind::ok_or_err;
  Capabilities capabilities_ = 0;
  State state_ = State::ended;
  ResultEnd end_;
  std::uint64_t left_columns_ = 0;
  std::uint8_t header_[4] = {};
  std::uint8_t header_bytes_ = 0;
  std::uint32_t packet_bytes_ = 0;  // of the current packet
  std::uint32_t packet_left_ = 0;
  bool in_packet_ = false;
  bool continued_ = false;           // the packet before was full: this one continues its message
  std::uint64_t message_bytes_ = 0;  // of the current message so far
  std::uint8_t first_byte_ = 0;
  bool keeps_ = false;
  Buffer kept_;
  std::uint8_t last_sequence_ = 0;
  std::size_t ending_bytes_ = 0;
};

}  // namespace crossfade::protocol
