#include "proxy/worker/kills_under_way.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace crossfade::proxy {
namespace {

TEST(KillsUnderWay, ConcernAConnectionAsLongAsATicketLives) {
  KillsUnderWay kills;
  EXPECT_FALSE(kills.concerns(7));
  {
    const KillsUnderWay::Ticket ticket = kills.begin(7);
    EXPECT_TRUE(kills.concerns(7));
    EXPECT_FALSE(kills.concerns(8));
  }
  EXPECT_FALSE(kills.concerns(7));
}

TEST(KillsUnderWay, TwoWhoEndOneConnectionAreTwo) {
  KillsUnderWay kills;
  KillsUnderWay::Ticket one = kills.begin(7);
  KillsUnderWay::Ticket two = kills.begin(7);
  one.reset();
  EXPECT_TRUE(kills.concerns(7)) << "the other one still does";
  two.reset();
  EXPECT_FALSE(kills.concerns(7));
}

// Each worker that is to tell its sessions holds the ticket.
TEST(KillsUnderWay, ATicketLivesUntilTheLastWhoHoldsItLetsGo) {
  KillsUnderWay kills;
  KillsUnderWay::Ticket first = kills.begin(7);
  KillsUnderWay::Ticket second = first;
  first.reset();
  EXPECT_TRUE(kills.concerns(7));
  const KillsUnderWay::Ticket third = std::move(second);
  EXPECT_TRUE(kills.concerns(7));
}

TEST(KillsUnderWay, ManyThreadsBeginAndEndThem) {
  KillsUnderWay kills;
  std::atomic<int> wrong{0};
  std::vector<std::thread> clients;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    clients.emplace_back([&kills, &wrong, id] {
      for (int i = 0; i < 1000; ++i) {
        const KillsUnderWay::Ticket own = kills.begin(id);
        const KillsUnderWay::Ticket common = kills.begin(100);
        if (!kills.concerns(id) || !kills.concerns(100)) ++wrong;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  for (const std::uint64_t id : {1, 2, 3, 4, 100}) EXPECT_FALSE(kills.concerns(id));
}

}  // namespace
}  // namespace crossfade::proxy
