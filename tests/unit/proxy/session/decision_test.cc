#include "proxy/session/run/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "routing/classify.h"
#include "tests/support/fake_feed.h"
#include "tests/support/session_parts.h"

namespace crossfade::proxy {
namespace {

using routing::Action;
using routing::Known;
using routing::Plan;
using routing::Reason;
using routing::StatementFacts;
using support::FakeFeed;
using support::ProxyStack;
using support::SessionParts;
using namespace std::chrono_literals;

const std::string kSchema = "shop";
constexpr config::Backend kLeader = config::Backend::old_db;
constexpr config::Backend kFollower = config::Backend::new_db;

StatementFacts facts_of(std::string_view sql) { return routing::classify(sql, {.mariadb = true}); }

// A session whose writes are duplicated; all reads that may go to `new` do.
class DecisionTest : public ::testing::Test {
 protected:
  DecisionTest() {
    config::Flags flags;
    flags.dual_write.enabled = true;
    flags.read_from_new.percent = config::Percent::from_ppm(config::Percent::kWhole);
    take(flags);
    parts_.enter();
  }
  ~DecisionTest() override {
    stack_.on_worker([](Worker& worker) { worker.write_hold = 0ms; });
  }

  void take(const config::Flags& flags) {
    flags_ = std::make_shared<const config::Flags>(flags);
    parts_.with([this](Conversation& s) {
      s.site.worker.flags = flags_;
      s.state.transaction.take_flags(flags_);
    });
  }
  config::Flags frozen() const {
    config::Flags flags = *flags_;
    flags.freeze_writes = true;
    return flags;
  }
  Known of_stopped(const std::string& sql) {
    return parts_.await<Known>([&](Conversation& s) { return ask_stopped(s, sql); });
  }
  static Task<Known> ask_stopped(Conversation& s, std::string sql) {
    const StatementFacts facts = facts_of(sql);
    co_return co_await reads_stopped_tables(s, facts, kSchema);
  }
  // As a statement is decided on: asked for what is not known, then decided again.
  Plan whole(const std::string& sql) {
    return parts_.await<Plan>([&](Conversation& s) { return decide_whole(s, sql); });
  }
  static Task<Plan> decide_whole(Conversation& s, std::string sql) {
    const StatementFacts facts = facts_of(sql);
    Question question = ask_about(s, facts, kSchema);
    Plan plan = decide(s, question);
    if (plan.action != Action::ask) co_return plan;
    co_await find_out(s, question);
    co_return decide(s, question);
  }
  std::future<Plan> start_held(const std::string& sql) {
    return parts_.start<Plan>([&](Conversation& s) { return decide_and_hold(s, sql); });
  }
  static Task<Plan> decide_and_hold(Conversation& s, std::string sql) {
    const StatementFacts facts = facts_of(sql);
    Question question = ask_about(s, facts, kSchema);
    Plan plan = decide(s, question);
    co_return co_await hold(s, question, std::move(plan));
  }

  std::shared_ptr<const config::Flags> flags_;
  FakeFeed feed_;
  ProxyStack stack_{{.feed = &feed_}};
  SessionParts parts_{stack_};
};

TEST_F(DecisionTest, OnlyWhatIsKnownToBeATableItselfIsNotBehind) {
  feed_.stop_table("shop", "halted");
  std::atomic<bool> is_view{false};
  std::atomic<bool> refuses{false};
  stack_.leader().set_script([&](const std::string&, const std::string& sql) -> std::optional<support::Answer> {
    if (sql.find("information_schema.TABLES") == std::string::npos) return std::nullopt;
    if (refuses) return support::Answer::failed(1045, "28000", "no");
    if (is_view) return support::Answer::of({"TABLE_TYPE"}, {{"VIEW"}});
    return std::nullopt;
  });
  EXPECT_EQ(of_stopped("SELECT a FROM halted"), Known::yes);
  EXPECT_EQ(of_stopped("SELECT a FROM shop.halted"), Known::yes);
  EXPECT_EQ(of_stopped("SELECT a FROM t JOIN halted USING (a)"), Known::yes);
  EXPECT_EQ(of_stopped("SELECT a FROM t"), Known::no);
  EXPECT_EQ(of_stopped("SELECT a FROM other.halted"), Known::no) << "another schema's";
  EXPECT_EQ(of_stopped("SELECT 1"), Known::no);
  EXPECT_EQ(of_stopped("SELECT a FROM missing"), Known::yes) << "it may be made at any moment";
  is_view = true;
  EXPECT_EQ(of_stopped("SELECT a FROM v"), Known::yes) << "over any table";
  is_view = false;
  refuses = true;
  EXPECT_EQ(of_stopped("SELECT a FROM unasked"), Known::yes);
}

TEST_F(DecisionTest, TablesAreOnlyAskedForWhileOneIsStoppedAndWritesAreDuplicated) {
  // Until it is known that both sides mean the same by the session's time zone.
  EXPECT_TRUE(support::eventually([this] { return whole("SELECT a FROM t").answer_from == kFollower; }));
  const auto asked = [this] {
    std::size_t count = 0;
    for (const std::string& sql : stack_.leader().packets("control")) {
      count += sql.find("information_schema.TABLES") != std::string::npos ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(asked(), 0u);
  feed_.stop_table("shop", "halted");
  EXPECT_EQ(whole("SELECT a FROM t").answer_from, kFollower);
  EXPECT_EQ(asked(), 1u);
  EXPECT_EQ(whole("SELECT a FROM halted").answer_from, kLeader);
  EXPECT_EQ(whole("INSERT INTO t VALUES (1)").answer_from, kLeader);
  EXPECT_EQ(asked(), 1u) << "a write is the leader's whatever it names";
}

TEST_F(DecisionTest, AFrozenWriteIsHeldAsLongAsTheWorkerSays) {
  take(frozen());
  const Plan refused = start_held("INSERT INTO t VALUES (1)").get();
  EXPECT_EQ(refused.action, Action::refuse) << "nothing is held where no time is given";
  EXPECT_EQ(refused.reason, Reason::freeze);
  stack_.on_worker([](Worker& worker) { worker.write_hold = 100ms; });
  const TimePoint begun = Clock::now();
  EXPECT_EQ(start_held("INSERT INTO t VALUES (1)").get().reason, Reason::freeze);
  EXPECT_GE(Clock::now() - begun, 100ms);
  EXPECT_NE(start_held("SELECT a FROM t").get().action, Action::refuse) << "a read is not held";
}

TEST_F(DecisionTest, AHeldWriteGoesOnWhenWritesDo) {
  const std::shared_ptr<const config::Flags> thawed = flags_;
  take(frozen());
  stack_.on_worker([](Worker& worker) { worker.write_hold = 60s; });
  std::future<Plan> held = start_held("INSERT INTO t VALUES (1)");
  stack_.on_worker([&](Worker& worker) { worker.flags = thawed; });
  const Plan plan = held.get();
  EXPECT_NE(plan.action, Action::refuse);
  EXPECT_EQ(plan.answer_from, kLeader);
}

TEST_F(DecisionTest, AHeldWriteIsToldWhenTheProxyBeginsAnewWithAnotherLeader) {
  take(frozen());
  stack_.on_worker([](Worker& worker) { worker.write_hold = 60s; });
  std::future<Plan> held = start_held("INSERT INTO t VALUES (1)");
  stack_.on_worker([](Worker& worker) { worker.leader_changes = true; });
  const Plan plan = held.get();
  EXPECT_EQ(plan.action, Action::refuse);
  EXPECT_EQ(plan.reason, Reason::leader_changes);
  stack_.on_worker([](Worker& worker) { worker.leader_changes = false; });
}

TEST_F(DecisionTest, HowATextReadsIsAskedForWhereItBearsOnWhereItGoes) {
  struct Row {
    const char* sql;
    bool frozen;
    bool killed;  // the kill switch: reads move nowhere
    bool asks;
  };
  const Row rows[] = {
      {"SELECT a FROM t", false, false, false},      // reads alike in every mode
      {"SELECT \"a\" FROM t", false, false, true},   // a name or a text
      {"SELECT 'a\\' FROM t", false, false, false},  // no read in the mode that is assumed: the leader's anyway
      {"SELECT '\\\\' FROM t", false, false, true},  //
      {"INSERT INTO t VALUES (\"a\")", false, false, false},
      {"INSERT INTO t VALUES (\"a\")", true, false, true},
      {"SELECT \"a\" FROM t", false, true, false},
      {"SELECT \"a;\" FROM t", false, true, true},  // may hide a second statement, which this client may not send
      {"INSERT INTO t VALUES (\"a;\")", false, false, true},
      {"SELECT '\xc3\xa9' FROM t", false, false, true},  // nothing is known of the character set yet
  };
  for (const Row& row : rows) {
    config::Flags flags = *flags_;
    flags.freeze_writes = row.frozen;
    flags.kill_switch = row.killed;
    parts_.with([&](Conversation& s) {
      s.state.transaction.take_flags(std::make_shared<const config::Flags>(flags));
      EXPECT_EQ(must_ask_how_to_read(s, facts_of(row.sql), row.sql), row.asks) << row.sql << row.frozen << row.killed;
    });
  }
}

}  // namespace
}  // namespace crossfade::proxy
