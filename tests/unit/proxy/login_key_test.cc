#include "proxy/users/login_key.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

namespace crossfade::proxy {
namespace {

TEST(LoginKey, IsOneForAllThreadsThatAsk) {
  LoginKey key;
  std::array<const protocol::RsaKey*, 4> seen = {};
  std::vector<std::thread> threads;
  for (auto& each : seen) threads.emplace_back([&] { each = key.get(); });
  for (std::thread& thread : threads) thread.join();
  for (const protocol::RsaKey* each : seen) EXPECT_EQ(each, key.get());
  ASSERT_NE(key.get(), nullptr);
  EXPECT_NE(key.get()->public_key_pem().find("BEGIN PUBLIC KEY"), std::string::npos);
}

}  // namespace
}  // namespace crossfade::proxy
