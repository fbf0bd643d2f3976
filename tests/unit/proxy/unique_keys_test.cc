#include "proxy/catalogue/unique_keys.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::LoopThread;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Keys = UniqueKeys::Keys;

constexpr std::chrono::seconds kLong(10);

// Asked of a fake backend, on a connection for each question.
class UniqueKeysTest : public ::testing::Test {
 protected:
  UniqueKeysTest() {
    backend_.set_script([this](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
      if (sql.find("information_schema.STATISTICS") == std::string::npos) return std::nullopt;
      std::unique_lock lock(mutex_);
      ++asked_;
      changed_.wait(lock, [this] { return !held_; });
      return answer_;
    });
  }
  ~UniqueKeysTest() override { hold(false); }

  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void set_answer(ServerAnswer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  static ServerAnswer indexes(std::vector<std::vector<protocol::Cell>> rows) {
    return ServerAnswer::of({"INDEX_NAME", "COLUMN_NAME", "NULLABLE", "SUB_PART"}, std::move(rows));
  }
  Task<absl::StatusOr<Keys>> ask(UniqueKeys::Question question) {
    LinkOptions options;
    options.address = backend_.address();
    options.user = "control";
    options.password = "secret";
    auto opened = co_await BackendLink::open(loop_.reactor, options, counters_, Clock::now() + kLong);
    if (!opened.ok()) co_return opened.status();
    co_return co_await UniqueKeys::read(**opened, std::move(question), Clock::now() + kLong);
  }
  std::future<absl::StatusOr<Keys>> get(const std::string& table, const std::string& user = "app") {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Keys>>>();
    loop_.reactor.post([this, promise, table, user] { loop_.reactor.spawn(deliver(table, user, promise)); });
    return promise->get_future();
  }
  Task<void> deliver(std::string table, std::string user, std::shared_ptr<std::promise<absl::StatusOr<Keys>>> promise) {
    UniqueKeys::Question question{.user = std::move(user), .schema = "shop", .table = std::move(table)};
    promise->set_value(co_await keys_.get(std::move(question), Clock::now() + kLong));
  }

  std::mutex mutex_;  // guards the next two
  std::condition_variable changed_;
  bool held_ = false;
  ServerAnswer answer_ = indexes({{"PRIMARY", "Id", "", std::nullopt}});
  std::atomic<std::size_t> asked_{0};
  support::FakeBackend backend_{{}};
  Metrics metrics_;
  Counters& counters_{metrics_.make()};
  LoopThread loop_;
  UniqueKeys keys_{loop_.reactor, [this](UniqueKeys::Question question) { return ask(std::move(question)); }};
};

TEST_F(UniqueKeysTest, AreThoseWhoseColumnsAreAllNotNullAndWhole) {
  set_answer(indexes({{"PRIMARY", "Id", "", std::nullopt},
                      {"both", "a", "", std::nullopt},
                      {"both", "B", "", std::nullopt},
                      {"expression", std::nullopt, "", std::nullopt},
                      {"nullable", "a", "", std::nullopt},
                      {"nullable", "c", "YES", std::nullopt},
                      {"prefix", "d", "", "10"}}));
  EXPECT_THAT(*get("t").get(), ElementsAre(ElementsAre("id"), ElementsAre("a", "b")));
}

TEST_F(UniqueKeysTest, HoweverManyAskAtOnceOneQuestionIsUnderWay) {
  hold(true);
  std::vector<std::future<absl::StatusOr<Keys>>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(get("t"));
  EXPECT_TRUE(support::eventually([this] { return asked_ == 1; }));
  // Behind all of those on the loop.
  const bool all_there = loop_.await<bool>([]() -> Task<bool> { co_return true; });
  EXPECT_TRUE(all_there);
  EXPECT_EQ(asked_, 1u);
  hold(false);
  for (auto& answer : answers) EXPECT_THAT(*answer.get(), ElementsAre(ElementsAre("id")));
  EXPECT_EQ(asked_, 1u);
  EXPECT_EQ(backend_.logins("control"), 1u);
}

TEST_F(UniqueKeysTest, AreKeptByTableAndUserAlsoWhereThereAreNone) {
  set_answer(indexes({}));
  EXPECT_THAT(*get("none").get(), IsEmpty());
  EXPECT_THAT(*get("none").get(), IsEmpty());
  EXPECT_EQ(asked_, 1u);
  EXPECT_THAT(*get("other").get(), IsEmpty());
  EXPECT_EQ(asked_, 2u);
  set_answer(indexes({{"PRIMARY", "id", "", std::nullopt}}));
  EXPECT_THAT(*get("none", "who may see it").get(), ElementsAre(ElementsAre("id")));
  EXPECT_THAT(*get("none").get(), IsEmpty());
  EXPECT_EQ(asked_, 3u);
}

TEST_F(UniqueKeysTest, AnAnswerOfAnotherShapeIsNone) {
  for (const ServerAnswer& strange :
       {ServerAnswer::done(), ServerAnswer::of({"a"}, {{"1"}}), ServerAnswer::failed(1105, "HY000", "no")}) {
    set_answer(strange);
    EXPECT_FALSE(get("t").get().ok());
  }
  set_answer(indexes({{std::nullopt, std::nullopt, std::nullopt, std::nullopt}}));
  EXPECT_TRUE(support::eventually([this] {  // a failure is kept for a moment
    const auto keys = get("t").get();
    return keys.ok() && keys->empty();
  }));
}

}  // namespace
}  // namespace crossfade::proxy
