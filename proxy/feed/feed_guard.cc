#include "proxy/feed/feed_guard.h"

#include <algorithm>

#include "dualwrite/log_control.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/ddl_state.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

constexpr auto kLong = std::chrono::seconds(5);
constexpr auto kHolderInterval = std::chrono::seconds(5);
constexpr std::chrono::seconds kSilentMax(30);
constexpr auto kComparisonInterval = std::chrono::seconds(60);
constexpr auto kLookPause = std::chrono::seconds(2);
// A statement may be on its way over a slow line, or its answer; a server may be too busy to take a connection.
constexpr auto kIdleMax = std::chrono::seconds(20);
constexpr auto kGoneMax = std::chrono::seconds(2);
constexpr int kInVainMax = 5;
constexpr auto kWordInterval = std::chrono::seconds(5);

// SHOW PROCESSLIST: Id, User, Host, db, Command, Time, State, Info. nullptr: there is no such connection.
const std::vector<protocol::Cell>* process(const protocol::ResultSet& list, std::uint32_t connection) {
  constexpr std::size_t kColumnsUsed = 7;
  for (const auto& row : list.rows) {
    if (row.size() >= kColumnsUsed && to_number(row[0]) == connection) return &row;
  }
  return nullptr;
}

bool is_idle(const std::vector<protocol::Cell>& process) { return process[4].value_or("") == "Sleep"; }

}  // namespace

Task<void> FeedGuard::run() {
  while (!stopping_) {
    const BackendLink* link = in_use();
    if (link != nullptr && link->since().awaited != TimePoint::max() && link->since().awaited + kLong < Clock::now()) {
      const Awaited now{.connection = link->greeting().connection_id, .since = link->since().awaited};
      if (now.connection != awaited_.connection || now.since != awaited_.since) awaited_ = now;
      co_await look();
    } else {
      if (awaited_.is_told) setting_.tell("");
      awaited_ = {};
    }
    co_await wake_.wait(Clock::now() + kLookPause);
  }
}

void FeedGuard::stop() {
  stopping_ = true;
  wake_.notify();
}

Task<void> FeedGuard::look() {
  auto list = co_await ask_processes();
  BackendLink* const link = in_use();
  const bool is_same = link != nullptr && link->greeting().connection_id == awaited_.connection &&
                       link->since().awaited == awaited_.since;
  if (!is_same) co_return;  // it has answered meanwhile
  std::string lost;
  if (!list.ok()) {
    if (++awaited_.in_vain >= kInVainMax) lost = "the follower does not answer, nor on a new connection";
  } else {
    awaited_.in_vain = 0;
    const auto* found = process(*list, awaited_.connection);
    const bool works = found != nullptr && !is_idle(*found);
    awaited_.idle_since = works ? TimePoint::max() : std::min(awaited_.idle_since, Clock::now());
    if (works) {
      const std::string doing = (*found)[6].value_or("");
      awaited_.is_told = true;
      setting_.tell("waiting for the follower: it is still at work on a statement" +
                    (doing.empty() ? "" : " (" + doing + ")"));
    }
    const auto patience = found == nullptr ? kGoneMax : kIdleMax;
    if (!works && Clock::now() - awaited_.idle_since >= patience) {
      lost = found == nullptr ? "the follower has no such connection any more, and has not said so"
                              : "the follower waits for a statement that has not come through, or its answer was lost";
    }
  }
  if (lost.empty()) co_return;
  if (ddl_ == link) leave_behind(*link);  // the other is entered when it is dropped
  limited_log().warn(LogKind::applier_error, "follower_connection={} given_up=\"{}\"", awaited_.connection, lost);
  link->abandon(lost);
}

Task<absl::StatusOr<protocol::ResultSet>> FeedGuard::ask_processes() {
  auto opened =
      co_await BackendLink::open(setting_.reactor, setting_.follower(), setting_.counters, Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  const std::unique_ptr<BackendLink> link = *std::move(opened);
  auto list = co_await link->query("SHOW PROCESSLIST", Clock::now() + kConnectMax);
  if (!list.ok()) co_return list.status();
  link->send_quit();
  if (list->empty()) co_return absl::InternalError("SHOW PROCESSLIST gave no rows");
  co_return std::move(list->front());
}

void FeedGuard::leave_behind(const BackendLink& link) {
  constexpr std::size_t kLostMax = 8;
  if (lost_.size() == kLostMax) lost_.erase(lost_.begin());
  lost_.push_back({.connection = link.greeting().connection_id, .at = Clock::now()});
}

// That its number has not come to be another's since shows in how long it has been idle.
Task<void> FeedGuard::end_lost(FollowerWriter& follower) {
  if (lost_.empty()) co_return;
  auto list = co_await follower.ask("SHOW PROCESSLIST");
  if (!list.ok()) co_return;  // and again over the next connection
  const std::vector<Lost> all = std::exchange(lost_, {});
  for (const Lost& lost : all) {
    const auto* found = process(*list, lost.connection);
    if (found == nullptr || !is_idle(*found) || (*found)[1].value_or("") != setting_.follower().user) continue;
    const std::chrono::seconds idle(static_cast<std::int64_t>(to_number((*found)[5])));
    if (idle < Clock::now() - lost.at) continue;
    auto killed = co_await follower.link().query("KILL " + std::to_string(lost.connection), soon());
    limited_log().warn(LogKind::applier_error, "follower_connection={} killed={}", lost.connection, killed.ok());
  }
}

// Does the follower carry out something for our account that we have not sent?
Task<absl::StatusOr<bool>> FeedGuard::works_elsewhere(FollowerWriter& follower) {
  auto list = co_await follower.ask("SHOW PROCESSLIST");
  if (!list.ok()) co_return list.status();
  const std::uint32_t own = follower.link().greeting().connection_id;
  co_return std::any_of(list->rows.begin(), list->rows.end(), [&](const auto& row) {
    return row.size() > 4 && row[1].value_or("") == setting_.follower().user && to_number(row[0]) != own &&
           !is_idle(row);
  });
}

Task<absl::Status> FeedGuard::show_life(BackendLink& leader) {
  const TimePoint now = Clock::now();
  if (now < next_word_) co_return absl::OkStatus();
  next_word_ = now + kWordInterval;
  auto heard = co_await leader.ask_row("1", 1, soon());
  co_return heard.status();
}

Task<absl::Status> FeedGuard::end_silent_applier(BackendLink& leader, FollowerWriter& follower) {
  if (Clock::now() < next_holder_) co_return absl::OkStatus();
  next_holder_ = Clock::now() + kHolderInterval;
  auto held = co_await leader.ask_row("IS_USED_LOCK(" + dualwrite::applier_lock(setting_.schema) + ")", 1, soon());
  if (!held.ok()) co_return held.status();
  const auto holder = static_cast<std::uint32_t>(first_number(*held));
  if (holder == 0) co_return absl::OkStatus();
  auto list = co_await leader.query("SHOW PROCESSLIST", soon());
  if (!list.ok()) co_return list.status();
  const auto* found = process(list->front(), holder);
  const bool is_silent =
      found != nullptr && is_idle(*found) && to_number((*found)[5]) >= static_cast<std::uint64_t>(kSilentMax.count());
  if (!is_silent) co_return absl::OkStatus();
  auto works = co_await works_elsewhere(follower);
  if (!works.ok()) co_return works.status();
  if (*works) co_return absl::OkStatus();
  auto free = co_await follower.ask("SELECT IS_FREE_LOCK(" + ddl_lock(setting_.schema) + ")");
  if (!free.ok()) co_return free.status();
  if (first_cell(*free) != "1") co_return absl::OkStatus();
  auto killed = co_await leader.query("KILL " + std::to_string(holder), soon());
  limited_log().warn(LogKind::applier_state, "applier=silent leader_connection={} killed={}", holder, killed.ok());
  co_return absl::OkStatus();
}

Task<absl::Status> FeedGuard::compare(FollowerWriter& follower) {
  if (Clock::now() < next_comparison_) co_return absl::OkStatus();
  const bool is_first = next_comparison_ == TimePoint();
  next_comparison_ = Clock::now() + kComparisonInterval;
  if (is_first) co_return absl::OkStatus();
  auto other = co_await FollowerWriter::open(setting_.reactor, setting_.follower(), setting_.counters,
                                             Clock::now() + kConnectMax);
  if (!other.ok()) co_return absl::OkStatus();  // nothing is wrong with the one that is there
  (*other)->link().send_quit();
  const bool is_same = (*other)->may_run_events() == follower.may_run_events() &&
                       (*other)->statement_bytes_max() == follower.statement_bytes_max();
  if (is_same) co_return absl::OkStatus();
  renews_ = true;
  co_return absl::AbortedError("the follower lets a new connection do more, or less, than ours");
}

}  // namespace crossfade::proxy
