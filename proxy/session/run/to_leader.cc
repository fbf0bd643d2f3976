#include "proxy/session/run/to_leader.h"

#include <algorithm>
#include <array>

#include "protocol/error_codes.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/run/response_relay.h"

namespace crossfade::proxy {

using protocol::ResultEnd;
using routing::SessionEffect;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

// Something of it may have been carried out in front of the error.
bool had_steps(const StatementFacts& facts, std::uint16_t code) {
  if (facts.facts.has(routing::Fact::multi_statement)) return true;
  constexpr auto kBeforeTheFirst =
      std::to_array<std::uint16_t>({protocol::kErrParse, 1305, 1318, 1370});  // of a routine
  if (std::ranges::find(kBeforeTheFirst, code) != kBeforeTheFirst.end()) return false;
  return facts.kind == StatementKind::call || facts.kind == StatementKind::execute ||
         facts.kind == StatementKind::unknown;
}

}  // namespace

Task<Answer> relay_to_leader(Conversation& s, Command command, protocol::ResponseKind kind, ResultEnd* end) {
  s.state.diagnostics.forget();
  s.state.diagnostics.note_answer_of(s.site.leader());
  if (command.wire.empty() || !s.leader.link().alive()) {
    s.client.own(command);
    auto ready = co_await s.leader.ready_for(nullptr);
    if (!ready.ok()) co_return lost(s, ready.status());
  }
  BackendLink& leading = s.leader.link();
  const Stream::Io sent = leading.stream().try_write(command.wire);
  if (sent.kind == Stream::Io::Kind::failed) co_return lost(s, absl::UnavailableError("writing"));
  if (sent.bytes < command.wire.size() || leading.stream().is_buffered()) {
    s.client.own(command);
    const absl::Status written =
        co_await leading.stream().write_all(command.wire.subspan(sent.bytes), s.site.in(kStatementMax));
    if (!written.ok()) co_return lost(s, written);
  }
  ResponseRelay relay(s, leading, {.kind = kind});
  const absl::Status done = co_await relay.run();
  if (done.ok()) {
    *end = relay.end();
    co_return Relayed();
  }
  if (absl::IsCancelled(done) || relay.answered()) co_return Gone();
  co_return lost(s, done);
}

void after_statement(Conversation& s, const StatementFacts& facts, const ResultEnd& end) {
  Transaction& transaction = s.state.transaction;
  if (end.kind == ResultEnd::Kind::err) {
    if (had_steps(facts, end.err.code)) transaction.note_may_have_begun();
    return;
  }
  const Transaction::Change change = transaction.note_status(end.ok.status);
  switch (facts.kind) {
    case StatementKind::insert:
    case StatementKind::replace:
      // It may be a value that was given; RETURNING gives rows, which end without the id.
      if (end.ok.last_insert_id != 0 || end.kind == ResultEnd::Kind::rows) s.leader.hold().note_last_insert_id();
      break;
    case StatementKind::begin:
      s.state.known.note_begin();
      break;
    case StatementKind::commit:
    case StatementKind::rollback:
      if (transaction.open()) s.state.known.note_begin();  // a chained transaction begins as by BEGIN
      break;
    case StatementKind::use:
      s.state.known.use_schema(facts.name);
      break;
    default:
      break;
  }
  if (change == Transaction::Change::ended) s.leader.hold().note_transaction_ended();
}

void note_effect(Conversation& s, SessionEffect effect, const StatementFacts& facts, std::string_view schema,
                 const ResultEnd& end) {
  if (end.kind == ResultEnd::Kind::none) return;
  const bool sets_by_itself = facts.facts.has(routing::Fact::user_variable);
  if (effect == SessionEffect::nothing && !facts.facts.has(routing::Fact::reads_only) && !sets_by_itself &&
      s.commits.state_changed()) {
    s.state.known.forget();  // by a trigger
    s.leader.hold().note_unfollowed();
  }
  if (effect == SessionEffect::nothing) return;
  using Outcome = KnownState::Outcome;
  const bool unseen = effect == SessionEffect::not_followed && !s.commits.state_unchanged();
  const Outcome outcome = end.kind == ResultEnd::Kind::err ? Outcome::failed : Outcome::done;
  if (unseen || !s.state.known.note_relayed(effect, facts, schema, outcome)) s.note_unobserved();
}

}  // namespace crossfade::proxy
