// Reads: bytes from a backend to the client through a small shared buffer, without decoding rows.

#include "absl/cleanup/cleanup.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Fact;
using routing::StatementFacts;

namespace {
constexpr std::uint8_t kErrHeader = 0xff;

// Somebody or a limit has ended the statement: the same on either side, and not to be run once more.
bool is_interruption(std::uint16_t code) {
  constexpr std::uint16_t kStatementTimeout = 1969;  // MariaDB's max_statement_time
  constexpr std::uint16_t kQueryTimeout = 3024;      // MySQL's max_execution_time
  return code == protocol::kErrQueryInterrupted || code == kStatementTimeout || code == kQueryTimeout;
}
}  // namespace

LinkOptions Session::session_link_options(config::Backend which, std::string schema) const {
  // Of a user of the file as the file has it now: a password may have been replaced since the login. Never for one
  // whose password the leader is to judge: a listed user's name proves nothing.
  std::shared_ptr<const KnownUser> user = user_;
  if (!user_->learned) {
    if (auto fresh = shared_.users.listed(user_name_)) user = std::move(fresh);
  }
  LinkOptions options = shared_.link_options(which, user->backend[static_cast<std::size_t>(which)]);
  options.schema = std::move(schema);
  if (options.proxy_header) options.proxy_header = login_.peer;
  options.mirrored = capabilities_;
  if (which == leader() && wants_tracking()) options.mirrored |= protocol::kSessionTrack;
  if (which != leader()) options.mirrored &= ~protocol::kLocalFiles;  // nothing sent there may ask for a file
  // The leader makes of it what it would make of it directly. The other side is told the outcome by name.
  if (which == leader()) options.collation = collation_;
  options.attributes = attributes_;
  if (which == leader()) options.statements = LinkOptions::Statements::multiple;
  return options;
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> Session::open_link(config::Backend which, std::string schema,
                                                                      std::optional<Refusal>* refused) {
  LinkOptions options = session_link_options(which, std::move(schema));
  std::optional<Refusal> no;
  auto opened = co_await BackendLink::open(worker_.reactor, std::move(options), counters_,
                                           worker_.reactor.now() + shared_.config.backend(which).connect_timeout, &no);
  if (no && is_want_of_connections(no->err)) shared_.make_room(which);
  if (no && refused != nullptr) *refused = std::move(no);
  if (opened.ok()) shared_.traits.set(which, (*opened)->greeting());
  co_return opened;
}

// The leader's connection, with everything done to it that must happen before `facts` runs there.
Task<absl::StatusOr<BackendLink*>> Session::leader_link(const StatementFacts* facts) {
  if (!link(leader())->alive()) {
    const absl::Status again = co_await reattach(facts);
    if (!again.ok()) co_return again;
  }
  co_return link(leader()).get();
}

Task<absl::Status> Session::refresh_context() {
  auto leading = co_await leader_link(nullptr);
  if (!leading.ok()) co_return leading.status();
  auto results = co_await (*leading)->ask(context_query((*leading)->is_mariadb(), known_.deciding()),
                                          worker_.reactor.now() + kStatementMax);
  if (!results.ok()) co_return results.status();
  auto context = context_from(results->front(), (*leading)->is_mariadb(), known_.deciding());
  if (!context.ok()) co_return context.status();
  // An error may have ended it, which its client has been told.
  transaction_.note_status(results->front().end.ok.status);
  const BackendTraits other = shared_.traits.get(config::other(leader()));
  const std::string unknown =
      other.known ? unknown_to_other_side(*context, other.mariadb, (*leading)->is_mariadb()) : "";
  if (!unknown.empty()) {
    context->reads_pinned = "uses " + unknown + ", which the other side does not have";
  }
  routing::LexerMode lexer =
      lexer_mode(context->statement.sql_mode, context->statement.character_set_client, (*leading)->is_mariadb(),
                 version_number((*leading)->greeting().server_version));
  known_.take(*std::move(context), std::move(lexer));
  co_return absl::OkStatus();
}

bool Session::zone_agreed() {
  if (is_fixed_offset(known_.context()->statement.time_zone)) return true;
  const std::optional<ZoneVerdict> verdict = shared_.zones.known(leader(), known_.context()->zone);
  if (!verdict) return false;
  known_.take_zone(*verdict);
  return verdict->refusal.empty();
}

// The other side's connection in the same session state; a Status when reads must stay with the leader.
Task<absl::StatusOr<BackendLink*>> Session::follower_link() {
  const config::Backend which = config::other(leader());
  if (known_.context() == nullptr) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  if (known_.reads_pinned() || !zone_agreed()) co_return absl::UnavailableError("pinned to the leader");
  auto& following = link(which);
  if (following && !following->alive()) following.reset();
  if (!following) {
    auto opened = co_await open_link(which, "", nullptr);
    if (!opened.ok()) co_return opened.status();
    following = *std::move(opened);
    follower_context_version_ = 0;
    prepared_.forget_ids_of(which);
  }
  if (follower_context_version_ != known_.version()) {
    for (const std::string& sql :
         context_statements(*known_.context(), following->is_mariadb(), link(leader())->is_mariadb())) {
      auto captured = co_await following->run(sql, worker_.reactor.now() + std::chrono::seconds(5));
      if (captured.ok() && captured->failed()) {
        // Until the session's state changes it would fail again.
        known_.pin("has a state that the other side refuses: " + err_code(captured->last().err));
      }
      if (!captured.ok() || captured->failed()) {
        following.reset();
        co_return absl::UnavailableError("the session's state cannot be repeated there");
      }
    }
    follower_context_version_ = known_.version();
  }
  co_return following.get();
}

// One response, all its results, from `link` to the client. `answered` turns true with the first byte
// that the client got: before that, another backend may still be asked. FailedPrecondition: the follower, whole and
// well, answered with an error.
Task<absl::Status> Session::relay(BackendLink& link, ResponseKind kind, SampledRead* sample, ResultEnd* end,
                                  bool* answered, Numbers numbers) {
  protocol::ResponseTracker tracker;
  tracker.start(kind, link.capabilities());
  if (sample != nullptr) sample->note_sent();
  if (link.which() != leader()) follower_read_.begin(link);
  const absl::Cleanup over = [this] { follower_read_.end(); };
  Stream& backend = link.stream();
  // Never kept across a wait: others use it meanwhile.
  const std::span<std::uint8_t> scratch = worker_.scratch;
  // The follower's answer is held back until it is known to be no error: those are the leader's to give.
  bool holding = link.which() != leader() && answered != nullptr;
  protocol::Buffer held;
  const bool renumber = numbers == Numbers::anew || backend.is_compressed();
  protocol::PacketNumbering numbering(reply_sequence_);
  // What the leader tells the proxy alone is taken out; a client that asks for session states may get the rest.
  const bool asked = (capabilities_ & protocol::kSessionTrack) != 0;
  const bool filters = link.which() == leader() && (link.capabilities() & protocol::kSessionTrack) != 0 &&
                       (!asked || commits_.own().gtid != protocol::OwnTracking::Gtid::none);
  protocol::SessionTrackFilter filter;
  if (filters) {
    filter.begin({.server = link.capabilities(),
                  .client = asked ? protocol::SessionTrackFilter::Client::asked
                                  : protocol::SessionTrackFilter::Client::did_not_ask,
                  .own = commits_.own()});
  }
  bool wait_first = !backend.is_buffered();
  std::size_t turn_bytes = 0;
  for (;;) {
    if (!wait_first && turn_bytes >= Stream::kTurnBytesMax) {
      turn_bytes = 0;
      co_await worker_.reactor.sleep_for(std::chrono::milliseconds(0));
    }
    if (wait_first) {
      const WaitResult waited = co_await backend.readable(worker_.reactor.now() + kStatementMax);
      if (waited != WaitResult::ready) co_return absl::DeadlineExceededError("no answer in time");
    }
    const Stream::Io got = backend.try_read(scratch);
    if (got.kind == Stream::Io::Kind::would_block) {
      wait_first = true;
      continue;
    }
    if (got.kind != Stream::Io::Kind::ok) co_return absl::UnavailableError("the server closed the connection");
    if (sample != nullptr) sample->note_bytes();
    wait_first = !backend.is_buffered();
    turn_bytes += got.bytes;
    if (renumber) numbering.apply(scratch.first(got.bytes));
    if (filters) filter.begin_piece(scratch.first(got.bytes));
    protocol::Bytes input(scratch.data(), got.bytes);
    while (!input.empty() && !tracker.asks_for_file()) {
      auto used = tracker.feed(input);
      if (!used.ok()) co_return used.status();
      input = input.subspan(*used);
      if (filters && tracker.result_ended()) filter.on_result_end(got.bytes - input.size(), tracker);
      if (tracker.done()) break;
      if (tracker.result_ended() && !tracker.asks_for_file()) tracker.next_result();
    }
    if (!input.empty()) co_return absl::InternalError("the server sent more than was asked for");
    std::span<std::uint8_t> chunk = scratch.first(got.bytes);
    if (filters) chunk = filter.end_piece(got.bytes, tracker);
    if (chunk.empty()) continue;  // the beginning of a packet that may be an OK
    if (holding) {
      held.insert(held.end(), chunk.begin(), chunk.end());
      const bool may_be_error = held.size() <= protocol::kHeaderBytes || held[protocol::kHeaderBytes] == kErrHeader;
      if (may_be_error && tracker.done() && tracker.end().kind == ResultEnd::Kind::err &&
          !is_interruption(tracker.end().err.code)) {
        co_return absl::FailedPreconditionError("the follower answered with an error");
      }
      if (may_be_error && !tracker.done() && held.size() < scratch.size()) continue;
      holding = false;
      chunk = held;
    }
    if (sample != nullptr) sample->recording.append(chunk);
    const bool done = tracker.done();
    if (done) {
      *end = tracker.end();
      link.note_end(*end);
      std::optional<Commit> commit = note_commit(link, *end, filter.told());
      const bool ends_ddl = ddl_ && link.which() == leader();
      if (commit || ends_ddl) {
        held.assign(chunk.begin(), chunk.end());
        if (ends_ddl) co_await conclude_ddl(end->err.code);
        if (commit) co_await wait_for_commit(*std::move(commit));
        chunk = held;
      }
    }
    if (answered != nullptr) *answered = true;
    const Stream::Io sent = output_.send_now(chunk);
    if (sent.kind == Stream::Io::Kind::failed) co_return absl::CancelledError("the client has left");
    if (sent.kind == Stream::Io::Kind::would_block) {
      if (sample != nullptr) sample->note_client_is_slow();
      protocol::Buffer rest(chunk.begin() + static_cast<std::ptrdiff_t>(sent.bytes), chunk.end());
      const absl::Status written =
          co_await output_.send_rest(std::move(rest), worker_.reactor.now() + kClientStalledMax);
      if (!written.ok()) co_return absl::CancelledError("the client has left");
      if (sample != nullptr) sample->note_client_took_it();
    }
    if (done) co_return absl::OkStatus();
    if (tracker.asks_for_file()) {
      const std::uint8_t next = renumber ? numbering.next() : static_cast<std::uint8_t>(tracker.last_sequence() + 1);
      const absl::Status relayed = co_await relay_file(link, next);
      if (!relayed.ok()) co_return relayed;
      numbering = protocol::PacketNumbering(reply_sequence_);
      tracker.next_result();
    }
  }
}

// After a read that the follower could not answer.
void Session::leave_follower(const absl::Status& why) {
  if (absl::IsFailedPrecondition(why)) {
    counters_.reads_fallen_back.add();
  } else {
    link(config::other(leader())).reset();
  }
}

Task<Session::Next> Session::relay_to_leader(Command command, ResponseKind kind, ResultEnd* end) {
  diagnostics_.forget();
  diagnostics_.note_answer_of(leader());
  if (command.wire.empty() || !link(leader())->alive()) {
    own(command);
    auto ready = co_await leader_link(nullptr);
    if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  }
  BackendLink& leading = *link(leader());
  const Stream::Io sent = leading.stream().try_write(command.wire);
  if (sent.kind == Stream::Io::Kind::failed) co_return co_await reply_lost(absl::UnavailableError("writing"), leader());
  if (sent.bytes < command.wire.size() || leading.stream().is_buffered()) {
    own(command);
    const absl::Status written =
        co_await leading.stream().write_all(command.wire.subspan(sent.bytes), worker_.reactor.now() + kStatementMax);
    if (!written.ok()) co_return co_await reply_lost(written, leader());
  }
  bool answered = false;
  const absl::Status done = co_await relay(leading, kind, nullptr, end, &answered);
  if (absl::IsCancelled(done)) co_return Next::close;
  if (!done.ok()) {
    if (answered) co_return Next::close;
    co_return co_await reply_lost(done, leader());
  }
  co_return Next::go_on;
}

Task<Session::Next> Session::relay_read(routing::Plan plan, StatementFacts facts, Command command) {
  const TimePoint begun = worker_.reactor.now();
  const bool to_leader = plan.answer_from == leader();
  if (!worker_.calls.knows(facts.digest) && facts.facts.has(Fact::reads_only)) {
    worker_.calls.add(facts.digest,
                      routing::make_digest(protocol::as_text(command.payload.subspan(1)), known_.lexer()).text);
  }
  const routing::SessionEffect effect = routing::session_effect(facts, protocol::as_text(command.payload.subspan(1)));
  std::optional<Kept> kept = diagnostics_.take();
  BackendLink* source = link(leader()).get();
  const bool slow = !to_leader || plan.shadow || command.wire.empty() || kept || !source->alive();
  bool from_leader = to_leader;
  if (slow) {
    own(command);
    if (kept && (facts.facts.has(Fact::row_count) || facts.facts.has(Fact::warnings))) {
      diagnostics_.keep(std::move(kept));
      const std::string sql(protocol::as_text(command.payload.subspan(1)));
      if (auto answered = co_await answer_from_kept(facts, sql)) co_return *answered;
      kept = diagnostics_.take();
    }
    if (plan.shadow && known_.context() == nullptr) {
      const absl::Status fresh = co_await refresh_context();
      if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
    }
    plan.shadow = plan.shadow && !known_.reads_pinned() && zone_agreed();
    if (!to_leader) {
      const bool current = co_await follower_is_current();
      absl::StatusOr<BackendLink*> following = absl::UnavailableError("behind");
      if (current) following = co_await follower_link();
      if (following.ok()) {
        source = *following;
      } else {
        from_leader = true;
      }
    }
    if (from_leader) {
      auto leading = co_await leader_link(&facts);
      if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
      source = *leading;
    }
  }
  config::Backend answered_by = from_leader ? leader() : config::other(leader());
  SampledRead sample(plan.shadow ? shared_.config.shadow.recording_bytes_max : 0);
  SampledRead* const sampled = plan.shadow ? &sample : nullptr;
  if (from_leader) expect_commit_of(facts);
  ResultEnd end;
  for (;;) {
    bool answered = false;
    absl::Status done = absl::OkStatus();
    const Stream::Io sent = source->stream().try_write(command.wire);
    if (sent.kind == Stream::Io::Kind::failed) {
      done = absl::UnavailableError("the connection broke while writing");
    } else if (sent.bytes < command.wire.size() || source->stream().is_buffered()) {
      if (!slow) own(command);
      done =
          co_await source->stream().write_all(command.wire.subspan(sent.bytes), worker_.reactor.now() + kStatementMax);
    }
    if (done.ok()) done = co_await relay(*source, ResponseKind::query, sampled, &end, &answered);
    if (done.ok()) break;
    if (absl::IsCancelled(done) || answered) co_return Next::close;
    if (answered_by == leader()) co_return co_await reply_lost(done, leader());
    // The follower failed before a byte of the answer, or its answer is an error: the leader can still give its own.
    leave_follower(done);
    answered_by = leader();
    auto leading = co_await leader_link(&facts);
    if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
    source = *leading;
  }
  diagnostics_.note_answer_of(answered_by);
  const bool without_tables = facts.tables.empty() && !facts.facts.has(Fact::subquery);
  if (answered_by == leader() && without_tables) diagnostics_.keep_over(std::move(kept), end, answer_form().make);
  if (answered_by == leader()) {
    after_statement(facts.kind, facts, end);
    note_relayed(effect, facts, known_.schema(), end);
    count_relayed_write(facts, begun);
  }
  if (facts.facts.has(Fact::sets_last_insert_id)) hold_.note_last_insert_id();
  if (facts.facts.has(Fact::reads_only)) {
    const auto took =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
    count_read(facts, answered_by, took);
    if (plan.shadow) {  // owned: it was the slow path
      submit_shadow(facts, std::string(protocol::as_text(command.payload.subspan(1))), {}, std::move(sample),
                    answered_by);
    }
  }
  co_return Next::go_on;
}

void Session::count_read(const StatementFacts& facts, config::Backend from, std::uint64_t microseconds) {
  (from == config::Backend::old_db ? counters_.reads_old : counters_.reads_new).add();
  counters_.read_latency[static_cast<std::size_t>(from)].record(microseconds);
  worker_.calls.count(facts.digest);
}

void Session::submit_shadow(const StatementFacts& facts, std::string sql, protocol::Buffer execute, SampledRead sample,
                            config::Backend control) {
  auto job = std::make_unique<ShadowJob>();
  job->digest = facts.digest;
  job->digest_text = routing::make_digest(sql, known_.lexer()).text;
  for (const routing::TableName& table : facts.tables) {
    if (!job->tables.empty()) job->tables += ", ";
    job->tables += (table.schema.empty() ? known_.schema() : table.schema) + "." + table.table;
  }
  job->prepared = !execute.empty();
  job->execute = std::move(execute);
  job->sql = std::move(sql);
  job->user = user_name_;
  job->context = *known_.context();
  job->control_is_mariadb = link(leader())->is_mariadb();
  job->ordered = facts.facts.has(Fact::order_by);
  job->control = control;
  job->capabilities = link(control)->capabilities();
  job->control_latency = sample.latency();
  job->recording = std::move(sample.recording);
  job->lexer_mode = known_.lexer();
  job->finished = Clock::now();
  shared_.shadow.submit(std::move(job));
}

}  // namespace crossfade::proxy
