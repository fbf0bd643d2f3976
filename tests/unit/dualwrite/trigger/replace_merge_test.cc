#include "dualwrite/trigger/replace_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured_samples.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// id INT, u INT: a table of MySQL to which foreign keys refer by these columns.
Capture parent(std::vector<std::vector<std::string>> referenced) {
  CaptureRequest request{.leader = innodb({defined("id", "int"), defined("u", "int")}), .mariadb = false, .number = 7};
  request.leader.keys.push_back(key_over("u", {"u"}));
  request.referenced = std::move(referenced);
  return captured(request);
}

// Feeds rows and tells what comes out: "D1 U3".
class Merging {
 public:
  explicit Merging(Capture capture, ReplaceMergeLimits limits = {}) : capture_(std::move(capture)), merge_(limits) {}

  absl::Status add(const char* op, std::uint64_t id, const std::string& key, const std::string& u,
                   std::uint64_t connection = 30, std::int64_t statement = 1) {
    const std::string image =
        std::to_string(key.size()) + ":" + key + (u == "n" ? "n" : std::to_string(u.size()) + ":" + u);
    ChangesRow row{.id = id, .op = op, .connection = connection, .statement = statement};
    (*op == 'D' || *op == 'U' ? row.before : row.after) = image;
    if (*op == 'U') row.after = image;
    auto read_row = read(row, capture_);
    EXPECT_TRUE(read_row.ok()) << read_row.status();
    return merge_.add(*std::move(read_row), capture_, &out_);
  }
  void statement(std::uint64_t id, std::uint64_t connection) {
    merge_.add(
        CapturedStatement{.head = {.id = id, .kind = ChangeKind::statement, .connection = connection}, .statement = {}},
        &out_);
  }
  std::string said() {
    std::string out;
    for (const CapturedItem& item : out_) {
      const auto* row = std::get_if<CapturedRow>(&item);
      const char kind = row == nullptr                         ? 'S'
                        : row->change.kind == RowsKind::insert ? 'I'
                        : row->change.kind == RowsKind::update ? 'U'
                                                               : 'D';
      const std::uint64_t id = row == nullptr ? std::get<CapturedStatement>(item).head.id : row->head.id;
      out += (out.empty() ? "" : " ") + std::string(1, kind) + std::to_string(id);
    }
    return out;
  }
  std::string finished() {
    merge_.finish(&out_);
    return said();
  }
  std::uint64_t cut() { return merge_.cut(); }
  const CapturedItem& item(std::size_t at) const { return out_.at(at); }

 private:
  Capture capture_;
  ReplaceMerge merge_;
  std::vector<CapturedItem> out_;
};

TEST(ReplaceMerge, ADeleteAndAnInsertThatKeepWhatIsReferredToAreOneUpdate) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  EXPECT_EQ(merging.said(), "") << "held";
  ASSERT_TRUE(merging.add("I", 2, "5", "2").ok());
  EXPECT_EQ(merging.said(), "U2");
  const auto& row = std::get<CapturedRow>(merging.item(0));
  EXPECT_EQ(hex(row.change.images), "000500000001000000000500000002000000");
  EXPECT_EQ(row.head.kind, ChangeKind::update);
}

TEST(ReplaceMerge, TheUpdateStandsInTheInsertsPlace) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  ASSERT_TRUE(merging.add("I", 2, "90", "90", 31).ok());
  ASSERT_TRUE(merging.add("U", 3, "91", "91", 32).ok());
  ASSERT_TRUE(merging.add("I", 4, "5", "2").ok());
  EXPECT_EQ(merging.said(), "I2 U3 U4");
}

TEST(ReplaceMerge, WhatIsReferredToByOtherColumnsDecides) {
  // The primary key changes and `u` stays: the children that refer to `u` stay too.
  Merging kept(parent({{"u"}}));
  ASSERT_TRUE(kept.add("D", 1, "5", "1").ok());
  ASSERT_TRUE(kept.add("I", 2, "6", "1").ok());
  EXPECT_EQ(kept.said(), "U2");
  // `u` changes: the children go.
  Merging gone(parent({{"u"}}));
  ASSERT_TRUE(gone.add("D", 1, "5", "1").ok());
  ASSERT_TRUE(gone.add("I", 2, "5", "2").ok());
  EXPECT_EQ(gone.said(), "D1 I2");
  // Nothing refers to NULL.
  Merging null(parent({{"u"}}));
  ASSERT_TRUE(null.add("D", 1, "5", "n").ok());
  ASSERT_TRUE(null.add("I", 2, "5", "n").ok());
  EXPECT_EQ(null.said(), "D1 I2");
  Merging neutral(parent({{"id"}, {"u"}}));
  ASSERT_TRUE(neutral.add("D", 1, "5", "n").ok());
  ASSERT_TRUE(neutral.add("I", 2, "5", "3").ok());
  EXPECT_EQ(neutral.said(), "U2");
}

TEST(ReplaceMerge, WhatNoChangeOfOneRowSaysIsAnError) {
  Merging merging(parent({{"id"}, {"u"}}));
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  const absl::Status status = merging.add("I", 2, "5", "2");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("app.t: the REPLACE of row 2"));
}

TEST(ReplaceMerge, OneRowMayPushOutAsManyAsThereAreUniqueKeys) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("D", 1, "4", "4").ok());
  ASSERT_TRUE(merging.add("D", 2, "5", "5").ok());
  ASSERT_TRUE(merging.add("I", 3, "4", "5").ok());
  EXPECT_EQ(merging.said(), "D2 U3");
}

TEST(ReplaceMerge, TheDeletesOfOneInsertAreNotThoseOfTheNext) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("D", 1, "4", "4").ok());
  ASSERT_TRUE(merging.add("I", 2, "9", "4").ok());
  ASSERT_TRUE(merging.add("I", 3, "4", "5").ok());
  EXPECT_EQ(merging.said(), "D1 I2 I3");
}

TEST(ReplaceMerge, ADeleteGoesAsSoonAsItsConnectionDoesSomethingElse) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  ASSERT_TRUE(merging.add("I", 2, "6", "2", 31).ok());
  ASSERT_TRUE(merging.add("U", 3, "7", "3", 30, 2).ok());
  EXPECT_EQ(merging.said(), "D1 I2 U3");
  // The key comes back in another statement: a delete and an insert.
  ASSERT_TRUE(merging.add("D", 4, "5", "1", 30, 3).ok());
  ASSERT_TRUE(merging.add("I", 5, "5", "1", 30, 4).ok());
  EXPECT_EQ(merging.said(), "D1 I2 U3 D4 I5");
}

TEST(ReplaceMerge, OneStatementsManyDeletesAreNotHeldLongerThanAReplaceCouldTake) {
  Merging merging(parent({{"id"}}));
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(merging.add("D", i, std::to_string(i), std::to_string(i)).ok());
  EXPECT_EQ(merging.said(), "D1 D2 D3");
  EXPECT_EQ(merging.finished(), "D1 D2 D3 D4 D5");
}

TEST(ReplaceMerge, ATableThatNothingRefersToPasses) {
  Merging merging(parent({}));
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  ASSERT_TRUE(merging.add("I", 2, "5", "2").ok());
  EXPECT_EQ(merging.said(), "D1 I2");
}

TEST(ReplaceMerge, StatementsKeepTheirPlace) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  merging.statement(2, 99);
  EXPECT_EQ(merging.said(), "");
  merging.statement(3, 30);
  EXPECT_EQ(merging.said(), "D1 S2 S3");
}

TEST(ReplaceMerge, ACutBatchLeavesWhatIsHeldToTheNext) {
  Merging merging(parent({{"id"}}));
  ASSERT_TRUE(merging.add("I", 1, "4", "4", 31).ok());
  ASSERT_TRUE(merging.add("D", 2, "5", "1").ok());
  ASSERT_TRUE(merging.add("I", 3, "6", "6", 31).ok());
  EXPECT_EQ(merging.cut(), 2u);
  EXPECT_EQ(merging.finished(), "I1");
  EXPECT_EQ(merging.cut(), 0u);
}

TEST(ReplaceMerge, PastTheLimitADeleteGoesAndItsInsertIsAnError) {
  Merging merging(parent({{"id"}}), {.rows_max = 2});
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  ASSERT_TRUE(merging.add("I", 2, "80", "80", 31).ok());
  EXPECT_EQ(merging.said(), "") << "at the limit";
  ASSERT_TRUE(merging.add("I", 3, "81", "81", 31).ok());
  EXPECT_EQ(merging.said(), "D1 I2 I3") << "one past it";
  const absl::Status status = merging.add("I", 4, "5", "2");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("too late"));
  // Another key, or another statement, is nothing to it.
  EXPECT_TRUE(merging.add("I", 5, "6", "2").ok());
  EXPECT_TRUE(merging.add("I", 6, "5", "2", 30, 2).ok());
}

TEST(ReplaceMerge, BytesAreBoundedToo) {
  Merging merging(parent({{"id"}}), {.bytes_max = 1});
  ASSERT_TRUE(merging.add("D", 1, "5", "1").ok());
  EXPECT_EQ(merging.said(), "D1");
}

}  // namespace
}  // namespace crossfade::dualwrite
