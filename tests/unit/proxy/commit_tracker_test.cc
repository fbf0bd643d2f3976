#include "proxy/session/links/commit_tracker.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using Expect = CommitTracker::Expect;
using protocol::OwnTracking;
using protocol::ResultEnd;

constexpr protocol::Capabilities kServer = protocol::kDeprecateEof | protocol::kSessionTrack;

ResultEnd ended(ResultEnd::Kind kind, std::uint16_t status = protocol::kStatusAutocommit) {
  ResultEnd end;
  end.kind = kind;
  end.ok.status = status;
  return end;
}

struct Ran {
  Expect expect = Expect::nothing;
  ResultEnd end = ended(ResultEnd::Kind::ok);
  protocol::ToldBySession told = {};
  protocol::Capabilities server = kServer;
};

std::optional<Commit> answer_of(CommitTracker& commits, const Ran& what) {
  commits.expect(what.expect);
  return commits.note({.end = what.end, .told = what.told, .server = what.server, .now = Clock::now()});
}

TEST(CommitTracker, WithTrackingAnOkWithAGtidHasCommittedAndOneWithoutHasNot) {
  CommitTracker commits;
  commits.begin_tracking({.gtid = OwnTracking::Gtid::item});
  EXPECT_FALSE(answer_of(commits, {.expect = Expect::anywhere}));
  EXPECT_FALSE(commits.last());
  const auto commit = answer_of(commits, {.told = {.gtid = "aa:7"}});
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->gtid, "aa:7");
  EXPECT_EQ(commits.last()->gtid, "aa:7");
  commits.arrived();
  EXPECT_FALSE(commits.last());
}

TEST(CommitTracker, WithTrackingWhatEndsWithoutAnOkOrCannotBeReadCountsByItsTime) {
  CommitTracker commits;
  commits.begin_tracking({.gtid = OwnTracking::Gtid::item});
  const Ran eof{
      .expect = Expect::outside_transactions, .end = ended(ResultEnd::Kind::rows), .server = protocol::kSessionTrack};
  const Ran unclear{.expect = Expect::outside_transactions, .told = {.unclear = true}};
  for (const Ran& what : {eof, unclear}) {
    commits.arrived();
    const auto commit = answer_of(commits, what);
    ASSERT_TRUE(commit);
    EXPECT_EQ(commit->gtid, "");
  }
}

// An earlier result of the same text has told it; the last one may have committed, too.
TEST(CommitTracker, ANameStandsForTheLastCommitOnlyWhereTheAnswersEndTells) {
  CommitTracker commits;
  commits.begin_tracking({.gtid = OwnTracking::Gtid::item});
  const Ran rows{.expect = Expect::anywhere,
                 .end = ended(ResultEnd::Kind::rows),
                 .told = {.gtid = "aa:7"},
                 .server = protocol::kSessionTrack};
  const auto commit = answer_of(commits, rows);
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->gtid, "");
  const auto failed = answer_of(commits, {.end = ended(ResultEnd::Kind::err), .told = {.gtid = "aa:8"}});
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->gtid, "");
}

TEST(CommitTracker, WithoutTrackingWhatCouldCommitDoesOnceNoTransactionIsOpen) {
  CommitTracker commits;
  constexpr std::uint16_t kOpen = protocol::kStatusInTransaction;
  EXPECT_FALSE(answer_of(commits, {.expect = Expect::nothing}));
  EXPECT_FALSE(answer_of(commits, {.expect = Expect::outside_transactions, .end = ended(ResultEnd::Kind::ok, kOpen)}));
  EXPECT_FALSE(commits.last());
  EXPECT_TRUE(answer_of(commits, {.expect = Expect::outside_transactions}));
  // COMMIT AND CHAIN: the next one is open already.
  EXPECT_TRUE(answer_of(commits, {.expect = Expect::anywhere, .end = ended(ResultEnd::Kind::ok, kOpen)}));
  const TimePoint before = Clock::now();
  const auto commit = answer_of(commits, {.expect = Expect::anywhere});
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->gtid, "");
  EXPECT_GE(commit->at, before);
}

TEST(CommitTracker, AnErrorIsNotHeldBackButReadsWaitForWhatItMayHaveLeft) {
  for (const bool tracks : {false, true}) {
    CommitTracker commits;
    if (tracks) commits.begin_tracking({.gtid = OwnTracking::Gtid::item});
    EXPECT_FALSE(answer_of(commits, {.expect = Expect::anywhere, .end = ended(ResultEnd::Kind::err)}));
    EXPECT_TRUE(commits.last());
  }
}

TEST(CommitTracker, AnExpectationHoldsForOneResponse) {
  CommitTracker commits;
  EXPECT_TRUE(answer_of(commits, {.expect = Expect::anywhere}));
  EXPECT_FALSE(commits.note({.end = ended(ResultEnd::Kind::ok), .told = {}, .server = kServer, .now = Clock::now()}));
}

TEST(CommitTracker, OnlyAnOkThatIsBelievedProvesThatTheStateIsUnchanged) {
  CommitTracker commits;
  answer_of(commits, {});
  EXPECT_FALSE(commits.state_unchanged());
  commits.begin_tracking({.gtid = OwnTracking::Gtid::item});
  answer_of(commits, {});
  EXPECT_TRUE(commits.state_unchanged());
  answer_of(commits, {.told = {.state_changed = true}});
  EXPECT_FALSE(commits.state_unchanged());
  answer_of(commits, {.end = ended(ResultEnd::Kind::err)});
  EXPECT_FALSE(commits.state_unchanged());
}

TEST(CommitTracker, ASetOfTheClientsOwnEndsTheTrustAndLeavesWhatItAskedFor) {
  CommitTracker commits;
  commits.begin_tracking({.gtid = OwnTracking::Gtid::item});
  commits.note_client_set({"session_track_schema"});
  answer_of(commits, {});
  EXPECT_TRUE(commits.state_unchanged());
  commits.note_client_set({"session_track_gtids"});
  answer_of(commits, {});
  EXPECT_FALSE(commits.state_unchanged());
  EXPECT_EQ(commits.own().gtid_item, OwnTracking::ClientSees::left);
  EXPECT_TRUE(answer_of(commits, {.expect = Expect::anywhere}));
}

TEST(CommitTracker, WhichVariableNamesCommitsIsEachMakesOwn) {
  using ClientSees = OwnTracking::ClientSees;
  CommitTracker mysql;
  mysql.begin_tracking({.gtid = OwnTracking::Gtid::item, .state_change_item = ClientSees::removed});
  mysql.expect_client_set({"session_track_system_variables", "session_track_state_change"});
  mysql.note_client_set({"session_track_system_variables"});
  EXPECT_EQ(mysql.own().gtid_item, ClientSees::removed);
  EXPECT_EQ(mysql.own().state_change_item, ClientSees::removed) << "of the SET itself MySQL does not tell";
  CommitTracker mariadb;
  mariadb.begin_tracking({.gtid = OwnTracking::Gtid::variable, .state_change_item = ClientSees::removed});
  mariadb.expect_client_set({"session_track_state_change"});
  EXPECT_EQ(mariadb.own().state_change_item, ClientSees::left);
  mariadb.note_client_set({"session_track_system_variables"});
  EXPECT_EQ(mariadb.own().gtid_item, ClientSees::left);
}

std::vector<protocol::ResultSet> answer(std::vector<protocol::Cell> row) {
  std::vector<protocol::ResultSet> results(2);
  results.front().rows.push_back(std::move(row));
  return results;
}

TEST(CommitTracker, WhatWasTrackedBeforeStaysTheClients) {
  const auto mariadb = tracking_from(answer({"autocommit,last_gtid", "0"}), protocol::Make::mariadb);
  ASSERT_TRUE(mariadb);
  EXPECT_EQ(mariadb->own.gtid, OwnTracking::Gtid::variable);
  EXPECT_EQ(mariadb->own.gtid_item, OwnTracking::ClientSees::left);
  EXPECT_EQ(mariadb->own.state_change_item, OwnTracking::ClientSees::removed);
  const auto mysql = tracking_from(answer({"OFF", "1", "ON"}), protocol::Make::mysql);
  ASSERT_TRUE(mysql);
  EXPECT_EQ(mysql->own.gtid, OwnTracking::Gtid::item);
  EXPECT_EQ(mysql->own.gtid_item, OwnTracking::ClientSees::removed);
  EXPECT_EQ(mysql->own.state_change_item, OwnTracking::ClientSees::left);
}

TEST(CommitTracker, AMySqlWithoutGtidsInItsLogNamesNoCommits) {
  EXPECT_FALSE(tracking_from(answer({"OFF", "0", "OFF"}), protocol::Make::mysql)->names_commits);
  EXPECT_FALSE(tracking_from(answer({"OFF", "0", "OFF_PERMISSIVE"}), protocol::Make::mysql)->names_commits);
  EXPECT_TRUE(tracking_from(answer({"OFF", "0", "ON_PERMISSIVE"}), protocol::Make::mysql)->names_commits);
  EXPECT_FALSE(tracking_from({}, protocol::Make::mysql));
}

}  // namespace
}  // namespace crossfade::proxy
