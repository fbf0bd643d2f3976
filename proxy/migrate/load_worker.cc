#include "proxy/migrate/load_worker.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dualwrite/sql_text.h"
#include "proxy/feed/follower_writer.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using migrate::DelimitedReader;
using migrate::DelimitedRecord;
using migrate::LoadColumns;
using migrate::LoadedFile;

namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
constexpr int kBatchTriesMax = 10;

// "at row 3" at the end of a server's message: which one it is, from 1; 0: it does not say.
std::size_t row_named(const std::string& message) {
  constexpr std::string_view kWords = "at row ";
  const std::size_t at = message.rfind(kWords);
  std::size_t row = 0;
  if (at == std::string::npos) return row;
  std::from_chars(message.data() + at + kWords.size(), message.data() + message.size(), row);
  return row;
}

// Rows that go into one transaction with the place behind them.
struct Batch {
  std::string sql{};
  std::vector<std::uint64_t> lines{};
};

class FileLoad {
 public:
  FileLoad(LoadWork& work, Reactor& reactor, FollowerWriter& writer, LoadedFile file)
      : work_(work), reactor_(reactor), writer_(writer), file_(std::move(file)), at_(file_) {}

  Task<absl::Status> run() {
    absl::Status status = open();
    while (status.ok() && !ended_) {
      status = read();
      if (status.ok()) status = co_await take_records();
      if (work_.failed.load()) co_return absl::CancelledError("another file has failed");
    }
    if (status.ok()) status = co_await write(true);
    co_return status;
  }

 private:
  // From where it is; a header is read in any case.
  absl::Status open() {
    if (absl::Status begun = reopen({}); !begun.ok()) return begun;
    std::vector<std::string> names = work_.order.columns;
    if (work_.order.header) {
      while (records_.empty() && !ended_) {
        if (absl::Status status = read(); !status.ok()) return status;
      }
      if (records_.empty()) return absl::InvalidArgumentError("it is empty: a header was wanted");
      if (names.empty()) {
        for (const protocol::Cell& cell : records_.front().fields) names.push_back(cell.value_or(""));
        // What Windows puts in front of UTF-8.
        if (names.front().starts_with("\xef\xbb\xbf")) names.front().erase(0, 3);
      }
      records_.erase(records_.begin());
    }
    absl::StatusOr<LoadColumns> columns = migrate::choose_columns(work_.table, names);
    if (!columns.ok()) return columns.status();
    columns_ = *std::move(columns);
    head_ = "INSERT INTO " + dualwrite::quote_name(work_.plan.staging) + columns_.names + " VALUES";
    if (file_.offset == 0) return absl::OkStatus();
    return reopen({.offset = file_.offset, .line = file_.line});
  }

  absl::Status reopen(DelimitedReader::Place place) {
    auto opened = work_.files.open({.name = file_.name, .size = file_.size, .tag = file_.tag});
    if (!opened.ok()) return opened.status();
    source_ = unpacked(file_.name, *std::move(opened));
    reader_.emplace(work_.order.format, place);
    records_.clear();
    ended_ = false;
    return place.offset == 0 ? absl::OkStatus() : source_->skip_to(place.offset);
  }

  absl::Status read() {
    buffer_.resize(kReadBytes);
    const absl::StatusOr<std::size_t> got = source_->read(buffer_.data(), buffer_.size());
    if (!got.ok()) return got.status();
    ended_ = *got == 0;
    return ended_ ? reader_->finish(&records_) : reader_->feed({buffer_.data(), *got}, &records_);
  }

  Task<absl::Status> take_records() {
    for (const DelimitedRecord& record : std::exchange(records_, {})) {
      const bool blank =
          record.fields.size() == 1 && columns_.columns.size() > 1 && record.fields[0].value_or("").empty();
      if (!blank) {
        std::string row;
        const absl::Status status = migrate::append_row(columns_, record, &row);
        if (!status.ok()) co_return status;
        if (head_.size() + row.size() + 1 > writer_.statement_bytes_max()) {
          co_return absl::InvalidArgumentError("line " + std::to_string(record.line) +
                                               ": a row larger than the max_allowed_packet of new");
        }
        if (!batch_.sql.empty() && batch_.sql.size() + row.size() + 1 > bytes_max()) {
          const absl::Status written = co_await write(false);
          if (!written.ok()) co_return written;
        }
        batch_.sql += batch_.sql.empty() ? head_ : ",";
        batch_.sql += row;
        batch_.lines.push_back(record.line);
      }
      at_.offset = record.end;
      at_.line = record.next_line;
    }
    co_return absl::OkStatus();
  }

  std::size_t bytes_max() const { return std::min(kBatchBytes, writer_.statement_bytes_max()); }

  Task<absl::Status> write(bool done) {
    LoadedFile to = at_;
    to.rows = file_.rows + batch_.lines.size();
    to.done = done;
    for (int tries = 0;; ++tries) {
      std::vector<WriterStep> steps;
      steps.push_back({.sql = "BEGIN"});
      steps.push_back({.sql = migrate::move_loaded_file(work_.schema, work_.load, file_, to),
                       .expect = WriterStep::Expect::affected,
                       .affected = 1,
                       .waits = false});
      if (!batch_.sql.empty()) steps.push_back({.sql = batch_.sql, .waits = true});
      steps.push_back(commit_step());
      auto failure = co_await writer_.run(std::move(steps));
      if (!failure.ok()) co_return failure.status();
      if (!*failure) break;
      const absl::Status undone = co_await writer_.rollback();
      if (!undone.ok()) co_return undone;
      if (!(*failure)->err) co_return absl::AbortedError("another load has gone on with this file");
      const std::uint16_t code = (*failure)->err->code;
      if ((code != 1205 && code != 1213) || tries == kBatchTriesMax) co_return refused(*(*failure)->err);
      co_await reactor_.sleep_for(std::chrono::milliseconds(50) * (tries + 1));
    }
    work_.rows.fetch_add(batch_.lines.size());
    batch_ = {};
    file_ = to;
    at_ = std::move(to);
    co_return absl::OkStatus();
  }

  absl::Status refused(const protocol::Err& err) const {
    const std::size_t row = row_named(err.message);
    std::string where;
    if (row >= 1 && row <= batch_.lines.size()) {
      where = "line " + std::to_string(batch_.lines[row - 1]) + ": ";
    } else if (!batch_.lines.empty()) {
      where = "lines " + std::to_string(batch_.lines.front()) + " to " + std::to_string(batch_.lines.back()) + ": ";
    }
    return absl::InvalidArgumentError(where + "new refuses it: " + err_text(err));
  }

  LoadWork& work_;
  Reactor& reactor_;
  FollowerWriter& writer_;
  LoadedFile file_;  // as the manifest has it
  LoadedFile at_;    // behind what is in batch_
  LoadColumns columns_;
  std::string head_;
  std::unique_ptr<ByteSource> source_;
  std::optional<DelimitedReader> reader_;
  std::vector<DelimitedRecord> records_;
  std::string buffer_;
  bool ended_ = false;
  Batch batch_;
};

void fail(LoadWork& work, const absl::Status& status) {
  const std::lock_guard lock(work.mutex);
  if (work.status.ok()) work.status = status;
  work.failed.store(true);
}

std::optional<LoadedFile> next_file(LoadWork& work) {
  const std::lock_guard lock(work.mutex);
  if (work.waiting.empty() || work.failed.load()) return std::nullopt;
  LoadedFile file = std::move(work.waiting.front());
  work.waiting.pop_front();
  return file;
}

Task<void> load_all(LoadWork& work, Reactor& reactor, Counters& counters) {
  auto opened = co_await FollowerWriter::open(reactor, work.link, counters, Clock::now() + kConnectMax);
  absl::Status status = opened.status();
  if (opened.ok()) {
    auto prepared = co_await (*opened)->link().query(std::string(kLoadSession), soon());
    status = prepared.status();
  }
  if (!status.ok()) fail(work, status);
  while (status.ok()) {
    std::optional<LoadedFile> file = next_file(work);
    if (!file) break;
    const std::string name = file->name;
    FileLoad one(work, reactor, **opened, *std::move(file));
    status = co_await one.run();
    if (status.ok()) work.files_left.fetch_sub(1);
    if (!status.ok()) fail(work, absl::Status(status.code(), name + ": " + std::string(status.message())));
  }
  reactor.stop();
}

}  // namespace

void load_files(LoadWork& work, Counters& counters) {
  Reactor reactor;
  reactor.spawn(load_all(work, reactor, counters));
  reactor.run();
}

}  // namespace crossfade::proxy
