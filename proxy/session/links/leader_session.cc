#include "proxy/session/links/leader_session.h"

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

LeaderSession::~LeaderSession() {
  if (link_) link_->send_quit();
}

LinkOptions LeaderSession::options(std::string schema) const {
  LinkOptions options = client_link_options(site_, client_, site_.leader(), std::move(schema));
  if (commits_.wants_tracking()) options.mirrored |= protocol::kSessionTrack;
  // The leader makes of it what it would make of it directly. The other side is told the outcome by name.
  options.collation = client_.account.collation;
  options.statements = LinkOptions::Statements::multiple;
  return options;
}

Task<absl::StatusOr<BackendLink*>> LeaderSession::ready_for(const routing::StatementFacts* facts) {
  if (!link_->alive()) {
    const absl::Status again = co_await reattach(facts);
    if (!again.ok()) co_return again;
  }
  co_return link_.get();
}

Task<absl::Status> LeaderSession::refresh_context() {
  auto leading = co_await ready_for(nullptr);
  if (!leading.ok()) co_return leading.status();
  KnownState& known = state_.known;
  auto results = co_await link_->ask(context_query(make(), known.deciding()), site_.in(kStatementMax));
  if (!results.ok()) co_return results.status();
  auto context = context_from(results->front(), make(), known.deciding());
  if (!context.ok()) co_return context.status();
  state_.transaction.note_status(results->front().end.ok.status);  // an error that was told may have ended one
  const BackendTraits other = site_.shared.traits.get(site_.follower());
  const std::string unknown = other.known ? unknown_to_other_side(*context, other.make, make()) : "";
  if (!unknown.empty()) context->reads_pinned = "uses " + unknown + ", which the other side does not have";
  const routing::LexerMode lexer = lexer_mode(context->statement.sql_mode, context->statement.character_set_client,
                                              make(), version_number(link_->greeting().server_version));
  known.take(*std::move(context), lexer);
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
