#include "proxy/session/run/decision.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::Known;
using routing::StatementFacts;

namespace {

constexpr auto kHeldLook = std::chrono::milliseconds(50);

// Whether the other side means the same by the session's time zone: without waiting, since it takes long to find out.
Task<Known> is_repeatable(Conversation& s) {
  KnownState& known = s.state.known;
  if (known.context() == nullptr) {
    const absl::Status fresh = co_await s.leader.refresh_context();
    if (!fresh.ok()) co_return Known::no;
  }
  if (known.repeatable() != Known::unknown) co_return known.repeatable();
  const std::optional<ZoneVerdict> verdict = s.site.shared.zones.known(s.site.leader(), known.context()->zone);
  if (!verdict) co_return Known::no;
  known.take_zone(*verdict);
  co_return known.reads_pinned() ? Known::no : Known::yes;
}

}  // namespace

// A name may be a view's over any table: only what is known to be a table itself is not behind.
Task<Known> reads_stopped_tables(Conversation& s, const StatementFacts& facts, const std::string& schema) {
  for (const routing::TableName& name : facts.tables) {
    const std::string& in = name.schema.empty() ? schema : name.schema;
    if (s.site.shared.feed.stopped(in, name.table)) co_return Known::yes;
    const auto table = co_await s.site.shared.schemas.get(s.site.reactor, s.site.leader(), in, name.table);
    if (!table.ok() || *table != TableKind::base_table) co_return Known::yes;
  }
  co_return Known::no;
}

Question ask_about(Conversation& s, const StatementFacts& facts, const std::string& schema) {
  const bool any_stopped = s.commits.duplicates() && s.site.shared.feed.any_stopped();
  return {.facts = facts,
          .schema = schema,
          .draw = static_cast<std::uint32_t>(s.site.worker.random() % config::Percent::kWhole),
          .repeatable = s.state.known.repeatable(),
          .reads_stopped_tables = any_stopped ? Known::unknown : Known::no};
}

routing::Plan decide(Conversation& s, const Question& question) {
  routing::SessionFacts session;
  session.user = s.identity.account.name;
  session.schema = question.schema;
  session.client_host = s.identity.host;
  session.session_key = s.site.id;
  session.in_transaction = s.state.transaction.has_next_statement();
  session.pinned_to_leader = s.state.known.reads_pinned() || s.leader.hold().next_transaction_set();
  session.temporary_tables = &s.state.known.objects().temporary_tables();
  session.tables_locked = s.state.known.objects().has_table_locks();
  session.follower_usable = s.site.shared.feed.usable_for_reads();
  session.client_multi_statements = question.several == Question::Several::allowed;
  session.announces_schema_changes = s.site.shared.feed.kind() == FeedKind::trigger;
  session.diagnostics_kept = s.state.diagnostics.kept() != nullptr;
  session.last_answered = s.state.diagnostics.answered_by();
  session.execution = question.execution;
  session.repeatable = question.repeatable;
  session.reads_stopped_tables = question.reads_stopped_tables;
  session.duplication = s.commits.duplicates() ? routing::Duplication::rows : routing::Duplication::off;
  // A transaction may write at any time: its reads stay with the leader from the start.
  session.transaction_drawn = session.in_transaction;
  session.transaction_reads = s.site.leader();
  return routing::make_plan(question.facts, session, s.state.transaction.flags(), s.site.leader(), question.draw);
}

Task<void> find_out(Conversation& s, Question& question) {
  if (question.reads_stopped_tables == Known::unknown) {
    question.reads_stopped_tables = co_await reads_stopped_tables(s, question.facts, question.schema);
  }
  if (question.repeatable == Known::unknown) question.repeatable = co_await is_repeatable(s);
}

bool is_held(const Conversation& s, const routing::Plan& plan) {
  return plan.action == routing::Action::refuse && plan.reason == routing::Reason::freeze &&
         s.site.worker.write_hold.count() > 0;
}

Task<routing::Plan> hold(Conversation& s, Question& question, routing::Plan plan) {
  const TimePoint until = s.site.in(s.site.worker.write_hold);
  while (is_held(s, plan) && s.site.reactor.now() < until && !s.client.ending()) {
    co_await s.site.reactor.sleep_for(kHeldLook);
    if (s.site.worker.leader_changes) {
      plan.reason = routing::Reason::leader_changes;
      break;
    }
    s.state.transaction.take_flags(s.site.worker.flags);
    plan = decide(s, question);
    if (plan.action != routing::Action::ask) continue;
    co_await find_out(s, question);
    plan = decide(s, question);
  }
  co_return plan;
}

// A text that is misread goes where it would have gone, unless it is a read that may go elsewhere, or hides a statement
// that the client may not send.
bool must_ask_how_to_read(const Conversation& s, const StatementFacts& facts, std::string_view sql) {
  if (!s.state.known.is_unclear(sql)) return false;
  const config::Flags& flags = s.state.transaction.flags();
  if (flags.freeze_writes) return true;
  if (!s.identity.multi_statements && sql.find(';') != std::string_view::npos) return true;
  return facts.facts.has(Fact::reads_only) && !flags.kill_switch &&
         (routing::moves_reads(flags) || routing::shadows_reads(flags));
}

}  // namespace crossfade::proxy
