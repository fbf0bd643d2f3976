#include "proxy/net/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/net/stream.h"
#include "tests/support/fake_backend.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::LoopThread;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Endpoints = std::vector<Endpoint>;

Endpoint v4(const char* address) {
  Endpoint endpoint;
  auto* in = reinterpret_cast<sockaddr_in*>(&endpoint.storage);
  in->sin_family = AF_INET;
  inet_pton(AF_INET, address, &in->sin_addr);
  endpoint.length = sizeof *in;
  return endpoint;
}

Endpoint v6(const char* address) {
  Endpoint endpoint;
  auto* in = reinterpret_cast<sockaddr_in6*>(&endpoint.storage);
  in->sin6_family = AF_INET6;
  inet_pton(AF_INET6, address, &in->sin6_addr);
  endpoint.length = sizeof *in;
  return endpoint;
}

std::string text(const Endpoint& endpoint) {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (endpoint.storage.ss_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&endpoint.storage);
    return std::string(inet_ntop(AF_INET6, &in->sin6_addr, buffer, sizeof buffer)) + "/" +
           std::to_string(ntohs(in->sin6_port));
  }
  const auto* in = reinterpret_cast<const sockaddr_in*>(&endpoint.storage);
  return std::string(inet_ntop(AF_INET, &in->sin_addr, buffer, sizeof buffer)) + "/" +
         std::to_string(ntohs(in->sin_port));
}

config::Address host(const std::string& name, std::uint16_t port = 3306) {
  return {.host = name, .port = port, .is_unix = false};
}

// A name server of the test's own. Its questions hang until they are let go.
class NameServer {
 public:
  absl::StatusOr<Endpoints> look_up(const std::string& name) {
    std::unique_lock lock(mutex_);
    threads_.insert(std::this_thread::get_id());
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hanging_; });
    if (!failure_.ok()) return failure_;
    (void)name;
    return answer_;
  }
  void hang(bool hanging) {
    const std::lock_guard lock(mutex_);
    hanging_ = hanging;
    changed_.notify_all();
  }
  void answer(absl::StatusOr<Endpoints> answer) {
    const std::lock_guard lock(mutex_);
    failure_ = answer.status();
    if (answer.ok()) answer_ = *std::move(answer);
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::size_t threads() {
    const std::lock_guard lock(mutex_);
    return threads_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Endpoints answer_ = {v4("192.0.2.1")};
  absl::Status failure_;
  bool hanging_ = false;
  std::size_t asked_ = 0;
  std::set<std::thread::id> threads_;
};

class ResolverTest : public ::testing::Test {
 protected:
  ~ResolverTest() override { names_->hang(false); }
  absl::StatusOr<std::vector<std::string>> resolve(const config::Address& address, milliseconds at_most = seconds(10)) {
    auto found = loop_.await<absl::StatusOr<Endpoints>>(
        [&] { return resolver_.resolve(loop_.reactor, address, Clock::now() + at_most); });
    if (!found.ok()) return found.status();
    std::vector<std::string> texts;
    for (const Endpoint& endpoint : *found) texts.push_back(text(endpoint));
    return texts;
  }
  absl::Status connect(const config::Address& address, milliseconds at_most = seconds(10)) {
    auto stream = loop_.await<absl::StatusOr<std::unique_ptr<Stream>>>(
        [&] { return Stream::connect(loop_.reactor, address, Clock::now() + at_most, resolver_); });
    const absl::Status status = stream.status();
    if (stream.ok()) {
      std::promise<void> closed;  // on its own thread
      loop_.reactor.post([&] {
        stream->reset();
        closed.set_value();
      });
      closed.get_future().wait();
    }
    return status;
  }

  std::shared_ptr<NameServer> names_ = std::make_shared<NameServer>();
  // Shared, as the names are: the resolver's threads outlive it.
  std::shared_ptr<std::atomic<TimePoint>> now_ =
      std::make_shared<std::atomic<TimePoint>>(TimePoint(std::chrono::hours(1)));
  Resolver resolver_{[names = names_](const std::string& name) { return names->look_up(name); },
                     [now = now_] { return now->load(); }};
  LoopThread loop_;
};

TEST_F(ResolverTest, GivesAllAddressesOfBothFamiliesWithThePort) {
  names_->answer(Endpoints{v6("2001:db8::1"), v4("192.0.2.1"), v4("192.0.2.2")});
  EXPECT_THAT(*resolve(host("db", 3307)), ElementsAre("2001:db8::1/3307", "192.0.2.1/3307", "192.0.2.2/3307"));
}

TEST_F(ResolverTest, AddressesAndSocketsAreNotAskedFor) {
  EXPECT_THAT(*resolve(host("192.0.2.7")), ElementsAre("192.0.2.7/3306"));
  EXPECT_THAT(*resolve(host("::1")), ElementsAre("::1/3306"));
  auto local = loop_.await<absl::StatusOr<Endpoints>>([&] {
    return resolver_.resolve(loop_.reactor, {.host = "/run/db.sock", .port = 0, .is_unix = true}, Clock::now());
  });
  EXPECT_EQ(local->at(0).storage.ss_family, AF_UNIX);
  EXPECT_EQ(names_->asked(), 0u);
}

TEST_F(ResolverTest, AHungNameServerHoldsNeitherTheReactorNorTheDeadline) {
  names_->hang(true);
  const TimePoint start = Clock::now();
  const absl::Status status = connect(host("db"), milliseconds(500));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("resolving db took too long"));
  EXPECT_LT(Clock::now() - start, seconds(5));  // it would never have come back
  std::promise<void> turned;
  loop_.reactor.post([&] { turned.set_value(); });
  turned.get_future().wait();  // the reactor turns on while the look-up hangs
  EXPECT_EQ(names_->asked(), 1u);
}

TEST_F(ResolverTest, HungLookUpsOfOneNameTakeOneThreadAndOfManyNamesABoundedNumber) {
  names_->hang(true);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(resolve(host("db"), milliseconds(1)).ok());
  EXPECT_TRUE(support::eventually([&] { return names_->asked() == 1; }));
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(resolve(host("db" + std::to_string(i)), milliseconds(1)).ok());
  EXPECT_TRUE(support::eventually([&] { return names_->asked() == Resolver::kThreadsMax; }));
  EXPECT_EQ(names_->threads(), Resolver::kThreadsMax);
  names_->hang(false);
  EXPECT_TRUE(resolve(host("db19")).ok()) << "those that had to wait have their turn";
  EXPECT_EQ(names_->threads(), Resolver::kThreadsMax);
}

TEST_F(ResolverTest, WhatWasFoundIsKeptAndServedWhileItIsAskedForAnew) {
  EXPECT_THAT(*resolve(host("db")), ElementsAre("192.0.2.1/3306"));
  *now_ = now_->load() + seconds(29);
  EXPECT_TRUE(resolve(host("db")).ok());
  EXPECT_EQ(names_->asked(), 1u);
  *now_ = now_->load() + seconds(1);
  names_->answer(Endpoints{v4("192.0.2.2")});
  EXPECT_THAT(*resolve(host("db")), ElementsAre("192.0.2.1/3306")) << "not waited for";
  EXPECT_TRUE(support::eventually([&] { return resolve(host("db"))->at(0) == "192.0.2.2/3306"; }));
}

TEST_F(ResolverTest, TheLastGoodAddressOutlivesANameServerThatFailsOrHangs) {
  EXPECT_TRUE(resolve(host("db")).ok());
  *now_ = now_->load() + seconds(600);
  names_->answer(absl::UnavailableError("no such host"));
  EXPECT_THAT(*resolve(host("db")), ElementsAre("192.0.2.1/3306"));
  *now_ = now_->load() + seconds(600);
  names_->hang(true);
  EXPECT_THAT(*resolve(host("db"), milliseconds(500)), ElementsAre("192.0.2.1/3306")) << "within half of the time";
}

TEST_F(ResolverTest, AFailureIsSaidAndKeptForAMoment) {
  names_->answer(absl::UnavailableError("cannot resolve db: no such host"));
  EXPECT_THAT(std::string(resolve(host("db")).status().message()), HasSubstr("no such host"));
  EXPECT_FALSE(resolve(host("db")).ok());
  EXPECT_EQ(names_->asked(), 1u);
  *now_ = now_->load() + seconds(1);
  names_->answer(Endpoints{});
  EXPECT_THAT(std::string(resolve(host("db")).status().message()), HasSubstr("no address"));
}

TEST_F(ResolverTest, EveryAddressIsTriedAndTheOneThatAnsweredGoesFirstFromThenOn) {
  support::FakeBackend backend({});
  const config::Address address = host("db", backend.address().port);
  names_->answer(Endpoints{v6("::1"), v4("127.0.0.2"), v4("127.0.0.1")});  // it listens on the last alone
  EXPECT_TRUE(connect(address).ok());
  EXPECT_EQ(resolve(address)->at(0), "127.0.0.1/" + std::to_string(address.port));
  EXPECT_EQ(resolve(address)->size(), 3u);
}

TEST_F(ResolverTest, AnAddressThatSwallowsEverythingLeavesTheOthersTheirShareOfTheTime) {
  support::FakeBackend backend({});
  names_->answer(Endpoints{v4("192.0.2.1"), v4("127.0.0.1")});  // a documentation address: no route, or no answer
  EXPECT_TRUE(connect(host("db", backend.address().port), seconds(2)).ok());
}

TEST_F(ResolverTest, IfNoAddressAnswersTheLastOnesErrorIsSaid) {
  names_->answer(Endpoints{v4("127.0.0.2"), v4("127.0.0.1")});
  EXPECT_THAT(std::string(connect(host("db", 1)).message()), HasSubstr("cannot connect to db:1: Connection refused"));
}

TEST(ResolverBySystem, KnowsThisHost) {
  auto found = Resolver::by_system("localhost");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->empty());
  EXPECT_FALSE(Resolver::by_system("no-such-host.invalid").ok());
}

}  // namespace
}  // namespace crossfade::proxy
