#include <gtest/gtest.h>

#include "proxy/feed/log_reader.h"

namespace crossfade::proxy {
namespace {

using dualwrite::LogAdvance;
using dualwrite::LogPosition;
using dualwrite::TransactionBegin;
using dualwrite::TransactionEnd;

LogPosition offset_at(std::uint64_t offset) { return {.file = "bin.000001", .offset = offset}; }

void add_transaction(LogQueue& queue, std::uint64_t from, std::uint64_t to) {
  TransactionBegin begin;
  begin.at = offset_at(from);
  queue.push(std::move(begin));
  TransactionEnd end;
  end.next = offset_at(to);
  queue.push(std::move(end));
}

TEST(LogQueue, IsCutWhereTheFenceIs) {
  LogQueue queue;
  add_transaction(queue, 10, 20);
  add_transaction(queue, 20, 30);
  add_transaction(queue, 30, 40);
  EXPECT_FALSE(queue.cut(offset_at(50)));
  EXPECT_EQ(queue.ends, 3u);
  EXPECT_TRUE(queue.cut(offset_at(30)));
  EXPECT_EQ(queue.ends, 2u);
  EXPECT_EQ(queue.items.size(), 4u);
  EXPECT_TRUE(queue.cut(offset_at(30))) << "what ends at the fence shows that it is reached";
}

TEST(LogQueue, WhatBeginsBehindTheFenceShowsItToo) {
  LogQueue queue;
  TransactionEnd end;  // of one whose begin was taken already
  end.next = offset_at(20);
  queue.push(std::move(end));
  TransactionBegin later;
  later.at = {.file = "bin.000002", .offset = 4};
  queue.push(std::move(later));
  EXPECT_TRUE(queue.cut(offset_at(25)));
  EXPECT_EQ(queue.items.size(), 1u);
  EXPECT_EQ(queue.ends, 1u);
}

TEST(LogQueue, AnAdvanceOverTheFenceIsDropped) {
  LogQueue queue;
  LogAdvance advance;
  advance.next = offset_at(60);
  queue.push(std::move(advance));
  EXPECT_TRUE(queue.cut(offset_at(50)));
  EXPECT_TRUE(queue.items.empty());
  EXPECT_EQ(queue.bytes, 0u);
}

}  // namespace
}  // namespace crossfade::proxy
