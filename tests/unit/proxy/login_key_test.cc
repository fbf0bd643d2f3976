#include "proxy/users/login_key.h"

#include <gtest/gtest.h>

#include "tests/support/loop_thread.h"

namespace crossfade::proxy {
namespace {

Task<const protocol::RsaKey*> key_for(Reactor& reactor, LoginKey& key) {
  co_await key.make(reactor);
  co_return key.get();
}

TEST(LoginKey, IsOneForAllWhoNeedItAndMadeForTheFirst) {
  LoginKey key;
  EXPECT_EQ(key.get(), nullptr) << "nobody has needed it";
  support::LoopThread one;
  support::LoopThread other;
  const auto* first = one.await<const protocol::RsaKey*>([&] { return key_for(one.reactor, key); });
  ASSERT_NE(first, nullptr);
  EXPECT_NE(first->public_key_pem().find("BEGIN PUBLIC KEY"), std::string::npos);
  EXPECT_EQ(other.await<const protocol::RsaKey*>([&] { return key_for(other.reactor, key); }), first);
}

}  // namespace
}  // namespace crossfade::proxy
