// A leader that answers a feed's own questions with anything but what was asked for, each question in its turn: no row,
// NULL, no result, other columns. Nothing crashes, and whatever cannot go on says so.
#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/feed/captured_ddl.h"
#include "proxy/feed/leader_record.h"
#include "proxy/feed/source_change.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using dualwrite::Anchor;
using dualwrite::FeedChange;
using support::LoopThread;
using ServerAnswer = support::Answer;
using Cells = std::vector<protocol::Cell>;

bool is_question(const std::string& sql) {
  return sql.starts_with("SELECT") || sql.starts_with("SHOW") || sql.starts_with("XA RECOVER");
}

// How many columns a SELECT of ours has, by the commas of its list.
std::size_t columns_of(const std::string& sql) {
  std::size_t columns = 1;
  int depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quote != 0) {
      quote = c == quote ? 0 : quote;
    } else if (c == '\'' || c == '`') {
      quote = c;
    } else if (depth == 0 && (sql.compare(i, 6, " FROM ") == 0 || sql.compare(i, 7, " LIMIT ") == 0)) {
      break;
    } else {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      columns += c == ',' && depth == 0 ? 1 : 0;
    }
  }
  return columns;
}

ServerAnswer rows(std::vector<Cells> cells, std::size_t columns) {
  return ServerAnswer::of(std::vector<std::string>(columns, "c"), std::move(cells));
}
ServerAnswer row(Cells cells) {
  const std::size_t columns = cells.size();
  return rows({std::move(cells)}, columns);
}

// As a leader answers that has nothing but what feed `trigger` has made on it.
ServerAnswer as_it_should(const std::string& sql) {
  const auto has = [&sql](const char* part) { return sql.find(part) != std::string::npos; };
  if (sql.starts_with("INSERT")) {
    ServerAnswer written = ServerAnswer::done(1);
    written.ok.last_insert_id = 41;
    return written;
  }
  if (!is_question(sql)) return ServerAnswer::done();
  if (has("XA RECOVER")) return rows({}, 4);
  if (has("_LOCK(")) return row({"1"});
  if (has("'Uptime'")) return row({"Uptime", "100"});
  if (sql.starts_with("SHOW CREATE")) return row({"t", "CREATE TABLE t (a INT)"});
  if (sql.starts_with("SHOW BINARY") || sql.starts_with("SHOW MASTER")) return row({"log.000001", "4", "", ""});
  if (sql.starts_with("SHOW")) return rows({}, 2);
  if (has("LIKE 'ob%'")) return row({"16"});
  if (has("'changes','captured','flushed','kept'")) return row({"4", "2"});
  if (has("COUNT(*),MIN(id)")) return row({"0", std::nullopt});
  if (has("COUNT(*)") || has("COALESCE(MAX(id),0)")) return row({"0"});
  if (has("SELECT UNIX_TIMESTAMP()")) return row({"1700000000"});
  if (has("SELECT 1 FROM") && !has("op='P'")) return row({"1"});
  if (has("innodb_autoinc_lock_mode")) return row({"0", "ROW", "1", "1", "ON"});
  if (sql.starts_with("SELECT @@GLOBAL.")) return row(Cells(columns_of(sql), "1"));
  return rows({}, columns_of(sql));
}

constexpr std::size_t kShapes = 5;
ServerAnswer strange(std::size_t number) {
  switch (number) {
    case 0:
      return ServerAnswer::of({"a"}, {});
    case 1:
      return ServerAnswer::done();
    case 2:
      return ServerAnswer::of({"a"}, {{std::nullopt}});
    case 3:
      return ServerAnswer::of({"a", "b"}, {{"1", std::nullopt}, {"x", "2"}});
    default:
      return rows({Cells(30, protocol::Cell())}, 30);
  }
}

class StrangeLeaderAnswersTest : public ::testing::Test {
 protected:
  StrangeLeaderAnswersTest() {
    leader_.set_script([this](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
      if (is_question(sql) && asked_++ == strange_at_) return strange(shape_);
      return as_it_should(sql);
    });
  }
  LinkOptions link() const {
    LinkOptions options;
    options.address = leader_.address();
    options.user = "control";
    options.password = "secret";
    return options;
  }
  SourceSetting source_setting() {
    return {.reactor = loop_.reactor,
            .counters = counters_,
            .schema = "crossfade",
            .leader_options = [this] { return link(); },
            .config = config_};
  }
  CapturedDdl::Setting ddl_setting() {
    return {.reactor = loop_.reactor, .leader = link(), .counters = counters_, .schema = "crossfade"};
  }
  using Act = std::function<Task<absl::Status>()>;
  absl::Status run(const Act& act) {
    asked_ = 0;
    return loop_.await<absl::Status>(act);
  }
  // Once as it should be, which gives how many questions there are; then each of them answered in each strange way.
  // Returns how often it failed.
  std::size_t with_each_question(const Act& act, std::size_t at_least, std::size_t shapes = kShapes) {
    strange_at_ = kNever;
    const absl::Status whole = run(act);
    EXPECT_TRUE(whole.ok()) << whole;
    const std::size_t questions = asked_;
    EXPECT_GE(questions, at_least);
    std::size_t failures = 0;
    for (std::size_t at = 0; at < questions; ++at) {
      for (std::size_t shape = 0; shape < shapes; ++shape) {
        strange_at_ = at;
        shape_ = shape;
        failures += run(act).ok() ? 0 : 1;
      }
    }
    strange_at_ = kNever;
    const absl::Status again = run(act);
    EXPECT_TRUE(again.ok()) << again;
    return failures;
  }

  Task<absl::Status> with_link(std::function<Task<absl::Status>(BackendLink&)> what) {
    auto opened = co_await BackendLink::open(loop_.reactor, link(), counters_, Clock::now() + std::chrono::seconds(5));
    if (!opened.ok()) co_return opened.status();
    co_return co_await what(**opened);
  }

  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);
  std::atomic<std::size_t> asked_{0};
  std::atomic<std::size_t> strange_at_{kNever};
  std::atomic<std::size_t> shape_{0};
  support::FakeBackend leader_{{}};
  config::DualWriteConfig config_;
  Metrics metrics_;
  Counters& counters_{metrics_.make()};
  LoopThread loop_;
};

Task<absl::Status> change_schema(CapturedDdl::Setting setting) {
  dualwrite::LoggedStatement statement;
  statement.schema = "shop";
  statement.sql = "ALTER TABLE t ADD b INT";
  dualwrite::DdlAnalysis analysis = dualwrite::analyze_ddl(statement, true);
  auto begun = co_await CapturedDdl::begin(std::move(setting), std::move(statement), std::move(analysis), 7);
  if (!begun.ok()) co_return begun.status();
  co_return co_await (*begun)->finish(0);
}

// What fails behind the statement is tried again, and so most of it comes to a good end all the same.
TEST_F(StrangeLeaderAnswersTest, AtASchemaChange) {
  EXPECT_GT(with_each_question([this] { return change_schema(ddl_setting()); }, 10, 2), 0u);
}

TEST_F(StrangeLeaderAnswersTest, WhenSchemaChangesAreTakenUpAndTablesAreCapturedAnew) {
  EXPECT_GT(with_each_question([this] { return CapturedDdl::resume_all(ddl_setting()); }, 1), 0u);
  KeptChanges kept("crossfade");
  const auto capture = [&] {
    return CapturedDdl::capture_released(ddl_setting(), {{.schema = "shop", .table = "t"}}, {}, kept);
  };
  EXPECT_GT(with_each_question(capture, 4), 0u);
}

Task<absl::Status> work_by(std::unique_ptr<ChangeSource> source, BackendLink& leader) {
  auto identity = co_await source->judge(leader);
  if (!identity.ok()) co_return identity.status();
  const absl::Status tried = co_await source->try_out(leader);
  if (!tried.ok()) co_return tried;
  const absl::Status prepared = co_await source->prepare(leader);
  if (!prepared.ok()) co_return prepared;
  auto first = co_await source->first_place(leader);
  if (!first.ok()) co_return first.status();
  auto end = co_await source->end(leader);
  if (!end.ok()) co_return end.status();
  auto broken = co_await source->look(leader);
  if (!broken.ok()) co_return broken.status();
  co_return co_await source->vouch(leader);
}

TEST_F(StrangeLeaderAnswersTest, ToTheSourceThatReadsTriggers) {
  const auto work = [this](BackendLink& leader) {
    return work_by(make_source(FeedKind::trigger, source_setting()), leader);
  };
  EXPECT_GT(with_each_question([&] { return with_link(work); }, 10), 0u);
}

Task<absl::Status> fence(SourceSetting setting, BackendLink& leader, FeedKind next) {
  Anchor anchor;
  anchor.at = {.file = "log.000001", .offset = 4};
  anchor.change = FeedChange{.phase = FeedChange::Phase::announced, .next = anchor.at, .fence = {}};
  FenceOrder order{.schema = "crossfade", .anchor = std::move(anchor), .next = next};
  const std::unique_ptr<ChangeSource> source =
      make_source(next == FeedKind::log ? FeedKind::trigger : FeedKind::log, std::move(setting));
  auto fenced = co_await put_fence(leader, *source, std::move(order));
  co_return fenced.status();
}

// Above all no fence stands where it was not said that nothing is under way.
TEST_F(StrangeLeaderAnswersTest, WhereAFenceIsPut) {
  for (const FeedKind next : {FeedKind::log, FeedKind::trigger}) {
    const auto put = [this, next](BackendLink& leader) { return fence(source_setting(), leader, next); };
    // Of no row in XA RECOVER, or in what only looks, nothing can be told from none.
    EXPECT_GE(with_each_question([&] { return with_link(put); }, 4), 12u);
  }
}

Task<absl::Status> ask_who_leads(BackendLink& leader) {
  auto record = co_await read_leader(leader, "crossfade");
  co_return record.status();
}

TEST_F(StrangeLeaderAnswersTest, AboutWhoLeads) {
  EXPECT_GT(with_each_question([this] { return with_link(ask_who_leads); }, 1), 0u);
}

}  // namespace
}  // namespace crossfade::proxy
