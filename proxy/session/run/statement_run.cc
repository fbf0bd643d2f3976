#include "proxy/session/run/statement_run.h"

#include "proxy/net/deadlines.h"
#include "proxy/session/run/decision.h"
#include "proxy/session/run/kept_answers.h"
#include "proxy/session/run/preparing.h"
#include "proxy/session/run/response_relay.h"
#include "proxy/session/run/to_leader.h"
#include "proxy/shadow_run/shadow_pool.h"
#include "routing/digest.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;

namespace {

std::uint64_t microseconds_since(TimePoint begun) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
}

// To a client whose schema change was not run, since it could not be said.
Answer ddl_unsaid(const absl::Status& why) {
  using routing::Reason;
  const std::string text(why.message());
  // What clients try again after: a time-out, or a leader that cannot be reached.
  if (absl::IsAborted(why)) return refused(Reason::schema_change_waits, text);
  const bool refuses = absl::IsFailedPrecondition(why) || absl::IsInternal(why) || absl::IsInvalidArgument(why);
  return refused(refuses ? Reason::schema_change_refused : Reason::schema_change_unsaid, text);
}

// One statement on its way. Invariant: source() is a link of the side from_, and what it is sent is owned once anybody
// has waited.
class StatementRun {
 public:
  StatementRun(Conversation& s, routing::Plan plan, Statement statement);

  // Something is to be done before it can be sent.
  bool must_wait();
  // About the diagnostics of the statement before.
  bool asks_for_diagnostics() const {
    return statement_.facts.facts.has(Fact::row_count) || statement_.facts.facts.has(Fact::warnings);
  }
  // Of one that the other side has answered.
  bool asks_leader_for_followers() const {
    return is_leaders() && statement_.prepared == nullptr && !kept_ && asks_for_diagnostics() &&
           s_.state.diagnostics.answered_by() != s_.site.leader();
  }
  // A value: the answer, without sending it.
  Task<std::optional<Answer>> get_ready();
  // On the source. A Status: it could not be.
  Task<absl::Status> prepare_there();
  bool is_prepared_there() const {
    return statement_.prepared == nullptr || statement_.prepared->id_on(source_->which()).has_value();
  }
  // As bytes for it, by the id that it knows.
  void frame();
  protocol::Bytes wire() const {
    return statement_.prepared != nullptr ? protocol::Bytes(wire_) : statement_.text.wire;
  }
  void own() {
    if (statement_.prepared == nullptr) s_.client.own(statement_.text);
  }
  // It is about to be sent.
  ResponseRelay::Order begin();
  BackendLink& source() { return *source_; }
  bool is_leaders() const { return from_ == s_.site.leader(); }
  // The other side has not answered. A Status: nor can the leader.
  Task<absl::Status> go_to_leader();
  void conclude(const protocol::ResultEnd& end);

 private:
  Task<std::optional<Answer>> ask_kept();
  Task<void> go_to_follower();
  void count_read();
  void compare();

  Conversation& s_;
  routing::Plan plan_;
  Statement statement_;
  TimePoint begun_;
  routing::SessionEffect effect_;
  std::optional<KeptDiagnostics> kept_;  // of the statement before
  BackendLink* source_;
  config::Backend from_;
  SampledRead sample_;
  protocol::Buffer body_;  // of an execution, with the source's id
  protocol::Buffer wire_;
};

StatementRun::StatementRun(Conversation& s, routing::Plan plan, Statement statement)
    : s_(s),
      plan_(plan),
      statement_(statement),
      begun_(s.site.reactor.now()),
      effect_(routing::session_effect(statement.facts, statement.sql())),
      kept_(s.state.diagnostics.take()),
      source_(&s.leader.link()),
      from_(plan.answer_from),
      sample_(plan.shadow ? s.site.shared.config.shadow.recording_bytes_max : 0) {
  CallCounts& calls = s.site.worker.calls;
  const StatementFacts& facts = statement.facts;
  if (facts.facts.has(Fact::reads_only) && !calls.knows(facts.digest)) {
    calls.add(facts.digest, routing::make_digest(statement.sql(), s.state.known.lexer()).text);
  }
  if (statement.execution != nullptr) body_ = protocol::encode_execute(*statement.execution);
}

bool StatementRun::must_wait() {
  if (!is_leaders() || !source_->alive() || s_.ddl.is_due(statement_.facts)) return true;
  if (statement_.prepared != nullptr) return false;
  if (asks_leader_for_followers()) return true;
  return plan_.shadow || statement_.text.wire.empty() || kept_.has_value();
}

Task<std::optional<Answer>> StatementRun::get_ready() {
  own();
  const StatementFacts& facts = statement_.facts;
  if (asks_leader_for_followers()) {
    co_await keep_followers_conditions(s_);
    kept_ = s_.state.diagnostics.take();
  }
  if (kept_ && asks_for_diagnostics()) {
    s_.state.diagnostics.keep(std::move(kept_));
    auto answered = co_await ask_kept();
    if (answered) co_return answered;
    kept_ = s_.state.diagnostics.take();
  }
  if (!is_leaders()) co_await go_to_follower();
  if (!is_leaders()) co_return std::nullopt;
  if (s_.ddl.is_due(facts)) {
    std::string sql(statement_.sql());
    const absl::Status said = co_await s_.ddl.say(facts, std::move(sql), statement_.schema);
    if (!said.ok()) co_return ddl_unsaid(said);
  }
  auto leading = co_await s_.leader.ready_for(&facts);
  if (!leading.ok()) co_return lost(s_, leading.status());
  source_ = *leading;
  co_return std::nullopt;
}

// A value: the answer. Else what was kept stands in the statement's text, if it bears on it.
Task<std::optional<Answer>> StatementRun::ask_kept() {
  const StatementFacts& facts = statement_.facts;
  std::string sql(statement_.sql());
  const bool only_asks = facts.facts.has(Fact::reads_only) || facts.kind == routing::StatementKind::show ||
                         facts.kind == routing::StatementKind::diagnostics;
  if (only_asks) co_return co_await answer_from_kept(s_, facts, std::move(sql));
  const auto with_values = kept_question(sql, s_.state.known.lexer(), *s_.state.diagnostics.kept());
  if (with_values) s_.client.replace(statement_.text, protocol::encode_query(*with_values));
  co_return std::nullopt;
}

// If it can answer this now; else it is the leader's.
Task<void> StatementRun::go_to_follower() {
  from_ = s_.site.leader();
  const bool current = co_await s_.commits.follower_is_current();
  if (!current) co_return;
  if (!statement_.facts.tables.empty() && s_.commits.duplicates()) {
    // What was waited for may be what must not be read there: a table stops where its rows differ, the rest goes on.
    const FeedSwitch& feed = s_.site.shared.feed;
    if (!feed.usable_for_reads()) co_return;
    routing::Known stopped = routing::Known::no;
    if (feed.any_stopped()) stopped = co_await reads_stopped_tables(s_, statement_.facts, statement_.schema);
    if (stopped != routing::Known::no) co_return;
  }
  auto following = co_await s_.follower.ready();
  if (!following.ok()) co_return;
  if (statement_.prepared != nullptr) {
    auto id = co_await prepare_on(s_, **following, *statement_.prepared);
    if (!id.ok()) co_return;
  }
  source_ = *following;
  from_ = source_->which();
}

Task<absl::Status> StatementRun::go_to_leader() {
  from_ = s_.site.leader();
  auto leading = co_await s_.leader.ready_for(&statement_.facts);
  if (leading.ok()) source_ = *leading;
  co_return leading.status();
}

Task<absl::Status> StatementRun::prepare_there() {
  auto id = co_await prepare_on(s_, *source_, *statement_.prepared);
  co_return id.status();
}

void StatementRun::frame() {
  if (statement_.prepared == nullptr) return;
  protocol::replace_statement_id(body_, *statement_.prepared->id_on(source_->which()));
  wire_.clear();
  protocol::append_command(wire_, body_);
}

ResponseRelay::Order StatementRun::begin() {
  using Numbers = ResponseRelay::Numbers;
  if (is_leaders()) s_.commits.expect_of(statement_.facts);
  SampledRead* const sample = plan_.shadow ? &sample_ : nullptr;
  if (statement_.prepared == nullptr) return {.kind = protocol::ResponseKind::query, .sample = sample};
  // Long data travels in it: it can be more packets than the client's command was.
  const bool same = body_.size() / protocol::kPayloadBytesMax + 1 == s_.client.reply_sequence();
  return {.kind = protocol::ResponseKind::execute, .numbers = same ? Numbers::kept : Numbers::anew, .sample = sample};
}

void StatementRun::conclude(const protocol::ResultEnd& end) {
  const StatementFacts& facts = statement_.facts;
  s_.state.diagnostics.note_answer_of(from_);
  if (statement_.prepared != nullptr) statement_.prepared->cursor = statement_.execution->cursor_flags != 0;
  if (is_leaders()) {
    const bool without_tables = facts.tables.empty() && !facts.facts.has(Fact::subquery);
    if (kept_ && without_tables) s_.state.diagnostics.keep_over(std::move(kept_), end, s_.leader.make());
    after_statement(s_, facts, end);
    note_effect(s_, effect_, facts, statement_.schema, end);
    count_write(s_, facts, begun_);
  }
  if (facts.facts.has(Fact::sets_last_insert_id)) s_.leader.hold().note_last_insert_id();
  if (!facts.facts.has(Fact::reads_only)) return;
  count_read();
  if (plan_.shadow) compare();
}

void StatementRun::count_read() {
  Counters& counters = s_.site.counters;
  (from_ == config::Backend::old_db ? counters.reads_old : counters.reads_new).add();
  counters.read_latency[static_cast<std::size_t>(from_)].record(microseconds_since(begun_));
  s_.site.worker.calls.count(statement_.facts.digest);
}

void StatementRun::compare() {
  const StatementFacts& facts = statement_.facts;
  auto job = std::make_unique<ShadowJob>();
  job->digest = facts.digest;
  job->sql = std::string(statement_.sql());
  job->digest_text = routing::make_digest(job->sql, s_.state.known.lexer()).text;
  for (const routing::TableName& table : facts.tables) {
    if (!job->tables.empty()) job->tables += ", ";
    job->tables += (table.schema.empty() ? s_.state.known.schema() : table.schema) + "." + table.table;
  }
  job->prepared = statement_.prepared != nullptr;
  job->execute = std::move(body_);
  job->user = s_.identity.account.name;
  job->context = *s_.state.known.context();
  job->control_make = s_.leader.make();
  job->ordered = facts.facts.has(Fact::order_by);
  job->control = from_;
  job->capabilities = source_->capabilities();
  job->control_latency = sample_.latency();
  job->recording = std::move(sample_.recording);
  job->lexer_mode = s_.state.known.lexer();
  job->finished = Clock::now();
  s_.site.shared.shadow.submit(std::move(job));
}

}  // namespace

void count_write(Conversation& s, const StatementFacts& facts, TimePoint begun) {
  using Kind = routing::StatementKind;
  const bool writes = facts.kind == Kind::insert || facts.kind == Kind::replace || facts.kind == Kind::update ||
                      facts.kind == Kind::delete_ || facts.kind == Kind::load_data;
  if (!writes || !s.commits.duplicates()) return;
  s.site.counters.writes.add();
  s.site.counters.write_latency.record(microseconds_since(begun));
}

Task<Answer> run_statement(Conversation& s, routing::Plan plan, Statement statement) {
  StatementRun run(s, plan, statement);
  if (run.must_wait()) {
    std::optional<Answer> instead = co_await run.get_ready();
    if (instead) co_return *std::move(instead);
  }
  const ResponseRelay::Order order = run.begin();
  for (;;) {
    if (!run.is_prepared_there()) {
      const absl::Status prepared = co_await run.prepare_there();
      if (!prepared.ok()) co_return Lost{.why = prepared, .which = run.source().which()};
    }
    run.frame();
    Stream& stream = run.source().stream();
    ResponseRelay relay(s, run.source(), order);
    absl::Status done = absl::OkStatus();
    const Stream::Io sent = stream.try_write(run.wire());
    if (sent.kind == Stream::Io::Kind::failed) {
      done = absl::UnavailableError("the connection broke while writing");
    } else if (sent.bytes < run.wire().size() || stream.is_buffered()) {
      run.own();
      done = co_await stream.write_all(run.wire().subspan(sent.bytes), s.site.in(kStatementMax));
    }
    if (done.ok()) done = co_await relay.run();
    if (done.ok()) {
      run.conclude(relay.end());
      co_return Relayed();
    }
    if (absl::IsCancelled(done) || relay.answered()) co_return Gone();
    if (run.is_leaders()) co_return lost(s, done);
    s.follower.leave(done);
    const absl::Status leading = co_await run.go_to_leader();
    if (!leading.ok()) co_return lost(s, leading);
  }
}

}  // namespace crossfade::proxy
