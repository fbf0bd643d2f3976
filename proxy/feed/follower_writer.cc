#include "proxy/feed/follower_writer.h"

#include <algorithm>

#include "dualwrite/format_description.h"
#include "dualwrite/rows_statement.h"
#include "protocol/command.h"
#include "protocol/error_codes.h"
#include "protocol/packet.h"
#include "proxy/feed/ddl_state.h"
#include "proxy/feed/server_answers.h"

namespace crossfade::proxy {
namespace {

// A transaction on the follower may take long: an ALTER, a lock behind a backup.
constexpr auto kApplyMax = std::chrono::minutes(30);

TimePoint in_time() { return Clock::now() + kApplyMax; }

}  // namespace

WriterStep commit_step() { return {.sql = "COMMIT", .waits = true}; }

Task<absl::StatusOr<std::unique_ptr<FollowerWriter>>> FollowerWriter::open(Reactor& reactor, LinkOptions options,
                                                                           Counters& counters, TimePoint deadline) {
  options.statements = LinkOptions::Statements::multiple;
  options.mirrored |= protocol::kFoundRows;
  auto opened = co_await BackendLink::open(reactor, std::move(options), counters, deadline);
  if (!opened.ok()) co_return opened.status();
  std::unique_ptr<FollowerWriter> writer(new FollowerWriter(*std::move(opened)));
  const absl::Status ready = co_await writer->set_up(deadline);
  if (!ready.ok()) co_return ready;
  co_return writer;
}

Task<absl::Status> FollowerWriter::set_up(TimePoint deadline) {
  auto done = co_await link_->query(dualwrite::sql_session(link_->is_mariadb()), deadline);
  if (!done.ok()) co_return done.status();
  done = co_await link_->query("SET SESSION autocommit=1,innodb_lock_wait_timeout=5", deadline);
  if (done.ok()) done = co_await link_->query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", deadline);
  if (!done.ok()) co_return done.status();
  auto packet = co_await link_->ask_row("@@max_allowed_packet", 1, deadline);
  if (!packet.ok()) co_return packet.status();
  constexpr std::uint64_t kLeast = 64 * 1024;
  constexpr std::uint64_t kMost = 1u << 30;
  packet_bytes_max_ = static_cast<std::size_t>(std::clamp(first_number(*packet), kLeast, kMost));
  co_return co_await allow_events(deadline);
}

// The format description tells the server how to read the events that follow; a server that will not have it from this
// account will not have them either.
Task<absl::Status> FollowerWriter::allow_events(TimePoint deadline) {
  const std::string& version = link_->greeting().server_version;
  const protocol::Buffer description = link_->is_mariadb() ? dualwrite::mariadb_format_description(version)
                                                           : dualwrite::mysql_format_description(version);
  auto statement = dualwrite::binlog_preamble(description);
  if (!statement.ok()) co_return statement.status();
  auto preamble = co_await link_->query(*std::move(statement), deadline);
  may_run_events_ = preamble.ok();
  if (!preamble.ok()) {
    if (!absl::IsFailedPrecondition(preamble.status())) co_return preamble.status();
    why_no_events_ = "the follower's control account may not run BINLOG (" + std::string(preamble.status().message()) +
                     "): GRANT " + (link_->is_mariadb() ? "BINLOG REPLAY" : "REPLICATION_APPLIER") + " ON *.* TO it";
    co_return absl::OkStatus();
  }
  if (link_->is_mariadb()) {
    // Spares the follower's own log the text of the events; an account without that right does without.
    auto quiet = co_await link_->query("SET SESSION binlog_annotate_row_events=0", deadline);
    if (!quiet.ok() && !absl::IsFailedPrecondition(quiet.status())) co_return quiet.status();
    co_return absl::OkStatus();
  }
  // With GTIDs on, the format description leaves a state in which every later write fails (1782).
  auto mode = co_await link_->query("SET SESSION gtid_next='AUTOMATIC'", deadline);
  if (!mode.ok() && !absl::IsFailedPrecondition(mode.status())) co_return mode.status();
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::optional<StepFailure>>> FollowerWriter::run(std::vector<WriterStep> steps) {
  const absl::Status started = co_await start(std::move(steps));
  if (!started.ok()) co_return started;
  co_return co_await finish();
}

Task<absl::Status> FollowerWriter::start(std::vector<WriterStep> steps) {
  steps_ = std::move(steps);
  from_ = 0;
  co_return co_await send_packet();
}

Task<absl::StatusOr<std::optional<StepFailure>>> FollowerWriter::finish() {
  while (from_ < steps_.size()) {
    auto failure = co_await check_packet();
    if (!failure.ok() || *failure) co_return failure;
    from_ = to_;
    const absl::Status sent = co_await send_packet();
    if (!sent.ok()) co_return sent;
  }
  co_return std::optional<StepFailure>();
}

// As many steps from `from_` on as may go together.
Task<absl::Status> FollowerWriter::send_packet() {
  if (from_ == steps_.size()) co_return absl::OkStatus();
  std::string sql;
  bool must_look = false;
  for (to_ = from_; to_ < steps_.size(); ++to_) {
    const WriterStep& step = steps_[to_];
    const bool fits = to_ == from_ || sql.size() + step.sql.size() < statement_bytes_max();
    if (!fits || (step.waits && must_look)) break;
    if (to_ != from_) sql += ';';
    sql += step.sql;
    must_look = must_look || step.expect != WriterStep::Expect::ok;
  }
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_query(sql));
  co_return co_await link_->send(wire, in_time());
}

// MySQL's answer to BINLOG says that nothing follows, and then the answers to the statements behind it do follow:
// results are counted, not believed.
Task<absl::StatusOr<std::vector<FollowerWriter::Answer>>> FollowerWriter::take_answers(std::size_t count) {
  std::vector<Answer> answers;
  while (answers.size() < count) {
    auto captured = co_await link_->capture(protocol::ResponseKind::query, in_time());
    if (!captured.ok()) co_return captured.status();
    for (const Captured::Result& result : captured->results) {
      const protocol::Bytes bytes = captured->bytes_of(result);
      answers.push_back({.end = result.outcome, .wire = {bytes.begin(), bytes.end()}});
    }
    if (captured->failed()) break;
  }
  co_return answers;
}

Task<absl::StatusOr<std::optional<StepFailure>>> FollowerWriter::check_packet() {
  auto answers = co_await take_answers(to_ - from_);
  if (!answers.ok()) co_return answers.status();
  for (std::size_t i = from_; i < to_; ++i) {
    const Answer& answer = (*answers)[i - from_];
    StepFailure failure{.step = i, .err = std::nullopt, .is_of_a_state = steps_[i].expect == WriterStep::Expect::state};
    if (answer.end.kind == protocol::ResultEnd::Kind::err) {
      failure.err = answer.end.err;
      co_return std::optional<StepFailure>(std::move(failure));
    }
    if (!is_as_expected(steps_[i], answer)) co_return std::optional<StepFailure>(std::move(failure));
  }
  co_return std::optional<StepFailure>();
}

bool FollowerWriter::is_as_expected(const WriterStep& step, const Answer& answer) const {
  switch (step.expect) {
    case WriterStep::Expect::ok:
      return true;
    case WriterStep::Expect::affected:
      return step.affected == dualwrite::kAnyAffected || answer.end.ok.affected_rows == step.affected;
    case WriterStep::Expect::one: {
      const auto kind = protocol::ResponseKind::query;
      const auto result = protocol::decode_result(answer.wire, kind, link_->capabilities(), answer.end);
      return result.ok() && first_cell(*result) == "1";
    }
    case WriterStep::Expect::state: {
      const auto kind = protocol::ResponseKind::query;
      const auto result = protocol::decode_result(answer.wire, kind, link_->capabilities(), answer.end);
      return result.ok() && definition_state(*result) == step.state;
    }
  }
  return false;
}

Task<absl::Status> FollowerWriter::rollback() {
  auto done = co_await link_->query("ROLLBACK;SET foreign_key_checks=1", in_time());
  co_return done.status();
}

Task<absl::StatusOr<protocol::ResultSet>> FollowerWriter::ask(std::string sql) {
  auto results = co_await link_->query(std::move(sql), in_time());
  if (!results.ok()) co_return results.status();
  if (results->empty()) co_return absl::InternalError("the follower gave no result");
  co_return std::move(results->front());
}

}  // namespace crossfade::proxy
