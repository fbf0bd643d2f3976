#include "proxy/session/conversation/answer.h"

#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/session/conversation/conversation.h"
#include "routing/refusal.h"

namespace crossfade::proxy {

Answer error(std::uint16_t code, std::string_view sqlstate, std::string message) {
  Error out;
  out.err.code = code;
  out.err.sqlstate = std::string(sqlstate);
  out.err.message = std::move(message);
  return out;
}

Answer refused(protocol::Err err) { return Error{.err = std::move(err), .origin = Error::Origin::refusal}; }

Answer refused(routing::Reason reason, std::string_view detail) { return refused(routing::refusal(reason, detail)); }

Answer broken_input(const absl::Status& status) {
  // The servers name the matter and close.
  if (absl::IsResourceExhausted(status)) {
    return error(protocol::kErrPacketTooLarge, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes");
  }
  return error(protocol::kErrPacketsOutOfOrder, "08S01", "Got packets out of order");
}

Answer lost(const Conversation& s, absl::Status why) { return Lost{.why = std::move(why), .which = s.site.leader()}; }

Answer unjudged(Conversation& s, const absl::Status& status) {
  const bool answered = absl::IsFailedPrecondition(status) || absl::IsInternal(status);
  if (!answered || s.leader.link().parting() || !s.leader.link().alive()) return lost(s, status);
  return refused(routing::Reason::session_unread, std::string(status.message()));
}

namespace {

void log_loss(const Conversation& s, const Lost& loss) {
  limited_log().warn(LogKind::connection_lost, "session={} connection={} backend={} lost=\"{}\"", s.site.id,
                     s.identity.connection_id, config::name(loss.which), std::string(loss.why.message()));
}

// As the client is to get it; of an error, what it leaves in the session.
protocol::Buffer encoded(Conversation& s, Answer& answer) {
  if (const auto* ok = std::get_if<protocol::Ok>(&answer)) return protocol::encode_ok(*ok, s.identity.capabilities);
  if (auto* packet = std::get_if<Packet>(&answer)) return std::move(packet->payload);
  const Error& said = std::get<Error>(answer);
  if (said.origin == Error::Origin::refusal) s.site.counters.refused_statements.add();
  // SHOW WARNINGS asks for what the server does not know of.
  if (said.origin != Error::Origin::server) s.state.diagnostics.keep(kept_of(said.err, s.answer_form()));
  return protocol::encode_err(said.err);
}

}  // namespace

Task<Next> deliver(Conversation& s, Answer answer) {
  if (std::holds_alternative<Relayed>(answer)) co_return Next::go_on;
  if (std::holds_alternative<Gone>(answer)) co_return Next::close;
  if (const auto* loss = std::get_if<Lost>(&answer)) {
    log_loss(s, *loss);
    if (loss->which == s.site.leader()) {
      protocol::Buffer words = s.leader.take_last_words();
      if (!words.empty()) static_cast<void>(co_await s.client.send(std::move(words)));
    }
    co_return Next::close;
  }
  if (auto* framed = std::get_if<Framed>(&answer)) {
    const absl::Status sent = co_await s.client.send_framed(std::move(framed->wire));
    co_return sent.ok() ? Next::go_on : Next::close;
  }
  const auto* packet = std::get_if<Packet>(&answer);
  const Next then = packet != nullptr ? packet->then : Next::go_on;
  protocol::Buffer payload = encoded(s, answer);
  const absl::Status sent = co_await s.client.send(std::move(payload));
  co_return sent.ok() ? then : Next::close;
}

}  // namespace crossfade::proxy
