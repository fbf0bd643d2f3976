#include "proxy/users/user_directory.h"

#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;

UserDirectory::Clock::time_point at(int ms) { return UserDirectory::Clock::time_point() + milliseconds(ms); }

UserDirectory learning(std::uint32_t entries_max = 3) {
  config::LearnedUsers options;
  options.enabled = true;
  options.cache_ttl = milliseconds(100);
  options.cache_entries_max = entries_max;
  KnownUser listed;
  listed.secret.password = "secret";
  return UserDirectory({{"app", listed}}, options);
}

TEST(UserDirectory, ListedUsersAreKnownForGoodAndLearnedOnesUntilTheyExpire) {
  UserDirectory users = learning();
  users.keep("ann", UserDirectory::candidate("ann", "pw"), at(0));
  ASSERT_NE(users.find("ann", at(99)), nullptr);
  EXPECT_EQ(users.find("ann", at(99))->backend[1].password, "pw");
  EXPECT_TRUE(users.find("ann", at(99))->secret.learnable);
  EXPECT_EQ(users.find("ann", at(100)), nullptr);
  EXPECT_NE(users.find("app", at(100000)), nullptr);
  EXPECT_FALSE(users.find("app", at(0))->learned);
}

TEST(UserDirectory, NothingIsLearnedUnlessAskedFor) {
  UserDirectory users({}, {});
  users.keep("ann", UserDirectory::candidate("ann", "pw"), at(0));
  EXPECT_EQ(users.find("ann", at(1)), nullptr);
}

TEST(UserDirectory, HoldsAsManyAsItMayAndTheFirstToExpireGoes) {
  UserDirectory users = learning(3);
  for (int i = 0; i < 4; ++i)
    users.keep(std::string(1, static_cast<char>('a' + i)), UserDirectory::candidate("x", "y"), at(i));
  EXPECT_EQ(users.learned(), 3u);
  EXPECT_EQ(users.find("a", at(5)), nullptr);
  EXPECT_NE(users.find("b", at(5)), nullptr);
}

TEST(UserDirectory, ForgetsOnlyTheEntryThatWasRefused) {
  UserDirectory users = learning();
  const auto first = UserDirectory::candidate("ann", "old");
  users.keep("ann", first, at(0));
  users.keep("ann", UserDirectory::candidate("ann", "new"), at(1));
  users.forget("ann", first.get());
  ASSERT_NE(users.find("ann", at(2)), nullptr);
  users.forget("ann", users.find("ann", at(2)).get());
  EXPECT_EQ(users.find("ann", at(2)), nullptr);
}

TEST(UserDirectory, AHangUpForgetsAllThatWasLearned) {
  UserDirectory users = learning();
  users.keep("ann", UserDirectory::candidate("ann", "pw"), at(0));
  users.forget_learned();
  EXPECT_EQ(users.find("ann", at(1)), nullptr);
  EXPECT_NE(users.find("app", at(1)), nullptr);
}

TEST(UserDirectory, AUserWithOnlyAHashAsksForFullAuthentication) {
  KnownUser hashed;
  hashed.secret.native = protocol::native_hash("x");
  EXPECT_TRUE(UserDirectory({{"app", hashed}}, {}).needs_full_authentication());
  EXPECT_FALSE(learning().needs_full_authentication());
}

TEST(UserSlot, TakesAsManyAsTheUserMayHaveAndGivesThemBack) {
  KnownUser user;
  user.connections_max = 2;
  UserSlot one, two, three;
  EXPECT_TRUE(one.take(user));
  EXPECT_TRUE(two.take(user));
  EXPECT_FALSE(three.take(user));
  two = UserSlot();
  EXPECT_TRUE(three.take(user));
  one.release();
  three.release();
  EXPECT_EQ(user.connections->load(), 0u);
}

}  // namespace
}  // namespace crossfade::proxy
