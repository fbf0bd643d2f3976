// Which errors of a server pass.
#include "proxy/backend/server_errors.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

TEST(ServerErrors, WhatPassesIsToldFromWhatIsAboutTheStatement) {
  for (const int code : {1205, 1213, 1317, 1053, 1927, 1969, 3024, 1021, 1028, 1114, 1142}) {
    const std::string text = std::to_string(code) + " (HY000): anything";
    const absl::Status told = told_apart(absl::FailedPreconditionError(text));
    EXPECT_TRUE(absl::IsUnavailable(told)) << code;
    EXPECT_EQ(told.message(), text);
  }
  for (const int code : {1054, 1062, 1064, 1146, 1264, 4025}) {
    EXPECT_TRUE(
        absl::IsFailedPrecondition(told_apart(absl::FailedPreconditionError(std::to_string(code) + " (x): y"))));
  }
}

TEST(ServerErrors, OnlyAServersOwnWordsHaveACode) {
  EXPECT_EQ(server_code(absl::UnavailableError("1205 (HY000): Lock wait timeout exceeded")), 1205);
  EXPECT_EQ(server_code(absl::UnavailableError("the peer closed the connection")), 0);
  EXPECT_EQ(server_code(absl::FailedPreconditionError("1205")), 0);
  EXPECT_EQ(server_code(absl::FailedPreconditionError("70000 rows")), 0);
  EXPECT_EQ(server_code(absl::OkStatus()), 0);
}

// "3 rows are missing" is of this program, and is not told apart.
TEST(ServerErrors, AnotherFailureStaysAsItIs) {
  EXPECT_TRUE(absl::IsNotFound(told_apart(absl::NotFoundError("1317 (70100): x"))));
  EXPECT_TRUE(absl::IsFailedPrecondition(told_apart(absl::FailedPreconditionError("3 rows are missing"))));
  EXPECT_TRUE(told_apart(absl::OkStatus()).ok());
}

}  // namespace
}  // namespace crossfade::proxy
