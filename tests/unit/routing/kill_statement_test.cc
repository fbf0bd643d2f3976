#include "routing/kill_statement.h"

#include <gtest/gtest.h>

namespace crossfade::routing {
namespace {

using What = KillTarget::What;

std::optional<KillTarget> kill(std::string_view sql) { return parse_kill(sql, {}); }
KillTarget target(What what, std::uint64_t id) { return {.what = what, .connection_id = id}; }

TEST(KillStatement, NamesAConnectionOrItsQuery) {
  EXPECT_EQ(kill("KILL 5"), target(What::connection, 5));
  EXPECT_EQ(kill("kill connection 18446744073709551615;"), target(What::connection, 18446744073709551615ull));
  EXPECT_EQ(kill("KILL /* ctrl-c */ QUERY 77"), target(What::query, 77));
  EXPECT_EQ(kill("KILL HARD QUERY 7"), target(What::query, 7));
  EXPECT_EQ(kill("KILL SOFT 7"), target(What::connection, 7));
}

TEST(KillStatement, WhatNamesItsTargetInAnotherWayIsNotGuessed) {
  for (const std::string_view sql : {"KILL", "KILL QUERY", "KILL QUERY ID 5", "KILL USER bob", "KILL QUERY USER bob",
                                     "KILL 5 + 1", "KILL @id", "KILL -5", "KILL 1.5", "KILL CONNECTION_ID()",
                                     "KILL '5'", "KILL 18446744073709551616", "KILL 5; SELECT 1", "SELECT 5"}) {
    EXPECT_EQ(kill(sql), std::nullopt) << sql;
  }
}

}  // namespace
}  // namespace crossfade::routing
