#include "proxy/migrate/chunk_reader.h"

#include <utility>

#include "dualwrite/chunk_marker.h"
#include "dualwrite/sql_text.h"
#include "proxy/backend/server_errors.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::RowsChange;
using dualwrite::TableRef;

namespace {

constexpr auto kChunkMax = std::chrono::minutes(5);
constexpr std::size_t kPieceBytesMax = std::size_t{256} << 10;
constexpr std::string_view kLockWait = "1";  // seconds: others wait behind whoever waits for a row

bool has_code(const absl::Status& status, int code) { return server_code(status) == code; }

// Somebody else's locks. A link says so in another way than of its other errors.
bool is_about_locks(const absl::Status& status) { return has_code(status, 1205) || has_code(status, 1213); }

absl::Status locked_by_others() { return absl::AbortedError("rows are locked on the leader"); }

}  // namespace

// A column, an index or the table is gone; a snapshot is older than the definition.
absl::Status about_definitions(const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status)) return status;
  for (const int code : {1054, 1176, 1146, 1412}) {
    if (has_code(status, code)) return absl::OutOfRangeError(std::string(status.message()));
  }
  return told_apart(status);
}

std::string without_counter(std::string shown) {
  constexpr std::string_view kCounter = " AUTO_INCREMENT=";
  const std::size_t begin = shown.rfind(kCounter);
  if (begin == std::string::npos) return shown;
  const std::size_t end = shown.find_first_not_of("0123456789", begin + kCounter.size());
  return shown.erase(begin, (end == std::string::npos ? shown.size() : end) - begin);
}

Task<absl::Status> ChunkReader::open() {
  if (link_ && link_->alive()) co_return absl::OkStatus();
  link_.reset();
  LinkOptions options = setting_.leader_options();
  options.statements = LinkOptions::Statements::multiple;
  auto opened =
      co_await BackendLink::open(setting_.reactor, std::move(options), setting_.counters, Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  link_ = *std::move(opened);
  // Under REPEATABLE READ the gaps between the rows are locked, too.
  std::string session = dualwrite::select_session() +
                        ";SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;SET SESSION autocommit=0,"
                        "net_write_timeout=600,innodb_lock_wait_timeout=" +
                        std::string(kLockWait) + ",lock_wait_timeout=" + std::string(kLockWait);
  auto prepared = co_await link_->query(std::move(session), soon());
  if (!prepared.ok()) {
    link_.reset();
    co_return prepared.status();
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::string>> ChunkReader::show(TableRef table) {
  auto shown = co_await link_->query("SHOW CREATE TABLE " + dualwrite::quote_name(table), soon());
  if (!shown.ok()) {
    if (has_code(shown.status(), 1146)) co_return absl::NotFoundError("the leader has no such table any more");
    if (is_about_locks(shown.status())) co_return locked_by_others();
    if (!absl::IsFailedPrecondition(shown.status())) link_.reset();
    co_return told_apart(shown.status());
  }
  std::string text;
  for (const auto& row : shown->front().rows) {
    for (const protocol::Cell& cell : row) text += cell.value_or("") + "\n";
  }
  co_return without_counter(std::move(text));
}

Task<absl::StatusOr<ReadRows>> ChunkReader::read(std::shared_ptr<const CopyPlan> plan, ChunkWanted wanted) {
  const absl::Status opened = co_await open();
  if (!opened.ok()) co_return opened;
  const TimePoint begun = Clock::now();
  auto rows = co_await read_rows(plan, std::move(wanted));
  absl::Status status = rows.status();
  if (status.ok()) {
    // The transaction holds the table's definition from its first statement on.
    TableRef table{.schema = plan->selected.table->schema, .table = plan->selected.table->table};
    auto shown = co_await show(std::move(table));
    status = shown.status();
    if (shown.ok() && *shown != plan->shown) status = absl::OutOfRangeError("the table's definition has changed");
  }
  if (status.ok()) {
    rows->locked = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
    co_return rows;
  }
  co_return co_await failed(std::move(status));
}

// Nothing is held then.
Task<absl::Status> ChunkReader::failed(absl::Status status) {
  if (link_) {
    const absl::Status ended = co_await give_up();
    if (!ended.ok()) link_.reset();
  }
  if (is_about_locks(status)) co_return locked_by_others();
  if (has_code(status, 1146)) co_return absl::NotFoundError("the leader has no such table any more");
  // A column or an index is gone.
  if (has_code(status, 1054) || has_code(status, 1176)) {
    co_return absl::OutOfRangeError("the table's definition has changed");
  }
  co_return told_apart(status);
}

Task<absl::StatusOr<migrate::KeyPlace>> ChunkReader::find_border(std::shared_ptr<const CopyPlan> plan,
                                                                 migrate::KeyPlace behind, std::size_t rows) {
  const absl::Status opened = co_await open();
  if (!opened.ok()) co_return opened;
  const migrate::SelectedKey key = migrate::select_key(plan->selected, plan->key, link_->is_mariadb());
  auto row = co_await link_->query_rows(migrate::select_border(key, behind, rows), key.key.parts.size(),
                                        Clock::now() + kChunkMax);
  if (!row.ok()) {
    absl::Status why = row.status();
    if (!absl::IsFailedPrecondition(why)) link_.reset();
    co_return co_await failed(std::move(why));
  }
  const absl::Status ended = co_await give_up();
  if (!ended.ok()) co_return ended;
  if (row->empty()) co_return migrate::KeyPlace();
  auto place = migrate::border_from(key, row->front(), link_->is_mariadb());
  if (!place.ok()) co_return absl::FailedPreconditionError(std::string(place.status().message()));
  co_return place;
}

Task<absl::Status> ChunkReader::read_locked(std::string select, TakeRow take) {
  const absl::Status opened = co_await open();
  if (!opened.ok()) co_return opened;
  const TimePoint deadline = Clock::now() + kChunkMax;
  select += " LOCK IN SHARE MODE";
  absl::Status read = co_await read_stream(*link_, std::move(select), std::move(take), deadline);
  if (read.ok()) co_return read;
  if (!absl::IsFailedPrecondition(read)) link_.reset();
  co_return co_await failed(std::move(read));
}

Task<absl::StatusOr<ReadRows>> ChunkReader::read_rows(std::shared_ptr<const CopyPlan> plan, ChunkWanted wanted) {
  const TimePoint deadline = Clock::now() + kChunkMax;
  ReadRows out;
  out.through = wanted.range.behind;
  std::string sql = migrate::select_chunk(plan->selected, plan->key, wanted.range, wanted.condition, wanted.rows_max);
  auto stream = co_await RowStream::start(*link_, std::move(sql), deadline);
  if (!stream.ok()) {
    link_.reset();
    co_return stream.status();
  }
  std::size_t last_begins = 0;
  for (;;) {
    auto row = co_await (*stream)->next(deadline);
    if (!row.ok()) {
      if (!absl::IsFailedPrecondition(row.status())) link_.reset();
      co_return row.status();
    }
    if (!*row) break;
    if (out.bytes >= wanted.bytes_max) {
      // What comes behind is read again with the next chunk; its locks go with this one's.
      const absl::Status skipped = co_await (*stream)->skip_rest(deadline);
      if (!skipped.ok()) {
        link_.reset();
        co_return skipped;
      }
      out.rows = std::max<std::size_t>(out.rows, 1);
      wanted.rows_max = 0;
      break;
    }
    if (out.pieces.empty() || out.pieces.back().images.size() >= kPieceBytesMax) {
      out.pieces.push_back(RowsChange{.table = plan->selected.table});
    }
    dualwrite::Buffer& images = out.pieces.back().images;
    last_begins = images.size();
    const absl::Status added = dualwrite::append_selected_row(plan->selected, **row, &images);
    if (!added.ok()) {
      link_.reset();
      co_return absl::FailedPreconditionError(std::string(added.message()));
    }
    out.bytes += images.size() - last_begins;
    ++out.rows;
  }
  out.at_end = wanted.rows_max != 0 && out.rows < wanted.rows_max;
  if (out.rows == 0) co_return out;
  const dualwrite::Bytes last = dualwrite::Bytes(out.pieces.back().images).subspan(last_begins);
  auto through = migrate::place_behind(plan->key, plan->selected, last, link_->is_mariadb());
  if (!through.ok()) co_return absl::FailedPreconditionError(std::string(through.status().message()));
  out.through = *std::move(through);
  co_return out;
}

Task<absl::Status> ChunkReader::finish(std::uint64_t token) {
  std::string sql = setting_.by_triggers ? dualwrite::write_captured_marker(setting_.schema, token, link_->is_mariadb())
                                         : dualwrite::write_marker(setting_.schema, setting_.slot, token);
  sql += ";COMMIT";
  auto done = co_await link_->query(std::move(sql), soon());
  if (done.ok()) co_return absl::OkStatus();
  // Whether it is there is not known, unless the server has said so.
  const absl::Status why = done.status();
  if (server_code(why) != 0) {
    const absl::Status ended = co_await give_up();
    if (ended.ok() && is_about_locks(why)) {
      co_return absl::AbortedError("the marker of a chunk is locked on the leader: " + std::string(why.message()));
    }
  }
  link_.reset();
  co_return absl::UnavailableError("the place of a chunk: " + std::string(why.message()));
}

Task<absl::Status> ChunkReader::give_up() {
  auto done = co_await link_->query("ROLLBACK", soon());
  co_return done.status();
}

}  // namespace crossfade::proxy
