#include "proxy/feed/trigger_source.h"

#include <algorithm>
#include <charconv>

#include "dualwrite/trigger/capture_control.h"
#include "dualwrite/trigger/changes_table.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::ChangeHead;
using dualwrite::ChangeKind;
using dualwrite::IdRanges;
using dualwrite::LogPosition;

namespace {

constexpr auto kChangesMax = std::chrono::minutes(2);
constexpr std::string_view kFile = dualwrite::kChangesPlace;
constexpr std::size_t kAheadBytesMax = 8u << 20;
constexpr std::size_t kRowsMax = 200000;  // of a snapshot: a longer backlog is cut
constexpr std::size_t kDeletesMax = 500;  // a packet

TimePoint before_long() { return Clock::now() + kChangesMax; }

std::uint64_t round_of(const LogPosition& position) {
  std::uint64_t round = 1;
  const std::string& file = position.file;
  if (file.size() > kFile.size()) std::from_chars(file.data() + kFile.size(), file.data() + file.size(), round);
  return round;
}

// A row that is put, and neither goes nor changes what others refer to.
bool passes_on_nothing(const ChangeHead& head, const std::vector<protocol::Cell>& row,
                       const dualwrite::Capture& capture) {
  const auto identity = dualwrite::captured_identity(head, row, capture);
  if (!identity.ok()) return false;
  const auto nothing = dualwrite::leaves_nothing_to_do(*identity, capture);
  return nothing.ok() && *nothing;
}

// InnoDB shows a commit to others before its log is written, and a crash takes it back then: its rows, and the ids that
// they had in `changes`, which others get. The log is one sequence, so that with a commit of our own all is durable
// that was to be seen before it.
Task<absl::Status> make_durable(BackendLink& leader, std::string schema) {
  auto raised = co_await leader.query(dualwrite::raise_flushed(schema), before_long());
  co_return raised.status();
}

KeptChanges::Numbers numbers_of(const LeaderCapture& capture, const dualwrite::TableRef& table) {
  const std::vector<std::uint32_t> numbers = capture.numbers_of(table);
  return {numbers.begin(), numbers.end()};
}

// What a table had that is copied was written before its copy began.
KeptChanges::Passing passing_of(const StoppedTables& stopped, const LeaderCapture& capture,
                                const KeptChanges::Numbers& kept) {
  KeptChanges::Passing out{.passed_by = {}, .copied = {}, .pairs = capture.pairs()};
  for (const auto& [table, each] : stopped.all()) {
    if (stays_in_changes(each)) out.passed_by.merge(numbers_of(capture, table));
  }
  for (const std::uint32_t number : kept) {
    const LeaderCapture::CapturePtr written = capture.find(number);
    if (written && stopped.is_copied(written->name)) out.copied.insert(number);
  }
  return out;
}

}  // namespace

LogPosition TriggerSource::place(std::uint64_t round, std::uint64_t part) {
  return {.file = std::string(kFile) + std::to_string(round), .offset = part};
}

TriggerSource::TriggerSource(SourceSetting setting)
    : setting_(std::move(setting)),
      capture_(setting_.schema),
      kept_(setting_.schema),
      wake_(setting_.reactor),
      stand_by_(setting_.schema) {
  if (!setting_.on_progress) return;
  capture_.on_progress = [this](const LeaderCapture::Progress& now) {
    const std::string next = "table " + now.next.schema + "." + now.next.table;
    setting_.on_progress("triggers are made: " + std::to_string(now.made) + " of " + std::to_string(now.all) +
                             " tables have theirs, and " + next + " is next",
                         next);
  };
}

LogPosition TriggerSource::new_place() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return place(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()),
               0);
}

CapturedDdl::Setting TriggerSource::ddl_setting() const {
  return {.reactor = setting_.reactor,
          .leader = setting_.leader_options(),
          .counters = setting_.counters,
          .schema = setting_.schema};
}

LogPosition TriggerSource::here() const { return place(round_, part_); }

Task<absl::StatusOr<dualwrite::LeaderIdentity>> TriggerSource::judge(BackendLink& leader) {
  const bool mariadb = leader.is_mariadb();
  auto settings = co_await leader.query(dualwrite::leader_settings_query(mariadb), before_long());
  if (!settings.ok()) co_return settings.status();
  const protocol::ResultSet no_log;
  auto verdict = dualwrite::judge_leader(settings->front(), no_log, mariadb);
  if (!verdict.ok()) co_return verdict.status();
  const absl::Status fit = co_await capture_.judge(leader);
  if (!fit.ok()) co_return fit;
  co_return verdict->identity;
}

Task<absl::Status> TriggerSource::prepare(BackendLink& leader) { co_return co_await capture_.set_up(leader); }

Task<absl::StatusOr<LogPosition>> TriggerSource::first_place(BackendLink& leader) {
  static_cast<void>(leader);
  co_return new_place();
}

Task<absl::Status> TriggerSource::open(BackendLink& leader, FollowerWriter& follower, SourceStart start) {
  close();
  LinkOptions options = setting_.leader_options();
  options.statements = LinkOptions::Statements::multiple;
  auto opened =
      co_await BackendLink::open(setting_.reactor, std::move(options), setting_.counters, Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  link_ = *std::move(opened);
  // While the follower is slow the server waits for us.
  auto prepared = co_await link_->query(
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;SET SESSION net_write_timeout=86400", before_long());
  if (!prepared.ok()) co_return prepared.status();
  auto made = co_await follower.ask(dualwrite::taken_setup_statement(setting_.schema));
  if (made.ok()) made = co_await follower.ask(dualwrite::select_taken(setting_.schema, config::name(leader.which())));
  if (!made.ok()) co_return made.status();
  auto taken = IdRanges::parse(first_cell(*made));
  if (!taken.ok()) co_return taken.status();
  std::vector<std::uint64_t> ids;
  for (const auto& [first, last] : taken->ranges()) {
    for (std::uint64_t id = first; id <= last; ++id) ids.push_back(id);
  }
  const absl::Status forgotten = co_await forget(std::move(ids));
  if (!forgotten.ok()) co_return forgotten;
  absl::Status loaded = co_await capture_.load(leader);
  if (loaded.ok()) loaded = co_await kept_.load(*link_);
  if (!loaded.ok()) co_return loaded;
  const absl::Status resumed = co_await resume_released(leader, start.stopped.released());
  if (!resumed.ok()) co_return resumed;
  if (start.fence) end_at(*std::move(start.fence));
  stopped_ = &start.stopped;
  control_ = &leader;
  round_ = round_of(start.stored.applied);
  part_ = start.stored.applied.offset;
  looks_.owed = 2;  // whoever applied before may not have come to them
  elected_ = true;
  co_return absl::OkStatus();
}

// People have brought these to what they are on the leader, and said so. Nothing but a new beginning helps one whose
// triggers did not serve, or of which a row is known by its key alone; and nothing of it is followed, or compared,
// before that.
Task<absl::Status> TriggerSource::resume_released(BackendLink& leader, std::vector<dualwrite::TableRef> tables) {
  if (tables.empty()) co_return absl::OkStatus();
  std::set<dualwrite::TableRef> broken;
  for (const dualwrite::TableRef& table : tables) {
    if (unreadable_.contains(table) || capture_.uncaptured().contains(table)) broken.insert(table);
  }
  absl::Status done = co_await CapturedDdl::capture_released(ddl_setting(), tables, std::move(broken), kept_);
  if (absl::IsAborted(done)) done = absl::UnavailableError(done.message());  // with new connections: again
  if (done.ok()) done = co_await capture_.load(leader);
  if (!done.ok()) co_return done;
  for (const dualwrite::TableRef& table : tables) {
    unreadable_.erase(table);
    capture_.captured_again(table);
  }
  co_return absl::OkStatus();
}

void TriggerSource::begin_anew() {
  LeaderCapture anew(setting_.schema);
  anew.on_progress = capture_.on_progress;
  anew.keys_above_innodb = capture_.keys_above_innodb;
  capture_ = std::move(anew);
  unreadable_.clear();
  looks_.rows_waiting_max = 0;
  cut_at_ = 0;
  round_ = 1;
  part_ = 0;
}

void TriggerSource::close() {
  if (link_ && stream_ && !stream_->at_end()) link_->abandon();
  stream_.reset();
  link_.reset();
  control_ = nullptr;
  ids_.clear();
  in_transaction_ = false;
  held_.reset();
  ends_at_.reset();
  stand_by_.begin_anew();
  fence_.reset();
  at_fence_ = false;
  elected_ = false;
}

Task<absl::Status> TriggerSource::begin_snapshot() {
  if (ends_at_) co_return absl::InternalError("the follower did not store what it was given");
  KeptChanges::Passing passing = passing_of(*stopped_, capture_, kept_.numbers());
  const absl::Status back = co_await kept_.begin(*link_, std::move(passing));
  if (!back.ok()) co_return back;
  // From here on what is committed may be missing in it.
  next_snapshot_ = Clock::now() + setting_.config.poll_interval;
  cut_ = false;
  rows_ = 0;
  ids_.clear();
  constexpr std::uint64_t kAll = UINT64_MAX;
  const std::uint64_t last = std::min(held_.value_or(kAll), fence_ ? fence_->offset : kAll);
  bounded_ = held_.has_value();
  snapshot_is_fenced_ = fence_.has_value();
  held_.reset();
  in_snapshot_ = true;
  auto begun = co_await link_->query("START TRANSACTION WITH CONSISTENT SNAPSHOT", before_long());
  if (!begun.ok()) co_return begun.status();
  const DdlTimes::Snapshot snapshot{
      .link = *link_, .control = *control_, .capture = capture_, .schema = setting_.schema};
  const absl::Status known = co_await ddl_times_.read(snapshot);
  if (!known.ok()) co_return known;
  // With all the columns that `changes` has by now.
  std::string sql = dualwrite::select_changes(setting_.schema, capture_.pairs()) + " WHERE " +
                    dualwrite::every_change(setting_.schema, link_->is_mariadb()) + " AND id<=" + std::to_string(last) +
                    kept_.condition() + " ORDER BY id LIMIT " + std::to_string(kRowsMax);
  auto started = co_await RowStream::start(*link_, std::move(sql), before_long());
  if (!started.ok()) co_return started.status();
  stream_ = *std::move(started);
  co_return absl::OkStatus();
}

Task<absl::Status> TriggerSource::read(LogQueue& queue) {
  if (at_fence_) {
    co_await wake_.wait(Clock::now() + setting_.config.poll_interval);
    co_return absl::OkStatus();
  }
  if (!stream_) {
    if (Clock::now() < next_snapshot_) co_await wake_.wait(next_snapshot_);
    const absl::Status begun = co_await begin_snapshot();
    if (!begun.ok()) co_return begun;
  }
  while (queue.bytes < kAheadBytesMax) {
    auto row = co_await stream_->next(before_long());
    if (!row.ok()) co_return row.status();
    if (!*row) {
      // The schema change is over, and what lies behind it has not been looked at.
      cut_ = cut_ || bounded_;
      co_return co_await end_snapshot(queue);
    }
    const absl::Status taken = co_await take(**std::move(row), queue);
    if (!taken.ok()) co_return taken;
    if (cut_) co_return co_await end_snapshot(queue);
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<LeaderCapture::CapturePtr>> TriggerSource::capture_of(std::uint32_t number) {
  LeaderCapture::CapturePtr capture = capture_.find(number);
  if (capture) co_return capture;
  const absl::Status loaded = co_await capture_.load(*control_);
  if (!loaded.ok()) co_return loaded;
  capture = capture_.find(number);
  if (capture) co_return capture;
  co_return absl::FailedPreconditionError("`changes` has rows of number " + std::to_string(number) +
                                          ", which `captured` does not have");
}

Task<absl::Status> TriggerSource::take(std::vector<protocol::Cell> row, LogQueue& queue) {
  auto head = dualwrite::change_head(row);
  if (!head.ok()) co_return absl::FailedPreconditionError(std::string(head.status().message()));
  if (head->kind == ChangeKind::intent) {
    // Whether it has run is not known yet, and what comes behind it may be of another shape than it says.
    held_ = head->id;
    cut_ = true;
    co_return absl::OkStatus();
  }
  if (rows_ == 0) {
    const absl::Status durable = co_await make_durable(*control_, setting_.schema);
    if (!durable.ok()) co_return durable;
  }
  ids_.push_back(head->id);
  if (++rows_ >= kRowsMax) cut_ = true;
  if (head->kind == ChangeKind::statement) {
    auto statement = dualwrite::captured_statement(*head, row);
    if (!statement.ok()) co_return absl::FailedPreconditionError(std::string(statement.status().message()));
    co_return co_await put_statement(*std::move(statement), queue);
  }
  if (head->kind == ChangeKind::marker) {
    auto marker = dualwrite::captured_marker(*head, row, setting_.schema);
    if (!marker.ok()) co_return absl::FailedPreconditionError(std::string(marker.status().message()));
    put_alone(head->id, std::move(marker->change), queue);
    co_return absl::OkStatus();
  }
  auto capture = co_await capture_of(head->table);
  if (!capture.ok()) co_return capture.status();
  // A number that it has got since the snapshot began: the next one passes it by.
  if (const auto stopped = stopped_->all().find((*capture)->name);
      stopped != stopped_->all().end() && stays_in_changes(stopped->second)) {
    ids_.pop_back();
    co_return absl::OkStatus();
  }
  if (head->kind == ChangeKind::identity) {
    co_return unreadable(**capture, absl::FailedPreconditionError(dualwrite::reason_of_identity(row)));
  }
  auto change = dualwrite::captured_row(*head, row, **capture);
  if (!change.ok()) co_return unreadable(**capture, change.status());
  if (head->kind == ChangeKind::refresh) {
    change->change.overwrites = true;
    change->change.flags |= dualwrite::kRowsNoForeignKeyChecks;  // what hangs on the row stays
  }
  if (head->kind == ChangeKind::overwriting && passes_on_nothing(*head, row, **capture)) {
    change->change.flags |= dualwrite::kRowsNoForeignKeyChecks;  // what it refers to may be gone
  }
  if (ddl_times_.have(*head)) {
    // Both images of an update are rows that go, then; what hangs on a row goes with it only if it was deleted.
    if (change->change.kind != dualwrite::RowsKind::delete_) change->change.flags |= dualwrite::kRowsNoForeignKeyChecks;
    change->change.kind = dualwrite::RowsKind::delete_;
    change->change.overwrites = true;
  }
  co_return put(*std::move(change), **capture, queue);
}

// Its table stops with the next look; the snapshot is read again, at last without it.
absl::Status TriggerSource::unreadable(const dualwrite::Capture& capture, const absl::Status& why) {
  const dualwrite::TableRef table{.schema = capture.table->schema, .table = capture.table->table};
  unreadable_[table] = std::string(why.message());
  return absl::AbortedError("table " + table.schema + "." + table.table + ": " + std::string(why.message()));
}

Task<absl::Status> TriggerSource::end_snapshot(LogQueue& queue) {
  if (cut_) {
    const absl::Status skipped = co_await stream_->skip_rest(before_long());
    if (!skipped.ok()) co_return skipped;
  }
  stream_.reset();
  if (cut_ && !held_ && !bounded_) {
    auto last = co_await outermost_id(*link_, "DESC");
    if (!last.ok()) co_return last.status();
    cut_at_ = *last;
  }
  if (!bounded_ && !fence_) {
    // Nothing that lies behind the intent of a schema change, which it may bring into another order.
    const std::uint64_t last = held_ ? *held_ - 1 : !cut_ ? UINT64_MAX : ids_.empty() ? 0 : ids_.back();
    const absl::Status found = co_await kept_.find(*link_, last);
    if (!found.ok()) co_return found;
  }
  auto done = co_await link_->query("COMMIT", before_long());
  if (!done.ok()) co_return done.status();
  in_snapshot_ = false;
  auto more = co_await kept_.put_aside(*link_);
  if (!more.ok()) co_return more.status();
  if (*more) next_snapshot_ = {};
  if (!cut_ && !bounded_ && !fence_ && ids_.empty()) {
    const absl::Status forgotten = co_await capture_.forget_retired(*control_, kept_.wanted());
    if (!forgotten.ok()) co_return forgotten;
  }
  at_fence_ = fence_ && snapshot_is_fenced_ && !cut_ && ids_.empty();
  // A table that was released has caught up with the end of a transaction, if an empty one.
  // What was taken is stored with one, too.
  if (!stopped_->released().empty() || !ids_.empty()) begin_transaction(queue);
  LogPosition next = cut_ ? place(round_, part_ + 1) : place(round_ + 1, 0);
  if (cut_ && ids_.empty() && !in_transaction_) {
    // Nothing in front of the schema change that is under way, or was.
    if (!held_) next_snapshot_ = {};
    co_return absl::OkStatus();
  }
  if (in_transaction_) {
    IdRanges taken;
    for (const std::uint64_t id : ids_) taken.add(id);
    end_transaction(next, taken.text(), queue);
  } else {
    dualwrite::LogAdvance advance;
    advance.next = next;
    advance.resume = next;
    queue.push(std::move(advance));
  }
  if (cut_) {
    ++part_;
    if (!held_) next_snapshot_ = {};
  } else {
    ++round_;
    part_ = 0;
  }
  if (!ids_.empty()) {
    ends_at_ = std::move(next);
    next_snapshot_ = {};
  }
  co_return absl::OkStatus();
}

// Nothing of the snapshot is needed any more.
Task<absl::Status> TriggerSource::stored(LogPosition applied) {
  if (!ends_at_ || applied < *ends_at_) co_return absl::OkStatus();
  ends_at_.reset();
  std::vector<std::uint64_t> ids = std::exchange(ids_, {});
  co_return co_await forget(std::move(ids));
}

// A list or a range becomes a scan on a short table, and that waits for clients' rows.
Task<absl::Status> TriggerSource::forget(std::vector<std::uint64_t> ids) {
  for (std::size_t from = 0; from < ids.size(); from += kDeletesMax) {
    std::string sql = "BEGIN";
    for (std::size_t i = from; i < std::min(ids.size(), from + kDeletesMax); ++i) {
      sql += ";" + dualwrite::delete_change(setting_.schema, ids[i], link_->is_mariadb());
    }
    sql += ";COMMIT";
    auto done = co_await link_->query(std::move(sql), before_long());
    if (!done.ok()) co_return absl::UnavailableError("`changes`: " + std::string(done.status().message()));
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
