#include "routing/refusal.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "protocol/error_codes.h"

namespace crossfade::routing {
namespace {

constexpr std::size_t kMessageMax = 512;  // bytes of an ERR packet's message

TEST(Refusal, EachHasAnErrorAServerCouldSendAndWordsForPeople) {
  std::set<std::string_view> whats;
  for (const Refusal& one : refusals()) {
    const protocol::Err err = refusal(one.reason, std::string(100, 'x'));
    EXPECT_EQ(err.code, one.code) << one.message;
    EXPECT_TRUE(err.code >= 1000 && err.code < 2000) << err.code;  // from 2000 on they are client libraries' own
    EXPECT_EQ(err.sqlstate.size(), 5u) << one.message;
    EXPECT_EQ(err.message.rfind("crossfade: ", 0), 0u) << err.message;
    EXPECT_LT(err.message.size(), kMessageMax) << err.message;
    EXPECT_TRUE(whats.insert(one.what).second) << "said twice: " << one.what;
    for (const std::string_view words : {one.what, one.why, one.remedy}) {
      EXPECT_FALSE(words.empty()) << one.message;
      EXPECT_EQ(words.find_first_of("|\n"), std::string_view::npos) << words;  // one line each, and no end of a cell
    }
  }
}

TEST(Refusal, SaysWhatOnlyTheMomentKnows) {
  EXPECT_EQ(
      refusal(Reason::replica_command, "COM_CLONE").message,
      "crossfade: COM_CLONE is not supported: replicas and backups connect to a server itself, not to this proxy");
  EXPECT_EQ(refusal(Reason::leader_unreachable, "backend 'old' is away {}").message,
            "crossfade: backend 'old' is away {}");
  const protocol::Err plain = refusal(Reason::freeze, "a detail that it has no place for");
  EXPECT_EQ(plain.message.find("detail"), std::string::npos);
}

TEST(Refusal, HasTheNumberThatAServerHasForTheNearestMatter) {
  EXPECT_EQ(refusal(Reason::freeze).code, 1290);  // ER_OPTION_PREVENTS_STATEMENT
  EXPECT_EQ(refusal(Reason::unparseable).code, protocol::kErrParse);
  EXPECT_EQ(refusal(Reason::multi_statement_not_negotiated).code, protocol::kErrParse);
  EXPECT_EQ(refusal(Reason::hides_writes).code, protocol::kErrNotSupportedYet);
  EXPECT_EQ(refusal(Reason::schema_change_waits).code, protocol::kErrLockWaitTimeout);
  EXPECT_EQ(refusal(Reason::schema_change_refused).code, protocol::kErrUnknown);
  EXPECT_EQ(refusal(Reason::session_unread).code, protocol::kErrUnknown);
  for (const Reason reason : {Reason::schema_change_unsaid, Reason::feed_undecided, Reason::leader_unreachable}) {
    EXPECT_EQ(refusal(reason).code, protocol::kErrServerShutdown);
    EXPECT_EQ(refusal(reason).sqlstate, "08S01");
  }
}

}  // namespace
}  // namespace crossfade::routing
