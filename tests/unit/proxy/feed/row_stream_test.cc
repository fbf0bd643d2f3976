#include "proxy/feed/row_stream.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_backend.h"
#include "tests/support/loop_thread.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::FakeBackend;
using support::LoopThread;
using ::testing::HasSubstr;
using StreamedRows = std::vector<std::vector<protocol::Cell>>;
using StreamOr = absl::StatusOr<std::unique_ptr<RowStream>>;
using StreamedRow = absl::StatusOr<std::optional<std::vector<protocol::Cell>>>;

TimePoint in_ten_seconds() { return Clock::now() + std::chrono::seconds(10); }

// A cell of every length that has a form of its own, but the largest.
StreamedRows sample_rows() {
  return {{"1", std::nullopt}, {"", ""}, {std::nullopt, std::nullopt}, {std::string(251, 'a'), "\xfe"}, {"\xff", "5"}};
}

class RowStreamTest : public ::testing::Test {
 protected:
  // What a stream gave, and how it ended.
  struct Given {
    StreamedRows rows;
    absl::Status end;
  };

  ~RowStreamTest() override { drop(); }
  // A link belongs to its loop's thread, also in its end.
  void drop() {
    loop_.await<bool>([this] { return forget(); });
  }
  Task<bool> forget() {
    stream_.reset();
    link_.reset();
    co_return true;
  }
  void open(protocol::Capabilities mirrored = protocol::kDeprecateEof) {
    drop();
    LinkOptions options;
    options.address = backend_.address();
    options.user = "app";
    options.password = "secret";
    options.mirrored = mirrored;
    auto opened = loop_.await<absl::StatusOr<std::unique_ptr<BackendLink>>>(
        [&] { return BackendLink::open(loop_.reactor, options, counters_, in_ten_seconds()); });
    ASSERT_TRUE(opened.ok()) << opened.status();
    link_ = *std::move(opened);
  }
  // The server's answer to what is asked for by `SELECT rows`.
  void answer(ServerAnswer given) {
    backend_.set_script([given](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
      if (sql != "SELECT rows") return std::nullopt;
      return given;
    });
  }
  void start() {
    auto started = loop_.await<StreamOr>([this] { return RowStream::start(*link_, "SELECT rows", in_ten_seconds()); });
    ASSERT_TRUE(started.ok()) << started.status();
    stream_ = *std::move(started);
  }
  StreamedRow next(TimePoint deadline = in_ten_seconds()) {
    return loop_.await<StreamedRow>([&] { return stream_->next(deadline); });
  }
  absl::Status skip_rest() {
    return loop_.await<absl::Status>([this] { return stream_->skip_rest(in_ten_seconds()); });
  }
  Given all(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    start();
    Given given;
    for (;;) {
      StreamedRow row = next(Clock::now() + patience);
      given.end = row.status();
      if (!row.ok() || !*row) return given;
      given.rows.push_back(**std::move(row));
    }
  }
  // Nothing of the stream is left on the link.
  void expect_usable_link() {
    auto other = loop_.await<absl::StatusOr<std::vector<protocol::ResultSet>>>(
        [this] { return link_->query("SELECT v FROM t", in_ten_seconds()); });
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(other->front().rows[0][0], "old");
  }

  FakeBackend backend_{{}};
  LoopThread loop_;
  Counters counters_;
  std::unique_ptr<BackendLink> link_;
  std::unique_ptr<RowStream> stream_;
};

TEST_F(RowStreamTest, RowsAreTheSameHoweverTheyAreSplitOverReads) {
  answer(ServerAnswer::of({"a", "b"}, sample_rows()));
  for (const protocol::Capabilities mirrored : {protocol::kDeprecateEof, protocol::Capabilities{0}}) {
    open(mirrored);
    for (const std::size_t piece : {0, 1, 2, 3, 7}) {
      backend_.set_piece_bytes(piece);
      const Given given = all();
      EXPECT_TRUE(given.end.ok()) << given.end;
      EXPECT_EQ(given.rows, sample_rows()) << piece;
      EXPECT_TRUE(stream_->at_end());
      const StreamedRow again = next();
      EXPECT_TRUE(again.ok() && !*again) << "the end stays the end";
      expect_usable_link();
    }
  }
}

TEST_F(RowStreamTest, AnAnswerOfNoRowsIsItsEndAlone) {
  answer(ServerAnswer::of({"a"}, {}));
  open();
  const Given given = all();
  EXPECT_TRUE(given.end.ok() && given.rows.empty()) << given.end;
  expect_usable_link();
}

TEST_F(RowStreamTest, RowsOfMoreThanOneReadOrOnePacketComeWhole) {
  const StreamedRows rows = {{std::string(300'000, 'a')}, {std::string((1u << 24) + 5, 'b')}, {"last"}};
  answer(ServerAnswer::of({"a"}, rows));
  for (const protocol::Capabilities mirrored : {protocol::kDeprecateEof, protocol::Capabilities{0}}) {
    open(mirrored);
    const Given given = all();
    EXPECT_TRUE(given.end.ok()) << given.end;
    EXPECT_TRUE(given.rows == rows) << "one begins as the end of the rows does";
    expect_usable_link();
  }
}

TEST_F(RowStreamTest, AnErrorAtOnceOrBehindRowsIsTheServersAndTheLinkIsAsItWas) {
  open();
  for (const StreamedRows& rows : {StreamedRows(), sample_rows()}) {
    ServerAnswer failing = ServerAnswer::failed(1317, "70100", "Query execution was interrupted");
    if (!rows.empty()) failing.columns = {"a", "b"};
    failing.rows = rows;
    answer(failing);
    const Given given = all();
    EXPECT_TRUE(absl::IsFailedPrecondition(given.end)) << given.end;
    EXPECT_THAT(std::string(given.end.message()), HasSubstr("1317 (70100): Query execution was interrupted"));
    EXPECT_EQ(given.rows, rows);
    EXPECT_TRUE(stream_->at_end());
    expect_usable_link();
  }
}

TEST_F(RowStreamTest, TheRestIsSkippedFromAnywhere) {
  ServerAnswer whole = ServerAnswer::of({"a", "b"}, sample_rows());
  ServerAnswer failing = whole;
  failing.err = protocol::Err{.code = 1317, .sqlstate = "70100", .message = "Query execution was interrupted"};
  open();
  for (std::size_t read = 0; read <= sample_rows().size(); ++read) {
    for (const ServerAnswer& given : {whole, failing}) {
      answer(given);
      start();
      for (std::size_t i = 0; i < read; ++i) {
        const StreamedRow row = next();
        ASSERT_TRUE(row.ok() && *row) << row.status();
      }
      EXPECT_FALSE(stream_->at_end());
      const absl::Status skipped = skip_rest();
      EXPECT_EQ(absl::IsFailedPrecondition(skipped), given.err.has_value()) << skipped;
      EXPECT_EQ(skipped.ok(), !given.err.has_value()) << skipped;
      EXPECT_TRUE(stream_->at_end());
      expect_usable_link();
    }
  }
}

TEST_F(RowStreamTest, AConnectionThatEndsAnywhereGivesTheRowsInFrontAndNoEnd) {
  ServerAnswer cut = ServerAnswer::of({"a", "b"}, sample_rows());
  cut.cut = ServerAnswer::Cut::closed;
  std::size_t seen = 0;
  for (cut.cut_at = 0;; ++cut.cut_at) {
    answer(cut);
    open();
    const Given given = all();
    const StreamedRows whole = sample_rows();
    ASSERT_LE(given.rows.size(), whole.size());
    EXPECT_TRUE(std::equal(given.rows.begin(), given.rows.end(), whole.begin())) << cut.cut_at;
    EXPECT_GE(given.rows.size(), seen);
    seen = given.rows.size();
    if (given.end.ok()) break;
    EXPECT_TRUE(absl::IsUnavailable(given.end)) << cut.cut_at << ": " << given.end;
    EXPECT_FALSE(stream_->at_end());
  }
  EXPECT_EQ(seen, sample_rows().size());
}

TEST_F(RowStreamTest, AServerThatFallsSilentMeetsTheDeadline) {
  ServerAnswer cut = ServerAnswer::of({"a", "b"}, sample_rows());
  cut.cut = ServerAnswer::Cut::silent;
  for (const std::size_t at : {0, 3, 40, 130, 150}) {
    cut.cut_at = at;
    answer(cut);
    open();
    const Given given = all(std::chrono::milliseconds(20));
    EXPECT_TRUE(absl::IsDeadlineExceeded(given.end)) << at << ": " << given.end;
    EXPECT_LT(given.rows.size(), sample_rows().size());
  }
}

TEST_F(RowStreamTest, AnAnswerThatIsNoRowsIsAnError) {
  open();
  answer(ServerAnswer::done(3));
  EXPECT_TRUE(absl::IsInternal(all().end));
}

TEST_F(RowStreamTest, ReadStreamGivesEveryRowUntilOneIsNotTaken) {
  answer(ServerAnswer::of({"a", "b"}, sample_rows()));
  open();
  StreamedRows taken;
  const auto read = [&](std::size_t rows_max) {
    taken.clear();
    const TakeRow take = [&](const std::vector<protocol::Cell>& row) {
      if (taken.size() == rows_max) return absl::ResourceExhaustedError("no more");
      taken.push_back(row);
      return absl::OkStatus();
    };
    return loop_.await<absl::Status>([&] { return read_stream(*link_, "SELECT rows", take, in_ten_seconds()); });
  };
  EXPECT_TRUE(read(10).ok());
  EXPECT_EQ(taken, sample_rows());
  expect_usable_link();
  answer(ServerAnswer::failed(1205, "HY000", "Lock wait timeout exceeded"));
  EXPECT_TRUE(absl::IsFailedPrecondition(read(10)));
  expect_usable_link();
  answer(ServerAnswer::of({"a", "b"}, sample_rows()));
  const absl::Status refused = read(2);
  EXPECT_TRUE(absl::IsInternal(refused)) << refused;
  EXPECT_EQ(taken.size(), 2u);
}

}  // namespace
}  // namespace crossfade::proxy
