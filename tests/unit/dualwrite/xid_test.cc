#include "dualwrite/xid.h"

#include <gtest/gtest.h>

#include "dualwrite/transaction_words.h"

namespace crossfade::dualwrite {
namespace {

TEST(Xid, AllThreeSpellingsAreTheSameName) {
  const Xid expected{.format = 7, .global = "two", .branch = "br"};
  std::string_view rest;
  EXPECT_EQ(parse_xid("X'74776f',X'6272',7 ONE PHASE", &rest), expected);
  EXPECT_EQ(rest, " ONE PHASE");
  EXPECT_EQ(parse_xid(xid_text(expected), &rest), expected);
  protocol::Buffer prepared{7, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 't', 'w', 'o', 'b', 'r'};
  protocol::Reader prepared_reader(prepared);
  EXPECT_EQ(read_prepared_xid(prepared_reader), expected);
  protocol::Buffer gtid{7, 0, 0, 0, 3, 2, 't', 'w', 'o', 'b', 'r'};
  protocol::Reader gtid_reader(gtid);
  EXPECT_EQ(read_gtid_xid(gtid_reader), expected);
}

TEST(Xid, WhatIsMalformedIsNone) {
  std::string_view rest;
  for (const char* text :
       {"", "X'6'", "X'61'", "X'61',", "X'61',X''", "X'61',X'',", "X'6g',X'',1", "'a',X'',1", "X'61,X'',1"}) {
    EXPECT_EQ(parse_xid(text, &rest), std::nullopt) << text;
  }
  protocol::Buffer too_long{1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0};
  protocol::Reader reader(too_long);
  EXPECT_EQ(read_prepared_xid(reader), std::nullopt);
}

TEST(TransactionWords, AreToldFromStatements) {
  EXPECT_EQ(control_of("BEGIN").word, ControlWord::begin);
  EXPECT_EQ(control_of("COMMIT").word, ControlWord::commit);
  EXPECT_EQ(control_of("ROLLBACK").word, ControlWord::rollback);
  EXPECT_EQ(control_of("SAVEPOINT `s`").word, ControlWord::savepoint);
  EXPECT_EQ(control_of("RELEASE SAVEPOINT `s`").word, ControlWord::release_savepoint);
  EXPECT_EQ(control_of("ROLLBACK TO `s`").word, ControlWord::rollback_to);
  EXPECT_EQ(control_of("ROLLBACK TO `my s `").savepoint, "MY S");
  EXPECT_EQ(control_of("SAVEPOINT \"s\"").savepoint, control_of("SAVEPOINT S").savepoint);
  EXPECT_EQ(control_of("SAVEPOINT `\xc3\xa9`").savepoint, std::nullopt);
  EXPECT_EQ(control_of("XA COMMIT X'61',X'',1").word, ControlWord::xa_commit);
  EXPECT_EQ(control_of("XA ROLLBACK X'61',X'',1").xid, (Xid{.format = 1, .global = "a", .branch = ""}));
  EXPECT_EQ(control_of("XA COMMIT 'a'").word, ControlWord::unknown_xa);
  EXPECT_EQ(control_of("BEGINNING").word, ControlWord::none);
  EXPECT_EQ(control_of("DROP TABLE t").word, ControlWord::none);
  EXPECT_TRUE(starts_transaction("CREATE TABLE `c` (\n  `a` int\n) START TRANSACTION"));
  EXPECT_FALSE(starts_transaction("CREATE TABLE c (a INT) COMMENT 'START TRANSACTION'"));
  EXPECT_FALSE(starts_transaction("START TRANSACTION"));
}

}  // namespace
}  // namespace crossfade::dualwrite
