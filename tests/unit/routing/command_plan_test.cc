#include "routing/command_plan.h"

#include <gtest/gtest.h>

#include <set>

namespace crossfade::routing {
namespace {

using protocol::ResponseKind;

TEST(CommandPlan, RelaysWhatItDoesNotKnowToWhoeverSaysThatItDoesNot) {
  const config::Flags flags;
  const std::set<int> refused = {0x12, 0x13, 0x15, 0x1e, 0x20, 0x21};
  for (int byte = 0; byte < 256; ++byte) {
    const CommandPlan plan = plan_command(static_cast<std::uint8_t>(byte), flags);
    EXPECT_EQ(plan.relay.has_value(), refused.count(byte) == 0) << byte;
    EXPECT_EQ(plan.refusal.message.rfind("crossfade: ", 0) == 0, !plan.relay.has_value()) << byte;
  }
  EXPECT_EQ(plan_command(0x09, flags).relay, ResponseKind::text);
  EXPECT_EQ(plan_command(0x0a, flags).relay, ResponseKind::query);
  EXPECT_EQ(plan_command(0x0d, flags).relay, ResponseKind::eof_or_err);
  EXPECT_EQ(plan_command(0xee, flags).relay, ResponseKind::ok_or_err);
}

TEST(CommandPlan, TreatsACommandAsTheStatementThatDoesTheSame) {
  config::Flags flags;
  EXPECT_EQ(plan_command(0x06, flags).relay, ResponseKind::ok_or_err);
  EXPECT_EQ(plan_command(0x08, flags).relay, ResponseKind::eof_or_err);
  flags.freeze_writes = true;
  EXPECT_EQ(plan_command(0x06, flags).refusal.code, 1290);
}

}  // namespace
}  // namespace crossfade::routing
