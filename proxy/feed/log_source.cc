#include "proxy/feed/log_source.h"

#include <algorithm>
#include <array>
#include <random>

#include "proxy/backend/server_errors.h"
#include "proxy/context/session_context.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::LogPosition;
using dualwrite::TableRef;

namespace {

constexpr auto kSilenceMax = std::chrono::seconds(10);  // heartbeats come every second
constexpr std::size_t kQueueBytesMax = 8u << 20;
constexpr auto kRightsMissing = std::to_array<std::uint16_t>({1044, 1045, 1142, 1227, 1401});  // of XA RECOVER
constexpr auto kFencePause = std::chrono::milliseconds(5);  // the applier is busy with what lies in front of it

// In the upper half, where no server of a replication topology usually is.
std::uint32_t draw_server_id() { return std::random_device()() | 0x80000000u; }

}  // namespace

LogSource::LogSource(SourceSetting setting) : setting_(std::move(setting)), server_id_(draw_server_id()) {}

Task<absl::StatusOr<dualwrite::LeaderIdentity>> LogSource::judge(BackendLink& leader) {
  const bool mariadb = leader.is_mariadb();
  auto settings = co_await leader.query(dualwrite::leader_settings_query(mariadb), soon());
  if (!settings.ok()) co_return settings.status();
  auto end = co_await leader.query(dualwrite::log_end_query(mariadb, version_number(leader.greeting().server_version)),
                                   soon());
  if (!end.ok()) co_return end.status();
  if (settings->empty() || end->empty()) co_return absl::InternalError("the leader gave no settings");
  auto verdict = dualwrite::judge_leader(settings->front(), end->front(), mariadb);
  if (!verdict.ok()) co_return verdict.status();
  if (!verdict->problems.empty()) {
    co_return absl::FailedPreconditionError("the leader's row log cannot be followed: " +
                                            dualwrite::describe(verdict->problems));
  }
  co_return verdict->identity;
}

// Whether this account may have the log, the first of it shows.
Task<absl::Status> LogSource::try_out(BackendLink& leader) {
  auto end = co_await ask_log_end(leader);
  if (!end.ok()) co_return end.status();
  LogStart from{.at = *std::move(end), .known_from = {}, .earlier = {}};
  auto opened = co_await LogReader::open(setting_.reactor, setting_.leader_options(), setting_.counters,
                                         std::move(from), draw_server_id());
  if (!opened.ok()) co_return opened.status();
  LogQueue queue;
  co_return co_await (*opened)->read(queue, 1, Clock::now() + kSilenceMax);
}

Task<absl::Status> LogSource::prepare(BackendLink& leader) {
  static_cast<void>(leader);
  co_return absl::OkStatus();
}

// Rows of a branch that is prepared already are in front of the place, and its XA COMMIT behind it would tell none.
// Asked on both sides of the place: one may end, or be prepared, while it is.
Task<absl::StatusOr<LogPosition>> LogSource::first_place(BackendLink& leader) {
  const absl::Status before = co_await none_is_prepared(leader);
  if (!before.ok()) co_return before;
  auto end = co_await ask_log_end(leader);
  if (!end.ok()) co_return end.status();
  const absl::Status behind = co_await none_is_prepared(leader);
  if (!behind.ok()) co_return behind;
  co_return end;
}

// Unavailable: there are some. An account that may not know goes on, and says so.
Task<absl::Status> LogSource::none_is_prepared(BackendLink& leader) {
  auto prepared = co_await leader.query("XA RECOVER", soon());
  const std::uint16_t code = server_code(prepared.status());
  if (std::find(kRightsMissing.begin(), kRightsMissing.end(), code) != kRightsMissing.end()) {
    limited_log().warn(LogKind::applier_state, "feed=log prepared_transactions=unknown why=\"{}\"",
                       std::string(prepared.status().message()));
    co_return absl::OkStatus();
  }
  if (!prepared.ok()) co_return absl::UnavailableError(std::string(prepared.status().message()));
  const std::size_t count = prepared->empty() ? 0 : prepared->front().rows.size();
  if (count == 0) co_return absl::OkStatus();
  co_return absl::UnavailableError(
      std::to_string(count) +
      " XA transactions are prepared on the leader (XA RECOVER): their rows lie in front of where its log would be "
      "followed from, so that they would be missing; XA COMMIT or XA ROLLBACK them");
}

Task<absl::Status> LogSource::open(BackendLink& leader, FollowerWriter& follower, SourceStart start) {
  static_cast<void>(follower);
  LogStart from{.at = start.stored.resume, .known_from = {}, .earlier = {}, .file_time = start.stored.file_time};
  for (const TableRef& table : start.stopped.released()) {
    const LogPosition& since = start.stopped.all().at(table).since;
    if (since < from.at) from.at = since;
  }
  if (from.at.file != start.stored.resume.file) from.file_time = 0;
  // While a table is caught up, rows of XA branches that began before it stopped would be missed: that is an error
  // then.
  if (start.stopped.released().empty()) from.known_from = start.stored.applied;
  for (auto* places : {&earlier_.undone, &earlier_.doubted, &earlier_.unclear}) {
    places->erase(places->begin(), places->lower_bound(from.at));
  }
  if (!earlier_.doubted.empty()) {
    const absl::Status asked = co_await ask_routines(leader);
    if (!asked.ok()) co_return asked;
  }
  from.earlier = earlier_;
  auto opened =
      co_await LogReader::open(setting_.reactor, setting_.leader_options(), setting_.counters, from, server_id_);
  if (!opened.ok()) co_return opened.status();
  close();
  reader_ = *std::move(opened);
  if (start.fence) end_at(*std::move(start.fence));
  co_return absl::OkStatus();
}

void LogSource::close() {
  reader_.reset();
  fence_.reset();
  at_fence_ = false;
}

Task<absl::Status> LogSource::read(LogQueue& queue) {
  if (at_fence_) {
    co_await setting_.reactor.sleep_for(kFencePause);
    co_return absl::OkStatus();
  }
  const absl::Status read = co_await reader_->read(queue, kQueueBytesMax, Clock::now() + kSilenceMax);
  at_fence_ = fence_ && queue.cut(*fence_);
  co_return learn_from(read);
}

Task<absl::Status> LogSource::read_ahead(LogQueue& queue) {
  if (at_fence_ || queue.bytes >= kQueueBytesMax) co_return absl::OkStatus();
  const absl::Status read = reader_->read_ahead(queue);
  at_fence_ = fence_ && queue.cut(*fence_);
  co_return learn_from(read);
}

// What the next reading is to know.
absl::Status LogSource::learn_from(absl::Status read) {
  if (absl::IsAborted(read)) earlier_.undone.insert(reader_->last_undone());
  if (!absl::IsUnknown(read)) return read;
  const bool is_first = earlier_.doubted.insert(reader_->last_undone()).second;
  if (!is_first) earlier_.unclear.insert(reader_->last_undone());
  return absl::AbortedError(read.message());
}

// An account that may not know has to reckon with it.
Task<absl::Status> LogSource::ask_routines(BackendLink& leader) {
  if (!leader.is_mariadb()) co_return absl::OkStatus();
  auto asked = co_await query_number(
      leader, "SELECT COUNT(*) FROM mysql.proc WHERE LOWER(CONVERT(body USING utf8mb4)) LIKE '%savepoint%'", soon());
  if (!asked.ok() && !absl::IsFailedPrecondition(asked.status())) co_return asked.status();
  earlier_.routines_set_savepoints = !asked.ok() || *asked != 0;
  co_return absl::OkStatus();
}

Task<absl::Status> LogSource::stored(LogPosition applied) {
  at_fence_ = at_fence_ || (fence_ && applied >= *fence_);
  co_return absl::OkStatus();
}

Task<absl::StatusOr<LogPosition>> LogSource::end(BackendLink& leader) { co_return co_await ask_log_end(leader); }

// The one that applies keeps it in the position row.
Task<absl::StatusOr<LogPosition>> LogSource::others_place(BackendLink& leader, FollowerWriter& follower) {
  auto asked = co_await follower.ask(dualwrite::select_position(setting_.schema, config::name(leader.which())));
  if (!asked.ok()) co_return asked.status();
  auto stored = dualwrite::position_from(*asked);
  if (!stored.ok()) co_return stored.status();
  if (!*stored) co_return LogPosition();
  co_return (*stored)->applied;
}

Task<absl::StatusOr<std::vector<ChangeSource::Broken>>> LogSource::look(BackendLink& leader) {
  static_cast<void>(leader);
  co_return std::vector<Broken>();
}

}  // namespace crossfade::proxy
