// Several statements in one text: carried out one after the other, answered as one response.

#include "protocol/error_codes.h"
#include "proxy/session.h"
#include "routing/split.h"

namespace crossfade::proxy {

using protocol::ResponseJoiner;
using protocol::ResultEnd;
using routing::FirstStatement;

// Each statement goes the way of a statement that came alone, and its answer, from wherever it comes,
// through the joiner. The first error ends it, as on the servers; what ran before has run.
Task<Session::Next> Session::on_several(Command command) {
  ResponseJoiner& joiner = output_.joiner();
  if (joiner.active()) {
    co_return co_await reply_not_supported(
        "crossfade: the statements of this text cannot be told apart; send them one by one");
  }
  const std::string text(protocol::as_text(command.payload.subspan(1)));
  std::string_view left = routing::without_trailing_semicolons(text);
  const routing::UnclearBytes unclear(left);
  joiner.begin(capabilities_, reply_sequence_);
  Next next = Next::go_on;
  for (bool more = true; more && next == Next::go_on && !killed_ && !ending_;) {
    joiner.next_response(ResponseJoiner::Follows::nothing);
    next = co_await one_of_several(&left, &unclear);
    more = joiner.last_end().kind != ResultEnd::Kind::err && !left.empty();
  }
  joiner.end();
  co_return next;
}

// Cuts the next statement off `left` and carries it out. How it is cut hangs on the sql_mode that the
// one before it has left behind.
Task<Session::Next> Session::one_of_several(std::string_view* left, const routing::UnclearBytes* unclear) {
  if (known_.is_unclear(*unclear, *left)) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
  }
  const FirstStatement first = routing::first_statement(*left, known_.lexer());
  *left = first.rest;
  switch (first.kind) {
    case FirstStatement::Kind::another:
      output_.joiner().next_response(ResponseJoiner::Follows::another);
      break;
    case FirstStatement::Kind::last:
      break;
    case FirstStatement::Kind::nothing_before: {
      routing::Plan plan{.action = routing::Action::refuse, .reason = routing::Reason::unparseable};
      co_return co_await refuse(plan, routing::StatementFacts(), std::string(first.statement));
    }
    case FirstStatement::Kind::inside_comment:
      co_return co_await reply_not_supported(
          "crossfade: a semicolon inside an executable comment is not supported while writes are frozen; write "
          "the statements without the comment");
  }
  const protocol::Buffer payload = protocol::encode_query(first.statement);
  Command one;
  one.payload = payload;
  co_return co_await on_query(one);
}

}  // namespace crossfade::proxy
