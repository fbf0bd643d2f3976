#include "proxy/session/run/response_relay.h"

#include "absl/cleanup/cleanup.h"
#include "protocol/error_codes.h"
#include "protocol/first_byte.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/run/local_file.h"

namespace crossfade::proxy {

using protocol::ResultEnd;

namespace {

// Somebody or a limit has ended the statement: the same on either side, and not to be run once more.
bool is_interruption(std::uint16_t code) {
  constexpr std::uint16_t kStatementTimeout = 1969;  // MariaDB's max_statement_time
  constexpr std::uint16_t kQueryTimeout = 3024;      // MySQL's max_execution_time
  return code == protocol::kErrQueryInterrupted || code == kStatementTimeout || code == kQueryTimeout;
}

}  // namespace

ResponseRelay::ResponseRelay(Conversation& s, BackendLink& link, Order order)
    : s_(s),
      link_(link),
      order_(order),
      numbering_(s.client.reply_sequence()),
      of_leader_(link.which() == s.site.leader()),
      holding_(!of_leader_),
      renumbers_(order.numbers == Numbers::anew || link.stream().is_compressed()) {
  tracker_.start(order.kind, link.capabilities());
  // What the leader tells the proxy alone is taken out; a client that asks for session states may get the rest.
  const bool asked = (s.identity.capabilities & protocol::kSessionTrack) != 0;
  const protocol::OwnTracking& own = s.commits.own_tracking();
  filters_ = of_leader_ && (link.capabilities() & protocol::kSessionTrack) != 0 &&
             (!asked || own.gtid != protocol::OwnTracking::Gtid::none);
  if (filters_) {
    using Client = protocol::SessionTrackFilter::Client;
    filter_.begin({.server = link.capabilities(), .client = asked ? Client::asked : Client::did_not_ask, .own = own});
  }
}

Task<absl::Status> ResponseRelay::run() {
  SampledRead* const sample = order_.sample;
  if (sample != nullptr) sample->note_sent();
  if (!of_leader_) s_.follower.begin_read();
  const absl::Cleanup over = [this] { s_.follower.end_read(); };
  Stream& backend = link_.stream();
  const Bytes scratch = s_.site.worker.scratch;  // others use it during each wait
  bool wait_first = !backend.is_buffered();
  std::size_t turn_bytes = 0;
  for (;;) {
    if (!wait_first && turn_bytes >= Stream::kTurnBytesMax) {
      turn_bytes = 0;
      co_await s_.site.reactor.sleep_for(std::chrono::milliseconds(0));
    }
    if (wait_first) {
      const WaitResult waited = co_await backend.readable(s_.site.in(kStatementMax));
      if (waited != WaitResult::ready) co_return absl::DeadlineExceededError("no answer in time");
    }
    const Stream::Io got = backend.try_read(scratch);
    wait_first = !backend.is_buffered() || got.kind == Stream::Io::Kind::would_block;
    if (got.kind == Stream::Io::Kind::would_block) continue;
    if (got.kind != Stream::Io::Kind::ok) co_return absl::UnavailableError("the server closed the connection");
    if (sample != nullptr) sample->note_bytes();
    turn_bytes += got.bytes;
    auto taken = take(scratch.first(got.bytes));
    if (!taken.ok()) co_return taken.status();
    Bytes chunk = *taken;
    if (chunk.empty()) continue;
    if (sample != nullptr) sample->recording.append(chunk);
    const bool done = tracker_.done();
    if (done) {
      link_.note_end(tracker_.end());
      std::optional<Commit> commit;
      if (of_leader_) commit = s_.commits.note(link_.capabilities(), tracker_.end(), filter_.told());
      if (of_leader_ && (commit || s_.ddl.is_open())) {
        held_.assign(chunk.begin(), chunk.end());
        co_await settle(std::move(commit));
        chunk = held_;
      }
    }
    answered_ = true;
    const Stream::Io sent = s_.client.output().send_now(chunk);
    if (sent.kind == Stream::Io::Kind::failed) co_return absl::CancelledError("the client has left");
    if (sent.kind == Stream::Io::Kind::would_block) {
      const absl::Status written = co_await wait_for_client(chunk.subspan(sent.bytes));
      if (!written.ok()) co_return written;
    }
    if (done) co_return absl::OkStatus();
    if (tracker_.asks_for_file()) {
      const absl::Status relayed = co_await relay_file_of_client();
      if (!relayed.ok()) co_return relayed;
    }
  }
}

// What of the piece, or with what was held back, the client may have by now.
absl::StatusOr<ResponseRelay::Bytes> ResponseRelay::take(Bytes piece) {
  if (renumbers_) numbering_.apply(piece);
  if (filters_) filter_.begin_piece(piece);
  protocol::Bytes input(piece);
  while (!input.empty() && !tracker_.asks_for_file()) {
    auto used = tracker_.feed(input);
    if (!used.ok()) return used.status();
    input = input.subspan(*used);
    if (filters_ && tracker_.result_ended()) filter_.on_result_end(piece.size() - input.size(), tracker_);
    if (tracker_.done()) break;
    if (tracker_.result_ended() && !tracker_.asks_for_file()) tracker_.next_result();
  }
  if (!input.empty()) return absl::InternalError("the server sent more than was asked for");
  // Nothing may be left: the beginning of a packet that may be an OK.
  const Bytes chunk = filters_ ? filter_.end_piece(piece.size(), tracker_) : piece;
  return holding_ && !chunk.empty() ? hold_back(chunk) : chunk;
}

absl::StatusOr<ResponseRelay::Bytes> ResponseRelay::hold_back(Bytes chunk) {
  held_.insert(held_.end(), chunk.begin(), chunk.end());
  if (may_be_error()) {
    const ResultEnd& end = tracker_.end();
    if (tracker_.done() && end.kind == ResultEnd::Kind::err && !is_interruption(end.err.code)) {
      return absl::FailedPreconditionError("the follower answered with an error");
    }
    if (!tracker_.done() && held_.size() < s_.site.worker.scratch.size()) return Bytes();
  }
  holding_ = false;
  return Bytes(held_);
}

bool ResponseRelay::may_be_error() const {
  return held_.size() <= protocol::kHeaderBytes || held_[protocol::kHeaderBytes] == protocol::kErrByte;
}

// Before the client has the end: what the leader did under it is made known to the other side.
Task<void> ResponseRelay::settle(std::optional<Commit> commit) {
  if (s_.ddl.is_open()) co_await s_.ddl.conclude(tracker_.end().err.code);
  if (commit) co_await s_.commits.wait_for(*std::move(commit));
}

Task<absl::Status> ResponseRelay::wait_for_client(Bytes rest) {
  SampledRead* const sample = order_.sample;
  if (sample != nullptr) sample->note_client_is_slow();
  protocol::Buffer kept(rest.begin(), rest.end());
  const absl::Status written = co_await s_.client.output().send_rest(std::move(kept), s_.site.in(kClientStalledMax));
  if (!written.ok()) co_return absl::CancelledError("the client has left");
  if (sample != nullptr) sample->note_client_took_it();
  co_return absl::OkStatus();
}

Task<absl::Status> ResponseRelay::relay_file_of_client() {
  const std::uint8_t next = renumbers_ ? numbering_.next() : static_cast<std::uint8_t>(tracker_.last_sequence() + 1);
  const absl::Status relayed = co_await relay_file(s_, link_, next);
  if (!relayed.ok()) co_return relayed;
  numbering_ = protocol::PacketNumbering(s_.client.reply_sequence());
  tracker_.next_result();
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
