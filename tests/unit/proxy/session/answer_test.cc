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
  const Answer answer = not_supported("crossfade: not this");
  const Error& said = std::get<Error>(answer);
  EXPECT_EQ(said.err.code, protocol::kErrNotSupportedYet);
  EXPECT_EQ(said.origin, Error::Origin::refusal);
  const Answer frozen = refused(routing::Reason::freeze);
  EXPECT_EQ(std::get<Error>(frozen).err.code, 1290);
}

TEST(Answer, InputThatIsNoPacketIsNamedAsTheServersDo) {
  const Answer large = broken_input(absl::ResourceExhaustedError("too large"));
  EXPECT_EQ(std::get<Error>(large).err.code, protocol::kErrPacketTooLarge);
  const Answer other = broken_input(absl::InvalidArgumentError("out of order"));
  EXPECT_EQ(std::get<Error>(other).err.code, protocol::kErrPacketsOutOfOrder);
}

}  // namespace
}  // namespace crossfade::proxy
