#include "routing/digest.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <string>

#include "routing/classify.h"

namespace crossfade::routing {
namespace {

std::string text(std::string_view sql) { return make_digest(sql, {}).text; }

TEST(Digest, ReplacesLiteralsAndKeepsNames) {
  EXPECT_EQ(text("select c from T where id = 42"), "SELECT c FROM T WHERE id = ?");
  EXPECT_EQ(text("select  c\nfrom/* x */T where id=-42 -- y"), "SELECT c FROM T WHERE id = ?");
  EXPECT_EQ(text("select count(*), Max(A.b) from A where c = 'x' 'y' and d = x'41' and e = _utf8mb4'z'"),
            "SELECT COUNT(*), MAX(A.b) FROM A WHERE c = ? AND d = ? AND e = ?");
  EXPECT_EQ(text("select a - 1, -1, (-1), a is null"), "SELECT a - ?, ?, (?), a IS NULL");
  EXPECT_EQ(text("begin"), "BEGIN");
  EXPECT_EQ(text("select `A`.`b`, t.select from `A`"), "SELECT `A`.`b`, t.select FROM `A`");
}

TEST(Digest, CollapsesListsOfLiterals) {
  EXPECT_EQ(text("select a from t where b in (1,2,3)"), "SELECT a FROM t WHERE b IN (?+)");
  EXPECT_EQ(text("select a from t where b in (?)"), "SELECT a FROM t WHERE b IN (?+)");
  EXPECT_EQ(text("select a from t where (b,c) in ((1,-2),(3,NULL))"), "SELECT a FROM t WHERE (b, c) IN ((?+))");
  EXPECT_EQ(text("select a from t where b in (1, c, -d)"), "SELECT a FROM t WHERE b IN (?, c, - d)");
  EXPECT_EQ(text("select a from t where b in (select 1)"), "SELECT a FROM t WHERE b IN (SELECT ?)");
  EXPECT_EQ(text("insert into t(a,b) values (1,'x'),(2,DEFAULT)"), "INSERT INTO t(a, b) VALUES (?+)");
  EXPECT_EQ(text("insert into t values (1),(now())"), "INSERT INTO t VALUES (?+), (NOW())");
  EXPECT_EQ(text("insert into t values ()"), "INSERT INTO t VALUES ()");
  EXPECT_EQ(text("values row(1,2), row(3,4)"), "VALUES ROW(?+)");
  EXPECT_EQ(text("insert into t values (1),(2) on DUPLICATE key update a=values(a)"),
            "INSERT INTO t VALUES (?+) ON DUPLICATE KEY UPDATE a = VALUES (a)");
}

TEST(Digest, IsTheSameForAnyNumberOfValuesAndRows) {
  const std::uint64_t one = make_digest("INSERT INTO t VALUES (1)", {}).id;
  std::string many = "INSERT INTO t VALUES (1)";
  for (int i = 0; i < 50; ++i) many += ", (" + std::to_string(i) + ", 'x')";
  EXPECT_EQ(make_digest(many, {}).id, one);
  EXPECT_NE(make_digest("INSERT INTO t2 VALUES (1)", {}).id, one);
}

TEST(Digest, IdIsTheHashOfTheText) {
  std::string wide = "SELECT ";
  for (int i = 0; i < 300; ++i) wide += "column_" + std::to_string(i) + ", ";
  wide += "1";
  for (const std::string& sql : {std::string("select 1"), wide, std::string("")}) {
    const Digest digest = make_digest(sql, {}, 1 << 20);
    EXPECT_EQ(digest.id, XXH3_64bits(digest.text.data(), digest.text.size()));
    EXPECT_EQ(classify(sql, {}).digest, digest.id);
    const Digest cut = make_digest(sql, {}, 100);
    EXPECT_EQ(cut.id, digest.id);
    EXPECT_LE(cut.text.size(), 100u);
  }
  EXPECT_EQ(make_digest(wide, {}, 100).text.substr(97), "...");
}

TEST(Digest, EqualsWhatClassifySays) {
  for (const std::string_view sql :
       {"SELECT 1", "select `a` from t where b in (1,2", "INSERT INTO t VALUES (1,-2),(3,+)", "a;b;;c;", ";",
        "SET @x = 'y'", "SELECT 'broken", "/*! SELECT */ 1", "SELECT a.`b`(1), -x, - 1", "BEGIN", "VALUES ROW(1), ROW",
        "x in (1),"}) {
    EXPECT_EQ(classify(sql, {}).digest, make_digest(sql, {}).id) << sql;
  }
}

TEST(Digest, NeverShowsALiteral) {
  for (const std::string_view sql :
       {"SELECT 'secret'", "SELECT \"secret\"", "SELECT _binary'secret'", "SELECT N'secret'",
        "SELECT a FROM t WHERE b='x''secret'", "SELECT 'a\\'secret'", "SELECT 'secret", "SELECT \"secret",
        "SELECT /* secret */ 1", "-- secret\nSELECT 1", "GRANT ALL ON a TO 'secret'@'secret'",
        "SET PASSWORD = 'secret'", "SELECT @'secret'", "INSERT INTO t VALUES (1,'secret'",
        "SELECT DATE'secret', 'secret' 'secret'", "SELECT 1 IN ('secret', a)", "VALUES ('secret'), ('secret', b)",
        "x'secret'"}) {
    EXPECT_EQ(text(sql).find("secret"), std::string::npos) << text(sql);
  }
  for (const std::string_view sql :
       {"SELECT 731", "SELECT -731", "SELECT 0x731", "SELECT 0X731", "SELECT x'7310'", "SELECT 731.731e3",
        "SELECT b IN (731, a)", "SELECT .731", "LIMIT 731", "SELECT 731abc", "SELECT 731e"}) {
    EXPECT_EQ(text(sql).find("731"), std::string::npos) << text(sql);
  }
}

TEST(Digest, SeparatesStatementsButNotByATrailingSemicolon) {
  EXPECT_EQ(text("select 1;"), "SELECT ?");
  EXPECT_EQ(text("select 1; begin"), "SELECT ?; BEGIN");
}

}  // namespace
}  // namespace crossfade::routing
