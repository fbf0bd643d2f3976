// PreparedStatement statements: ids of our own, prepared on the leader at once and on the other side when
// first needed there.

#include <algorithm>

#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/kept_question.h"
#include "proxy/session.h"
#include "routing/classify.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;
using routing::Fact;

namespace {

constexpr std::uint32_t kLastPrepared = 0xffffffff;

}  // namespace

// MariaDB takes an id of all ones for the statement that was prepared last: a client can prepare and execute at once.
std::uint32_t Session::meant_statement(protocol::Bytes payload) {
  const std::uint32_t id = protocol::statement_id_of(payload).value_or(0);
  return id == kLastPrepared && link(leader())->is_mariadb() ? prepared_.last() : id;
}

PreparedStatement* Session::find_prepared(protocol::Bytes payload) { return prepared_.find(meant_statement(payload)); }

std::string Session::unknown_statement(protocol::Bytes payload, std::string_view where) {
  const std::string id = std::to_string(protocol::statement_id_of(payload).value_or(0));
  return "Unknown prepared statement handler (" + id + ") given to " +
         std::string(link(leader())->is_mariadb() ? where : "mysql_stmt_precheck");
}

Task<Session::Next> Session::on_execute(Command command) {
  counters_.statements.add();
  own(command);
  PreparedStatement* prepared = find_prepared(command.payload);
  if (prepared == nullptr) {
    co_return co_await reply_err(protocol::kErrUnknownStatement, "HY000",
                                 unknown_statement(command.payload, "mysqld_stmt_execute"));
  }
  if (prepared->long_data.bytes != 0 || prepared->long_data.fault != LongData::Fault::none) {
    auto no = co_await long_data_refusal(*prepared, command.payload.size());
    if (!no.ok()) co_return co_await reply_lost(no.status(), leader());
    if (no->has_value()) {
      prepared->long_data.forget_values();
      co_return co_await reply_err(**no);
    }
  }
  auto execute =
      protocol::decode_execute(command.payload, prepared->parameters, prepared->types, prepared->long_data.values);
  const bool mariadb = link(leader())->is_mariadb();
  if (execute.ok() || mariadb) {  // MySQL keeps the data for the next attempt
    prepared->long_data.forget_values();
  }
  if (!execute.ok()) {
    const bool wrong_arguments =
        absl::IsFailedPrecondition(execute.status()) || (mariadb && !absl::IsOutOfRange(execute.status()));
    if (wrong_arguments) {
      co_return co_await reply_err(protocol::kErrWrongArguments, "HY000", "Incorrect arguments to mysqld_stmt_execute");
    }
    std::string malformed = mariadb ? "Malformed communication packet" : "Malformed communication packet.";
    co_return co_await reply_err(protocol::kErrMalformedPacket, "HY000", std::move(malformed));
  }
  transaction_.take_flags(worker_.flags);
  routing::SessionFacts session = session_facts();
  session.client_multi_statements = true;
  session.schema = prepared->schema;
  if (duplicates() && shared_.feed.any_stopped()) {
    session.reads_stopped_tables = co_await reads_stopped_tables(prepared->facts, prepared->schema);
  }
  const auto draw = static_cast<std::uint32_t>(worker_.random() % config::Percent::kWhole);
  const routing::Plan plan = routing::make_plan(prepared->facts, session, transaction_.flags(), leader(), draw);
  if (diagnostics_.kept() == nullptr && plan.action == Action::warnings && diagnostics_.answered_by() != leader())
    co_await keep_followers_conditions();
  if (diagnostics_.kept() != nullptr &&
      (prepared->facts.facts.has(Fact::row_count) || prepared->facts.facts.has(Fact::warnings))) {
    std::optional<std::string> question = kept_question(prepared->sql, known_.lexer(), *diagnostics_.kept());
    if (!question && !diagnostics_.kept()->show_warnings.empty()) {
      std::optional<protocol::Buffer> shown;
      if (prepared->parameters == 0) shown = executed_show_warnings(prepared->sql);
      if (!shown) {
        co_return co_await reply_not_supported(
            "crossfade: after a read that the other side has answered its warnings can be read with a SHOW WARNINGS "
            "without parameters, SHOW COUNT(*) WARNINGS and @@warning_count only");
      }
      diagnostics_.note_rows_given();
      co_return co_await reply_wire(*std::move(shown));
    }
    if (question) {
      // PreparedStatement anew with the value in its place, run, and forgotten.
      PreparedStatement once;
      once.sql = *std::move(question);
      once.facts = prepared->facts;
      once.schema = prepared->schema;
      once.parameters = prepared->parameters;
      std::optional<Kept> kept = diagnostics_.take();
      const Next next = co_await execute_read(once, plan, *std::move(execute));
      // Asking for conditions leaves them; so does what reads no tables, on MariaDB.
      const bool leaves_them =
          once.facts.facts.has(Fact::warnings) || (once.facts.tables.empty() && link(leader())->is_mariadb());
      if (leaves_them && link(leader())->ended_clean()) {
        kept->row_count = -1;
        const bool select = once.facts.kind == routing::StatementKind::select;
        if (select && !link(leader())->is_mariadb()) kept->show_warnings.clear();
        diagnostics_.keep(std::move(kept));
      }
      protocol::Buffer wire;
      protocol::append_command(wire, protocol::encode_stmt_close(once.id_on(leader()).value_or(0)));
      const absl::Status closed = co_await link(leader())->send(wire, worker_.reactor.now() + kStatementMax);
      co_return closed.ok() ? next : Next::close;
    }
  }
  diagnostics_.forget();
  if (plan.action != Action::refuse) hold_.note(prepared->facts);
  prepared->cursor = false;  // an execution closes the one before
  switch (plan.action) {
    case Action::refuse: {
      co_return co_await reply_refused(routing::refusal(plan.reason));
    }
    case Action::kill:
    case Action::set:
      // They change what is known here of this session or of another: as text they take the one path that handles that.
      if (prepared->parameters == 0) {
        Command text;
        owned_payload_ = protocol::encode_query(prepared->sql);
        text.payload = owned_payload_;
        co_return co_await carry_out(plan, prepared->facts, text);
      }
      if (plan.action == Action::set) {
        auto leading = co_await leader_link(&prepared->facts);
        if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
        auto id = co_await backend_statement(**leading, *prepared, nullptr);
        if (!id.ok()) co_return co_await reply_lost(id.status(), leader());
        execute->statement_id = *id;
        owned_payload_ = protocol::encode_execute(*execute);
        command.payload = owned_payload_;
        own(command);
        co_return co_await on_set(prepared->facts, prepared->sql, command, ResponseKind::execute);
      }
      break;
    case Action::split:  // no server prepares several statements
    case Action::relay:
    case Action::warnings:
    case Action::begin:
    case Action::commit:
    case Action::rollback:
    case Action::use:
      break;
  }
  co_return co_await execute_read(*prepared, plan, *std::move(execute));
}

Task<Session::Next> Session::execute_read(PreparedStatement& prepared, routing::Plan plan, protocol::Execute execute) {
  const TimePoint begun = worker_.reactor.now();
  const routing::StatementFacts& facts = prepared.facts;
  const bool is_read = facts.facts.has(Fact::reads_only);
  if (is_read && !worker_.calls.knows(facts.digest)) {
    worker_.calls.add(facts.digest, routing::make_digest(prepared.sql, known_.lexer()).text);
  }
  config::Backend from = plan.answer_from;
  if (execute.cursor_flags != 0) plan.shadow = false;  // its rows come with COM_STMT_FETCH
  if (execute.cursor_flags != 0) from = leader();      // COM_STMT_FETCH follows
  if (prepared.context_version != known_.version()) {
    // The other side would prepare it in another session state.
    from = leader();
    plan.shadow = false;
  }
  if (prepared.schema != known_.schema()) from = leader();  // the other side would prepare it in another schema
  if (plan.shadow && known_.context() == nullptr) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
  }
  plan.shadow = plan.shadow && !known_.reads_pinned() && zone_agreed();
  BackendLink* source = nullptr;
  if (from != leader()) {
    const bool current = co_await follower_is_current();
    absl::StatusOr<BackendLink*> following = absl::UnavailableError("behind");
    if (current) following = co_await follower_link();
    if (following.ok()) {
      auto id = co_await backend_statement(**following, prepared, nullptr);
      if (id.ok()) source = *following;
    }
    if (source == nullptr) from = leader();
  }
  if (source == nullptr) {
    auto leading = co_await leader_link(&facts);
    if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
    source = *leading;
  }
  protocol::Buffer body = protocol::encode_execute(execute);
  // Long data travels in it: it can be more packets than the client's command was.
  const Numbers numbers =
      body.size() / protocol::kPayloadBytesMax + 1 == reply_sequence_ ? Numbers::kept : Numbers::anew;
  SampledRead sample(plan.shadow ? shared_.config.shadow.recording_bytes_max : 0);
  SampledRead* const sampled = plan.shadow ? &sample : nullptr;
  if (from == leader() && must_say_ddl(facts)) {
    const absl::Status said = co_await say_ddl(facts, prepared.sql, prepared.schema);
    if (!said.ok()) co_return co_await reply_ddl_unsaid(said);
  }
  if (from == leader()) expect_commit_of(facts);
  ResultEnd end;
  for (;;) {
    auto id = co_await backend_statement(*source, prepared, nullptr);
    if (!id.ok()) co_return co_await reply_lost(id.status(), source->which());
    protocol::replace_statement_id(body, *id);
    protocol::Buffer wire;
    protocol::append_command(wire, body);
    bool answered = false;
    absl::Status done = co_await source->send(wire, worker_.reactor.now() + kStatementMax);
    if (done.ok()) done = co_await relay(*source, ResponseKind::execute, sampled, &end, &answered, numbers);
    if (done.ok()) break;
    if (absl::IsCancelled(done) || answered) co_return Next::close;
    if (from == leader()) co_return co_await reply_lost(done, leader());
    leave_follower(done);
    from = leader();
    auto leading = co_await leader_link(&facts);
    if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
    source = *leading;
  }
  diagnostics_.note_answer_of(from);
  prepared.cursor = execute.cursor_flags != 0;
  if (from == leader()) {
    after_statement(facts.kind, facts, end);
    note_relayed(routing::session_effect(facts, prepared.sql), facts, prepared.schema, end);
    count_relayed_write(facts, begun);
  }
  if (facts.facts.has(Fact::sets_last_insert_id)) hold_.note_last_insert_id();
  if (is_read) {
    const auto took =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
    count_read(facts, from, took);
    if (plan.shadow) submit_shadow(facts, prepared.sql, std::move(body), std::move(sample), from);
  }
  co_return Next::go_on;
}

Task<Session::Next> Session::on_close(Command command) {
  PreparedStatement* prepared = find_prepared(command.payload);
  if (prepared == nullptr) co_return Next::go_on;
  const std::uint32_t id = meant_statement(command.payload);
  const auto backend_ids = prepared->backend_ids;
  prepared_.erase(id);
  for (auto& open : links_) {
    if (!open || !backend_ids[static_cast<std::size_t>(open->which())]) continue;
    protocol::Buffer wire;
    protocol::append_command(wire, protocol::encode_stmt_close(*backend_ids[static_cast<std::size_t>(open->which())]));
    const absl::Status sent = co_await open->send(wire, worker_.reactor.now() + kStatementMax);
    // A broken link shows with the next statement that needs it.
    if (!sent.ok() && open->which() != leader()) open.reset();
  }
  co_return Next::go_on;
}

Task<Session::Next> Session::on_reset_statement(Command command) {
  own(command);
  PreparedStatement* prepared = find_prepared(command.payload);
  if (prepared == nullptr) {
    co_return co_await reply_err(protocol::kErrUnknownStatement, "HY000",
                                 unknown_statement(command.payload, "mysqld_stmt_reset"));
  }
  prepared->long_data = {};
  prepared->cursor = false;
  auto leading = co_await leader_link(nullptr);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  auto known = co_await backend_statement(**leading, *prepared, nullptr);
  if (!known.ok()) co_return co_await reply_lost(known.status(), leader());
  protocol::replace_statement_id(owned_payload_, *known);
  own(command);  // framed again, with the leader's id
  ResultEnd end;
  co_return co_await relay_command(command, ResponseKind::ok_or_err, &end);
}

Task<Session::Next> Session::on_fetch(Command command) {
  own(command);
  PreparedStatement* prepared = find_prepared(command.payload);
  if (prepared == nullptr) {
    co_return co_await reply_err(protocol::kErrUnknownStatement, "HY000",
                                 unknown_statement(command.payload, "mysqld_stmt_fetch"));
  }
  protocol::replace_statement_id(owned_payload_, prepared->id_on(leader()).value_or(0));
  own(command);  // framed again, with the leader's id
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::fetch, &end);
  after_statement(prepared->facts.kind, prepared->facts, end);
  co_return next;
}

}  // namespace crossfade::proxy
