#include "proxy/shadow_run/report_store.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/proxy/temp_dir.h"

namespace crossfade::proxy {
namespace {

using ::testing::HasSubstr;

std::string message(const absl::Status& status) { return std::string(status.message()); }

shadow::DigestReport digest(std::uint64_t id, std::uint64_t calls) {
  shadow::DigestReport made;
  made.digest = id;
  made.text = "select * from t where id = ?";
  made.tables = "shop.t";
  made.calls = calls;
  made.verdicts[static_cast<std::size_t>(shadow::Verdict::match)] = calls / 2;
  made.skips[static_cast<std::size_t>(shadow::SkipReason::queue_full)] = 1;
  made.old_latency.last_byte.record(1000);
  shadow::Sample sample;
  sample.at = 1'700'000'000;
  sample.row = 3;
  sample.column = "price";
  made.samples.push_back(sample);
  made.first_at = 1'600'000'000;
  made.last_at = 1'700'000'000;
  return made;
}

// The report as a new process would find it.
shadow::Report loaded(ReportStore& store) {
  shadow::Report report({});
  EXPECT_TRUE(store.load_into(report).ok());
  return report;
}

class ReportStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<ReportStore>> open() { return ReportStore::open(directory_.path()); }
  std::string file() { return directory_.file(ReportStore::kFile); }
  void run_sql(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  TempDir directory_;
};

TEST_F(ReportStoreTest, AReportSurvivesARestart) {
  const shadow::DigestReport one = digest(1, 10);
  const shadow::DigestReport two = digest(0xffff'ffff'ffff'fff0, 4);
  {
    auto store = open().value();
    ASSERT_TRUE(store->save({&one, &two}).ok());
  }
  auto store = open().value();
  const shadow::Report report = loaded(*store);
  ASSERT_EQ(report.digests().size(), 2u);
  const shadow::DigestReport& found = report.digests().at(0xffff'ffff'ffff'fff0);
  EXPECT_EQ(shadow::to_json(found), shadow::to_json(two));
  EXPECT_EQ(found.calls, 4u);
  EXPECT_EQ(found.text, two.text);
  ASSERT_EQ(found.samples.size(), 1u);
  EXPECT_EQ(found.samples[0].column, "price");
}

TEST_F(ReportStoreTest, SavingAgainReplaces) {
  auto store = open().value();
  const shadow::DigestReport before = digest(7, 10);
  const shadow::DigestReport after = digest(7, 11);
  ASSERT_TRUE(store->save({&before}).ok());
  ASSERT_TRUE(store->save({&after}).ok());
  EXPECT_TRUE(store->save({}).ok());
  const shadow::Report report = loaded(*store);
  ASSERT_EQ(report.digests().size(), 1u);
  EXPECT_EQ(report.digests().at(7).calls, 11u);
}

TEST_F(ReportStoreTest, TextThatIsNotUtf8IsKeptAsFarAsItGoes) {
  auto store = open().value();
  shadow::DigestReport odd = digest(7, 1);
  odd.text = "select \xff";
  ASSERT_TRUE(store->save({&odd}).ok());
  EXPECT_EQ(loaded(*store).digests().size(), 1u);
}

TEST_F(ReportStoreTest, TheSaltIsDrawnOncePerDirectory) {
  std::uint64_t salt = 0;
  salt = open().value()->hash_salt();
  EXPECT_EQ(open().value()->hash_salt(), salt);
  const TempDir other;
  EXPECT_NE(ReportStore::open(other.path()).value()->hash_salt(), salt);
}

TEST_F(ReportStoreTest, MakesTheDirectoryAndAPrivateFile) {
  const std::string deep = directory_.file("a/b");
  ASSERT_TRUE(ReportStore::open(deep).ok());
  struct stat status = {};
  ASSERT_EQ(stat((deep + "/" + ReportStore::kFile).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(ReportStoreTest, SaysThatTheDirectoryCannotBeMade) {
  const std::string in_the_way = directory_.write("file", "");
  const auto store = ReportStore::open(in_the_way + "/state");
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(message(store.status()), HasSubstr(in_the_way));
}

TEST_F(ReportStoreTest, AFileThatIsNoDatabaseIsRefusedAndKept) {
  const std::string junk(5000, 'j');
  directory_.write(ReportStore::kFile, junk);
  const auto store = open();
  ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << message(store.status());
  EXPECT_THAT(message(store.status()), HasSubstr(file()));
  EXPECT_EQ(std::filesystem::file_size(file()), junk.size());
}

TEST_F(ReportStoreTest, ADamagedDatabaseIsRefused) {
  {
    auto store = open().value();
    const shadow::DigestReport one = digest(1, 10);
    ASSERT_TRUE(store->save({&one}).ok());
  }
  const auto size = std::filesystem::file_size(file());
  {
    std::fstream out(file(), std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(4096);
    out << std::string(size - 4096, '\x5a');
  }
  EXPECT_EQ(open().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ReportStoreTest, ANewerSchemaIsRefused) {
  ASSERT_TRUE(open().ok());
  run_sql("UPDATE meta SET value = '2' WHERE key = 'schema_version'");
  const auto store = open();
  ASSERT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(message(store.status()), HasSubstr("schema version 2"));
}

TEST_F(ReportStoreTest, ARowThatCannotBeUnderstoodIsAnError) {
  for (const std::string json : {"{", "[]", "{}"}) {
    ASSERT_TRUE(open().ok());
    run_sql("REPLACE INTO digests VALUES('00000000000000aa', '" + json + "', 0)");
    auto store = open().value();
    shadow::Report report({});
    const absl::Status status = store->load_into(report);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << json;
    EXPECT_THAT(message(status), HasSubstr("00000000000000aa"));
  }
}

TEST_F(ReportStoreTest, ASaltThatIsNoNumberIsAnError) {
  ASSERT_TRUE(open().ok());
  run_sql("UPDATE meta SET value = 'zz' WHERE key = 'hash_salt'");
  EXPECT_THAT(message(open().status()), HasSubstr("hash_salt"));
}

TEST_F(ReportStoreTest, ASecondProxyOnTheSameDirectoryIsRefused) {
  auto first = open().value();
  const auto second = open();
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable) << message(second.status());
  EXPECT_THAT(message(second.status()), HasSubstr("another crossfade"));
  first.reset();
  EXPECT_TRUE(open().ok());
}

}  // namespace
}  // namespace crossfade::proxy
