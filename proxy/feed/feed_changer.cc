#include "proxy/feed/feed_changer.h"

#include <csignal>

#include "proxy/counts/log_limit.h"
#include "proxy/feed/trigger_source.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::Anchor;
using dualwrite::FeedChange;
using dualwrite::StoppedTable;
using Phase = FeedChange::Phase;

namespace {

constexpr auto kFenceMax = std::chrono::seconds(60);    // until the fence is there
constexpr auto kAnnouncedBy = std::chrono::seconds(2);  // stand-bys read the anchor far more often
constexpr auto kFenceWaitMax = std::chrono::seconds(5);
constexpr auto kTryPause = std::chrono::milliseconds(300);
const std::string kAskedFor = "asked for";

bool names_another(config::DualWriteConfig::Feed configured, FeedKind to) {
  using Choice = config::DualWriteConfig::Feed;
  return configured != Choice::automatic && (configured == Choice::log) != (to == FeedKind::log);
}

std::string kind_text(FeedKind kind) { return std::string(proxy::name(kind)); }

}  // namespace

absl::StatusOr<std::string> FeedChanger::switch_to(FeedKind kind, std::chrono::milliseconds at_most) {
  auto request = std::make_shared<Request>();
  request->to = kind;
  request->until = Clock::now() + kFenceMax;
  std::future<absl::StatusOr<std::string>> answer = request->answer.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (said_.text.empty()) said_.text = kAskedFor;
    said_.outcome.clear();
  }
  setting_.reactor.post([this, request] { requests_.push_back(request); });
  if (answer.wait_for(at_most) == std::future_status::ready) return answer.get();
  return "under way: see crossfade feed status";
}

std::string FeedChanger::outcome() const {
  const std::lock_guard lock(mutex_);
  return said_.outcome;
}

std::string FeedChanger::text() const {
  const std::lock_guard lock(mutex_);
  return said_.text;
}

Task<absl::Status> FeedChanger::step(Applying now) {
  if (Clock::now() < next_try_) co_return absl::OkStatus();
  next_try_ = Clock::now() + kTryPause;
  give_up_waiting();
  if (now.anchor.change && !is_under_way()) {
    // Another process has begun it, or this one on connections that it has lost.
    to_ = kind_of_place(now.anchor.change->next);
    give_up_at_ = Clock::now() + kFenceMax;
  } else if (!is_under_way() && !requests_.empty()) {
    const absl::Status begun = co_await begin(now);
    if (!begun.ok()) co_return begun;
  }
  publish(now.anchor);
  if (!is_under_way() || now.anchor.is_fenced()) co_return absl::OkStatus();
  if (now.stopped.any()) {
    absl::Status why = absl::FailedPreconditionError(why_not(now, to_));
    co_return co_await give_up(now, std::move(why));
  }
  if (Clock::now() >= give_up_at_) {
    absl::Status why = absl::UnavailableError("the feed stays as it is: " + waits_for_);
    co_return co_await give_up(now, std::move(why));
  }
  if (to_ == FeedKind::log) co_return co_await try_fence(now);
  co_return co_await prepare(now);
}

// What was asked for first. What cannot be is answered, and no failure of the feed.
Task<absl::Status> FeedChanger::begin(Applying now) {
  const FeedKind to = requests_.front()->to;
  std::string why = why_not(now, to);
  if (why.empty()) {
    if (retiring_) *retiring_ = false;
    const absl::Status judged = co_await judge_next_source(setting_, to);
    // Asked again, until the request is old.
    waits_for_ = std::string(judged.message());
    if (absl::IsUnavailable(judged)) co_return absl::OkStatus();
    why = waits_for_;
  }
  if (!why.empty()) {
    waits_for_.clear();
    answer_all(absl::FailedPreconditionError(why));
    co_return absl::OkStatus();
  }
  for (const auto& request : requests_) request->begun = request->to == to;
  to_ = to;
  give_up_at_ = Clock::now() + kFenceMax;
  limited_log().warn(LogKind::applier_state, "feed={} change_to={}", proxy::name(now.source.kind()), proxy::name(to));
  if (to == FeedKind::log) co_return absl::OkStatus();
  Anchor next = now.anchor;
  next.change = FeedChange{.phase = Phase::preparing, .next = TriggerSource::new_place(), .fence = {}};
  co_return co_await write(now.leader, now.anchor, std::move(next));
}

// Empty: nothing is in the way.
std::string FeedChanger::why_not(const Applying& now, FeedKind to) const {
  const std::string kind = kind_text(now.source.kind());
  if (to == now.source.kind()) return "the feed is " + kind + " already";
  if (names_another(setting_.config.feed, to)) {
    return "the configuration says dual_write.feed: " + kind +
           ", and the next start would refuse: set auto, for every proxy, and start it anew";
  }
  if (!now.stopped.any()) return "";
  const StoppedTable& first = now.stopped.all().begin()->second;
  const std::string table = first.table.schema + "." + first.table.table;
  if (first.is_copy()) return "table " + table + " has not all of its rows yet: wait for its copy, or make it";
  return "table " + table + " is stopped at a place of feed " + kind + ": release it first (" + first.reason + ")";
}

// Triggers on every table; then every session announces schema changes; then what those made that did not is looked
// for.
Task<absl::Status> FeedChanger::prepare(Applying now) {
  const bool announced = now.anchor.change->phase == Phase::announced;
  if (announced && known_at_ == TimePoint()) known_at_ = Clock::now() + kAnnouncedBy;
  if (announced && Clock::now() < known_at_) co_return absl::OkStatus();
  if (!preparation_) preparation_ = Preparation::start(setting_, FeedKind::trigger);
  if (!preparation_->outcome()) co_return absl::OkStatus();
  const absl::Status prepared = *preparation_->outcome();
  if (absl::IsFailedPrecondition(prepared)) co_return co_await give_up(now, prepared);
  waits_for_ = std::string(prepared.message());
  if (!prepared.ok()) {
    preparation_.reset();
    co_return absl::OkStatus();
  }
  if (announced) co_return co_await try_fence(now);
  preparation_.reset();
  Anchor next = now.anchor;
  next.change->phase = Phase::announced;
  co_return co_await write(now.leader, now.anchor, std::move(next));
}

Task<absl::Status> FeedChanger::try_fence(Applying now) {
  // Longer the more often it was in vain: on a busy server transactions take their time.
  const std::chrono::seconds wait = std::min(std::chrono::seconds(1 + fence_tries_++ / 5), kFenceWaitMax);
  FenceOrder order{.schema = setting_.schema, .anchor = now.anchor, .next = to_, .wait = wait};
  auto fenced = co_await put_fence(now.leader, now.source, std::move(order));
  if (!fenced.ok() && !now.leader.alive()) co_return fenced.status();
  if (absl::IsUnavailable(fenced.status())) {
    waits_for_ = std::string(fenced.status().message());
    co_return absl::OkStatus();
  }
  if (!fenced.ok()) co_return co_await give_up(now, fenced.status());
  now.anchor = *std::move(fenced);
  limited_log().warn(LogKind::applier_state, "feed={} fence={} next={}", proxy::name(now.source.kind()),
                     now.anchor.change->fence.text(), now.anchor.change->next.text());
  publish(now.anchor);
  if (fault_.strikes(FeedFault::Kind::die)) std::raise(SIGKILL);
  co_return absl::OkStatus();
}

// Before there is a fence.
Task<absl::Status> FeedChanger::give_up(Applying now, absl::Status why) {
  limited_log().warn(LogKind::applier_state, "feed={} change=\"given up\" why=\"{}\"", proxy::name(now.source.kind()),
                     std::string(why.message()));
  forget();
  if (now.anchor.change) {
    Anchor next = now.anchor;
    next.change.reset();
    const absl::Status written = co_await write(now.leader, now.anchor, std::move(next));
    if (!written.ok()) co_return written;
    retire_other(now.source.kind());
  }
  publish(now.anchor);
  answer_all(why);
  co_return absl::OkStatus();
}

Task<absl::Status> FeedChanger::finish(BackendLink& leader, Anchor& anchor) {
  Anchor next = anchor;
  next.at = next.change->next;
  next.change.reset();
  const absl::Status written = co_await write(leader, anchor, std::move(next));
  if (!written.ok()) co_return written;
  forget();
  publish(anchor);
  co_return absl::OkStatus();
}

Task<absl::Status> FeedChanger::write(BackendLink& leader, Anchor& anchor, Anchor next) {
  auto written = co_await leader.query(dualwrite::update_anchor(setting_.schema, next), soon());
  if (!written.ok()) co_return written.status();
  anchor = std::move(next);
  if (fault_.strikes(FeedFault::Kind::die)) std::raise(SIGKILL);
  co_return absl::OkStatus();
}

void FeedChanger::forget() {
  to_ = FeedKind::undecided;
  known_at_ = {};
  fence_tries_ = 0;
  next_try_ = {};
  preparation_.reset();
  waits_for_.clear();
  const std::lock_guard lock(mutex_);
  said_.text = requests_.empty() ? "" : kAskedFor;
}

void FeedChanger::publish(const Anchor& anchor) {
  std::string now;
  if (is_under_way()) {
    now = "to " + kind_text(to_) + ": ";
    if (anchor.is_fenced()) {
      now += "what is in front of " + anchor.change->fence.text() + " is applied";
    } else if (anchor.change && anchor.change->phase == Phase::preparing) {
      now += "triggers are made";
    } else {
      now += "waits for a moment without open transactions";
    }
    if (!waits_for_.empty() && !anchor.is_fenced()) now += " (" + waits_for_ + ")";
  }
  if (!is_under_way() && !requests_.empty()) now = kAskedFor + (waits_for_.empty() ? "" : ": " + waits_for_);
  const std::lock_guard lock(mutex_);
  said_.text = std::move(now);
}

void FeedChanger::answer_all(const absl::StatusOr<std::string>& answer) {
  if (requests_.empty()) return;
  for (const auto& request : std::exchange(requests_, {})) request->answer.set_value(answer);
  note_outcome(answer.ok() ? *answer : std::string(answer.status().message()));
}

void FeedChanger::give_up_waiting(const std::string& reason) {
  if (is_under_way() || requests_.empty()) return;
  if (!reason.empty()) waits_for_ = reason;
  if (Clock::now() >= requests_.front()->until) {
    answer_all(absl::UnavailableError("the feed stays as it is: " + waits_for_));
    waits_for_.clear();
  } else if (!waits_for_.empty()) {
    const std::lock_guard lock(mutex_);
    said_.text = kAskedFor + ": " + waits_for_;
  }
}

void FeedChanger::conclude(const Anchor& anchor) {
  if (anchor.change) return;
  const FeedKind kind = kind_of_place(anchor.at);
  const std::string since = "the feed is " + kind_text(kind) + " since " + anchor.at.text();
  const std::size_t told = std::erase_if(requests_, [&](const std::shared_ptr<Request>& request) {
    if (!request->begun || request->to != kind) return false;
    request->answer.set_value(since);
    return true;
  });
  if (told != 0) note_outcome(since);
}

void FeedChanger::note_outcome(std::string outcome) {
  const std::lock_guard lock(mutex_);
  said_.outcome = std::move(outcome);
  if (!is_under_way() && requests_.empty()) said_.text.clear();
}

void FeedChanger::retire_other(FeedKind kind) {
  if (retiring_) *retiring_ = false;
  retiring_.reset();
  if (kind != FeedKind::log) return;
  retiring_ = std::make_shared<bool>(true);
  setting_.reactor.spawn(retire_triggers(setting_, retiring_));
}

}  // namespace crossfade::proxy
