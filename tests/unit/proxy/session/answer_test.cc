#include "proxy/session/conversation/answer.h"

#include <gtest/gtest.h>

#include "protocol/error_codes.h"

namespace crossfade::proxy {
namespace {

TEST(Answer, AnErrorOfOursIsTheProxys) {
  const Answer answer = error(1210, "HY000", "Incorrect arguments");
  const Error& said = std::get<Error>(answer);
  EXPECT_EQ(said.err.code, 1210);
  EXPECT_EQ(said.err.sqlstate, "HY000");
  EXPECT_EQ(said.err.message, "Incorrect arguments");
  EXPECT_EQ(said.origin, Error::Origin::proxy);
}

TEST(Answer, WhatTheProxyWillNotDoIsARefusal) {
  const Answer frozen = refused(routing::Reason::freeze);
  const Error& said = std::get<Error>(frozen);
  EXPECT_EQ(said.err.code, 1290);
  EXPECT_EQ(said.origin, Error::Origin::refusal);
  const Answer waits = refused(routing::Reason::schema_change_waits, "another one is under way");
  EXPECT_EQ(std::get<Error>(waits).err.code, protocol::kErrLockWaitTimeout);
  EXPECT_EQ(std::get<Error>(waits).err.message,
            "crossfade: the schema change cannot be written down for the follower, and was not run: another one is "
            "under way");
}

TEST(Answer, InputThatIsNoPacketIsNamedAsTheServersDo) {
  const Answer large = broken_input(absl::ResourceExhaustedError("too large"));
  EXPECT_EQ(std::get<Error>(large).err.code, protocol::kErrPacketTooLarge);
  const Answer other = broken_input(absl::InvalidArgumentError("out of order"));
  EXPECT_EQ(std::get<Error>(other).err.code, protocol::kErrPacketsOutOfOrder);
}

}  // namespace
}  // namespace crossfade::proxy
