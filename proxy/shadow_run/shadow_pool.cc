#include "proxy/shadow_run/shadow_pool.h"

#include <algorithm>

#include "proxy/counts/log_limit.h"

namespace crossfade::proxy {

using shadow::SkipReason;
using shadow::Verdict;

namespace {

constexpr auto kSaveInterval = std::chrono::seconds(1);
constexpr auto kConfirmWait = std::chrono::seconds(2);
constexpr auto kIdleWait = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kSyncPauseMin{2};
constexpr std::chrono::milliseconds kSyncPauseMax{128};
constexpr std::size_t kCompareHereMax = 4096;   // bytes that are compared sooner than handed to another thread
constexpr std::size_t kAnswerMore = 64 * 1024;  // that a candidate may answer beyond what a recording holds
// Rows that change all the time are looked at this often for each look that must confirm.
constexpr std::uint32_t kAttemptsPerRecheck = 4;

std::int64_t seconds_of_clock() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t job_bytes(const ShadowJob& job) {
  return sizeof(ShadowJob) + job.sql.size() + job.execute.size() + job.recording.bytes();
}

// One connection is left for the other digests while there are two.
std::size_t running_max(const config::ShadowConfig& config) { return std::max(1u, config.connections - 1); }

SkipReason reason_of(const absl::Status& status) {
  const bool no_connection = absl::IsResourceExhausted(status) || absl::IsCancelled(status);
  return no_connection ? SkipReason::no_connection : SkipReason::candidate_unreachable;
}

// Workers wait for the lock: no longer than it takes to copy one digest.
shadow::Digests copied(const shadow::Report& report, std::mutex& mutex, const std::vector<std::uint64_t>& digests) {
  shadow::Digests copies;
  for (const std::uint64_t digest : digests) {
    shadow::DigestReport& copy = copies[digest];
    const std::lock_guard lock(mutex);
    const auto found = report.digests().find(digest);
    if (found != report.digests().end()) copy = found->second;
  }
  return copies;
}

}  // namespace

ShadowPool::ShadowPool(const config::ShadowConfig& config, Feed& feed, Metrics& metrics,
                       std::unique_ptr<ReportStore> store, ShadowLinks::Credentials credentials)
    : config_(config),
      feed_(feed),
      metrics_(metrics),
      counters_(metrics_.make()),
      store_(std::move(store)),
      side_(reactor_),
      links_(config_, reactor_, counters_, std::move(credentials)),
      unique_keys_(reactor_, [this](UniqueKeys::Question question) { return ask_unique_keys(std::move(question)); }),
      suspects_(
          {.items_max = config.queue_max, .bytes_max = config.queue_bytes_max, .running_max = running_max(config)}),
      queue_({.items_max = config.queue_max, .bytes_max = config.queue_bytes_max, .running_max = running_max(config)}),
      back_off_(config.digests_max),
      report_(std::make_unique<shadow::Report>(
          shadow::Report::Options{.digests_max = config.digests_max,
                                  .samples_per_digest_max = config.samples_per_digest_max,
                                  .plaintext_samples = config.plaintext_samples,
                                  .hash_salt = store_->hash_salt()})) {}

ShadowPool::~ShadowPool() { stop(); }

absl::Status ShadowPool::start() {
  const absl::Status loaded = store_->load_into(*report_);
  if (!loaded.ok()) return loaded;
  for (std::uint32_t i = 0; i < 2 * config_.connections; ++i) idle_.push_back(std::make_unique<Signal>(reactor_));
  side_.start();
  thread_ = std::thread([this] {
    for (std::size_t slot = 0; slot < idle_.size(); ++slot) {
      reactor_.spawn(slot < config_.connections ? work(slot) : recheck_work(slot));
    }
    for (const auto which : {config::Backend::old_db, config::Backend::new_db}) reactor_.spawn(links_.watch(which));
    reactor_.spawn(save_regularly());
    reactor_.run();
  });
  return absl::OkStatus();
}

void ShadowPool::stop() {
  if (!thread_.joinable()) return;
  side_.stop();
  reactor_.stop();
  thread_.join();
  save();
}

bool ShadowPool::submit(Job job) {
  const auto skip_soon = [this](Job dropped, SkipReason reason) {
    reactor_.post([this, reason, shared = std::shared_ptr<ShadowJob>(std::move(dropped))] { skip(*shared, reason); });
  };
  const std::uint64_t bytes = job_bytes(*job);
  const std::uint64_t digest = job->digest;
  bool wake = false;
  std::vector<shadow::FairQueue<Job>::Dropped> dropped;
  bool taken = true;
  {
    const std::lock_guard lock(queue_mutex_);
    if (back_off_.lets_through(digest, job->finished)) {
      const ShadowJob* const fresh = job.get();
      dropped = queue_.push(digest, std::move(job), bytes);
      taken = dropped.empty() || dropped.back().item.get() != fresh;
      shared_.queued.store(queue_.size(), std::memory_order_relaxed);
      wake = idle_workers_ > 0;
    }
  }
  if (job) {
    skip_soon(std::move(job), SkipReason::backed_off);
    return false;
  }
  for (auto& drop : dropped) {
    const bool items = drop.why == shadow::FairQueue<Job>::Full::items;
    skip_soon(std::move(drop.item), items ? SkipReason::queue_full : SkipReason::bytes_full);
  }
  if (wake) {
    reactor_.post([this] {
      for (auto& signal : idle_) signal->notify();
    });
  }
  return taken;
}

void ShadowPool::count_calls(std::uint64_t digest, const std::string& text, std::uint64_t calls) {
  const std::lock_guard lock(report_mutex_);
  report_->count_calls(digest, text, calls);
}

nlohmann::json ShadowPool::report() const {
  std::vector<std::uint64_t> digests;
  {
    const std::lock_guard lock(report_mutex_);
    for (const auto& [digest, kept] : report_->digests()) digests.push_back(digest);
  }
  return shadow::report_json(copied(*report_, report_mutex_, digests));
}

// The first half of the slots takes fresh jobs, the second half rechecks, so that what differs for the
// moment does not keep the rest waiting.
Task<void> ShadowPool::work(std::size_t slot) {
  for (;;) {
    std::optional<shadow::FairQueue<Job>::Taken> taken;
    {
      const std::lock_guard lock(queue_mutex_);
      taken = queue_.take(Clock::now());
      shared_.queued.store(queue_.size(), std::memory_order_relaxed);
      if (!taken) ++idle_workers_;
    }
    if (!taken) {
      co_await idle_[slot]->wait(Clock::now() + kIdleWait);
      const std::lock_guard lock(queue_mutex_);
      --idle_workers_;
      continue;
    }
    co_await run(std::move(taken->item));
    const std::lock_guard lock(queue_mutex_);
    queue_.done(taken->digest);
  }
}

Task<void> ShadowPool::recheck_work(std::size_t slot) {
  for (;;) {
    std::optional<shadow::FairQueue<Suspect>::Taken> taken = suspects_.take(Clock::now());
    if (!taken) {
      const TimePoint later = Clock::now() + kIdleWait;
      co_await idle_[slot]->wait(std::min(later, suspects_.next_due().value_or(later)));
      continue;
    }
    co_await recheck(std::move(taken->item));
    suspects_.done(taken->digest);
  }
}

void ShadowPool::suspect(Suspect suspect) {
  const std::uint64_t digest = suspect.job->digest;
  const std::uint64_t bytes = job_bytes(*suspect.job);
  auto dropped = suspects_.push(digest, std::move(suspect), bytes, Clock::now() + config_.recheck_delay);
  for (const auto& drop : dropped) {
    const bool items = drop.why == shadow::FairQueue<Suspect>::Full::items;
    skip(*drop.item.job, items ? SkipReason::queue_full : SkipReason::bytes_full);
  }
  for (std::size_t slot = config_.connections; slot < idle_.size(); ++slot) {
    reactor_.post([this, slot] { idle_[slot]->notify(); });
  }
}

Task<void> ShadowPool::save_regularly() {
  for (;;) {
    co_await reactor_.sleep_for(std::chrono::duration_cast<std::chrono::milliseconds>(kSaveInterval));
    std::function<void()> saving = [this] { save(); };
    co_await side_.run(std::move(saving));
  }
}

void ShadowPool::save() {
  std::vector<std::uint64_t> digests;
  {
    const std::lock_guard lock(report_mutex_);
    digests = report_->take_changed();
  }
  if (digests.empty()) return;
  const shadow::Digests changed = copied(*report_, report_mutex_, digests);
  std::vector<const shadow::DigestReport*> rows;
  for (const auto& [digest, copy] : changed) rows.push_back(&copy);
  const absl::Status saved = store_->save(rows);
  if (!saved.ok())
    limited_log().error(LogKind::report_save, "report_save=failed why=\"{}\"", std::string(saved.message()));
}

// Everything committed on the leader before `since` is on the follower.
Task<bool> ShadowPool::wait_synced(TimePoint since, TimePoint deadline) {
  // A follower that is away is not asked for more and more often.
  for (auto pause = kSyncPauseMin; feed_.synced_through() < since; pause = std::min(2 * pause, kSyncPauseMax)) {
    if (Clock::now() >= deadline) co_return false;
    feed_.look_soon();
    co_await reactor_.sleep_for(pause);
  }
  co_return true;
}

Task<ShadowRun> ShadowPool::run_on(config::Backend which, const ShadowJob& job, TimePoint deadline) {
  const auto lease = co_await links_.take(which, job.user, deadline);
  if (!lease.ok()) {
    ShadowRun none;
    none.status = lease.status();
    co_return none;
  }
  const ReadLimits limits{.bytes_max = config_.recording_bytes_max + kAnswerMore,
                          .deadline = deadline,
                          .runs_at_most = std::chrono::ceil<std::chrono::milliseconds>(config_.deadline)};
  ShadowRun ran = co_await run_read(*lease->link, *lease->state, job, limits);
  links_.give_back(*lease, ran.link_is_whole ? ShadowLinks::After::keep : ShadowLinks::After::discard);
  co_return ran;
}

Task<Compared> ShadowPool::compare(ShadowJob& job, Recorded control, Recorded candidate, TimePoint deadline) {
  Compared compared;
  std::function<void()> comparing = [&] {
    compared = compare_answers(job, control, candidate, config_.samples_per_digest_max);
  };
  const bool short_work = control.wire.size() + candidate.wire.size() + job.sql.size() <= kCompareHereMax;
  if (short_work) {
    comparing();
  } else {
    co_await side_.run(comparing);
  }
  if (!compared.order || compared.order->columns.empty()) co_return compared;
  job.total_order = co_await is_total(job, *compared.order, deadline);
  if (!job.total_order) co_return compared;
  if (short_work) {
    comparing();
  } else {
    co_await side_.run(comparing);
  }
  co_return compared;
}

Task<absl::StatusOr<UniqueKeys::Keys>> ShadowPool::ask_unique_keys(UniqueKeys::Question question) {
  const TimePoint deadline = Clock::now() + config_.deadline;
  const auto lease = co_await links_.take(question.which, question.user, deadline);
  if (!lease.ok()) co_return lease.status();
  auto read = co_await UniqueKeys::read(*lease->link, std::move(question), deadline);
  const bool whole = read.ok() || absl::IsFailedPrecondition(read.status());
  links_.give_back(*lease, whole ? ShadowLinks::After::keep : ShadowLinks::After::discard);
  co_return read;
}

// Whether no two rows of the table are equal in all columns that it is sorted by.
Task<bool> ShadowPool::is_total(const ShadowJob& job, routing::OrderBy order, TimePoint deadline) {
  if (order.table.schema.empty()) order.table.schema = job.context.statement.schema;
  UniqueKeys::Question question{.which = job.control,
                                .user = job.user,
                                .schema = std::move(order.table.schema),
                                .table = std::move(order.table.table)};
  const auto keys = co_await unique_keys_.get(std::move(question), deadline);
  if (!keys.ok()) co_return false;  // it cannot be told
  const auto sorts_by = [&](const std::string& column) {
    return std::find(order.columns.begin(), order.columns.end(), column) != order.columns.end();
  };
  co_return std::any_of(keys->begin(), keys->end(), [&](const UniqueKeys::Key& key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), sorts_by);
  });
}

Task<void> ShadowPool::run(Job job) {
  if (!shared_.enabled.load(std::memory_order_relaxed)) {
    skip(*job, SkipReason::switched_off);
    co_return;
  }
  const TimePoint deadline = Clock::now() + config_.deadline;
  const config::Backend candidate = config::other(job->control);
  shadow::Comparison comparison;
  const auto set_latency = [&](config::Backend which, const shadow::Latency& latency) {
    (which == config::Backend::old_db ? comparison.old_latency : comparison.new_latency) = latency;
  };
  set_latency(job->control, job->control_latency);
  if (job->recording.too_large()) {
    comparison.diff.verdict = Verdict::too_large;
    finish(*job, std::move(comparison));
    co_return;
  }
  const bool synced = co_await wait_synced(job->finished, deadline);
  if (!synced) {
    skip(*job, SkipReason::follower_behind);
    co_return;
  }
  const ShadowRun ran = co_await run_on(candidate, *job, deadline);
  if (!ran.status.ok()) {
    if (absl::IsDeadlineExceeded(ran.status)) {
      comparison.diff.verdict = Verdict::timeout;
      finish(*job, std::move(comparison));
    } else {
      skip(*job, reason_of(ran.status));
    }
    co_return;
  }
  set_latency(candidate, ran.latency);
  Compared compared = co_await compare(*job, recorded(*job), recorded(ran), deadline);
  if (!compared.control_readable || !compared.candidate_readable) {
    skip(*job, compared.control_readable ? SkipReason::candidate_unreachable : SkipReason::session_state);
    co_return;
  }
  comparison.diff = std::move(compared.diff);
  if (shadow::is_compared(comparison.diff.verdict) && !shadow::is_difference(comparison.diff.verdict)) {
    const std::lock_guard lock(queue_mutex_);
    back_off_.matched(job->digest);
  }
  if (shadow::is_difference(comparison.diff.verdict) && config_.rechecks > 0) {
    Suspect suspected{.job = std::move(job), .comparison = std::move(comparison)};
    suspect(std::move(suspected));
    co_return;
  }
  finish(*job, std::move(comparison));
}

// Rows may have changed between the two reads. The control is read before and after the candidate, each
// time with the follower brought up to what was committed before: only a difference between two equal
// control answers counts, and only if it shows again and again. No lock is taken for it.
Task<void> ShadowPool::recheck(Suspect now) {
  ShadowJob& job = *now.job;
  if (!shared_.enabled.load(std::memory_order_relaxed)) {
    skip(job, SkipReason::switched_off);
    co_return;
  }
  ++now.attempts;
  // A side did not answer, or was behind: later, and not for ever.
  const auto not_confirmed = [this](Suspect left) {
    if (left.attempts >= kAttemptsPerRecheck * config_.rechecks) {
      skip(*left.job, SkipReason::unconfirmed);
    } else {
      suspect(std::move(left));
    }
  };
  const auto in_time = [this] { return Clock::now() + config_.deadline; };  // each as the first look had
  const ShadowRun before = co_await run_on(job.control, job, in_time());
  bool synced = co_await wait_synced(Clock::now(), Clock::now() + kConfirmWait);
  const ShadowRun candidate = co_await run_on(config::other(job.control), job, in_time());
  if (synced) synced = co_await wait_synced(Clock::now(), Clock::now() + kConfirmWait);
  const ShadowRun after = co_await run_on(job.control, job, in_time());
  for (const ShadowRun* ran : {&before, &candidate, &after}) {
    if (ran->status.ok() || reason_of(ran->status) != SkipReason::no_connection) continue;
    skip(job, SkipReason::no_connection);  // clients need them: it will differ again
    co_return;
  }
  if (!synced || !before.status.ok() || !candidate.status.ok() || !after.status.ok()) {
    not_confirmed(std::move(now));
    co_return;
  }
  const TimePoint deadline = in_time();
  Compared compared = co_await compare(job, recorded(before), recorded(candidate), deadline);
  const Compared controls = co_await compare(job, recorded(before), recorded(after), deadline);
  if (!compared.control_readable || !compared.candidate_readable) {
    not_confirmed(std::move(now));
    co_return;
  }
  if (!shadow::is_compared(compared.diff.verdict)) {
    now.comparison.diff = std::move(compared.diff);
    finish(job, std::move(now.comparison));
    co_return;
  }
  const bool differs = shadow::is_difference(compared.diff.verdict);
  const bool still = controls.candidate_readable && controls.diff.verdict == Verdict::match;
  if (still && differs) {
    now.comparison.diff = std::move(compared.diff);
    ++now.comparison.rechecks;
  }
  const bool confirmed = now.comparison.rechecks >= config_.rechecks;
  const bool gives_up = now.attempts >= kAttemptsPerRecheck * config_.rechecks;
  if (!differs || (gives_up && !confirmed)) {
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
  comparison.at = seconds_of_clock();
  counters_.shadow_verdicts[static_cast<std::size_t>(comparison.diff.verdict)].add();
  if (shadow::is_difference(comparison.diff.verdict)) {
    char digest[24];
    std::snprintf(digest, sizeof digest, "0x%016llx", static_cast<unsigned long long>(job.digest));
    limited_log().warn(LogKind::shadow_difference, "shadow_difference digest={} tables=\"{}\" verdict={}", digest,
                       job.tables, shadow::name(comparison.diff.verdict));
  }
  if (shadow::is_difference(comparison.diff.verdict) || comparison.diff.verdict == Verdict::timeout) {
    const std::lock_guard lock(queue_mutex_);
    back_off_.differed(job.digest, Clock::now());
  }
  const std::lock_guard lock(report_mutex_);
  report_->add(comparison);
}

}  // namespace crossfade::proxy
