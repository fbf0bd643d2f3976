// Each reader of a client's SQL, over each of the worst texts: its work grows no faster than the text.
#include "proxy/context/set_variables.h"
#include "proxy/session/state/leader_hold.h"
#include "routing/classify.h"
#include "routing/digest.h"
#include "routing/kill_statement.h"
#include "routing/prepare_statement.h"
#include "routing/split.h"
#include "routing/statement_prefix.h"
#include "tests/steps/texts.h"

namespace crossfade::steps {
namespace {

using routing::LexerMode;

const LexerMode kMariadb;
const LexerMode kMysql{.ansi_quotes = true, .no_backslash_escapes = true, .mariadb = false, .server_version = 90704};
const LexerMode kGb18030{.multi_byte = routing::MultiByte::gb18030};

void expect_linear_over_texts(NamedWork work) {
  static const std::vector<NamedInput> texts = worst_texts();
  expect_linear(work, texts);
}

TEST(TextSteps, TokensTakeStepsByTheByte) {
  for (const LexerMode& mode : {kMariadb, kMysql, kGb18030}) {
    expect_linear_over_texts({"tokenizer", [&mode](const std::string& text) {
                                routing::Tokenizer tokens(text, mode);
                                routing::Token token = tokens.next();
                                while (token.kind != routing::TokenKind::end && token.kind != routing::TokenKind::error)
                                  token = tokens.next();
                              }});
  }
}

TEST(TextSteps, FactsTakeStepsByTheByte) {
  for (const LexerMode& mode : {kMariadb, kMysql, kGb18030}) {
    expect_linear_over_texts({"classify", [&mode](const std::string& text) { routing::classify(text, mode); }});
  }
}

TEST(TextSteps, DigestsTakeStepsByTheByte) {
  expect_linear_over_texts({"digest", [](const std::string& text) { routing::make_digest(text, kMariadb); }});
  expect_linear_over_texts(
      {"whole digest", [](const std::string& text) { routing::make_digest(text, kMariadb, text.size()); }});
}

// As a session takes several statements apart.
TEST(TextSteps, SeveralStatementsTakeStepsByTheByte) {
  expect_linear_over_texts({"split",
                            [](const std::string& text) {
                              std::string_view left = routing::without_trailing_semicolons(text);
                              const routing::UnclearBytes unclear(left);
                              std::size_t asked = 0;
                              while (!left.empty()) {
                                asked += unclear.quotes_in(left) || unclear.characters_in(left) ? 1 : 0;
                                const routing::FirstStatement first = routing::first_statement(left, kMariadb);
                                if (first.kind != routing::FirstStatement::Kind::another) break;
                                routing::classify(first.statement, kMariadb);
                                left = first.rest;
                              }
                              EXPECT_LE(asked, text.size());
                            },
                            1000});
  expect_linear_over_texts(
      {"only statement", [](const std::string& text) { routing::only_statement(text, kMariadb); }});
}

TEST(TextSteps, OtherStatementsTakeStepsByTheByte) {
  expect_linear_over_texts({"prefix", [](const std::string& text) { routing::statement_prefix(text, kMariadb); }});
  expect_linear_over_texts({"prepare", [](const std::string& text) { routing::parse_prepare(text, kMariadb); }});
  expect_linear_over_texts({"kill", [](const std::string& text) { routing::parse_kill(text, kMariadb); }});
}

TEST(TextSteps, WhatASetLeavesTakesStepsByTheByte) {
  expect_linear_over_texts({"set",
                            [](const std::string& text) {
                              const routing::StatementFacts facts = routing::classify(text, kMariadb);
                              proxy::SetVariables variables;
                              variables.note(facts.variables);
                              proxy::LeaderHold hold;
                              hold.note(facts);
                              hold.note_set(facts, text);
                              hold.note_set(facts, text);
                            },
                            1000});
}

}  // namespace
}  // namespace crossfade::steps
