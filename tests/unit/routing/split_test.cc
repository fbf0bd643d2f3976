#include "routing/split.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <string>
#include <vector>

namespace crossfade::routing {
namespace {

std::vector<std::string> all(std::string_view text, LexerMode mode = {}) {
  std::vector<std::string> out;
  std::string_view left = without_trailing_semicolons(text);
  for (;;) {
    const FirstStatement first = first_statement(left, mode);
    out.emplace_back(first.statement);
    if (first.kind == FirstStatement::Kind::nothing_before) out.back() = "nothing before: " + out.back();
    if (first.kind == FirstStatement::Kind::inside_comment) out.emplace_back("inside a comment");
    if (first.kind != FirstStatement::Kind::another) return out;
    left = first.rest;
  }
}

using Texts = std::vector<std::string>;

TEST(Split, SemicolonsAtTheEndAreNoStatements) {
  EXPECT_EQ(all("SELECT 1"), Texts{"SELECT 1"});
  EXPECT_EQ(all("SELECT 1;"), Texts{"SELECT 1"});
  EXPECT_EQ(all("SELECT 1 ; ;\n\t; "), Texts{"SELECT 1"});
  EXPECT_EQ(all(""), Texts{""});
  EXPECT_EQ(all(" ;; "), Texts{""});
}

TEST(Split, EachStatementComesWithoutItsSemicolonAndTheBlanksBehindIt) {
  EXPECT_EQ(all("BEGIN; INSERT INTO t VALUES (1);\n COMMIT"), (Texts{"BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"}));
  EXPECT_EQ(all("a;b;c;"), (Texts{"a", "b", "c"}));
}

TEST(Split, SemicolonsInStringsNamesAndCommentsAreText) {
  EXPECT_EQ(all("SELECT ';', \"a;b\", `c;d` /* ; */ -- ; \n ; SELECT 2 # ;"),
            (Texts{"SELECT ';', \"a;b\", `c;d` /* ; */ -- ; \n ", "SELECT 2 #"}));
  EXPECT_EQ(all("SELECT 'it''s; one'; SELECT 2"), (Texts{"SELECT 'it''s; one'", "SELECT 2"}));
}

TEST(Split, TheModeDecidesWhereAStringEnds) {
  const std::string text = R"(SELECT '\'; SELECT 2; -- ')";
  EXPECT_EQ(all(text).size(), 1u);
  EXPECT_EQ(all(text, {.no_backslash_escapes = true}), (Texts{R"(SELECT '\')", "SELECT 2", "-- '"}));
}

TEST(Split, ACommentAloneIsAStatement) {
  EXPECT_EQ(all("SELECT 1; /* x */"), (Texts{"SELECT 1", "/* x */"}));
  EXPECT_EQ(all("SELECT 1; -- x"), (Texts{"SELECT 1", "-- x"}));
}

TEST(Split, NothingBeforeASemicolonIsAnErrorOfTheWholeRest) {
  EXPECT_EQ(all("SELECT 1;; SELECT 2"), (Texts{"SELECT 1", "nothing before: ; SELECT 2"}));
  EXPECT_EQ(all("; SELECT 2"), Texts{"nothing before: ; SELECT 2"});
  EXPECT_EQ(all("/* x */; SELECT 2"), Texts{"nothing before: /* x */; SELECT 2"});
}

TEST(Split, BodiesOfRoutinesKeepTheirSemicolons) {
  const std::string body =
      "CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; END IF; CASE x WHEN 1 THEN SELECT 2; END CASE; BEGIN SELECT 3; "
      "END; END";
  EXPECT_EQ(all(body + "; SELECT 4"), (Texts{body, "SELECT 4"}));
  EXPECT_EQ(
      all("CREATE OR REPLACE DEFINER = a@b TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; END; DO 1"),
      (Texts{"CREATE OR REPLACE DEFINER = a@b TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; END",
             "DO 1"}));
  EXPECT_EQ(all("BEGIN; SELECT 1"), (Texts{"BEGIN", "SELECT 1"}));
  EXPECT_EQ(all("CREATE TABLE procedure_x (a INT); SELECT 1"), (Texts{"CREATE TABLE procedure_x (a INT)", "SELECT 1"}));
}

TEST(Split, AnExecutableCommentIsTextOfItsStatement) {
  const LexerMode mode{.mariadb = true, .server_version = 101100};
  EXPECT_EQ(all("SELECT 1 /*!50000 + 1 */; SELECT 2", mode), (Texts{"SELECT 1 /*!50000 + 1 */", "SELECT 2"}));
  EXPECT_EQ(all("SELECT 1 /*! ; SELECT 2 */", mode), (Texts{"SELECT 1 /*! ", "inside a comment"}));
  EXPECT_EQ(all("SELECT 1 /*!99999 ; SELECT 2 */; SELECT 3", mode),
            (Texts{"SELECT 1 /*!99999 ; SELECT 2 */", "SELECT 3"}));
}

TEST(Split, WhatCannotBeCutBelongsToTheFirstStatement) {
  EXPECT_EQ(all("SELECT 1; SELECT 'x; SELECT 3"), (Texts{"SELECT 1", "SELECT 'x; SELECT 3"}));
}

TEST(UnclearBytes, AreKnownOfEachRest) {
  const std::string_view text = "a \" \xc3\xa9 \\ b";
  const UnclearBytes unclear(text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    const bool characters = std::any_of(rest.begin(), rest.end(), [](char c) { return (c & 0x80) != 0; });
    EXPECT_EQ(unclear.quotes_in(rest), rest.find_first_of("\"\\") != std::string_view::npos) << at;
    EXPECT_EQ(unclear.characters_in(rest), characters) << at;
  }
  const UnclearBytes none("SELECT 'a'");
  EXPECT_FALSE(none.quotes_in("SELECT 'a'") || none.characters_in("SELECT 'a'") || none.quotes_in(""));
}

}  // namespace
}  // namespace crossfade::routing
