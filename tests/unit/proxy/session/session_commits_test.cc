#include "proxy/session/links/session_commits.h"

#include <gtest/gtest.h>

#include "routing/classify.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

constexpr std::uint16_t kAuto = protocol::kStatusAutocommit;
constexpr std::uint16_t kAutoOpen = protocol::kStatusAutocommit | protocol::kStatusInTransaction;
constexpr std::uint16_t kManual = 0;
constexpr std::uint16_t kManualOpen = protocol::kStatusInTransaction;

std::shared_ptr<const config::Flags> flags_with(config::Ack ack) {
  auto flags = std::make_shared<config::Flags>();
  flags->dual_write.enabled = true;
  flags->dual_write.ack = ack;
  return flags;
}

protocol::ResultEnd ok_with(std::uint16_t status) {
  protocol::ResultEnd end;
  end.kind = protocol::ResultEnd::Kind::ok;
  end.ok.status = status;
  return end;
}

// Where the leader names no commits: whatever could have committed something counts as if it had.
TEST(SessionCommits, CountsWhatCouldHaveCommittedByStatementAndState) {
  struct Row {
    std::string_view sql;
    std::uint16_t before;
    std::uint16_t after;
    bool commits;
  };
  const Row rows[] = {
      {"INSERT INTO t VALUES (1)", kAuto, kAuto, true},
      {"INSERT INTO t VALUES (1)", kAutoOpen, kAutoOpen, false},
      {"INSERT INTO t VALUES (1)", kManual, kManualOpen, false},
      {"LOAD DATA LOCAL INFILE 'x' INTO TABLE t", kAuto, kAuto, true},
      {"SELECT a FROM t", kAuto, kAuto, false},
      {"SELECT f(1)", kAuto, kAuto, true},
      {"SELECT f(1)", kAutoOpen, kAutoOpen, false},
      {"SHOW TABLES", kAuto, kAuto, false},
      {"SET sql_mode=''", kAuto, kAuto, false},
      {"SET autocommit=1", kManualOpen, kAuto, true},
      {"SAVEPOINT s", kAutoOpen, kAutoOpen, false},
      {"COMMIT", kAutoOpen, kAuto, true},
      {"COMMIT", kAuto, kAuto, false},
      {"COMMIT", kManual, kManual, true},
      {"ROLLBACK", kAutoOpen, kAuto, true},
      {"BEGIN", kAuto, kAutoOpen, false},
      {"BEGIN", kAutoOpen, kAutoOpen, true},
      {"CREATE TABLE t (a INT)", kAuto, kAuto, true},
      {"CREATE TABLE t (a INT)", kAutoOpen, kAuto, true},
      {"CALL p()", kAuto, kAutoOpen, true},
      {"XA COMMIT 'x'", kAuto, kAuto, true},
      {"INSERT INTO t VALUES (1); BEGIN", kAuto, kAutoOpen, true},
  };
  support::ProxyStack stack;
  stack.on_worker([&](Worker& worker) {
    for (const Row& row : rows) {
      Site site(worker, 1);
      Transaction transaction(flags_with(config::Ack::both));
      transaction.note_status(row.before);
      SessionCommits commits(site, transaction);
      commits.expect_of(routing::classify(row.sql, {.mariadb = true}));
      EXPECT_EQ(commits.note(0, ok_with(row.after), {}).has_value(), row.commits) << row.sql << " " << row.before;
      EXPECT_FALSE(commits.note(0, ok_with(row.after), {}).has_value()) << "holds for one response: " << row.sql;
    }
  });
}

TEST(SessionCommits, OnlyAckBothWaitsAndOnlyDuplicatedWritesAreTracked) {
  support::ProxyStack stack;
  stack.on_worker([](Worker& worker) {
    Site site(worker, 1);
    const Transaction both(flags_with(config::Ack::both));
    EXPECT_TRUE(SessionCommits(site, both).wants_tracking());
    const Transaction leader(flags_with(config::Ack::leader));
    SessionCommits of_leader(site, leader);
    EXPECT_FALSE(of_leader.wants_tracking());
    of_leader.expect_anywhere();
    EXPECT_FALSE(of_leader.note(0, ok_with(kAuto), {}).has_value());
    config::Flags moved = *flags_with(config::Ack::leader);
    moved.read_from_new.percent = config::Percent::from_ppm(1);
    const Transaction reads_move(std::make_shared<const config::Flags>(moved));
    EXPECT_TRUE(SessionCommits(site, reads_move).wants_tracking());
    moved.dual_write.enabled = false;
    const Transaction off(std::make_shared<const config::Flags>(moved));
    EXPECT_FALSE(SessionCommits(site, off).wants_tracking());
    EXPECT_FALSE(SessionCommits(site, off).duplicates());
  });
}

// They may be duplicated by the time that the session reads.
TEST(SessionCommits, CommitsOfAPauseAreKnownBehindIt) {
  support::ProxyStack stack;
  stack.on_worker([](Worker& worker) {
    Site site(worker, 1);
    config::Flags off = *flags_with(config::Ack::both);
    off.dual_write.enabled = false;
    Transaction transaction(std::make_shared<const config::Flags>(off));
    SessionCommits commits(site, transaction);
    EXPECT_FALSE(commits.last_to_wait_for());
    commits.expect_anywhere();
    EXPECT_FALSE(commits.note(0, ok_with(kAuto), {}).has_value()) << "nobody waits for it now";
    EXPECT_FALSE(commits.last_to_wait_for()) << "nobody duplicates it now";
    transaction.take_flags(flags_with(config::Ack::leader));
    EXPECT_TRUE(commits.last_to_wait_for());
  });
}

}  // namespace
}  // namespace crossfade::proxy
