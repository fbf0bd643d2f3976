#include "proxy/shadow_pool.h"

#include <map>

#include "protocol/command.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using shadow::SkipReason;
using shadow::Verdict;

namespace {

constexpr auto kSaveInterval = std::chrono::seconds(1);
constexpr auto kConfirmWait = std::chrono::seconds(2);
// Rows that change all the time are looked at this often for each look that must confirm.
constexpr std::uint32_t kAttemptsPerRecheck = 4;

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t job_bytes(const ShadowJob& job) {
  return sizeof(ShadowJob) + job.sql.size() + job.execute.size() + job.recording.bytes();
}

bool is_mismatch(Verdict verdict) {
  return verdict != Verdict::match && verdict != Verdict::too_large && verdict != Verdict::timeout &&
         verdict != Verdict::skipped;
}

absl::StatusOr<shadow::Answer> answer_from(const protocol::Bytes wire, protocol::ResponseKind kind,
                                           protocol::Capabilities capabilities) {
  auto results = protocol::decode_response(wire, kind, capabilities);
  if (!results.ok()) return results.status();
  return shadow::Answer{.result = std::move(results->front()), .too_large = false};
}

}  // namespace

// One slot's connections, one a side and user: opened when first needed, kept while they live.
struct ShadowPool::Pooled {
  struct Kept {
    std::unique_ptr<BackendLink> link;
    std::vector<std::string> state;  // the context it was brought to
  };
  std::map<std::pair<config::Backend, std::string>, Kept> links;
};

ShadowPool::ShadowPool(const config::ShadowConfig& config, Feed& feed, Metrics& metrics,
                       std::unique_ptr<ReportStore> store, Credentials credentials)
    : config_(config),
      feed_(feed),
      metrics_(metrics),
      counters_(metrics_.make()),
      store_(std::move(store)),
      credentials_(std::move(credentials)),
      report_(std::make_unique<shadow::Report>(
          shadow::Report::Options{.digests_max = config.digests_max,
                                  .samples_per_digest_max = config.samples_per_digest_max,
                                  .plaintext_samples = config.plaintext_samples,
                                  .hash_salt = store_->hash_salt()})) {}

ShadowPool::~ShadowPool() { stop(); }

absl::Status ShadowPool::start() {
  const absl::Status loaded = store_->load_into(*report_);
  if (!loaded.ok()) return loaded;
  for (std::uint32_t i = 0; i < 2 * config_.connections; ++i) {
    slots_.push_back(std::make_unique<Pooled>());
    idle_.push_back(std::make_unique<Signal>(reactor_));
  }
  thread_ = std::thread([this] {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      reactor_.spawn(slot < config_.connections ? work(slot) : recheck_work(slot));
    }
    reactor_.spawn(save_regularly());
    reactor_.run();
  });
  return absl::OkStatus();
}

void ShadowPool::stop() {
  if (!thread_.joinable()) return;
  reactor_.stop();
  thread_.join();
  save();
}

bool ShadowPool::submit(std::unique_ptr<ShadowJob> job) {
  const std::uint64_t bytes = job_bytes(*job);
  bool first = false;
  {
    const std::lock_guard lock(queue_mutex_);
    if (queue_.size() >= config_.queue_max ||
        queued_bytes_.load(std::memory_order_relaxed) + bytes > config_.queue_bytes_max) {
      const SkipReason reason = queue_.size() >= config_.queue_max ? SkipReason::queue_full : SkipReason::bytes_full;
      reactor_.post([this, reason, shared = std::shared_ptr<ShadowJob>(std::move(job))] { skip(*shared, reason); });
      return false;
    }
    first = queue_.empty();
    queue_.push_back(std::move(job));
    queued_.store(queue_.size(), std::memory_order_relaxed);
    queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  if (first) {
    reactor_.post([this] {
      for (auto& signal : idle_) signal->notify();
    });
  }
  return true;
}

void ShadowPool::count_calls(std::uint64_t digest, const std::string& text, std::uint64_t calls) {
  const std::lock_guard lock(report_mutex_);
  for (std::uint64_t i = 0; i < calls; ++i) report_->count_call(digest, text);
}

nlohmann::json ShadowPool::report() const {
  const std::lock_guard lock(report_mutex_);
  return shadow::report_json(*report_);
}

// The first half of the slots takes fresh jobs, the second half rechecks, so that what differs for the
// moment does not keep the rest waiting.
Task<void> ShadowPool::work(std::size_t slot) {
  for (;;) {
    std::unique_ptr<ShadowJob> job;
    {
      const std::lock_guard lock(queue_mutex_);
      if (!queue_.empty()) {
        job = std::move(queue_.front());
        queue_.pop_front();
        queued_.store(queue_.size(), std::memory_order_relaxed);
        queued_bytes_.fetch_sub(job_bytes(*job), std::memory_order_relaxed);
      }
    }
    if (!job) {
      co_await idle_[slot]->wait(Clock::now() + std::chrono::seconds(1));
      continue;
    }
    co_await run(std::move(job), slot);
  }
}

Task<void> ShadowPool::recheck_work(std::size_t slot) {
  for (;;) {
    if (suspects_.empty()) {
      co_await idle_[slot]->wait(Clock::now() + std::chrono::seconds(1));
      continue;
    }
    const auto wait = suspects_.front().not_before - Clock::now();
    if (wait > Clock::duration::zero()) {
      co_await reactor_.sleep_for(std::chrono::ceil<std::chrono::milliseconds>(wait));
      continue;  // another slot may have taken it meanwhile
    }
    Suspect suspect = std::move(suspects_.front());
    suspects_.pop_front();
    co_await recheck(std::move(suspect), slot);
  }
}

void ShadowPool::suspect(Suspect suspect) {
  if (suspects_.size() >= config_.queue_max) {
    skip(*suspect.job, SkipReason::queue_full);
    return;
  }
  suspect.not_before = Clock::now() + config_.recheck_delay;
  suspects_.push_back(std::move(suspect));
  for (std::size_t slot = config_.connections; slot < idle_.size(); ++slot) idle_[slot]->notify();
}

Task<void> ShadowPool::save_regularly() {
  for (;;) {
    co_await reactor_.sleep_for(std::chrono::duration_cast<std::chrono::milliseconds>(kSaveInterval));
    save();
  }
}

void ShadowPool::save() {
  std::vector<shadow::DigestReport> changed;
  {
    const std::lock_guard lock(report_mutex_);
    for (const std::uint64_t digest : report_->take_changed()) {
      const auto found = report_->digests().find(digest);
      if (found != report_->digests().end()) changed.push_back(found->second);
    }
  }
  if (changed.empty()) return;
  std::vector<const shadow::DigestReport*> rows;
  for (const auto& digest : changed) rows.push_back(&digest);
  const absl::Status saved = store_->save(rows);
  if (!saved.ok())
    limited_log().error(LogKind::report_save, "report_save=failed why=\"{}\"", std::string(saved.message()));
}

// Everything committed on the leader before `since` is on the follower.
Task<bool> ShadowPool::wait_synced(TimePoint since, TimePoint deadline) {
  while (feed_.synced_through() < since) {
    if (Clock::now() >= deadline) co_return false;
    feed_.look_soon();
    co_await reactor_.sleep_for(std::chrono::milliseconds(2));
  }
  co_return true;
}

Task<ShadowPool::Ran> ShadowPool::run_on(config::Backend which, const ShadowJob& job, std::size_t slot,
                                         TimePoint deadline) {
  Ran ran;
  Pooled::Kept& kept = slots_[slot]->links[{which, job.user}];
  if (kept.link && !kept.link->alive()) kept.link.reset();
  if (!kept.link) {
    std::optional<LinkOptions> options = credentials_(which, job.user);
    if (!options) {
      ran.status = absl::NotFoundError("the user's password is not known any more");
      co_return ran;
    }
    options->mirrored = protocol::kDeprecateEof;
    auto opened = co_await BackendLink::open(reactor_, *std::move(options), counters_, deadline);
    if (!opened.ok()) {
      ran.status = opened.status();
      co_return ran;
    }
    kept.link = *std::move(opened);
    kept.state.clear();
  }
  BackendLink& link = *kept.link;
  // The context was read on the control's side; `new` may be of the other make.
  const std::vector<std::string> state = context_statements(job.context, link.is_mariadb(), job.control_is_mariadb);
  if (kept.state != state) {
    for (const std::string& sql : state) {
      auto set = co_await link.query(sql, deadline);
      if (!set.ok()) {
        ran.status = set.status();
        kept.link.reset();
        co_return ran;
      }
    }
    kept.state = state;
  }
  protocol::Buffer wire;
  protocol::ResponseKind kind = protocol::ResponseKind::query;
  std::optional<std::uint32_t> statement;
  absl::StatusOr<Captured> captured = Captured{};
  if (job.prepared) {
    protocol::append_command(wire, protocol::encode_prepare(job.sql));
    ran.status = co_await link.send(wire, deadline);
    if (ran.status.ok()) captured = co_await link.capture(protocol::ResponseKind::prepare, deadline);
    if (!ran.status.ok() || !captured.ok()) {
      if (ran.status.ok()) ran.status = captured.status();
      kept.link.reset();
      co_return ran;
    }
    wire.clear();
    if (!captured->failed()) {
      const auto header = protocol::decode_header(captured->wire);
      auto ok = protocol::decode_prepare_ok(
          protocol::Bytes(captured->wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
      if (ok.ok()) statement = ok->statement_id;
      protocol::Buffer execute = job.execute;
      protocol::replace_statement_id(execute, statement.value_or(0));
      protocol::append_command(wire, execute);
      kind = protocol::ResponseKind::execute;
    }
  } else {
    protocol::append_command(wire, protocol::encode_query(job.sql));
  }
  const TimePoint begun = Clock::now();
  if (!wire.empty()) {
    ran.status = co_await link.send(wire, deadline);
    if (ran.status.ok()) {
      captured = co_await link.capture(kind, deadline, config_.recording_bytes_max + 64 * 1024);
      ran.status = captured.status();
    }
    if (!ran.status.ok()) {
      if (absl::IsResourceExhausted(ran.status)) {
        ran.status = absl::OkStatus();
        ran.answer.too_large = true;
      }
      kept.link.reset();
      co_return ran;
    }
  }
  ran.microseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
  auto answer = answer_from(captured->wire, kind, link.capabilities());
  if (answer.ok()) {
    ran.answer = *std::move(answer);
  } else {
    ran.status = answer.status();
  }
  if (statement) {
    wire.clear();
    protocol::append_command(wire, protocol::encode_stmt_close(*statement));
    const absl::Status closed = co_await link.send(wire, deadline);
    if (!closed.ok()) kept.link.reset();
  }
  co_return ran;
}

Task<void> ShadowPool::run(std::unique_ptr<ShadowJob> job, std::size_t slot) {
  const TimePoint deadline = Clock::now() + config_.deadline;
  const config::Backend candidate = config::other(job->control);
  shadow::Comparison comparison;
  const auto set_latency = [&](config::Backend which, std::uint64_t microseconds) {
    (which == config::Backend::old_db ? comparison.old_microseconds : comparison.new_microseconds) = microseconds;
  };
  set_latency(job->control, job->control_microseconds);
  if (job->recording.too_large()) {
    comparison.diff.verdict = Verdict::too_large;
    finish(*job, std::move(comparison));
    co_return;
  }
  if (!co_await wait_synced(job->finished, deadline)) {
    skip(*job, SkipReason::follower_behind);
    co_return;
  }
  const auto kind = job->prepared ? protocol::ResponseKind::execute : protocol::ResponseKind::query;
  auto control = answer_from(job->recording.wire(), kind, job->capabilities);
  if (!control.ok()) {
    skip(*job, SkipReason::session_state);
    co_return;
  }
  const shadow::DiffOptions options{.ordered = job->ordered, .samples_max = config_.samples_per_digest_max};
  Ran ran = co_await run_on(candidate, *job, slot, deadline);
  if (!ran.status.ok()) {
    if (absl::IsDeadlineExceeded(ran.status)) {
      comparison.diff.verdict = Verdict::timeout;
      finish(*job, std::move(comparison));
    } else {
      skip(*job, SkipReason::candidate_unreachable);
    }
    co_return;
  }
  set_latency(candidate, ran.microseconds);
  comparison.diff = shadow::compare(*control, ran.answer, options);
  if (is_mismatch(comparison.diff.verdict) && config_.rechecks > 0) {
    Suspect suspected{.job = std::move(job), .comparison = std::move(comparison)};
    suspect(std::move(suspected));
    co_return;
  }
  finish(*job, std::move(comparison));
}

// Rows may have changed between the two reads. The control is read before and after the candidate, each
// time with the follower brought up to what was committed before: only a difference between two equal
// control answers counts, and only if it shows again and again. No lock is taken for it.
Task<void> ShadowPool::recheck(Suspect now, std::size_t slot) {
  const ShadowJob& job = *now.job;
  const shadow::DiffOptions options{.ordered = job.ordered, .samples_max = config_.samples_per_digest_max};
  const TimePoint deadline = Clock::now() + config_.deadline;
  Ran before = co_await run_on(job.control, job, slot, deadline);
  bool synced = co_await wait_synced(Clock::now(), Clock::now() + kConfirmWait);
  Ran candidate = co_await run_on(config::other(job.control), job, slot, deadline);
  if (synced) synced = co_await wait_synced(Clock::now(), Clock::now() + kConfirmWait);
  Ran after = co_await run_on(job.control, job, slot, deadline);
  if (!before.status.ok() || !candidate.status.ok() || !after.status.ok() || !synced) {
    skip(job, synced ? SkipReason::candidate_unreachable : SkipReason::follower_behind);
    co_return;
  }
  ++now.attempts;
  shadow::Diff diff = shadow::compare(before.answer, candidate.answer, options);
  const bool equal = diff.verdict == Verdict::match;
  const bool still = shadow::compare(before.answer, after.answer, options).verdict == Verdict::match;
  if (still && !equal) {
    now.comparison.diff = std::move(diff);
    ++now.comparison.rechecks;
  }
  const bool confirmed = now.comparison.rechecks >= config_.rechecks;
  const bool gives_up = now.attempts >= kAttemptsPerRecheck * config_.rechecks;
  if (equal || (gives_up && !confirmed)) {
    now.comparison.diff.verdict = Verdict::transient;
    now.comparison.diff.samples.clear();
  } else if (!confirmed) {
    suspect(std::move(now));
    co_return;
  }
  finish(job, std::move(now.comparison));
}

void ShadowPool::skip(const ShadowJob& job, SkipReason reason) {
  counters_.shadow_skips[static_cast<std::size_t>(reason)].add();
  shadow::Comparison comparison;
  comparison.diff.verdict = Verdict::skipped;
  comparison.skip = reason;
  finish(job, std::move(comparison));
}

void ShadowPool::finish(const ShadowJob& job, shadow::Comparison comparison) {
  comparison.digest = job.digest;
  comparison.digest_text = job.digest_text;
  comparison.tables = job.tables;
  comparison.at = unix_seconds();
  counters_.shadow_verdicts[static_cast<std::size_t>(comparison.diff.verdict)].add();
  if (shadow::is_difference(comparison.diff.verdict)) {
    char digest[24];
    std::snprintf(digest, sizeof digest, "0x%016llx", static_cast<unsigned long long>(job.digest));
    limited_log().warn(LogKind::shadow_difference, "shadow_difference digest={} tables=\"{}\" verdict={}", digest,
                       job.tables, shadow::name(comparison.diff.verdict));
  }
  const std::lock_guard lock(report_mutex_);
  report_->add(comparison);
}

}  // namespace crossfade::proxy
