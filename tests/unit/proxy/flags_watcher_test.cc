#include "proxy/settings/flags_watcher.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/proxy/temp_dir.h"

namespace crossfade::proxy {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr std::chrono::seconds kDeadline{20};

std::string flags(int version, const std::string& percent) {
  return "version: " + std::to_string(version) + "\nread_from_new: { percent: " + percent + " }\n";
}

// Collects what the watcher hands out, and waits for it.
class Seen {
 public:
  FlagsWatcher::OnChange recorder() {
    return [this](std::shared_ptr<const config::Flags> changed) {
      const std::lock_guard lock(mutex_);
      versions_.push_back(changed->version);
      changed_.notify_all();
    };
  }
  bool wait_for(std::uint64_t version) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline, [&] { return !versions_.empty() && versions_.back() == version; });
  }
  std::vector<std::uint64_t> versions() {
    const std::lock_guard lock(mutex_);
    return versions_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> versions_;
};

template <typename Condition>
bool comes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class FlagsWatcherTest : public ::testing::Test {
 protected:
  std::unique_ptr<FlagsWatcher> watch(const std::string& path) {
    return FlagsWatcher::start(path, seen_.recorder()).value();
  }
  TempDir directory_;
  Seen seen_;
};

TEST_F(FlagsWatcherTest, ReadsOnceBeforeItReturns) {
  const auto watcher = watch(directory_.write("flags.yaml", flags(3, "12.5")));
  EXPECT_EQ(watcher->current()->version, 3u);
  EXPECT_EQ(watcher->current()->read_from_new.percent.ppm(), 125000u);
  EXPECT_TRUE(watcher->last_reload_ok());
  EXPECT_EQ(watcher->last_error(), "");
  EXPECT_THAT(seen_.versions(), ElementsAre()) << "the first version is current(), not a change";
}

TEST_F(FlagsWatcherTest, FailsWhenTheFirstReadingIsBad) {
  const auto missing = FlagsWatcher::start(directory_.file("none.yaml"), seen_.recorder());
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("none.yaml"));
  const std::string path = directory_.write("bad.yaml", "version: x\nread_from_new: { percent: 101 }\nnonsense: 1\n");
  const auto bad = FlagsWatcher::start(path, seen_.recorder());
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(std::string(bad.status().message()),
              testing::AllOf(HasSubstr("bad.yaml:1:"), HasSubstr("bad.yaml:2:"), HasSubstr("bad.yaml:3:")));
}

TEST_F(FlagsWatcherTest, SeesAPlainRewrite) {
  const auto watcher = watch(directory_.write("flags.yaml", flags(1, "0")));
  const std::shared_ptr<const config::Flags> before = watcher->current();
  directory_.write("flags.yaml", flags(2, "5"));
  ASSERT_TRUE(seen_.wait_for(2));
  EXPECT_EQ(watcher->current()->read_from_new.percent.ppm(), 50000u);
  EXPECT_EQ(before->version, 1u) << "a snapshot never changes";
}

// Half of it is good flags: all that it does not name yet would go back to its default.
TEST_F(FlagsWatcherTest, AFileThatIsBeingWrittenInPlaceIsReadWhenItIsWhole) {
  const std::string path = directory_.write("flags.yaml", flags(1, "10"));
  auto watcher = watch(path);
  std::ofstream writer(path, std::ios::trunc);
  writer << "version: 2\n" << std::flush;
  for (int i = 0; i < 10; ++i) {
    directory_.write("neighbour", std::to_string(i));  // wakes it
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  }
  EXPECT_THAT(seen_.versions(), ElementsAre());
  writer << "read_from_new: { percent: 25 }\n";
  writer.close();
  EXPECT_TRUE(seen_.wait_for(2));
  EXPECT_EQ(*watcher->current(), *config::load_flags(flags(2, "25")).value);
  EXPECT_THAT(seen_.versions(), ElementsAre(2));
}

TEST_F(FlagsWatcherTest, SeesAnAtomicRename) {
  const auto watcher = watch(directory_.write("flags.yaml", flags(1, "0")));
  for (int version = 2; version <= 4; ++version) {
    fs::rename(directory_.write("flags.yaml.tmp", flags(version, "5")), directory_.file("flags.yaml"));
    ASSERT_TRUE(seen_.wait_for(static_cast<std::uint64_t>(version)));
  }
  EXPECT_THAT(seen_.versions(), ElementsAre(2, 3, 4));
}

TEST_F(FlagsWatcherTest, SeesTheSymlinkSwapOfAConfigMapMoreThanOnce) {
  directory_.write("..1/flags.yaml", flags(1, "0"));
  fs::create_symlink("..1", directory_.file("..data"));
  fs::create_symlink("..data/flags.yaml", directory_.file("flags.yaml"));
  const auto watcher = watch(directory_.file("flags.yaml"));
  for (int version = 2; version <= 3; ++version) {
    const std::string next = ".." + std::to_string(version);
    directory_.write(next + "/flags.yaml", flags(version, "50"));
    fs::create_symlink(next, directory_.file("..data_tmp"));
    fs::rename(directory_.file("..data_tmp"), directory_.file("..data"));
    fs::remove_all(directory_.file(".." + std::to_string(version - 1)));
    ASSERT_TRUE(seen_.wait_for(static_cast<std::uint64_t>(version))) << "swap to " << next;
  }
  EXPECT_TRUE(watcher->last_reload_ok());
}

TEST_F(FlagsWatcherTest, BadFlagsLeaveTheGoodOnesInForce) {
  const auto watcher = watch(directory_.write("flags.yaml", flags(1, "10")));
  directory_.write("flags.yaml", "version: 2\nread_from_new: { percent: 101 }\ntypo: 1\n");
  ASSERT_TRUE(comes_true([&] { return watcher->last_error().find("flags.yaml:3:") != std::string::npos; }));
  EXPECT_FALSE(watcher->last_reload_ok());
  EXPECT_THAT(watcher->last_error(), HasSubstr("flags.yaml:2:"));
  EXPECT_EQ(watcher->current()->version, 1u);
  EXPECT_EQ(watcher->current()->read_from_new.percent.ppm(), 100000u);

  directory_.write("flags.yaml", flags(3, "20"));
  ASSERT_TRUE(seen_.wait_for(3));
  EXPECT_TRUE(watcher->last_reload_ok());
  EXPECT_EQ(watcher->last_error(), "");
}

TEST_F(FlagsWatcherTest, ARemovedFileLeavesTheFlagsInForceUntilItIsBack) {
  const auto watcher = watch(directory_.write("flags.yaml", flags(1, "10")));
  fs::remove(directory_.file("flags.yaml"));
  ASSERT_TRUE(comes_true([&] { return !watcher->last_reload_ok(); }));
  EXPECT_EQ(watcher->current()->version, 1u);
  directory_.write("flags.yaml", flags(1, "10"));
  ASSERT_TRUE(comes_true([&] { return watcher->last_reload_ok(); }));
  EXPECT_THAT(seen_.versions(), ElementsAre()) << "nothing changed in the end";
}

TEST_F(FlagsWatcherTest, SameFlagsInOtherWordsAreNoChange) {
  const auto watcher = watch(directory_.write("flags.yaml", flags(1, "10")));
  directory_.write("flags.yaml", "# a comment\n" + flags(1, "10"));
  watcher->reload_now();
  directory_.write("flags.yaml", flags(2, "10"));
  ASSERT_TRUE(seen_.wait_for(2));
  EXPECT_THAT(seen_.versions(), ElementsAre(2));
}

TEST_F(FlagsWatcherTest, ReloadNowReadsWhatTheDirectoryCannotTell) {
  // The file is a link to another directory, whose changes raise no event here.
  const TempDir elsewhere;
  elsewhere.write("real.yaml", flags(1, "0"));
  fs::create_symlink(elsewhere.file("real.yaml"), directory_.file("flags.yaml"));
  const auto watcher = watch(directory_.file("flags.yaml"));
  elsewhere.write("real.yaml", flags(2, "1"));
  watcher->reload_now();
  EXPECT_TRUE(seen_.wait_for(2));
}

TEST_F(FlagsWatcherTest, ThePollFindsWhatNoEventTells) {
  const TempDir elsewhere;
  elsewhere.write("real.yaml", flags(1, "0"));
  fs::create_symlink(elsewhere.file("real.yaml"), directory_.file("flags.yaml"));
  const auto watcher = watch(directory_.file("flags.yaml"));
  elsewhere.write("real.yaml", flags(2, "1"));
  EXPECT_TRUE(seen_.wait_for(2));
}

TEST_F(FlagsWatcherTest, SurvivesTheReplacementOfItsDirectory) {
  directory_.write("etc/flags.yaml", flags(1, "0"));
  const auto watcher = watch(directory_.file("etc/flags.yaml"));
  fs::rename(directory_.file("etc"), directory_.file("gone"));
  directory_.write("etc/flags.yaml", flags(2, "0"));
  watcher->reload_now();
  ASSERT_TRUE(seen_.wait_for(2));
  directory_.write("etc/flags.yaml", flags(3, "0"));
  EXPECT_TRUE(seen_.wait_for(3));
}

TEST_F(FlagsWatcherTest, EndsAtOnce) {
  const auto before = std::chrono::steady_clock::now();
  watch(directory_.write("flags.yaml", flags(1, "0"))).reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4)) << "it must not wait for its poll";
}

}  // namespace
}  // namespace crossfade::proxy
