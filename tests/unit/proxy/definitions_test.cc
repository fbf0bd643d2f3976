#include "proxy/backend/definitions.h"

#include "gtest/gtest.h"
#include "tests/support/fake_backend.h"
#include "tests/support/loop_thread.h"

namespace crossfade::proxy {
namespace {

using LinkOr = absl::StatusOr<std::unique_ptr<BackendLink>>;
using ResultsOr = absl::StatusOr<std::vector<protocol::ResultSet>>;

constexpr const char* kQuestion = "SELECT TABLE_NAME FROM information_schema.TABLES";

// A MariaDB that leaves a table out of its first answers, with a warning.
class AskCatalogueTest : public ::testing::Test {
 protected:
  AskCatalogueTest() {
    backend_.set_script([this](const std::string&, const std::string& sql) -> std::optional<support::Answer> {
      if (sql == "SHOW WARNINGS") {
        return support::Answer::of({"Level", "Code", "Message"}, {{"Note", "1051", "?"}, {"Warning", code_, "?"}});
      }
      if (sql != kQuestion) return std::nullopt;
      const bool skips = ++asked_ <= skipping_;
      support::Answer answer = support::Answer::of({"TABLE_NAME"}, {{"t"}});
      if (skips) answer.rows.clear();
      answer.ok.warnings = skips ? 2 : 0;
      return answer;
    });
  }
  ~AskCatalogueTest() override {
    loop_.await<bool>([this] { return drop(link_); });
  }

  static Task<bool> drop(std::unique_ptr<BackendLink>& link) {
    link.reset();
    co_return true;
  }
  // How many tables the last answer had.
  std::size_t ask(std::chrono::milliseconds patience) {
    LinkOptions options;
    options.address = backend_.address();
    options.user = "app";
    options.password = "secret";
    options.mirrored = protocol::kDeprecateEof;
    auto opened = loop_.await<LinkOr>([&] {
      return BackendLink::open(loop_.reactor, options, counters_, Clock::now() + std::chrono::seconds(10), nullptr);
    });
    if (!opened.ok()) return SIZE_MAX;
    link_ = *std::move(opened);
    const auto answer =
        loop_.await<ResultsOr>([&] { return ask_catalogue(*link_, kQuestion, Clock::now() + patience); });
    return answer.ok() ? answer->front().rows.size() : SIZE_MAX;
  }

  std::string code_ = "1684";
  int skipping_ = 0;
  std::atomic<int> asked_ = 0;
  support::FakeBackend backend_{{}};
  support::LoopThread loop_;
  Counters counters_;
  std::unique_ptr<BackendLink> link_;
};

TEST_F(AskCatalogueTest, IsAskedAgainWhereATableWasLeftOut) {
  skipping_ = 2;
  EXPECT_EQ(ask(std::chrono::seconds(10)), 1u);
  EXPECT_EQ(asked_, 3);
}

TEST_F(AskCatalogueTest, ATableThatStaysLockedIsNotThereYet) {
  skipping_ = 1000000;
  EXPECT_EQ(ask(std::chrono::milliseconds(100)), 0u);
  EXPECT_GT(asked_, 1);
}

TEST_F(AskCatalogueTest, OtherWarningsSayNothing) {
  skipping_ = 1;
  code_ = "1356";  // a view of tables that are gone
  EXPECT_EQ(ask(std::chrono::seconds(10)), 0u);
  EXPECT_EQ(asked_, 1);
}

}  // namespace
}  // namespace crossfade::proxy
