#include "proxy/catalogue/schema_cache.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_feed.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::LoopThread;
using support::ProxyStack;

constexpr const char* kQuestion = "information_schema.TABLES";

// Definitions of a fake backend, asked for from two threads.
class SchemaCacheTest : public ::testing::Test {
 protected:
  SchemaCacheTest() {
    backend_.set_script([this](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
      if (sql.find(kQuestion) == std::string::npos) return std::nullopt;
      std::unique_lock lock(mutex_);
      ++asked_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !held_; });
      return std::nullopt;
    });
  }
  ~SchemaCacheTest() override {
    hold(false);
    links_.stop();
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  absl::StatusOr<TableKind> get(LoopThread& loop, const std::string& table) {
    return loop.await<absl::StatusOr<TableKind>>(
        [&] { return cache_.get(loop.reactor, config::Backend::old_db, "shop", table); });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::size_t asked_ = 0;
  support::FakeBackend backend_{{}};
  Metrics metrics_;
  ControlLinks links_{[this](config::Backend) {
                        LinkOptions options;
                        options.address = backend_.address();
                        options.user = "control";
                        options.password = "secret";
                        return options;
                      },
                      metrics_};
  SchemaCache cache_{links_};
  LoopThread one_;
  LoopThread two_;
};

TEST_F(SchemaCacheTest, KnowsATableAndKeepsWhatItKnows) {
  const auto definition = get(one_, "t");
  ASSERT_TRUE(definition.ok()) << definition.status();
  EXPECT_EQ(*definition, TableKind::base_table);
  EXPECT_EQ(*get(two_, "t"), TableKind::base_table) << "on all threads";
  EXPECT_EQ(asked(), 1u);
}

TEST_F(SchemaCacheTest, ThatATableIsMissingIsKeptForAWhileAndLookedUpAgain) {
  EXPECT_EQ(*get(one_, "missing"), TableKind::none);
  EXPECT_EQ(*get(two_, "missing"), TableKind::none);
  EXPECT_EQ(asked(), 1u);
  EXPECT_TRUE(support::eventually([&] { return *get(one_, "missing") == TableKind::none && asked() == 2; }));
}

TEST_F(SchemaCacheTest, ManyWhoNeedOneColdDefinitionAskOnceOnOneConnection) {
  hold(true);
  std::vector<std::thread> clients;
  std::atomic<int> known{0};
  for (int i = 0; i < 30; ++i) {
    clients.emplace_back([this, i, &known] {
      const auto definition = get(i % 2 == 0 ? one_ : two_, "t");
      if (definition.ok() && *definition == TableKind::base_table) ++known;
    });
  }
  EXPECT_TRUE(support::eventually([&] { return asked() == 1; }));
  hold(false);
  for (auto& client : clients) client.join();
  EXPECT_EQ(known, 30);
  EXPECT_EQ(asked(), 1u);
  EXPECT_EQ(backend_.logins("control"), 1u);
}

TEST_F(SchemaCacheTest, ManyDefinitionsAtOnceTakeABoundedNumberOfConnections) {
  hold(true);
  std::vector<std::thread> clients;
  std::atomic<int> known{0};
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([this, i, &known] {
      const auto definition = get(i % 2 == 0 ? one_ : two_, "t" + std::to_string(i));
      if (definition.ok() && *definition == TableKind::base_table) ++known;
    });
  }
  EXPECT_TRUE(support::eventually([&] { return asked() == ControlLinks::kLinksMax; }));
  hold(false);
  for (auto& client : clients) client.join();
  EXPECT_EQ(known, 20);
  EXPECT_EQ(asked(), 20u);
  EXPECT_EQ(backend_.logins("control"), ControlLinks::kLinksMax);
}

TEST_F(SchemaCacheTest, ABackendThatIsGoneIsSaidToAllAndNotKnockedAtByEach) {
  EXPECT_TRUE(get(one_, "t").ok());
  backend_.go_down();
  std::vector<std::thread> clients;
  std::atomic<int> refused{0};
  for (int i = 0; i < 30; ++i) {
    clients.emplace_back([this, &refused] {
      if (absl::IsUnavailable(get(one_, "other").status())) ++refused;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(refused, 30);
  backend_.come_back();
  EXPECT_TRUE(support::eventually([&] { return get(one_, "other").ok(); }));
}

TEST_F(SchemaCacheTest, AnAnswerThatBreaksOffCostsTheConnectionAndNotThePlace) {
  for (std::size_t i = 0; i < ControlLinks::kLinksMax + 1; ++i) {
    backend_.arm({.kind = support::Fault::Kind::drop_after, .user = "control", .on = "SELECT TABLE_TYPE"});
    EXPECT_FALSE(get(one_, "t" + std::to_string(i)).ok());
  }
  backend_.disarm();
  EXPECT_TRUE(get(one_, "t").ok());
}

// A table is stopped: whether a read's names are tables is asked once.
TEST(SchemaCacheStack, SessionsThatReadAColdTableShareOneQuestion) {
  support::FakeFeed feed;
  feed.stop_table("shop", "elsewhere");
  config::Flags moved;
  moved.read_from_new.percent = config::Percent::from_ppm(config::Percent::kWhole);
  ProxyStack stack(ProxyStack::Options{.flags = moved, .feed = &feed});
  std::atomic<std::size_t> asked{0};
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  stack.leader().set_script([&](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user == "control" && sql.find(kQuestion) != std::string::npos) {
      ++asked;
      released.wait();
    }
    return std::nullopt;
  });
  constexpr int kClients = 20;
  std::vector<std::unique_ptr<support::Client>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(stack.connect());
  std::vector<std::thread> threads;
  std::atomic<int> read{0};
  for (auto& client : clients) {
    threads.emplace_back([&client = *client, &read] {
      if (client.query("SELECT v FROM t").cell() == "new") ++read;
    });
  }
  EXPECT_TRUE(support::eventually([&] { return asked == 1; }));
  release.set_value();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(read, kClients);
  EXPECT_EQ(asked, 1u);
  EXPECT_LE(stack.leader().logins("control"), 1u);
}

}  // namespace
}  // namespace crossfade::proxy
