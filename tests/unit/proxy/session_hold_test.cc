// Writes that wait while a migration has them frozen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "protocol/error_codes.h"
#include "session_writes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using namespace std::chrono_literals;
using support::Client;
using support::ProxyStack;
using support::Reply;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint16_t kFrozen = 1290;

config::Flags frozen_flags() {
  config::Flags flags;
  flags.freeze_writes = true;
  return flags;
}
void freeze(ProxyStack& stack, std::chrono::milliseconds hold) {
  stack.on_worker([hold](Worker& worker) { worker.write_hold = hold; });
  stack.set_flags(frozen_flags());
}
void thaw(ProxyStack& stack) {
  stack.set_flags(config::Flags());
  stack.on_worker([](Worker& worker) { worker.write_hold = 0ms; });
}
std::vector<OpenWrite> open_writes(ProxyStack& stack) {
  std::vector<OpenWrite> out;
  stack.on_worker([&out](Worker& worker) { out = worker.open_writes(); });
  return out;
}

TEST(SessionHold, AWriteWaitsUntilWritesAreNoLongerFrozen) {
  for (const auto& write : {run_autocommit, run_transaction, run_prepared}) {
    ProxyStack stack;
    const auto client = stack.connect();
    freeze(stack, 1min);
    Reply reply;
    std::thread waiting([&] { reply = write(*client); });
    std::this_thread::sleep_for(150ms);  // nothing shows that it waits, but that nothing happens
    EXPECT_THAT(written(stack.leader()), IsEmpty());
    thaw(stack);
    waiting.join();
    EXPECT_TRUE(reply.is_ok());
    EXPECT_FALSE(written(stack.leader()).empty());
  }
}

TEST(SessionHold, AWriteThatHasWaitedLongEnoughIsRefused) {
  ProxyStack stack;
  const auto client = stack.connect();
  freeze(stack, 100ms);
  for (const auto& write : {run_autocommit, run_prepared}) EXPECT_EQ(write(*client).code(), kFrozen);
  EXPECT_THAT(written(stack.leader()), IsEmpty());
  thaw(stack);
  EXPECT_TRUE(run_autocommit(*client).is_ok()) << "the connection goes on";
}

TEST(SessionHold, AWriteThatWaitsIsToldOfAnotherLeader) {
  ProxyStack stack;
  const auto client = stack.connect();
  freeze(stack, 1min);
  stack.on_worker([](Worker& worker) { worker.leader_changes = true; });
  const Reply reply = run_autocommit(*client);
  EXPECT_EQ(reply.code(), protocol::kErrServerShutdown);
  EXPECT_THAT(reply.err.message, HasSubstr("not executed"));
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

TEST(SessionHold, AReadDoesNotWait) {
  ProxyStack stack;
  const auto client = stack.connect();
  freeze(stack, 1min);
  EXPECT_EQ(client->query("SELECT v FROM t WHERE id = 1").code(), 0);
  thaw(stack);
}

TEST(SessionHold, TransactionsOfBeforeAreSeenAndThoseOfAfterAreNot) {
  ProxyStack stack;
  const auto before = stack.connect();
  const auto after = stack.connect();
  ASSERT_TRUE(before->query("BEGIN").is_ok());
  freeze(stack, 1min);
  ASSERT_TRUE(after->query("BEGIN").is_ok());
  ASSERT_THAT(open_writes(stack), SizeIs(1));
  EXPECT_EQ(open_writes(stack).front().user, "app");
  EXPECT_TRUE(open_writes(stack).front().in_transaction);
  EXPECT_TRUE(before->query(kInsert).is_ok()) << "it goes on under its flags";
  EXPECT_TRUE(before->query("COMMIT").is_ok());
  EXPECT_TRUE(support::eventually([&] { return open_writes(stack).empty(); }));
  thaw(stack);
  EXPECT_TRUE(after->query(kUpdate).is_ok());
}

}  // namespace
}  // namespace crossfade::proxy
