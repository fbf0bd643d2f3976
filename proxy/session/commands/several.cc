#include "proxy/session/commands/several.h"

#include "protocol/error_codes.h"
#include "proxy/session/commands/query.h"
#include "routing/split.h"

namespace crossfade::proxy {

using protocol::ResponseJoiner;
using protocol::ResultEnd;
using routing::FirstStatement;

namespace {

// Cuts the next statement off `left` and carries it out. How it is cut hangs on the sql_mode that the one before it has
// left behind.
Task<Answer> one_of_several(Conversation& s, std::string_view* left, const routing::UnclearBytes* unclear) {
  if (s.state.known.is_unclear(*unclear, *left)) {
    const absl::Status fresh = co_await s.leader.refresh_context();
    if (!fresh.ok()) co_return unjudged(s, fresh);
  }
  const FirstStatement first = routing::first_statement(*left, s.state.known.lexer());
  *left = first.rest;
  Command one;
  const protocol::Buffer payload = protocol::encode_query(first.statement);
  one.payload = payload;
  switch (first.kind) {
    case FirstStatement::Kind::another:
      s.client.output().joiner().next_response(ResponseJoiner::Follows::another);
      break;
    case FirstStatement::Kind::last:
      break;
    case FirstStatement::Kind::nothing_before: {
      const routing::Plan plan{.action = routing::Action::refuse, .reason = routing::Reason::unparseable};
      const routing::StatementFacts nothing;
      co_return co_await carry_out(s, plan, nothing, one);
    }
    case FirstStatement::Kind::inside_comment:
      co_return refused(routing::Reason::semicolon_in_comment);
  }
  co_return co_await on_query(s, one);
}

}  // namespace

Task<Answer> on_several(Conversation& s, Command command) {
  ResponseJoiner& joiner = s.client.output().joiner();
  if (joiner.active()) {
    co_return refused(routing::Reason::nested_statements);
  }
  const std::string text(command.text());
  std::string_view left = routing::without_trailing_semicolons(text);
  const routing::UnclearBytes unclear(left);
  joiner.begin(s.identity.capabilities, s.client.reply_sequence());
  Next next = Next::go_on;
  for (bool more = true; more && next == Next::go_on && !s.leader.killed() && !s.client.ending();) {
    joiner.next_response(ResponseJoiner::Follows::nothing);
    Answer answer = co_await one_of_several(s, &left, &unclear);
    next = co_await deliver(s, std::move(answer));
    more = joiner.last_end().kind != ResultEnd::Kind::err && !left.empty();
  }
  joiner.end();
  if (next == Next::close) co_return Gone();
  co_return Relayed();
}

}  // namespace crossfade::proxy
