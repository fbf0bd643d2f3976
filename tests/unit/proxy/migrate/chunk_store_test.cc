#include "proxy/migrate/chunk_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace crossfade::proxy {
namespace {

std::shared_ptr<Chunk> chunk_of(std::uint64_t token) {
  auto made = std::make_shared<Chunk>();
  made->token = token;
  return made;
}

TEST(ChunkStore, GivesWhatWasPutUntilItIsForgotten) {
  ChunkStore store;
  EXPECT_EQ(store.find(1), nullptr);
  const auto one = chunk_of(1);
  const auto two = chunk_of(2);
  store.put(one);
  store.put(two);
  EXPECT_EQ(store.find(1), one);
  EXPECT_EQ(store.find(2), two);
  store.forget(1);
  store.forget(7);  // nobody has put it
  EXPECT_EQ(store.find(1), nullptr);
  EXPECT_EQ(store.find(2), two);
}

TEST(ChunkStore, AChunkThatIsPutAgainTakesTheFirstOnesPlace) {
  ChunkStore store;
  store.put(chunk_of(1));
  const auto again = chunk_of(1);
  store.put(again);
  EXPECT_EQ(store.find(1), again);
}

// Whoever is told may put the next chunk, also under the same number.
TEST(ChunkStore, WhatIsDoneIsForgottenBeforeItIsTold) {
  ChunkStore store;
  const auto done = chunk_of(1);
  const auto next = chunk_of(1);
  done->load_time = std::chrono::microseconds(5);
  std::vector<std::pair<std::uint64_t, std::chrono::microseconds>> told;
  done->on_done = [&](std::uint64_t token, std::chrono::microseconds time) {
    EXPECT_EQ(store.find(1), nullptr);
    store.put(next);
    told.emplace_back(token, time);
  };
  store.put(done);
  store.done(*done);
  EXPECT_THAT(told, testing::ElementsAre(std::pair(1, std::chrono::microseconds(5))));
  EXPECT_EQ(store.find(1), next);
  store.done(*next);  // nobody wants to hear of it
  EXPECT_EQ(store.find(1), nullptr);
}

TEST(ChunkStore, ServesReaderAndFeedFromTwoThreads) {
  ChunkStore store;
  constexpr std::uint64_t kChunks = 2000;
  std::thread reader([&store] {
    for (std::uint64_t token = 1; token <= kChunks; ++token) store.put(chunk_of(token));
  });
  for (std::uint64_t token = 1; token <= kChunks;) {
    const auto found = store.find(token);
    if (!found) continue;
    EXPECT_EQ(found->token, token);
    store.done(*found);
    ++token;
  }
  reader.join();
  for (std::uint64_t token = 1; token <= kChunks; ++token) EXPECT_EQ(store.find(token), nullptr);
}

}  // namespace
}  // namespace crossfade::proxy
